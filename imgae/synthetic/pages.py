"""Pages of type: as a printer gets them, scanned, and faxed."""

import cv2
import numpy as np
import PIL.Image

from imgae.synthetic.kit import Kit, Pixels, new, picture_of

MARGIN = 32
"""Pixels around a scanned page, so that it can be turned."""


def page(kit: Kit, side: int) -> Pixels:
    """1 to 4 columns of 1 to 3 blocks of type of 8 to 40 pixels; a third not anti-aliased.

    Each block has a font and a size of its own; an eighth has ground of its own, and every sixth
    page a photograph.
    """
    paper, ink = kit.inks()
    dark = sum(paper) < 300
    picture, canvas = new(side, paper)
    canvas.fontmode = "1" if kit.chance(0.33) else "L"
    rows, columns = (kit.integer(1, min(most, side // 90)) for most in (3, 4))
    edge, gap = kit.integer(2, min(30, side // 12)), kit.integer(4, 24)
    tall, wide = side // rows, side // columns
    for row in range(rows):
        for column in range(columns):
            left, top = edge + column * wide, edge + row * tall
            right, bottom = (column + 1) * wide - gap, (row + 1) * tall - gap
            if kit.chance(0.12):
                ground = kit.colour(0, 60) if dark else kit.colour(200, 255)
                canvas.rectangle((left - 3, top - 3, right + 3, bottom + 3), fill=ground)
            own = ink if kit.chance(0.85) else kit.colour()
            kit.write(canvas, (left, top, right, bottom), own)
    if kit.chance(0.15):
        part = side // 3
        picture.paste(PIL.Image.fromarray(kit.photograph(part)), kit.place(side, part))
    return np.asarray(picture)


def scan(kit: Kit, side: int) -> Pixels:
    """A page turned by 1.5 degrees or so, blurred by 0.3 to 1.2 pixels, on tinted, shaded paper."""
    large = side + 2 * MARGIN
    sheet = page(kit, large).astype(np.float32)
    turn = cv2.getRotationMatrix2D((large / 2, large / 2), kit.random.normal(0, 1.5), 1.0)
    sheet = np.asarray(
        cv2.warpAffine(sheet, turn, (large, large), borderMode=cv2.BORDER_REPLICATE), np.float32
    )
    sheet = cv2.GaussianBlur(
        sheet[MARGIN:-MARGIN, MARGIN:-MARGIN], (0, 0), kit.between(0.3, 1.2)
    ).astype(np.float32)
    corners = kit.random.uniform(0.75, 1.0, (3, 3)).astype(np.float32)
    shade = cv2.resize(corners, (side, side), interpolation=cv2.INTER_CUBIC)
    tint, ink = kit.random.uniform(0.85, 1.0, 3), kit.between(0, 60)
    return picture_of((ink + sheet * (1 - ink / 255)) * shade[..., None] * tint)


def fax(kit: Kit, side: int) -> Pixels:
    """Black and white: type of 9 to 40 pixels, rules, a dithered photograph, turned a little.

    A third has each line twice, as faxes of standard resolution have.
    """
    picture, canvas = new(side, 255, "L")
    top = kit.integer(0, side // 8)
    while top < side:
        bottom = top + kit.integer(40, max(60, side // 2))
        kit.write(canvas, (kit.integer(0, side // 2), top, side - 4, min(side, bottom)), 0, (9, 40))
        top = bottom + kit.integer(0, side // 8)
    for _ in range(kit.integer(0, 6)):
        y = kit.integer(0, side)
        canvas.line((0, y, side, y), 0, kit.integer(1, 3))
    if kit.chance(0.4):
        part = side // kit.integer(2, 4)
        gray = PIL.Image.fromarray(kit.photograph(part)).convert("L")
        diffused = PIL.Image.Dither.FLOYDSTEINBERG if kit.chance(0.5) else PIL.Image.Dither.NONE
        picture.paste(gray.convert("1", dither=diffused), kit.place(side, part))
    if kit.chance(0.6):
        angle = kit.random.normal(0, 1.2)
        picture = picture.rotate(angle, PIL.Image.Resampling.BILINEAR, fillcolor=255)
    sheet = (np.asarray(picture) > kit.integer(90, 200)).astype(np.uint8) * 255
    if kit.chance(0.3):
        sheet = sheet[: (side + 1) // 2].repeat(2, 0)[:side]
    return np.broadcast_to(sheet[..., None], (side, side, 3))
