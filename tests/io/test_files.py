import io
import os
import struct
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import PIL.Image
import PIL.ImageOps
import pytest
import tifffile
from pictures import ICC, XMP, exif, picture, same

from imgae import Image, ImageError, ImageNotFoundError, ImgaeWarning, read_image, write_image
from imgae.io.files import table, write_file
from imgae.io.format import Format

LOSSLESS = [
    (extension, dtype, channels, alpha)
    for extension, dtypes in {
        ".png": (np.uint8, np.uint16),
        ".tif": (np.uint8, np.uint16, np.float32),
        ".webp": (np.uint8,),
    }.items()
    for dtype in dtypes
    for channels in (1, 3)
    for alpha in (False, True)
    if extension != ".webp" or channels == 3
]


@pytest.mark.parametrize(("extension", "dtype", "channels", "alpha"), LOSSLESS)
def test_what_is_written_without_loss_is_read_back_the_same(
    tmp_path, extension, dtype, channels, alpha
):
    path = tmp_path / f"a{extension}"
    original = picture(dtype, channels, alpha, icc=ICC, xmp=XMP, dpi=(300.0, 300.0))
    write_image(original, path)
    back = read_image(path)
    same(back, original)
    assert back.icc == ICC
    assert back.xmp == XMP
    if extension != ".webp":
        assert back.dpi == pytest.approx((300, 300), rel=1e-3)


@pytest.mark.parametrize(
    ("extension", "dtype"),
    [(".png", np.uint8), (".png", np.uint16), (".jpg", np.uint8), (".webp", np.uint8)],
)
def test_camera_data_is_kept(tmp_path, extension, dtype):
    path = tmp_path / f"a{extension}"
    write_image(picture(dtype, 3, alpha=False, exif=exif()), path)
    with PIL.Image.open(path) as file:
        assert file.getexif()[0x010F] == "Maker"
        assert file.getexif().get_ifd(0x8769)[0x9003] == "2026:01:02 03:04:05"
    assert read_image(path).exif == exif()


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp", ".tif"])
def test_pictures_come_upright_and_their_tag_is_reset(tmp_path, orientation, extension):
    path = tmp_path / f"a{extension}"
    ramp = np.arange(24 * 40, dtype=np.float64).reshape(24, 40)
    pixels = np.repeat((ramp / ramp.max() * 255).astype(np.uint8)[:, :, None], 3, 2)
    options = {"quality": 100} if extension == ".jpg" else {}
    if extension == ".webp":
        options = {"lossless": True}
    tags = PIL.Image.Exif()
    tags.load(b"Exif\0\0" + exif(orientation))
    PIL.Image.fromarray(pixels).save(path, exif=tags, **options)
    with PIL.Image.open(path) as file:
        expected = np.asarray(PIL.ImageOps.exif_transpose(file))
    image = read_image(path)
    assert np.array_equal(image.pixels, expected)
    out = tmp_path / "b.png"
    write_image(image, out)
    with PIL.Image.open(out) as file:
        assert file.getexif().get(0x0112, 1) == 1
        assert np.array_equal(np.asarray(file), expected)


def png_cut_short(path):
    write_image(picture(np.uint8, 3, alpha=False), path)
    path.write_bytes(path.read_bytes()[:-200])


def png16_cut_short(path):
    write_image(picture(np.uint16, 3, alpha=False), path)
    path.write_bytes(path.read_bytes()[:-400])


def png_with_a_flipped_byte(path):
    write_image(picture(np.uint8, 3, alpha=False), path)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def png_of_impossible_size(path):
    header = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    crc = struct.pack(">I", zlib.crc32(chunk))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + crc)


