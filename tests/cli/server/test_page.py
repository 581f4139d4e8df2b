"""The page of `imgae serve` in a browser: what people do, and what they get."""

import base64
import io
import shutil
import zipfile
from urllib.parse import urlsplit

import pytest

pytest.importorskip("uvicorn", reason="the extra web is not installed")

import by_hand as hands
import numpy as np
import PIL.Image
import tifffile
from documents import ROOT
from served import noisy, pixels_of, png

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium")
AXE = ROOT / "tests" / "cli" / "server" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = pytest.mark.skipif(not CHROMIUM, reason="chromium is not installed")
PATIENCE = 30_000
PHOTO = noisy(300, 400)
DROP = """([name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const files = new DataTransfer();
  files.items.add(new File([bytes], name, {type}));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    const event = new DragEvent(kind, {dataTransfer: files, bubbles: true, cancelable: true});
    document.body.dispatchEvent(event);
  }
}"""


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def opened(server, browser):
    """Open the page; a request that leaves the server, or an error on the page, is a failure."""
    contexts, asked, wrong = [], [], []

    def open_page(**options):
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda line: line.type == "error" and wrong.append(line.text))
        page.goto(server.url)
        page.locator("#choose").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert asked
    assert {urlsplit(url).netloc for url in asked if not url.startswith(("blob:", "data:"))} == {
        urlsplit(server.url).netloc
    }
    assert not wrong


def drop(page, data, name="photo.png", kind="image/png"):
    page.evaluate(DROP, [name, kind, base64.b64encode(data).decode()])
    page.locator("body:not(.is-empty)").wait_for()


def finished(page):
    """Wait for the whole picture."""
    page.locator("#download:enabled").wait_for()


def slide(page, name, value):
    page.locator(f'[data-slider="{name}"] input[type=range]').fill(str(value))


def shot(page):
    """What the viewer shows, as pixels, without the pointer's ring."""
    page.mouse.move(2, 2)
    page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    return np.int16(pixels_of(page.locator("#viewer").screenshot())[:, :, :3])


def alike(one, other):
    """Whether two pictures of the viewer are the same, but for the smoothing of edges."""
    return (np.abs(one - other).max(2) > 10).mean() < 2e-4


def downloaded(page, button, menu=None):
    """Press a button that saves a file; returns its name and bytes."""
    with page.expect_download() as download:
        if menu:
            page.locator(menu).click()
        page.locator(button).click()
    return download.value.suggested_filename, download.value.path().read_bytes()


@pytest.fixture
def by_hand(tmp_path):
    """Run the command line; returns the bytes of its result."""

    def run(command, data, name, *words):
        (tmp_path / name).write_bytes(data)
        return hands.by_hand(command, tmp_path / name, *words)

    return run


def test_a_picture_is_dropped_denoised_compared_and_downloaded(opened, by_hand):
    page, data = opened(), png(PHOTO)
    saved = []
    page.on("download", lambda download: saved.append(download.suggested_filename))
    drop(page, data)
    page.locator("#zoom-full").click()
    finished(page)
    before = shot(page)
    with page.expect_response(lambda answer: "/v1/denoise" in answer.url) as answer:
        slide(page, "strength", 0.3)
        page.keyboard.press("Control+s")  # nothing that is out of date is saved
    assert answer.value.ok
    finished(page)
    page.wait_for_timeout(200)
    after = shot(page)
    assert np.abs(after - before).mean() > 0.5
    page.locator("#viewer").focus()
    page.keyboard.press("o")
    page.keyboard.press("c")
    handle = page.locator("#viewer [role=slider]")
    handle.focus()
    at = float(handle.get_attribute("aria-valuenow"))
    middle = shot(page)
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    assert float(handle.get_attribute("aria-valuenow")) < at
    assert np.abs(shot(page) - middle).max() > 20
    name, result = downloaded(page, "#download")
    assert name == "photo.denoised.png"
    assert result == by_hand("denoise", data, "photo.png", "--strength", 0.3)
    assert saved == [name]


