import io
import struct
import warnings
from pathlib import Path

import numpy as np
import PIL.Image
import PIL.ImageSequence
import pytest
from pictures import ICC, XMP, picture, same

from imgae import Frames, Image, ImageError, ImgaeWarning, read_frames, read_image
from imgae.io.files import encode

RNG = np.random.default_rng(3)


def written(frames, name="a.gif"):
    return encode(frames if isinstance(frames, Frames) else Frames((frames,)), Path(name))


def few(height, width, colours):
    """A random picture of so many colours."""
    palette = RNG.integers(0, 256, (colours, 3), np.uint8)
    return palette[RNG.integers(0, colours, (height, width))]


def moving():
    """Frames in which something moves over what stands still, with and without transparency."""
    frames = [PIL.Image.fromarray(few(20, 30, 16))]
    for k in range(3):
        frames.append(frames[-1].copy())
        frames[-1].paste((k * 80, 0, 255 - k * 80), (k * 5, k * 4, k * 5 + 9, k * 4 + 8))
    return frames


def made(frames, **options):
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], **options)
    return out.getvalue()


def expected_of(data):
    with PIL.Image.open(io.BytesIO(data)) as file:
        return [np.asarray(frame.convert("RGBA")) for frame in PIL.ImageSequence.Iterator(file)]


def agrees(frames, data):
    for image, expected in zip(frames, expected_of(data), strict=True):
        seen = expected[:, :, 3] > 0
        assert np.array_equal(image.pixels[seen], expected[:, :, :3][seen])
        assert np.array_equal(
            seen, np.full(seen.shape, True) if image.alpha is None else image.alpha > 0
        )


def test_a_transparent_number_beyond_the_palette_is_no_lack():
    still = few(20, 30, 64)
    frames = [PIL.Image.fromarray(np.roll(still, k, 0)).quantize(64) for k in range(3)]
    data = made(frames, duration=40)
    with warnings.catch_warnings():
        warnings.simplefilter("error", ImgaeWarning)
        agrees(read_frames(data), data)


def test_an_animation_is_read_whole_and_written_back_with_its_timing():
    data = made(moving(), duration=[40, 0, 10, 700], loop=2, comment=b"by hand")
    frames = read_frames(data)
    assert (frames.kind, frames.loop) == ("animation", 3)
    assert [image.duration for image in frames] == [0.04, 0.0, 0.01, 0.7]
    assert frames[0].text == (("Comment", "by hand"),)
    agrees(frames, data)
    out = written(frames)
    back = read_frames(out)
    agrees(back, out)
    assert (back.loop, back[0].text) == (3, frames[0].text)
    assert [image.duration for image in back] == [0.04, 0.0, 0.01, 0.7]
    for one, other in zip(back, frames, strict=True):
        same(one, other)


@pytest.mark.parametrize("disposal", [0, 1, 2, 3])
def test_what_becomes_of_a_frame_is_as_in_another_program(disposal):
    frames = []
    for k in range(4):
        frame = PIL.Image.fromarray(few(12, 16, 9)).quantize(16)
        frame.info["transparency"] = k
        frames.append(frame)
    data = made(frames, disposal=disposal, duration=30, loop=0)
    read = read_frames(data)
    agrees(read, data)
    out = written(read)
    agrees(read, out)
    for one, other in zip(read_frames(out), read, strict=True):
        same(one, other)


@pytest.mark.parametrize("loop", [None, 0, 1, 7, 65535])
def test_how_often_it_is_shown_is_kept(loop):
    data = made(moving(), duration=30, **({} if loop is None else {"loop": loop}))
    frames = read_frames(data)
    assert frames.loop == {None: 1, 0: 0}.get(loop, (loop or 0) + 1)
    out = written(frames)
    assert read_frames(out).loop == frames.loop
    with PIL.Image.open(io.BytesIO(out)) as file:
        assert file.info.get("loop") == loop


@pytest.mark.parametrize("colours", [1, 2, 3, 17, 255, 256])
@pytest.mark.parametrize("interlace", [0, 1])
def test_a_single_picture_is_exact(colours, interlace):
    pixels = few(19, 33, colours)
    out = io.BytesIO()
    PIL.Image.fromarray(pixels).quantize(256).save(out, "GIF", interlace=interlace)
    image = read_image(out.getvalue())
    assert (image.mode, image.stored.mode) == ("RGB", "palette")
    same(read_image(written(image)), image)
    same(read_image(written(Image(pixels))), Image(pixels))