def animation(path):
    frames = [PIL.Image.fromarray(picture(np.uint8, 3, alpha=False).pixels) for _ in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


def logarithms(path):
    tifffile.imwrite(path, np.zeros((8, 8), np.uint16), photometric=32844)


def text(path):
    path.write_text("not a picture at all")


def integers(path):
    tifffile.imwrite(path, np.zeros((8, 8), np.int32))


@pytest.mark.filterwarnings("ignore::imgae.ImgaeWarning")
@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (png_cut_short, "damaged or cut short"),
        (png16_cut_short, "damaged or cut short"),
        (png_with_a_flipped_byte, "damaged or cut short"),
        (png_of_impossible_size, "more than the 1000 that are allowed"),
        (animation, "3 frames"),
        (logarithms, "colours are logarithms of brightness"),
        (text, "not a picture that can be read"),
        (integers, "signed integers of 32 bits"),
        (lambda path: path.write_bytes(b""), "empty, 0 bytes"),
        (lambda path: path.mkdir(), "a folder, not a picture"),
        (lambda path: None, "no such file"),
    ],
)
def test_what_is_no_whole_picture_is_refused_in_one_sentence(tmp_path, make, sentence):
    path = tmp_path / "a.png"
    make(path)
    with pytest.raises(ImageError, match=sentence) as caught:
        read_image(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::imgae.ImgaeWarning")
def test_every_cut_of_a_file_is_an_image_error_or_a_whole_picture(tmp_path):
    path = tmp_path / "a.jpg"
    write_image(picture(np.uint8, 3, alpha=False, exif=exif()), path)
    whole = path.read_bytes()
    for length in range(1, len(whole), 23):
        path.write_bytes(whole[:length])
        try:
            read_image(path)
        except ImageError:
            continue


def test_an_existing_file_is_kept_unless_overwriting_is_asked_for(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"mine")
    with pytest.raises(ImageError, match="exists already"):
        write_image(picture(np.uint8, 3, alpha=False), path)
    assert path.read_bytes() == b"mine"
    write_image(picture(np.uint8, 3, alpha=False), path, overwrite=True)
    assert read_image(path).mode == "RGB"


def test_a_link_is_written_through_and_stays_a_link(tmp_path):
    target, link = tmp_path / "target.png", tmp_path / "link.png"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_image(picture(np.uint8, 3, alpha=False), link, overwrite=True)
    assert link.is_symlink()
    assert read_image(target).mode == "RGB"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("a.xyz", "cannot tell the format"),
        ("no/a.png", "there is no folder"),
        ("d.png", "ordinary"),
    ],
)
def test_places_that_cannot_be_written_are_refused(tmp_path, name, sentence):
    (tmp_path / "d.png").mkdir()
    with pytest.raises(ImageError, match=sentence):
        write_image(picture(np.uint8, 3, alpha=False), tmp_path / name, overwrite=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["d.png"]


def test_a_failed_write_leaves_nothing_and_harms_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    path.write_bytes(b"mine")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(ImageError, match="No space left"):
        write_image(picture(np.uint8, 3, alpha=False), path, overwrite=True)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]
    assert path.read_bytes() == b"mine"


def test_a_pipe_is_refused_instead_of_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    with pytest.raises(ImageError, match="not an ordinary file"):
        read_image(tmp_path / "a.png")


def test_overwriting_keeps_who_may_read_it(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    path.chmod(0o640)
    write_image(picture(np.uint8, 3, alpha=False), path, overwrite=True)
    assert path.stat().st_mode & 0o777 == 0o640


def test_writers_of_one_file_at_once_leave_one_whole_file(tmp_path):
    path = tmp_path / "a.png"
    pictures = [picture(np.uint8, 3, alpha=False) for _ in range(40)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda image: write_image(image, path, overwrite=True), pictures))
    assert any(np.array_equal(read_image(path).pixels, image.pixels) for image in pictures)
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.png"]


def test_of_two_writers_that_must_not_overwrite_one_fails(tmp_path):
    path = tmp_path / "a.png"
    write_file(path, b"first", overwrite=False)
    with pytest.raises(ImageError, match="exists already"):
        write_file(path, b"second", overwrite=False)
    assert path.read_bytes() == b"first"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", ["pixels", "alpha"])
@pytest.mark.parametrize("extension", [".png", ".jpg", ".tif", ".webp"])
def test_what_is_no_number_is_not_written(tmp_path, extension, place, value):
    image = picture(np.float32, 3, alpha=True)
    getattr(image, place)[3, 4] = value
    with pytest.raises(ImageError, match=r"a\..*: .*NaN or infinity") as caught:
        write_image(image, tmp_path / f"a{extension}")
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_floats_beyond_black_and_white_are_written_to_a_float_tiff_as_they_are(tmp_path):
    original = Image(np.array([[[-0.25], [1.25]]], np.float32))
    write_image(original, tmp_path / "a.tif")
    same(read_image(tmp_path / "a.tif"), original)


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "a.png"
    original = picture(np.uint8, 3, alpha=True, icc=ICC)
    write_image(original, path)
    return path, original


