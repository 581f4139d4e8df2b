"""Drawings of shapes and lines: flat shapes, maps, hatched drawings."""

import numpy as np
import PIL.Image
import PIL.ImageDraw

from imgae.synthetic.fonts import word
from imgae.synthetic.kit import SMOOTHER, Kit, Pixels, new, picture_of


def drawing(kit: Kit, side: int) -> Pixels:
    """10 to 59 shapes and strokes of flat colours, with smooth edges."""
    random, large = kit.random, side * SMOOTHER
    picture = PIL.Image.new("RGB", (large, large), kit.colour())
    canvas = PIL.ImageDraw.Draw(picture)
    for _ in range(int(random.integers(10, 60))):
        kind, fill = random.integers(0, 5), kit.colour()
        x, y = (int(v) for v in random.integers(-large // 8, large, 2))
        w, h = (int(v) for v in random.integers(SMOOTHER * 3, large // 2, 2))
        outline = kit.colour() if random.random() < 0.5 else None
        stroke = int(random.integers(1, 6 * SMOOTHER))
        if kind == 0:
            canvas.ellipse((x, y, x + w, y + h), fill=fill, outline=outline, width=stroke)
        elif kind == 1:
            canvas.rectangle((x, y, x + w, y + h), fill=fill, outline=outline, width=stroke)
        elif kind == 2:
            points = [(int(px), int(py)) for px, py in random.integers(0, large, (5, 2))]
            canvas.polygon(points, fill=fill, outline=outline)
        elif kind == 3:
            points = [(int(px), int(py)) for px, py in random.integers(0, large, (4, 2))]
            canvas.line(points, fill=fill, width=stroke, joint="curve")
        else:
            canvas.arc((x, y, x + w, y + h), 0, int(random.integers(30, 360)), fill, stroke)
    return np.asarray(picture.reduce(SMOOTHER))


def line_map(kit: Kit, side: int) -> Pixels:
    """Contour lines 1 to 3 pixels wide, smooth or hard, some on tints; up to 25 roads, 40 names.

    In a third of the maps, lines are wide where the ground is flat.
    """
    paper, ink = kit.inks()
    width = kit.log_between(20, 160)
    height = kit.field(side, width) + 0.3 * kit.field(side, width / 3)
    height *= kit.between(2, 14)
    off = np.abs((height + 0.5) % 1 - 0.5)  # how much higher or lower than the nearest line
    down, across = np.gradient(height)
    cover = (kit.between(0.9, 1.9) - off / np.hypot(down, across).clip(1e-4)).clip(0, 1)
    if kit.chance(0.3):
        cover = (off < kit.between(0.04, 0.15)).astype(np.float32)
    if kit.chance(0.5):
        cover = (cover > 0.5).astype(np.float32)
    ground = np.broadcast_to(np.array(paper, np.float32), (side, side, 3))
    if kit.chance(0.4):
        tints = kit.random.integers(150, 256, (6, 3)).astype(np.float32)
        ground = tints[np.digitize(height, np.quantile(height, [0.15, 0.35, 0.5, 0.7, 0.9]))]
    picture = PIL.Image.fromarray(
        picture_of(ground + (np.array(ink, np.float32) - ground) * cover[..., None])
    )
    canvas = PIL.ImageDraw.Draw(picture)
    canvas.fontmode = "1" if kit.chance(0.4) else "L"
    for _ in range(kit.integer(0, 25)):
        canvas.line(kit.path(side, 8, side / 12), kit.colour(), kit.integer(1, 4))
    for _ in range(kit.integer(0, 40)):
        face = kit.fonts.face(kit.integer(8, 18), kit.random)
        canvas.text((kit.integer(0, side), kit.integer(0, side)), word(face, kit.random), ink, face)
    return np.asarray(picture)


def line_art(kit: Kit, side: int) -> Pixels:
    """10 to 150 strokes 1 to 3 pixels wide; 1 to 5 areas hatched by lines 2 to 9 pixels apart."""
    smooth = kit.chance(0.6)
    scale = 2 if smooth else 1
    large = side * scale
    paper, ink = kit.inks()
    y, x = np.mgrid[:large, :large].astype(np.float32)
    cover = np.zeros((large, large), bool)
    for _ in range(kit.integer(1, 5)):
        angle, period = kit.between(0, np.pi), scale * kit.between(2, 9)
        bend = kit.between(0, 0.6) * kit.field(large, large / 3)
        phase = (x * np.cos(angle) + y * np.sin(angle)) / period + bend
        cover |= kit.area(large, -0.3, 1.2) & (phase % 1 < kit.between(0.15, 0.6))
    picture, canvas = new(large, paper)
    picture.paste(ink, mask=PIL.Image.fromarray(cover))
    for _ in range(kit.integer(10, 150)):
        path = kit.path(large, kit.integer(2, 10), large / kit.integer(10, 60))
        fill = ink if kit.chance(0.8) else kit.colour()
        canvas.line(path, fill, kit.integer(1, 3 * scale))
    return np.asarray(picture.reduce(2) if smooth else picture)
