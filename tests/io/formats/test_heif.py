"""HEIC. Files of other programs are stood for by what pillow-heif writes, and by changed bytes."""

import io
import struct
import sys

import numpy as np
import PIL.Image
import PIL.ImageCms
import pillow_heif
import pytest

from imgae import Frames, Image, ImageError, ImgaeWarning, read_frames, read_image, write_frames
from imgae.errors import MissingExtraError
from imgae.io.bmff import boxes
from imgae.io.formats import heif, table
from imgae.picture.image import Stored
from imgae.picture.orientation import turn

PROFILE = PIL.ImageCms.ImageCmsProfile(PIL.ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF/></x:xmpmeta>'


def noise(*shape, bits=8):
    values = np.random.default_rng(sum(shape)).integers(0, 1 << bits, shape)
    most = (1 << bits) - 1
    if bits == 8:
        return values.astype(np.uint8)
    return ((values * 65535 + most // 2) // most).astype(np.uint16)


def smooth(height=40, width=50, channels=3):
    y, x = np.mgrid[:height, :width]
    planes = [90 + 60 * np.sin((x + 9 * c) / 15) + 40 * np.cos(y / 9) for c in range(channels)]
    return np.stack(planes, 2).astype(np.uint8)


def exif(**tags):
    made = PIL.Image.Exif()
    made[271] = "Maker"
    made.update({int(tag[1:]): value for tag, value in tags.items()})
    return made.tobytes().removeprefix(b"Exif\0\0")


def written(tmp_path, image, quality=100):
    frames = image if isinstance(image, Frames) else Frames((image,))
    write_frames(frames, tmp_path / "a.heic", overwrite=True, quality=quality)
    return (tmp_path / "a.heic").read_bytes()


def heic(array, **options):
    mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[array.shape[2]]
    file = pillow_heif.HeifFile()
    height, width = array.shape[:2]
    file.add_frombytes(options.pop("mode", mode), (width, height), array.tobytes())
    out = io.BytesIO()
    file.save(out, quality=-1, chroma=444, matrix_coefficients=0, **options)
    return out.getvalue()


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_sample_comes_back_at_quality_100(tmp_path, bits, channels):
    array = noise(21, 34, channels, bits=bits)
    has_alpha = channels in (2, 4)
    pixels = np.ascontiguousarray(array[:, :, : channels - has_alpha])
    image = Image(pixels, np.ascontiguousarray(array[:, :, -1]) if has_alpha else None)
    found = read_image(written(tmp_path, image))
    assert found.stored.bits == bits
    assert np.array_equal(found.pixels, pixels)
    assert image.alpha is None or np.array_equal(found.alpha, image.alpha)


def test_ten_bits_stay_ten_bits_and_are_spread_by_the_rule(tmp_path):
    raw = np.random.default_rng(0).integers(0, 1024, (16, 18, 3)).astype("<u2")
    found = read_image(heic(raw, mode="RGB;10", bit_depth=10))
    assert np.array_equal(found.pixels, np.rint(raw * (65535 / 1023)).astype(np.uint16))
    again = pillow_heif.open_heif(
        written(tmp_path, found), convert_hdr_to_8bit=False, hdr_to_16bit=False
    )
    assert again.info["bit_depth"] == 10
    assert np.array_equal(np.asarray(again[0]), raw)


def test_sixteen_bits_become_twelve_with_a_warning(tmp_path):
    with pytest.warns(ImgaeWarning, match="HEIC holds 12 bits; reduced from 16"):
        data = written(tmp_path, Image(noise(8, 9, 3, bits=16)))
    assert read_image(data).stored.bits == 12


def test_one_re_encoding_is_near_and_keeps_the_subsampling(tmp_path):
    image = Image(smooth(), stored=Stored("HEIC", "", 8, {"chroma": 420}))
    data = written(tmp_path, image, None)
    assert pillow_heif.open_heif(data).info["chroma"] == 420
    assert np.abs(read_image(data).pixels.astype(int) - image.pixels).mean() < 2
    data = written(tmp_path, Image(smooth()), None)
    assert pillow_heif.open_heif(data).info["chroma"] == 444
    assert len(written(tmp_path, image, 20)) < len(data)


def test_what_belongs_to_a_picture_comes_back(tmp_path):
    image = Image(
        smooth(),
        exif=exif(),
        xmp=XMP,
        cicp=(9, 16, 0, 1),
        private={
            heif.LIGHT: {
                "content_light_level": {
                    "max_content_light_level": 900,
                    "max_pic_average_light_level": 300,
                }
            },
            heif.ASPECT: (2, 1),
        },
    )
    found = read_image(written(tmp_path, image))
    for field in ("icc", "exif", "xmp", "cicp", "private"):
        assert getattr(found, field) == getattr(image, field), field


def test_resolution_goes_into_exif(tmp_path):
    found = read_image(written(tmp_path, Image(smooth(), exif=exif(), dpi=(300, 200))))
    assert found.dpi == (300, 200)
    values = PIL.Image.Exif()
    values.load(found.exif)
    assert values[271] == "Maker"


def test_orientation_is_applied_once():
    array = noise(20, 30, 3)
    for orientation in range(1, 9):
        data = heic(array, exif=exif(_274=orientation))  # pillow-heif writes irot and imir of it
        found = read_image(data)
        assert np.array_equal(found.pixels, turn(Image(array), orientation).pixels)
        values = PIL.Image.Exif()
        values.load(found.exif)
        assert values[274] == 1


def test_premultiplied_colours_are_undone_and_go_back(tmp_path):
    alpha = noise(16, 16)
    straight = noise(16, 16, 3)
    stored = (straight.astype(int) * alpha[:, :, None] + 127) // 255
    data = heic(np.dstack([stored, alpha]).astype(np.uint8), mode="RGBa")
    found = read_image(data)
    seen = alpha > 127
    assert np.abs(found.pixels.astype(int) - straight)[seen].max() <= 1
    again = pillow_heif.open_heif(written(tmp_path, found))
    assert again.premultiplied_alpha
    assert np.array_equal(np.asarray(again[0])[:, :, :3], stored)


def test_pages_keep_their_order_sizes_depths_and_which_is_first(tmp_path):
    second = Stored("HEIC", "", 10, {"primary": True})
    pages = (
        Image(noise(16, 20, 3)),
        Image(noise(30, 18, 1, bits=10), stored=second, exif=exif()),
        Image(noise(17, 17, 3), noise(17, 17)),
    )
    found = read_frames(written(tmp_path, Frames(pages, "pages")))
    assert found.kind == "pages"
    for before, after in zip(pages, found, strict=True):
        assert np.array_equal(before.pixels, after.pixels)
        assert before.exif == after.exif
    assert [page.stored.details["primary"] for page in found] == [False, True, False]


def test_auxiliary_pictures_and_videos_are_warned_of_by_name():
    data = heic(noise(16, 16, 4))
    alpha = b"urn:mpeg:hevc:2015:auxid:1"
    cases = {
        "HDR gain map": data.replace(alpha, b"urn:com:apple:x:hdrgainmap"),
        "auxiliary picture \\(skin\\)": data.replace(
            alpha, b"urn:com:apple:photo:x:skin".ljust(26)
        ),
        "depth map": data.replace(alpha, b"urn:mpeg:hevc:2015:auxid:2"),
        "video of a motion photo": data + boxes.box(b"mpvd", bytes(40)),
    }
    appended = data + b"MotionPhoto_Data" + boxes.box(b"ftyp", b"mp42") + bytes(50)
    for name, changed in (*cases.items(), ("video of a motion photo", appended)):
        with pytest.warns(ImgaeWarning, match=f"its {name} is not carried over"):
            assert read_image(changed).width == 16
    assert read_image(data).alpha is not None


def test_gain_map_of_iso_21496_is_warned_of(tmp_path):
    data = written(tmp_path, Frames((Image(noise(16, 16, 3)), Image(noise(8, 8, 1))), "pages"))
    kinds = data.index(b"hvc1", data.index(b"hvc1", data.index(b"iinf")) + 4)
    with pytest.warns(ImgaeWarning, match="HDR gain map"):
        read_frames(data[:kinds] + b"tmap" + data[kinds + 4 :])


def test_thumbnails_are_not_carried(tmp_path):
    data = heic(smooth(80, 90), thumbnails=[32])
    assert pillow_heif.open_heif(data).info["thumbnails"]
    found = read_image(data)
    assert not pillow_heif.open_heif(written(tmp_path, found)).info["thumbnails"]


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 8200, 1), (3, 2, 4)])
def test_small_and_long_pictures(tmp_path, shape):
    array = noise(*shape)
    pixels = np.ascontiguousarray(array[:, :, :3])
    alpha = np.ascontiguousarray(array[:, :, 3]) if shape[2] == 4 else None
    found = read_image(written(tmp_path, Image(pixels, alpha)))
    assert np.array_equal(found.pixels, pixels)
    assert read_image(written(tmp_path, Image(pixels, alpha), None)).pixels.shape == pixels.shape


