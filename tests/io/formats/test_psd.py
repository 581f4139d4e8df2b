"""PSD and PSB: the flattened picture, of files made by hand here, which psd-tools reads alike."""

import io
import struct
import warnings
import zlib

import imagecodecs
import numpy as np
import pytest

from imgae.errors import ImageError
from imgae.io.colour.cms import srgb_profile
from imgae.io.files import read_image, write_image
from imgae.io.formats import table

BITMAP, GRAY, INDEXED, RGB, CMYK, MULTICHANNEL, DUOTONE, LAB = 0, 1, 2, 3, 4, 7, 8, 9
RAW, RUNS, ZIP, STEPS = range(4)
RANDOM = np.random.default_rng(3)


def block(number, content):
    return b"8BIM" + struct.pack(">H", number) + b"\0\0" + sized(content) + bytes(len(content) % 2)


def sized(content, number=">I"):
    return struct.pack(number, len(content)) + content


def layer_section(big, layers=0, alpha=False, tagged=b""):
    """Layers without a picture; their count is negative if the flattened picture is transparent."""
    wide = ">Q" if big else ">I"
    one = struct.pack(">4iH", 0, 0, 0, 0, 0) + b"8BIMnorm\xff\0\0\0" + sized(bytes(12))
    info = struct.pack(">h", -layers if alpha else layers) + one * layers
    info += bytes(-len(info) % 4)
    return sized(sized(info, wide) + sized(b"") + tagged, wide)


def psd(planes, mode=RGB, how=RAW, big=False, palette=b"", resources=(), layers=b"", depth=None):
    """A file of channels (K, H, W)."""
    planes = np.asarray(planes)
    count, height, width = planes.shape
    depth = depth or planes.dtype.itemsize * 8
    if depth == 1:
        lines = np.packbits(planes, axis=2)
    else:
        lines = planes.astype(planes.dtype.newbyteorder(">"))
    if how == STEPS:
        lines = lines.copy()
        if depth == 32:
            parts = np.ascontiguousarray(lines).view(np.uint8).reshape(count, height, width, 4)
            lines = np.ascontiguousarray(parts.swapaxes(2, 3)).reshape(count, height, width * 4)
        steps = np.diff(lines.astype(lines.dtype.newbyteorder("=")), axis=2, prepend=0)
        lines = steps.astype(lines.dtype)
    rows = [row.tobytes() for plane in lines for row in plane]
    if how == RUNS:
        rows = [imagecodecs.packbits_encode(row) for row in rows]
        body = b"".join(struct.pack(">I" if big else ">H", len(row)) for row in rows)
        body += b"".join(rows)
    else:
        body = b"".join(rows)
        body = zlib.compress(body) if how in (ZIP, STEPS) else body
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1 + big, count, height, width, depth, mode)
    belongings = b"".join(block(*one) for one in resources)
    layers = layers or sized(b"", ">Q" if big else ">I")
    return head + sized(palette) + sized(belongings) + layers + struct.pack(">H", how) + body


def quietly(data):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_image(data)


def samples(dtype, *shape):
    if np.dtype(dtype).kind == "f":
        return (RANDOM.random(shape) * 3 - 1).astype(dtype)
    return RANDOM.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("how", [RAW, RUNS, ZIP, STEPS])
@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_every_depth_and_compression_gives_the_samples(dtype, how, big):
    planes = samples(dtype, 3, 5, 7)
    image = read_image(psd(planes, how=how, big=big))
    np.testing.assert_array_equal(image.pixels, planes.transpose(1, 2, 0))
    assert image.pixels.dtype.isnative
    gray = read_image(psd(planes[:1], GRAY, how, big))
    np.testing.assert_array_equal(gray.pixels[:, :, 0], planes[0])


@pytest.mark.parametrize(("mode", "channels"), [(GRAY, 1), (RGB, 3), (CMYK, 4)])
def test_psd_tools_reads_such_files_alike(mode, channels):
    tools = pytest.importorskip("psd_tools", reason="psd-tools is not installed")
    planes = samples("u1", channels, 6, 9)
    data = psd(planes, mode, RUNS, layers=layer_section(False))
    other = tools.PSDImage.open(io.BytesIO(data)).numpy()
    own = planes.transpose(1, 2, 0) / np.float32(255)
    np.testing.assert_allclose(other, own, atol=1e-6)


