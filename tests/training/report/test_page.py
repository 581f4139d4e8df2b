"""The page of runs."""

import json
import re
from html.parser import HTMLParser

import pytest
import reported

from imgae.training.report import page, reading, style

VOID = {"meta", "img", "path", "circle"}


class Checked(HTMLParser):
    """Notes elements that are not closed in order, and whatever would be loaded."""

    def __init__(self):
        super().__init__()
        self.open, self.wrong, self.loaded, self.text = [], [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in VOID:
            self.open.append(tag)
        loads = {"src", "href", "xlink:href", "srcset", "data", "onload", "onclick"}
        self.loaded += [value for name, value in attributes if name in loads]
        self.wrong += [tag] * (tag in ("script", "link", "iframe", "object"))

    def handle_endtag(self, tag):
        if tag not in VOID and (not self.open or self.open.pop() != tag):
            self.wrong.append(tag)

    def handle_data(self, data):
        self.text.append(data)


def checked(text):
    found = Checked()
    found.feed(text)
    found.close()
    assert (found.open, found.wrong) == ([], [])
    return found


def test_a_page_holds_all_and_loads_nothing(tmp_path):
    folder = reported.write(tmp_path / "run <1>", rival=("denoise-fast", 28.3))
    text = page.of(reading.seen([folder]))
    found = checked(text)
    assert all(value.startswith("data:image/webp;base64,") for value in found.loaded)
    assert len(found.loaded) == 4
    assert not re.search(r"url\(|@import|https?:", style.STYLE)
    words = " ".join(" ".join(found.text).split())
    for part in ("run <1>", "28.40 dB", "28.30 dB", "denoise-fast", "4,120 training", "photos",
                 "imgae train denoise --data photos", "2026-03-01 10:20 UTC", "learning rate",
                 "Finished at step 400 of 400", "images a second"):  # fmt: skip
        assert part in words
    assert "/home/me" not in text


def test_previews_say_what_their_third_crop_is(tmp_path):
    gain = {"measure": {"name": "gain", "form": "{:+.2f} dB (estimated)"}}
    for name, about, third in (("a", {}, "wanted"), ("b", gain, "removed")):
        text = page.of(reading.seen([reported.write(tmp_path / name, about=about)]))
        assert f"given, made by the network, {third}<" in text
        assert f"given, made and {third}" in text


def test_several_runs_share_charts_where_their_scores_compare(tmp_path):
    folders = [
        reported.write(tmp_path / "one", rival=("denoise-fast", 28.3)),
        reported.write(tmp_path / "two", last=200, crop=64),
        reported.write(tmp_path / "holes", "inpaint"),
    ]
    text = page.of(reading.seen(folders))
    checked(text)
    before = text[: text.index("<section>")]
    titles = re.findall(r"<figcaption>(.*?)</figcaption>", before)
    assert titles == [
        "denoise: validation, PSNR; dashed: denoise-fast", "denoise: validation, PSNR, by time",
        "denoise: loss", "inpaint: validation, PSNR", "inpaint: loss",
    ]  # fmt: skip
    assert "Not validated on the same pictures as one, so scores do not compare: two." in before
    assert before.count("<tr>") == 4


@pytest.mark.parametrize("last", [0, 50])
def test_a_run_that_has_hardly_begun_has_a_page(tmp_path, last):
    folder = reported.write(tmp_path / "run", last=last)
    checked(page.of(reading.seen([folder])))


def test_what_a_file_holds_is_text_on_the_page(tmp_path):
    bad = "<script>alert('&')</script>"
    about = {
        "command": bad, "pictures": {bad: 3}, "sessions": [{bad: bad}, 3], "ended": {"error": bad},
        "measure": {"name": "psnr", "form": f"{bad} {{:.2f}}"},
    }  # fmt: skip
    folder = reported.write(
        tmp_path / "run", bad, rival=(bad, 28.0), about=about, variant=bad, data=[bad, None, 3]
    )
    with (folder / "log.jsonl").open("a") as file:
        file.write(json.dumps({"step": 450, bad: 3.0, "psnr": 29}) + "\n")
    (folder / "previews" / "000100.png").write_bytes(b"cut short")
    checked(page.of(reading.seen([folder])))


def test_previews_on_the_page_are_few_and_span_the_run():
    items = [(step, step) for step in range(24)]
    assert page.spread(items, 8)[0] == (0, 0)
    assert page.spread(items, 8)[-1] == (23, 23)
    assert len(page.spread(items, 8)) == 8
    assert page.spread(items[:3], 8) == items[:3]