def test_more_pixels_than_allowed_are_not_decoded():
    with pytest.raises(ImageError, match="megapixels, more than"):
        read_image(heic(smooth()), max_pixels=100)


def test_damage_is_one_sentence():
    data = heic(smooth())
    for cut in (40, len(data) // 2, len(data) - 40):
        with pytest.raises(ImageError, match="damaged"):
            read_image(data[:cut])


def test_what_is_appended_is_passed_over():
    data = heic(smooth())
    for appended in (b"\0\0", bytes(40), b"\0\0\0\4abcd"):
        assert np.array_equal(read_image(data + appended).pixels, smooth())


def test_a_moving_picture_is_named():
    data = boxes.box(b"ftyp", b"hevc\0\0\0\0hevcmsf1") + boxes.box(b"moov", bytes(20))
    with pytest.raises(ImageError, match="moving picture"):
        read_image(data)


def test_brands_tell_heic_from_avif():
    def row(*brands):
        found = table.of_content(boxes.box(b"ftyp", brands[0], bytes(4), *brands[1:]) + bytes(40))
        return found.name if found else None

    for brand in (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"):
        assert row(brand, b"mif1", b"heic") == "HEIC"
    assert row(b"mif1", b"avif", b"miaf") != "HEIC"
    assert row(b"avif", b"mif1") != "HEIC"
    assert row(b"isom", b"mp42") is None


def test_without_the_library_the_extra_is_named(monkeypatch):
    data = heic(smooth())
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    monkeypatch.delitem(sys.modules, "imgae.io.formats.heif")
    with pytest.raises(MissingExtraError, match=r"a HEIC file needs pillow_heif.*imgae\[formats\]"):
        read_image(data)


def test_nothing_global_is_changed(tmp_path):
    before = PIL.Image.MAX_IMAGE_PIXELS, dict(PIL.Image.OPEN), dict(vars(pillow_heif.options))
    read_image(written(tmp_path, Image(smooth())))
    assert before == (
        PIL.Image.MAX_IMAGE_PIXELS,
        dict(PIL.Image.OPEN),
        dict(vars(pillow_heif.options)),
    )


@pytest.mark.parametrize(("cicp", "left"), [((12, 13, 0, 1), "icc"), ((9, 16, 0, 1), "cicp")])
def test_one_of_two_colour_descriptions_is_written(tmp_path, cicp, left):
    with pytest.warns(ImgaeWarning, match="one of two colour descriptions"):
        found = read_image(written(tmp_path, Image(smooth(), icc=PROFILE, cicp=cicp)))
    assert found.icc == (PROFILE if left == "icc" else None)
    assert found.cicp == (cicp if left == "cicp" else None)


def test_a_colour_description_beside_a_profile_is_read():
    light = {
        "display_primaries_x": (1, 2, 3),
        "display_primaries_y": (1, 2, 3),
        "white_point_x": 5,
        "white_point_y": 5,
        "max_display_mastering_luminance": 9,
        "min_display_mastering_luminance": 1,
    }
    data = heic(smooth(), icc_profile=PROFILE, mastering_display_colour_volume=light)
    at = data.index(b"mdcv")
    colour = b"colrnclx" + struct.pack(">HHHB", 12, 13, 0, 128)
    found = read_image(data[:at] + colour.ljust(28, b"\0") + data[at + 28 :])
    assert found.cicp == (12, 13, 0, 1)
    assert found.icc == PROFILE