def test_black_and_white_is_gray():
    bits = RANDOM.integers(0, 2, (1, 5, 11), np.uint8)
    for how in (RAW, RUNS):
        image = read_image(psd(bits, BITMAP, how, depth=1))
        np.testing.assert_array_equal(image.pixels[:, :, 0], (1 - bits[0]) * 255)
        assert image.stored.mode == "1 bit"


def test_a_palette_becomes_rgb_and_its_clear_colour_alpha():
    palette = samples("u1", 256, 3)
    index = samples("u1", 1, 4, 6)
    index[0, 1, 2] = 77
    data = psd(index, INDEXED, palette=palette.T.tobytes())
    with pytest.warns(match="palette"):
        image = read_image(data)
    np.testing.assert_array_equal(image.pixels, palette[index[0]])
    assert image.alpha is None
    clear = psd(index, INDEXED, palette=palette.T.tobytes(), resources=[(1047, b"\0\x4d")])
    alpha = quietly(clear).alpha
    np.testing.assert_array_equal(alpha == 0, index[0] == 77)


def ink_profile():
    """Of inks of which black alone is seen: it takes lightness away evenly."""
    grid = np.stack(np.meshgrid(*[[0, 1]] * 4, indexing="ij"), 4).reshape(-1, 4)
    lab = np.stack([255 * (1 - grid[:, 3]), *[np.full(16, 128)] * 2], 1).astype(np.uint8)
    identity = struct.pack(">9i", *(65536 * (k % 4 == 0) for k in range(9)))
    ramp = bytes(range(256))
    table = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0)) + identity + ramp * 4 + lab.tobytes() + ramp * 3
    white = struct.pack(">3I", 63190, 65536, 54061)
    tags = {
        b"desc": b"desc" + struct.pack(">II", 0, 5) + b"inks\0" + bytes(79),
        b"cprt": b"text\0\0\0\0none",
        b"wtpt": b"XYZ \0\0\0\0" + white,
        b"A2B0": table,
    }
    at, listed, data = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        listed += name + struct.pack(">II", at + len(data), len(tag))
        data += tag + bytes(-len(tag) % 4)
    head = struct.pack(">IIH2x", at + len(data), 0, 0x0240) + b"prtrCMYKLab " + bytes(12) + b"acsp"
    return (head + bytes(28) + white).ljust(128, b"\0") + listed + data


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_inks_become_srgb_by_their_profile(dtype):
    most = np.iinfo(dtype).max
    black = np.array([0, 0.5, 1])  # stored as what is left of white
    planes = np.stack([np.zeros(3), *np.ones((2, 3)), 1 - black])[:, None] * most
    data = psd(np.rint(planes).astype(dtype), CMYK, resources=[(1039, ink_profile())])
    with pytest.warns(match="as sRGB, by its colour profile"):
        image = read_image(data)
    assert image.pixels.dtype == dtype
    np.testing.assert_allclose(image.pixels[0, :, 1] / most, [1, 119 / 255, 0], atol=0.01)
    assert image.icc == srgb_profile()
    assert image.stored.mode == "CMYK"


@pytest.mark.parametrize("dtype", ["u1", "u2"])
def test_inks_without_a_profile_become_srgb_by_a_guess(dtype):
    planes = samples(dtype, 4, 4, 5)
    with pytest.warns(match="without a colour profile"):
        image = read_image(psd(planes, CMYK))
    light = planes[:3].astype(np.float64) * planes[3] / np.iinfo(dtype).max
    np.testing.assert_allclose(image.pixels, light.transpose(1, 2, 0), atol=0.5001)


