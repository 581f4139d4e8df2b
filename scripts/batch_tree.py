#!/usr/bin/env python3
"""Make a tree of small pictures as people have them, with some that are broken in ten ways.

    scripts/batch_tree.py FOLDER [--count 1000] [--broken 30] [--seed 0]

All formats that the base install writes; folders and names with spaces, umlauts and line breaks;
capital endings; equal names with different endings and cases; a folder that is only to be read;
links to files, to folders, in a circle and to nothing; a pipe; hidden files; texts. Prints a JSON
object: "good", "broken" (with the way of each) and "others", which are no pictures by name.
"""

import argparse
import itertools
import json
import os
import struct
import zlib
from pathlib import Path

import numpy as np

import imgae
from imgae.io import files

FOLDERS = (
    "", "2024", "2024/Sommer in Österreich", "2024/Sommer in Österreich/Bad Füssing",
    "a  folder   with spaces", "two\nlines", "Übung/ünder/ß", "deep/er/and/deep/er/still",
    "folder.png", "[brackets] and *", "-o", "漢字", "%20", "it's \"quoted\"",
)  # fmt: skip
NAMES = (
    "photo",
    "IMG_{}",
    "Straße {}",
    "  spaces  {} ",
    "new\nline {}",
    "é{}",
    "-{}",
    "a.b.c {}",
    "{}",
)
KINDS = (
    ".png", ".jpg", ".tif", ".webp", ".jp2", ".jxl", ".gif", ".bmp", ".ppm", ".avif", ".PNG",
    ".JPG", ".Tiff", ".jpeg", ".J2K", ".pgm", ".pam", ".pfm", ".apng", ".BMP",
)  # fmt: skip
ONLY_READ = "only to be read"
OTHERS = (
    ".DS_Store", ".hidden.png", "._photo.jpg", "Thumbs.db", "notes.txt", "photo.xmp", "no ending",
    "photo.jpg.part", ".imgae.txt",
)  # fmt: skip


def scene(rng, dtype=np.uint8, channels=3):
    """Return a smooth picture with noise, of 64 to 300 pixels a side."""
    height, width = rng.integers(64, 301, 2)
    y, x = np.mgrid[:height, :width]
    tones = rng.uniform(5, 30, (channels, 2))
    planes = [np.sin(x / across) / 4 + np.cos(y / down) / 4 + 0.5 for across, down in tones]
    values = np.stack(planes, 2) + rng.normal(0, rng.uniform(0.01, 0.1), (height, width, channels))
    values = values.clip(0, 1).astype(np.float32)
    if dtype == np.float32:
        return values
    return np.rint(values * np.iinfo(dtype).max).astype(dtype)


def good(path, rng):
    """Write a picture of the kind that its name says."""
    kind = path.suffix.lower()
    dtype, channels = np.uint8, 3 if rng.random() < 0.8 else 1
    if kind in (".png", ".tif", ".tiff", ".jp2", ".jxl", ".ppm", ".pgm") and rng.random() < 0.2:
        dtype = np.uint16
    if kind == ".pfm":
        dtype = np.float32
    if kind == ".pgm":
        channels = 1
    if kind == ".ppm":
        channels = 3
    pixels, alpha = scene(rng, dtype, channels), None
    if kind in (".png", ".tif", ".webp") and rng.random() < 0.1:
        alpha = scene(rng, dtype, 1)[:64, :64, 0]
        pixels = pixels[:64, :64]
    imgae.write_image(imgae.Image(pixels, alpha), path)


def tiff(pixels, rows=16, *, lost=False):
    """Return a TIFF of strips of so many rows; lost: the last strip lies behind the end."""
    height, width = pixels.shape
    strips = [pixels[top : top + rows].tobytes() for top in range(0, height, rows)]
    where = 8 + np.cumsum([0, *map(len, strips)])
    body, count = b"".join(strips), len(strips)
    lists = 8 + len(body)
    sizes = lists + 4 * count
    if lost:
        where[count - 1] = sizes + 10**6
    float_or_not = 3 if pixels.dtype.kind == "f" else 1
    tags = [
        (256, 3, 1, width), (257, 3, 1, height), (258, 3, 1, 8 * pixels.itemsize), (259, 3, 1, 1),
        (262, 3, 1, 1), (273, 4, count, lists), (277, 3, 1, 1), (278, 3, 1, rows),
        (279, 4, count, sizes), (339, 3, 1, float_or_not),
    ]  # fmt: skip
    out = struct.pack("<2sHI", b"II", 42, sizes + 4 * count) + body
    out += struct.pack(f"<{count}I", *where[:count])
    out += struct.pack(f"<{count}I", *map(len, strips))
    out += struct.pack("<H", len(tags))
    return out + b"".join(struct.pack("<HHII", *tag) for tag in tags) + bytes(4)


