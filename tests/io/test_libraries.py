"""What libraries print is kept from the terminal, and what others print is not."""

import os
import threading

import pytest

from imgae.io.libraries import overheard


def test_lines_of_a_library_are_collected_and_others_come_out(capfd):
    with overheard(b"library: ", b"Warning: it") as heard:
        os.write(2, b"library: first\nof another thread\n")
        print("Warning: it is damaged")
        print("a result")
    assert heard == ["library: first", "Warning: it is damaged"]
    assert capfd.readouterr() == ("a result\n", "of another thread\n")


def test_everything_is_as_before_after_an_error(capfd):
    def broken(heard):
        with overheard(b"library: ") as lines:
            heard.append(lines)
            os.write(2, b"library: first\n")
            raise ValueError("broken")

    heard = []
    with pytest.raises(ValueError, match="broken"):
        broken(heard)
    os.write(2, b"after\n")
    assert heard == [["library: first"]]
    assert capfd.readouterr() == ("", "after\n")


def test_threads_take_turns(capfd):
    def speak():
        for _ in range(5):
            with overheard(b"library: ") as heard:
                os.write(2, b"library: line\n")
            assert heard == ["library: line"]

    threads = [threading.Thread(target=speak) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert capfd.readouterr() == ("", "")
