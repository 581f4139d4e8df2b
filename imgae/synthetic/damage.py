"""Damaged pictures and where the damage is: what prints and films suffer, and spots and lines.

Drawn with Pillow, by other code than what detectors are trained on.
"""

from collections.abc import Callable
from typing import Any, Final

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFilter
from numpy.random import Generator
from numpy.typing import NDArray

from imgae.picture.pixels import from_float, to_float
from imgae.synthetic.fonts import ANY, Fonts, face_of
from imgae.synthetic.masks import many
from imgae.synthetic.stamps import date_text, draw_stamp

TOUCHED: Final = 0.15
"""The share of a pixel that a defect must cover to count."""
FINER: Final = 4
DEAD_SHARES: Final = (1e-4, 5e-3)
VISIBLE: Final = 0.04
"""Of white: a smaller change is not seen, and so no damage, such as white dust on a white sky."""
CHANGED: Final = 0.1
"""Of white: what a pixel must change to count where nobody knows how far it is covered."""
LEAST_SIDE: Final = 61
"""Pixels that the longer side of a picture needs for scratches of film."""
TONES: Final = ("colour", "gray", "sepia", "faded")
CAPTIONS: Final = (
    "Holiday 1974", "proof only", "\u00a9 Studio Nord", "Grandma's garden", "SOLD", "Copy 3 of 12",
    "www.photos.test", "To be continued...", "The old mill", "Exhibit B", "Happy New Year",
    "No. 406",
)  # fmt: skip
GLOWING: Final = ((255, 140, 40), (255, 120, 20), (250, 200, 60), (255, 60, 40), (255, 250, 235))
"""Orange, yellow, red and white: the colours of date stamps."""
MARKS: Final = 24
CONTRAST: Final = 85.0
"""How far spots and lines are from the pixels below, in 8-bit levels: a third of white."""

Cover = NDArray[np.float32]
"""(H, W): how much of each pixel is covered, from 0 to 1."""
Floats = NDArray[np.float32]
"""(H, W, 3) on [0, 1]."""
Pen = PIL.ImageDraw.ImageDraw


def toned(pixels: Floats, tone: str) -> Floats:
    """Return pixels in one of TONES: gray, as sepia prints are, or faded and yellowish."""
    luma = pixels @ np.array((0.299, 0.587, 0.114), np.float32)
    if tone == "gray":
        pixels = np.repeat(luma[..., None], 3, 2)
    elif tone == "sepia":
        pixels = (luma[..., None] * np.array((1.35, 1.2, 0.94), np.float32)).clip(0, 1)
    elif tone == "faded":
        pale = luma[..., None] + 0.5 * (pixels - luma[..., None])
        dark, light = np.array(((0.24, 0.2, 0.17), (0.9, 0.85, 0.74)), np.float32)
        pixels = dark + (light - dark) * pale
    return np.asarray(pixels, np.float32)


