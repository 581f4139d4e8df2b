"""The table at the end says why pictures were skipped or failed, each reason once."""

import pytest

from imgae.restore.batches.record import DONE, FAILED, SKIPPED, Record, Tally, reason_of

EXISTS = "{}: exists already; add --overwrite (overwrite=True), or name another"


def failed(message, name="in/a.png"):
    return Record(name, None, FAILED, message)


@pytest.mark.parametrize(
    ("name", "message", "reason"),
    [
        ("in/a.png", "in/a.png: empty, 0 bytes", "empty, 0 bytes"),
        ("in/a.png", EXISTS.format("out/a.denoised.png"), "exists already"),
        ("a.png", EXISTS.format("a.denoised.png"), "exists already"),
        ("in/a: b.png", EXISTS.format("out/a: b.denoised.png"), "exists already"),
        ("in/two\nlines.png", "in/two\nlines.png: damaged", "damaged"),
        ("in/a.png", "in/a.png: cut short: a part is missing", "cut short: a part is missing"),
        ("in/a.png", "in/a.png: cannot be read (what a library says)", "cannot be read"),
        ("in/a.png", "nothing of its name", "nothing of its name"),
    ],
)
def test_a_reason_has_no_names_and_no_advice(name, message, reason):
    assert reason_of(failed(message, name)) == reason


def table(*records):
    tally = Tally()
    for record in records:
        tally.add(record)
    return tally.table().splitlines()


def test_equal_reasons_are_counted_and_numbers_stay():
    first, *rows = table(
        Record("in/b.png", "out/b.png", DONE),
        *(Record(f"in/{n}.png", f"out/{n}.png", SKIPPED, "done already") for n in range(3)),
        *(failed(EXISTS.format(f"out/{n}.denoised.png"), f"in/{n}.png") for n in range(120)),
        *(failed(f"in/{n}.png: empty, 0 bytes", f"in/{n}.png") for n in range(2)),
        failed("in/a.png: 60000x60000 pixels are too many"),
        failed("in/b.png: 70000x60000 pixels are too many", "in/b.png"),
        failed("in/c.png: 60000x60000 pixels are too many", "in/c.png"),
    )
    assert first == "129 pictures: 1 done, 3 skipped, 125 failed"
    assert rows == [
        "  skipped       3  done already",
        "  failed      120  exists already",
        "  failed        3  60000x60000 pixels are too many, and the like",
        "  failed        2  empty, 0 bytes",
    ]


def test_files_that_are_no_pictures_are_counted():
    assert Tally().table(1).endswith("1 other file there is no picture by its name")
    assert Tally().table(2).endswith("2 other files there are no pictures by their names")