def png_part(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def bomb(kind):
    """Return a small file that says it is 60000x60000."""
    side = 60000
    if kind == ".bmp":
        header = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0)
        return struct.pack("<2sIHHI", b"BM", 54, 0, 0, 54) + header + bytes(64)
    if kind == ".ppm":
        return b"P6\n%d %d\n255\n" % (side, side) + bytes(64)
    parts = png_part(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    parts += png_part(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + parts + png_part(b"IEND", b"")


def encoded(kind, rng, dtype=np.uint8):
    path = Path(os.devnull).with_name(f"never written{kind}")
    return files.encode(imgae.Frames((imgae.Image(scene(rng, dtype)),)), path)


def no_file(path, number):
    """Make something of a picture's name that is none: a link to nothing or itself, a pipe."""
    if number % 3 == 0:
        path.symlink_to("there is nothing.png")
    elif number % 3 == 1:
        os.mkfifo(path)
    else:
        path.symlink_to(path.name)


def damaged_middle(data, place=0.5):
    made, at = bytearray(data), int(len(data) * place)
    made[at : at + 40] = bytes(byte ^ 0x5A for byte in made[at : at + 40])
    return bytes(made)


def cut_short(data):
    return data[: len(data) // 2]


def no_scan(data):
    """Return a JPEG without what follows its header of a scan."""
    at = data.index(b"\xff\xda")
    return data[: at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")] + b"\xff\xd9"


def nan_tiff(rng):
    pixels = scene(rng, np.float32, 1)[:, :, 0]
    pixels[20, 30:40] = np.nan
    return tiff(pixels)


WAYS = {
    "empty": ((".png", ".jpg", ".tif"), lambda *_: b""),
    "cut short": ((".jpg", ".png", ".webp"), lambda kind, rng: cut_short(encoded(kind, rng))),
    "a text": ((".png", ".jpg", ".gif"), lambda *_: b"This is not a picture.\n" * 20),
    "damaged beginning": (
        (".png", ".jpg", ".tif"), lambda kind, rng: bytes(12) + encoded(kind, rng)[12:],
    ),
    "damaged middle": ((".png", ".jxl"), lambda kind, rng: damaged_middle(encoded(kind, rng))),
    "a bomb": ((".png", ".bmp", ".ppm"), lambda kind, _: bomb(kind)),
    "NaN": ((".tif",), lambda _, rng: nan_tiff(rng)),
    "no scan": ((".jpg", ".JPG"), lambda kind, rng: no_scan(encoded(kind.lower(), rng))),
    "a strip is missing": (
        (".tif",), lambda _, rng: tiff(scene(rng, np.uint16, 1)[:, :, 0], lost=True),
    ),
    "no file": ((".png", ".jpg"), None),
}  # fmt: skip
"""What is broken: the endings of such files, and what gives their bytes."""


def places():
    """Yield names in the tree without endings, each once, a few of them equal but for the case."""
    for number in itertools.count():
        folder = FOLDERS[number % len(FOLDERS)]
        name = NAMES[(number // len(FOLDERS)) % len(NAMES)].format(number)
        yield f"{folder}/{name}" if folder else name


class Tree:
    """A tree while it is made. found: what is where, by names below its root."""

    def __init__(self, root, seed):
        self.root, self.rng = root, np.random.default_rng(seed)
        self.found = {"good": [], "broken": {}, "others": []}

    def good(self, name):
        if os.path.lexists(self.root / name):
            path = Path(name)
            name = str(path.with_name(f"{path.stem} {len(self.found['good'])} again{path.suffix}"))
        good(self.root / name, self.rng)
        self.found["good"].append(name)

    def broken(self, place, way, number):
        """Break a file in a way, the so-manieth in this way."""
        kinds, data = WAYS[way]
        place += f" {number}" if number else ""
        path = self.root / f"{place}{kinds[number % len(kinds)]}"
        if data is None:
            no_file(path, number)
        else:
            path.write_bytes(data(path.suffix, self.rng))
        self.found["broken"][str(path.relative_to(self.root))] = way

    def special(self):
        """Add equal names, links, and what are no pictures."""
        for name in ("same.png", "same.jpg", "same.PNG", "Same.png", "SAME.JPG", "same.tif"):
            if not (self.root / name).exists():  # on file systems where the case does not count
                self.good(name)
        for name in ("in it.png", "in it.tif"):
            self.good(f"{ONLY_READ}/{name}")
        (self.root / "a link.png").symlink_to("same.png")
        self.found["good"].append("a link.png")
        (self.root / "a link to a folder").symlink_to("2024", target_is_directory=True)
        (self.root / "2024" / "circle").symlink_to("..", target_is_directory=True)
        for folder, name in itertools.product(("", "2024"), OTHERS):
            (self.root / folder / name).write_text("no picture\n")
            self.found["others"].append(str(Path(folder, name)))


def make_tree(root, count=1000, broken=30, seed=0):
    """Make it, and return what is where: names below the root."""
    for folder in (*FOLDERS, ONLY_READ):
        (root / folder).mkdir(parents=True, exist_ok=True)
    tree = Tree(root, seed)
    tree.special()
    left = count - len(tree.found["good"])
    every = max(1, left // max(1, broken))
    for number, place in enumerate(itertools.islice(places(), left)):
        so_far = len(tree.found["broken"])
        if number % every == every - 1 and so_far < broken:
            tree.broken(place, list(WAYS)[so_far % len(WAYS)], so_far // len(WAYS))
        else:
            tree.good(f"{place}{KINDS[number % len(KINDS)]}")
    (root / ONLY_READ).chmod(0o555)
    return tree.found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--broken", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    print(
        json.dumps(make_tree(options.folder, options.count, options.broken, options.seed), indent=1)
    )


if __name__ == "__main__":
    main()