def test_lab_becomes_srgb():
    white_gray_red = np.array([[255, 128, 128], [137, 128, 128], [138, 209, 198]], np.uint8)
    with pytest.warns(match="Lab"):
        image = read_image(psd(white_gray_red.T[:, None], LAB))
    np.testing.assert_allclose(image.pixels[0], [[255] * 3, [128] * 3, [255, 0, 0]], atol=3)
    deep = (white_gray_red.astype(np.uint16) - [0, 128, 128]) * [257, 256, 256] + [0, 32768, 32768]
    image = quietly(psd(deep.astype(np.uint16).T[:, None], LAB))
    np.testing.assert_allclose(image.pixels[0] / 257, [[255] * 3, [128] * 3, [255, 0, 0]], atol=3)


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
@pytest.mark.parametrize("said", ["layers", "Mtrn"])
def test_transparency_is_told_from_further_channels_and_freed_of_white(dtype, said):
    colours, alpha, spot = samples("u2", 3, 6, 5) / 65535, samples("u2", 6, 5) / 65535, 0.25
    alpha[0], alpha[1] = 0, 1
    white = 1 if dtype == "f4" else np.iinfo(dtype).max
    flat = colours * alpha + (1 - alpha)
    planes = np.stack([*flat, alpha, np.full((6, 5), spot)]) * white
    planes = (planes if dtype == "f4" else np.rint(planes)).astype(dtype)
    layers = (
        layer_section(False, 1, alpha=True)
        if said == "layers"
        else layer_section(False, tagged=b"8BIMMtrn" + sized(b""))
    )
    image = quietly(psd(planes, layers=layers))
    np.testing.assert_array_equal(image.alpha, planes[3])
    np.testing.assert_array_equal(image.extra[:, :, 0], planes[4])
    seen = alpha > 0.3
    got = image.pixels[seen] / white
    atol = {"u1": 0.008, "u2": 0.0001, "f4": 1e-5}[dtype]
    np.testing.assert_allclose(got, colours.transpose(1, 2, 0)[seen], atol=atol)
    np.testing.assert_array_equal(image.pixels[0], planes[:3, 0].T)
    without = quietly(psd(planes, layers=layer_section(False, 1)))
    assert without.alpha is None
    assert without.extra.shape == (6, 5, 2)


def test_layers_of_16_bits_say_too_that_there_is_transparency():
    planes = samples("u2", 4, 3, 3)
    tagged = b"8BIMLr16" + sized(struct.pack(">h", -2) + bytes(2))
    with pytest.warns(match="its 2 layers are left out"):
        image = read_image(psd(planes, layers=layer_section(False, tagged=tagged)))
    assert image.alpha is not None
    big = b"8BIMLr16" + sized(struct.pack(">h", -2) + bytes(2), ">Q")
    assert quietly(psd(planes, big=True, layers=layer_section(True, tagged=big))).alpha is not None


def test_what_travels_with_the_picture():
    exif = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 271, 2, 4, 0x00746143, 0)
    found = [
        (1005, struct.pack(">IHHIHH", 300 << 16, 1, 1, (150 << 16) + 32768, 1, 1)),
        (1008, b"\x04Bild"),
        (1028, b"\x1c\x02\x78\0\x02ab"),
        (1036, b"a thumbnail"),
        (1039, srgb_profile()),
        (1058, exif),
        (1060, b"<x:xmpmeta/>"),
    ]
    image = read_image(psd(samples("u1", 3, 4, 4), resources=found))
    assert image.dpi == (300, 150.5)
    assert image.text == (("Description", "Bild"),)
    assert image.iptc == b"\x1c\x02\x78\0\x02ab"
    assert image.icc == srgb_profile()
    assert image.exif == exif
    assert image.xmp == b"<x:xmpmeta/>"


def test_layers_and_paths_are_left_out_with_a_warning():
    data = psd(samples("u1", 3, 4, 4), resources=[(2000, b"x")], layers=layer_section(False, 3))
    with pytest.warns(match="flattened picture; its 3 layers and its paths are left out"):
        read_image(data)


def test_a_duotone_is_gray():
    planes = samples("u1", 1, 4, 4)
    with pytest.warns(match="duotone"):
        image = read_image(psd(planes, DUOTONE, palette=b"curves"))
    np.testing.assert_array_equal(image.pixels[:, :, 0], planes[0])


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (psd(samples("u1", 3, 4, 4), resources=[(1057, struct.pack(">IB", 1, 0) + bytes(12))]),
         "holds layers only, and no flattened picture.*Maximize Compatibility"),
        (psd(samples("u1", 3, 4, 4), MULTICHANNEL), "Multichannel"),
        (psd(samples("u1", 2, 4, 4)), "2 channels"),
        (psd(samples("u1", 3, 40, 40))[:-9], "cut short"),
        (psd(samples("u1", 3, 4, 4))[:60], "cut short"),
        (b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 30000, 30000, 8, 3) + bytes(14),
         "too short for the pixels"),
        (b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 300000, 300000, 8, 3) + bytes(14),
         "90000 megapixels"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_said_in_a_sentence(data, sentence):
    with pytest.raises(ImageError, match=sentence) as caught:
        read_image(data)
    assert "\n" not in str(caught.value)


def test_a_psd_is_not_written(tmp_path):
    assert table.of_content(psd(samples("u1", 3, 2, 2), big=True)).name == "PSD"
    with pytest.raises(ImageError, match="reads PSD but does not write it"):
        write_image(read_image(psd(samples("u1", 3, 2, 2))), tmp_path / "a.psd")