def test_a_tiff_keeps_its_depth(opened, by_hand):
    file = io.BytesIO()
    tifffile.imwrite(file, noisy().astype(np.uint16) * 257, photometric="rgb")
    page = opened()
    drop(page, file.getvalue(), "scan.tif", "image/tiff")
    finished(page)
    name, result = downloaded(page, "#download")
    assert name == "scan.denoised.tif"
    assert tifffile.imread(io.BytesIO(result)).dtype == np.uint16
    assert result == by_hand("denoise", file.getvalue(), "scan.tif")


def stroke(page, *places):
    """Draw over the middle of the viewer; places are offsets from there."""
    box = page.locator("#viewer").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(middle[0] + places[0][0], middle[1] + places[0][1])
    page.mouse.down()
    for x, y in places[1:]:
        page.mouse.move(middle[0] + x, middle[1] + y, steps=4)
    page.mouse.up()


def repair(page):
    """Go where marks are drawn, on the original also if it is denoised by now."""
    page.locator("#tab-fill").click()
    page.locator("#find:enabled").wait_for()
    start = page.locator("#from-denoised")
    start.check()
    start.uncheck()


def test_a_denoised_picture_is_filled_and_both_are_kept(opened, by_hand, tmp_path):
    page, data = opened(), png(PHOTO)
    drop(page, data)
    finished(page)
    clean = shot(page)
    page.locator("#tab-fill").click()
    page.locator("#find:enabled").wait_for()
    assert page.locator("#from-denoised").is_checked()
    assert alike(shot(page), clean)
    page.locator("input[value=box]").check(force=True)
    page.locator("#viewer").focus()
    keys = ["ArrowRight", "Space", *["Shift+ArrowRight"] * 3, *["Shift+ArrowDown"] * 3, "Space"]
    for key in keys:
        page.keyboard.press(key)
    page.locator("#fill:enabled").wait_for()
    page.keyboard.press("Enter")
    page.locator("#download").get_by_text("Download", exact=True).wait_for()
    finished(page)
    name, result = downloaded(page, "#download")
    mask_name, mask = downloaded(page, "#download-mask", "#download-more")
    assert (name, mask_name) == ("photo.denoised.inpainted.png", "photo.denoised.mask.png")
    (tmp_path / "mask.png").write_bytes(mask)
    denoised = by_hand("denoise", data, "photo.png")
    marks = ("--mask", tmp_path / "mask.png")
    assert result == by_hand("inpaint", denoised, "photo.denoised.png", *marks)
    page.locator("#tab-denoise").click()
    page.locator("#download").get_by_text("Denoised only").wait_for()
    assert downloaded(page, "#download") == ("photo.denoised.png", denoised)
    _, archive = downloaded(page, "#download-all", "#download-more")
    with zipfile.ZipFile(io.BytesIO(archive)) as packed:
        assert {each: packed.read(each) for each in packed.namelist()} == {name: result}
    slide(page, "strength", 0.5)
    page.locator("#download:disabled").wait_for()
    page.locator("#tab-fill").click()
    page.locator("#download").get_by_text("Last fill").wait_for()


def test_what_is_drawn_is_undone_redone_filled_and_downloaded(opened, by_hand, tmp_path):
    page, data = opened(), png(PHOTO)
    drop(page, data)
    repair(page)
    bare = shot(page)
    stroke(page, (-60, -20), (20, 30))
    drawn = shot(page)
    assert not alike(drawn, bare)
    stroke(page, (70, -30), (70, 40))
    both = shot(page)
    assert not alike(both, drawn)
    page.keyboard.press("Control+z")
    assert alike(shot(page), drawn)
    page.keyboard.press("Control+z")
    assert alike(shot(page), bare)
    page.keyboard.press("Control+Shift+Z")
    page.keyboard.press("Control+Shift+Z")
    assert alike(shot(page), both)
    page.keyboard.press("Control+z")
    page.locator("#fill").click()
    finished(page)
    name, result = downloaded(page, "#download")
    mask_name, mask = downloaded(page, "#download-mask", "#download-more")
    assert (name, mask_name) == ("photo.inpainted.png", "photo.mask.png")
    assert PIL.Image.open(io.BytesIO(mask)).size == (400, 300)
    assert 100 < (pixels_of(mask) > 0).sum() < 20_000
    (tmp_path / "mask.png").write_bytes(mask)
    assert result == by_hand("inpaint", data, "photo.png", "--mask", tmp_path / "mask.png")