def test_a_transparent_colour_is_kept_with_what_lies_under_it():
    numbers = PIL.Image.fromarray(few(9, 8, 20)).quantize(20)
    out = io.BytesIO()
    numbers.save(out, "GIF", transparency=5, optimize=False)
    image = read_image(out.getvalue())
    assert np.array_equal(image.alpha == 0, np.asarray(numbers) == 5)
    assert np.array_equal(image.pixels, numbers.convert("RGB"))
    same(read_image(written(image)), image)


def test_gray_pictures_are_exact():
    image = picture(np.uint8, 1, alpha=False)
    assert np.array_equal(read_image(written(image)).pixels, image.pixels.repeat(3, 2))


def test_more_colours_become_the_nearest_with_a_warning_and_stand_still():
    y, x = np.mgrid[:60, :80]
    slope = np.stack([x * 3, y * 4, (x + y)], 2).astype(np.uint8)
    pictures = [slope.copy() for _ in range(3)]
    pictures[1][:9, :9] = 255
    frames = Frames(tuple(Image(array, duration=0.1) for array in pictures), "animation")
    with pytest.warns(ImgaeWarning, match="256 colours"):
        back = read_frames(written(frames))
    for image, wanted in zip(back, pictures, strict=True):
        error = np.square(image.pixels.astype(float) - wanted).mean()
        assert 10 * np.log10(255**2 / error) > 30
    assert np.array_equal(back[0].pixels[9:], back[1].pixels[9:])
    assert np.array_equal(back[0].pixels[9:], back[2].pixels[9:])


def test_partial_transparency_is_told():
    image = picture(np.uint8, 3, alpha=True)
    with pytest.warns(ImgaeWarning, match="partial transparency"):
        assert set(np.unique(read_image(written(image)).alpha)) == {0, 255}


def test_finer_timing_is_rounded_with_a_warning_and_stays_as_long():
    frames = Frames(tuple(Image(few(5, 5, 4), duration=1 / 24) for _ in range(24)), "animation")
    with pytest.warns(ImgaeWarning, match="hundredths"):
        back = read_frames(written(frames))
    assert sum(round(100 * image.duration) for image in back) == 100


def test_profile_and_xmp_are_kept():
    back = read_image(written(Image(few(5, 5, 4), icc=ICC, xmp=XMP, text=(("Title", "é" * 300),))))
    assert (back.icc, back.xmp) == (ICC, XMP)
    assert back.text == (("Comment", "Title: " + "é" * 300),)


ONE = written(Image(few(9, 8, 20)))
LENIENT = {
    "no end": (ONE[:-1], "without its end"),
    "no end of its pixels": (ONE[:-2], "without its end"),
    "more after the end": (ONE + b"more", "4 bytes after"),
    "a program's own": (
        ONE[:-1] + b"\x21\xff\x0bMYPROGRAM10\x01x\0;",
        "the program MYPROGRAM10",
    ),
    "words": (ONE[:-1] + b"\x21\x01\x0c" + bytes(12) + b"\x02hi\0;", "plain text"),
    "larger frame": (ONE[:6] + struct.pack("<HH", 3, 3) + ONE[10:], "grows to hold it"),
}


@pytest.mark.parametrize("case", LENIENT)
def test_what_viewers_pass_over_is_read_with_a_warning(case):
    data, sentence = LENIENT[case]
    with pytest.warns(ImgaeWarning, match=sentence):
        same(read_image(data), read_image(ONE))


REFUSED = {
    "cut": (ONE[:-9], "cut short"),
    "ends too soon": (ONE[:-9] + b"\0;", "cut short|not whole"),
    "no picture": (ONE[:13] + b";", "damaged"),
    "other block": (ONE[:-1] + b"\x99;", "a kind that GIF has not"),
    "no palette": (ONE[:10] + b"\0" + ONE[11:13] + ONE[13 + 3 * 32 :], "without a palette"),
}


@pytest.mark.filterwarnings("ignore:.*without its end")
@pytest.mark.parametrize("case", REFUSED)
def test_damage_is_refused(case):
    data, sentence = REFUSED[case]
    with pytest.raises(ImageError, match=sentence):
        read_frames(data)


def test_mutated_files_are_read_or_refused():
    random = np.random.default_rng(0)
    for data in (ONE, made(moving(), duration=30, loop=2)):
        for _ in range(150):
            changed = bytearray(data)
            for at in random.integers(6, len(changed), random.integers(1, 4)):
                changed[at] = random.integers(256)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ImgaeWarning)
                try:
                    frames = read_frames(bytes(changed), max_pixels=10**6)
                except ImageError:
                    continue
                written(frames)