def damage_film(
    clean: NDArray[np.uint8],
    generator: Generator,
    fonts: Fonts = ANY,
    tone: str = "colour",
    late: bool = True,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return clean (H, W, 3) with the defects of model.contract, and masks (H, W, 5), in its order.

    A pixel counts if it is covered by TOUCHED at least and changed by VISIBLE. Defects have soft
    edges, and are light, dark or coloured, opaque or not. tone: of TONES. late: the picture is
    toned after it was damaged, so that defects have the tone too; captions are laid over
    afterwards. The longer side has at least LEAST_SIDE pixels.
    """
    size = clean.shape[:2]
    pixels = to_float(clean)
    pixels = pixels if late else toned(pixels, tone)
    pixels, stamp = stamped(pixels, generator, fonts)
    masks = [stamp]
    for draw in (draw_lines, draw_specks):
        cover = softened(drawn_finely(size, draw, generator), generator.uniform(0, 0.8))
        before, shown = pixels, cover[..., None] * generator.uniform(0.65, 1)
        pixels = np.asarray(pixels + shown * (matter(pixels, generator) - pixels), np.float32)
        masks.append((cover > TOUCHED) & changed(pixels, before, VISIBLE))
    pixels = toned(pixels, tone) if late else pixels
    cover = softened(drawn_captions(size, generator, fonts), generator.choice((0.0, 0.5)))
    ink = (
        np.float32(generator.choice((0.02, 0.97)))
        if generator.random() < 0.5
        else generator.random(3)
    )
    before, shown = pixels, cover[..., None] * generator.uniform(0.4, 1)
    pixels = np.asarray(pixels + shown * (ink - pixels), np.float32)
    text = (cover > TOUCHED) & changed(pixels, before, VISIBLE)
    pixels, dead = with_dead(pixels, generator)
    stamp, scratches, dust = masks
    return from_float(pixels, np.uint8), np.stack([scratches, dust, dead, stamp, text], 2)


def changed(after: Floats, before: Floats, least: float) -> NDArray[np.bool_]:
    """Return where a channel changed by at least so much."""
    return np.asarray((np.abs(after.clip(0, 1) - before) >= least).any(2), np.bool_)


def stamped(pixels: Floats, generator: Generator, fonts: Fonts) -> tuple[Floats, NDArray[np.bool_]]:
    """Expose a date into a corner, with a glow or without."""
    before = pixels
    height, width = pixels.shape[:2]
    tall = min(height, width) * generator.uniform(0.025, 0.05)
    cover = draw_stamp(max(tall, 8), generator, fonts)
    if generator.random() < 0.2:  # the camera was held upright
        cover = np.ascontiguousarray(np.rot90(cover))
    cover = cover[:height, :width]
    gap = [round(side * generator.uniform(0.03, 0.1)) for side in (height, width)]
    top = height - cover.shape[0] - gap[0] if generator.random() < 0.8 else gap[0]
    left = width - cover.shape[1] - gap[1] if generator.random() < 0.8 else gap[1]
    sheet = np.zeros((height, width), np.float32)
    top, left = max(top, 0), max(left, 0)
    sheet[top : top + cover.shape[0], left : left + cover.shape[1]] = cover / 255
    sheet = softened(sheet, generator.uniform(0, 0.8))
    ink = np.array(GLOWING[int(generator.integers(0, len(GLOWING)))], np.float32) / 255
    if generator.random() < 0.5:
        glow = softened(sheet, tall / 8)[..., None] * generator.uniform(0.2, 0.6) * ink
        pixels = np.asarray(1 - (1 - pixels) * (1 - glow), np.float32)
    lit = sheet[..., None] * generator.uniform(0.75, 1)
    after = np.asarray(pixels + lit * (ink - pixels), np.float32)
    return after, (sheet > TOUCHED) & changed(after, before, VISIBLE)


def matter(pixels: Floats, generator: Generator) -> Any:
    """Return what a scratch or dust shows: light, dark, a colour of emulsion, or a change."""
    light = generator.random() < 0.6
    kind = generator.random()
    if kind < 0.5:
        shade = generator.uniform(0, 0.15)
        return (1 - shade if light else shade) + generator.uniform(-0.02, 0.02, 3)
    if kind < 0.7:
        return np.array(((0.9, 0.85, 0.2), (0.3, 0.9, 0.5), (0.3, 0.6, 0.95)))[
            generator.integers(0, 3)
        ]
    step = generator.uniform(0.25, 0.5)
    return (pixels + (step if light else -step)).clip(0, 1)


def drawn_finely(
    size: tuple[int, ...],
    draw: Callable[[Pen, tuple[int, ...], Generator], None],
    generator: Generator,
) -> Cover:
    """Draw FINER times larger, and average."""
    height, width = size
    sheet = PIL.Image.new("L", (width * FINER, height * FINER))
    draw(PIL.ImageDraw.Draw(sheet), size, generator)
    return np.asarray(sheet.reduce(FINER), np.float32) / np.float32(255)


def softened(cover: NDArray[Any], sigma: float) -> Cover:
    if sigma < 0.2:
        return np.asarray(cover, np.float32)
    return np.asarray(cv2.GaussianBlur(cover, (0, 0), float(sigma)), np.float32)


def draw_lines(pen: Pen, size: tuple[int, ...], generator: Generator, finer: int = FINER) -> None:
    """Scratches: 3 to 14 on 512x512 pixels, 0.8 to 4 pixels wide, nearly straight."""
    for _ in range(number(size, generator, 3, 14)):
        width = 0.8 * 5 ** generator.random()
        length = generator.uniform(40, max(size))
        heading = generator.uniform(0, 2 * np.pi) + np.cumsum(generator.normal(0, 0.03, 30))
        steps = length / 30 * np.stack([np.cos(heading), np.sin(heading)], 1)
        points = finer * (generator.uniform(0, size[::-1]) + np.cumsum(steps, 0))
        pen.line(
            [tuple(point) for point in points.tolist()], 255, max(1, round(finer * width)), "curve"
        )


def draw_specks(pen: Pen, size: tuple[int, ...], generator: Generator, finer: int = FINER) -> None:
    """Dust: 12 to 90 specks of 2 to 10 pixels on 512x512 pixels, and up to 10 curled hairs."""
    for _ in range(number(size, generator, 12, 90)):
        across, tall = finer * 2 * 5 ** generator.random(2)
        x, y = finer * generator.uniform(0, size[::-1])
        pen.ellipse((x, y, x + across, y + tall), 255)
    for _ in range(number(size, generator, 0, 10)):
        across = finer * generator.uniform(8, 40)
        x, y = finer * generator.uniform(0, size[::-1])
        box = (x, y, x + across, y + across * generator.uniform(0.3, 1))
        begin, turn = generator.uniform(0, 360), generator.uniform(60, 200)
        pen.arc(box, begin, begin + turn, 255, round(finer * generator.uniform(0.8, 2)))


def number(size: tuple[int, ...], generator: Generator, low: int, high: int) -> int:
    return 1 + many(np.empty(size, np.uint8), generator, low, high)


def drawn_captions(size: tuple[int, ...], generator: Generator, fonts: Fonts) -> Cover:
    """Set 1 to 3 captions of 10 to 72 pixels, most upright, anywhere."""
    height, width = size
    sheet = PIL.Image.new("L", (width, height))
    for _ in range(int(generator.integers(1, 4))):
        text = str(generator.choice(CAPTIONS))
        face = fonts.face(round(10 * 7.2 ** generator.random()), generator)
        left, top, right, bottom = (int(v) for v in face.getbbox(text))
        label = PIL.Image.new("L", (right - left + 4, bottom - top + 4))
        PIL.ImageDraw.Draw(label).text((2 - left, 2 - top), text, 255, font=face)
        if generator.random() < 0.3:
            label = label.rotate(
                generator.uniform(-40, 40), PIL.Image.Resampling.BICUBIC, expand=True
            )
        x = int(generator.integers(0, max(width - label.width, 1)))
        y = int(generator.integers(0, max(height - label.height, 1)))
        sheet.paste(255, (x, y), label)
    return np.asarray(sheet, np.float32) / np.float32(255)


def with_dead(pixels: Floats, generator: Generator) -> tuple[Floats, NDArray[np.bool_]]:
    """Replace single pixels by black, white, or any colour; some by one channel's end."""
    size = pixels.shape[:2]
    dead = generator.random(size) < np.exp(generator.uniform(*np.log(DEAD_SHARES)))
    kind, end = generator.random((2, *size, 1))
    one = np.where(
        generator.permuted(np.arange(3) == np.zeros((*size, 1)), axis=2), end.round(), pixels
    )
    stuck = np.where(
        kind < 0.5, end.round(), np.where(kind < 0.75, one, generator.random(pixels.shape))
    )
    after = np.where(dead[..., None], stuck, pixels).astype(np.float32)
    return after, dead & changed(after, pixels, VISIBLE)


def damage_plainly(
    clean: NDArray[np.uint8],
    generator: Generator,
    fonts: Fonts = ANY,
    tone: str = "colour",
    late: bool = True,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the same as damage_film, as a few lines of Pillow draw it.

    Everything is opaque and of one colour, lines and ellipses have hard edges and widths of whole
    pixels, dates are type of one width; a pixel counts if it changed by CHANGED.
    """
    pixels = to_float(clean)
    pixels = pixels if late else toned(pixels, tone)
    masks = []
    for draw in (plain_lines, plain_specks, plain_dead, plain_stamp, plain_caption):
        if late and draw is plain_caption:
            pixels = toned(pixels, tone)
        before = from_float(pixels, np.uint8)
        picture = PIL.Image.fromarray(before)
        draw(picture, generator, fonts)
        after = np.asarray(picture)
        masks.append(changed(to_float(after), to_float(before), CHANGED))
        pixels = to_float(after)
    return from_float(pixels, np.uint8), np.stack(masks, 2)


def plain_lines(picture: PIL.Image.Image, generator: Generator, fonts: Fonts) -> None:
    del fonts
    pen = PIL.ImageDraw.Draw(picture)
    size = picture.size[::-1]
    colour = shade_of(generator)
    for _ in range(number(size, generator, 4, 14)):
        ends = generator.uniform(0, picture.size, (2, 2))
        pen.line([tuple(end) for end in ends.tolist()], colour, int(generator.integers(1, 5)))


def plain_specks(picture: PIL.Image.Image, generator: Generator, fonts: Fonts) -> None:
    del fonts
    pen = PIL.ImageDraw.Draw(picture)
    colour = shade_of(generator)
    for _ in range(number(picture.size[::-1], generator, 20, 90)):
        x, y = generator.uniform(0, picture.size)
        across, tall = generator.integers(2, 9, 2)
        pen.ellipse((x, y, x + across, y + tall), colour)


def plain_dead(picture: PIL.Image.Image, generator: Generator, fonts: Fonts) -> None:
    del fonts
    count = round(np.exp(generator.uniform(*np.log(DEAD_SHARES))) * picture.width * picture.height)
    for x, y in generator.integers(0, picture.size, (1 + count, 2)).tolist():
        picture.putpixel((x, y), (255, 255, 255) if generator.random() < 0.6 else (0, 0, 0))


def plain_stamp(picture: PIL.Image.Image, generator: Generator, fonts: Fonts) -> None:
    """A date below on the right, in a font of one width where there is one."""
    text = date_text(generator)
    size = max(12, round(min(picture.size) * generator.uniform(0.04, 0.06)))
    fixed = [
        face
        for path in fonts.files
        if "mono" in path.name.lower() and (face := face_of(path, size))
    ]
    face = fixed[int(generator.integers(0, len(fixed)))] if fixed else fonts.face(size, generator)
    _, _, right, bottom = face.getbbox(text)
    where = (0.95 * picture.width - right, 0.95 * picture.height - bottom)
    ink = GLOWING[int(generator.integers(0, len(GLOWING)))]
    if generator.random() < 0.5:
        glow = PIL.Image.new("L", picture.size)
        PIL.ImageDraw.Draw(glow).text(where, text, 150, font=face)
        glow = glow.filter(PIL.ImageFilter.GaussianBlur(2))
        picture.paste(ink, (0, 0), glow)
    PIL.ImageDraw.Draw(picture).text(where, text, ink, font=face)


def plain_caption(picture: PIL.Image.Image, generator: Generator, fonts: Fonts) -> None:
    pen = PIL.ImageDraw.Draw(picture)
    for _ in range(int(generator.integers(1, 4))):
        face = fonts.face(round(12 * 5 ** generator.random()), generator)
        text = str(generator.choice(CAPTIONS))
        x, y = generator.uniform(0, 0.7, 2) * picture.size
        colour = tuple(int(v) for v in generator.integers(0, 256, 3))
        outline = {"stroke_width": 1, "stroke_fill": (0, 0, 0)} if generator.random() < 0.2 else {}
        pen.text((x, y), text, colour, font=face, **outline)  # type: ignore[arg-type]


def shade_of(generator: Generator) -> tuple[int, int, int]:
    shade = int(generator.choice((255, 240, 20, 0)))
    return shade, shade, shade


DAMAGES: Final = {"film": damage_film, "plain": damage_plainly}


def mark_picture(
    clean: NDArray[np.uint8], generator: Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return clean (H, W, C) with spots and lines on it, all lighter or all darker, and their mask.

    Spots are of 4 to 22 pixels, lines 2 to 4 wide.
    """
    mask = np.zeros(clean.shape[:2], np.uint8)
    for number in range(MARKS):
        where, other = (
            tuple(int(v) for v in generator.integers(0, clean.shape[1::-1])) for _ in range(2)
        )
        if number % 2:
            axes = tuple(int(v) for v in generator.integers(2, 12, 2))
            cv2.ellipse(mask, where, axes, int(generator.integers(0, 180)), 0, 360, 255, -1)
        else:
            end = np.array(where) + (np.array(other) - where) // 8
            width = int(generator.integers(2, 5))
            cv2.line(mask, where, tuple(int(v) for v in end), 255, width)
    sign = generator.choice([-1, 1])
    marked = np.clip(clean + sign * CONTRAST, 0, 255)
    after = np.where(mask[..., None] > 0, marked, clean)
    return after.astype(np.uint8), mask > 0


def salt(
    clean: NDArray[np.uint8], share: float, generator: Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return clean (H, W, C) with a share of its pixels black or white, and where they are."""
    mask = generator.random(clean.shape[:2]) < share
    ends = 255 * generator.integers(0, 2, (*mask.shape, 1))
    return np.where(mask[:, :, None], ends, clean).astype(np.uint8), mask


def heat(
    clean: NDArray[np.uint8], share: float, generator: Generator
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return clean (H, W, C) with a share of its pixels hot, and where they are.

    A hot pixel is brighter in one channel, by 80 levels if there is room, and at least 180.
    """
    mask = generator.random(clean.shape[:2]) < share
    channel = generator.integers(0, clean.shape[2], (*mask.shape, 1))
    hot = mask[:, :, None] & (channel == np.arange(clean.shape[2]))
    bright = np.maximum(clean.astype(int) + 80, generator.integers(180, 256, clean.shape))
    return np.where(hot, bright.clip(0, 255), clean).astype(np.uint8), mask
