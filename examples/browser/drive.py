"""Press the page's buttons in a headless Chromium, and see that no request leaves the machine.

drive.py MODEL.onnx PICTURE LEVEL OUTPUT.png [REFERENCE.png [SCREENSHOT.png]]
"""

import functools
import http.server
import re
import shutil
import sys
import threading
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright


class Files(http.server.SimpleHTTPRequestHandler):
    """The files of a folder, served without a line on standard error for each."""

    def log_message(self, *_):
        pass


def status_of(page, awaited):
    """Return the status line once it holds the awaited words; if it tells an error, leave."""
    status = page.locator("#status")
    page.locator("#status.wrong").or_(status.filter(has_text=awaited)).wait_for()
    if awaited not in status.inner_text():
        raise SystemExit(status.inner_text())
    return status.inner_text()


def drive(model, picture, level, output, screenshot=None):
    """Return the seconds that the page tells, and the addresses that it asked for."""
    handler = functools.partial(Files, directory=Path(__file__).parent)
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=shutil.which("chromium")) as browser,
    ):
        threading.Thread(target=server.serve_forever, daemon=True).start()
        context = browser.new_context(viewport={"width": 1000, "height": 800})
        asked = []
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        page.set_default_timeout(120_000)
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        status_of(page, "Choose")
        page.locator("#model").set_input_files(model)
        status_of(page, "Choose a picture")
        page.locator("#picture").set_input_files(picture)
        status_of(page, "Ready")
        page.locator("#level").fill(level)
        page.locator("#run").click()
        seconds = re.search(r"in (.*) s", status_of(page, "pixels in"))[1]
        with page.expect_download() as download:
            page.locator("#save").click()
        download.value.save_as(output)
        if screenshot:
            page.screenshot(path=screenshot)
        server.shutdown()
    return seconds, asked


def main(model, picture, level, output, reference=None, screenshot=None):
    seconds, asked = drive(model, picture, level, output, screenshot)
    elsewhere = [url for url in asked if urlsplit(url).hostname not in ("127.0.0.1", None)]
    print(f"requests: {len(asked)}, off this machine: {len(elsewhere)}")
    if elsewhere:
        raise SystemExit("\n".join(elsewhere))
    print(f"inference: {seconds} s")
    if reference:
        clean, other = (np.int16(Image.open(name).convert("RGB")) for name in (output, reference))
        print("largest difference:", np.abs(clean - other).max())


if __name__ == "__main__":
    main(*sys.argv[1:])