def test_fills_are_kept_as_variants_and_undone(opened):
    page = opened()
    drop(page, png(PHOTO))
    repair(page)
    page.locator("input[value=box]").check(force=True)
    stroke(page, (-60, -50), (60, 50))
    drawn = shot(page)
    page.locator("#fill").click()
    finished(page)
    filled = shot(page)
    page.locator("#variant").click()
    page.locator("#variants").get_by_text("2 of 2").wait_for()
    varied = shot(page)
    assert not alike(varied, filled)
    page.keyboard.press(",")
    page.locator("#variants").get_by_text("1 of 2").wait_for()
    assert alike(shot(page), filled)
    page.keyboard.press(".")
    page.locator("#variants").get_by_text("2 of 2").wait_for()
    page.keyboard.press("Control+z")
    assert alike(shot(page), drawn)
    assert page.locator("#download").is_disabled()  # no fill of what is marked is shown
    page.locator("#fill").click()
    finished(page)
    assert alike(shot(page), varied)  # it was kept, as the one that was chosen
    page.locator("input[value=eraser]").check(force=True)
    assert not alike(shot(page), varied)  # the marks are shown, to be erased


def test_a_turned_picture_is_shown_and_drawn_on_as_it_is_restored(opened):
    pixels = np.full((60, 80, 3), 128, np.uint8)
    pixels[:30, :40] = (255, 0, 0)
    exif = PIL.Image.Exif()
    exif[0x0112] = 3  # by half a turn, which no browser does with WebP
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "webp", lossless=True, exif=exif)
    page = opened()
    drop(page, file.getvalue(), "turned.webp", "image/webp")
    page.locator("#tab-fill").click()
    page.locator("#find:enabled").wait_for()
    seen = shot(page)
    height, width = seen.shape[0] // 2, seen.shape[1] // 2
    assert tuple(seen[height + 50, width + 50]) == (255, 0, 0)
    assert tuple(seen[height - 50, width - 50]) == (128, 128, 128)


@pytest.mark.parametrize("language", ["en-GB", "zh-CN"])
def test_the_page_speaks_the_language_of_the_browser(opened, language):
    page = opened(locale=language)
    assert page.locator("html").get_attribute("lang")[:2] == language[:2]
    text = page.locator("#empty").inner_text()
    assert any("\u4e00" <= letter <= "\u9fff" for letter in text) == (language == "zh-CN")
    for each in page.locator("[data-t], [data-t-label], [data-t-title]").all():
        key = each.get_attribute("data-t") or each.get_attribute("data-t-label")
        shown = each.text_content() or each.get_attribute("aria-label")
        assert not key or shown, key


VIOLATIONS = """async () => {
  const found = await axe.run(document, {resultTypes: ["violations"]});
  return found.violations.map((each) => [each.id, each.nodes.map((node) => node.html)]);
}"""


def faults(page):
    page.wait_for_timeout(250)  # for what fades in
    page.evaluate(AXE.read_text())
    return page.evaluate(VIOLATIONS)


@pytest.mark.skipif(
    not AXE.exists(), reason="axe-core is not installed: npm ci in tests/cli/server/axe"
)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_no_fault_is_found_by_axe(opened, scheme, width):
    size = {"width": width, "height": 800}
    page = opened(color_scheme=scheme, viewport=size, bypass_csp=True)
    found = {"empty": faults(page)}
    drop(page, png(noisy()))
    finished(page)
    found["denoise"] = faults(page)
    page.locator("#tab-fill").click()
    stroke(page, (-10, -10), (10, 10))
    found["fill"] = faults(page)
    page.locator("#viewer").focus()
    page.keyboard.press("?")
    page.locator("#keys[open]").wait_for()
    found["keys"] = faults(page)
    assert not any(found.values()), found