def test_pictures_are_read_from_all_that_holds_bytes(written):
    path, original = written
    data = path.read_bytes()
    file = io.BytesIO(b"before" + data)
    file.seek(6)
    with path.open("rb") as opened:
        for source in (path, str(path), data, bytearray(data), memoryview(data), file, opened):
            back = read_image(source)
            same(back, original)
            assert back.icc == ICC
    with tempfile.SpooledTemporaryFile() as spooled:
        spooled.write(data)
        spooled.seek(0)
        same(read_image(spooled), original)
    assert not file.closed


class Response:
    """A stream that only reads, as from the network."""

    def __init__(self, data, name=None):
        self.data = data
        if name is not None:
            self.name = name

    def read(self):
        if isinstance(self.data, Exception):
            raise self.data
        return self.data


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (b"not a picture", "^the given bytes: not a picture"),
        (bytearray(), "^the given bytes: empty"),
        (io.BytesIO(), "^the given bytes: empty"),
        (Response(b"not a picture"), "^the given bytes: not a picture"),
        (Response(b"not a picture", "here.png"), "^here.png: not a picture"),
        (Response(b"not a picture", 5), "^the given bytes: not a picture"),
        (Response(None, "here.png"), "^here.png: .*expected bytes"),
        (Response("text", "here.png"), "^here.png: opened as text.*'rb'"),
        (io.StringIO("text"), "^the given file: opened as text.*'rb'"),
        (Response(OSError(5, "Input/output error"), "x.png"), "^x.png: cannot be read: Input"),
        (5, "takes a path, bytes or a binary file, not int"),
        (None, "not NoneType"),
        (np.zeros((4, 4, 3), np.uint8), "not ndarray"),
        ("a\0b.png", "cannot be read"),
    ],
)
def test_other_sources_are_refused_in_one_sentence(source, sentence):
    with pytest.raises(ImageError, match=sentence) as caught:
        read_image(source)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_open_as_text_is_refused_before_it_is_decoded(written):
    path, _ = written
    with path.open() as file, pytest.raises(ImageError, match=r"a\.png: opened as text"):
        read_image(file)
    with path.open("rb") as file:
        pass
    with pytest.raises(ImageError, match=r"a\.png: cannot be read: .*closed"):
        read_image(file)


def test_a_missing_file_is_also_a_file_not_found_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"^.*a\.png: no such file$") as caught:
        read_image(tmp_path / "a.png")
    assert isinstance(caught.value, ImageNotFoundError)
    with pytest.raises(ImageNotFoundError):
        read_image(tmp_path / "no" / "a.png")


@pytest.mark.parametrize("extension", [".jpg", ".png", ".webp"])
def test_floats_that_whole_numbers_cannot_hold_are_told_of_or_refused(tmp_path, extension):
    pixels = np.full((8, 8, 3), 0.5, np.float32)
    pixels[0, 0] = [-0.5, 3, 0.25]
    with pytest.warns(ImgaeWarning) as notes:
        write_image(Image(pixels), tmp_path / f"a{extension}")
    assert any(
        "reach from -0.5 to 3; what lies outside is clipped" in str(n.message) for n in notes
    )
    with pytest.raises(ImageError, match=r"values, 63.75 to 765, are outside 0 to 1"):
        write_image(Image(np.abs(pixels) * 255), tmp_path / f"b{extension}")
    assert not (tmp_path / f"b{extension}").exists()


@pytest.mark.filterwarnings("ignore::imgae.ImgaeWarning")
def test_floats_a_little_below_black_are_written(tmp_path):
    write_image(Image(np.full((8, 8, 3), -0.002, np.float32)), tmp_path / "a.png")
    assert not read_image(tmp_path / "a.png").pixels.any()


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't start new thread")])
def test_a_file_for_which_there_is_no_memory_is_not_called_damaged(monkeypatch, error):
    def fail(_):
        raise error

    monkeypatch.setattr(table.Row, "load", lambda _: Format(fail, None))
    with pytest.raises(ImageError, match=r"does not fit into memory$"):
        read_image(b"\x89PNG\r\n\x1a\n")
