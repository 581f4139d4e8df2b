import hashlib
import io
import struct
import warnings

import cv2
import imagecodecs
import jpegs
import numpy as np
import PIL.Image
import PIL.ImageCms
import pytest
from jpegs import exif, jpeg, opened, scene, segment, with_exif, with_segments, with_xmp
from pictures import ICC, picture

from imgae import Image, ImageError, ImgaeWarning, read_image, write_image
from imgae.io.files import encode
from imgae.io.format import Encoding
from imgae.picture.image import Frames

SIDEWAYS = exif([(0x0112, 3, 1, 6)])


def read(data):
    """The picture, and what is said of it."""
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always")
        image = read_image(data)
    return image, [str(note.message) for note in notes]


def written(tmp_path, image, **options):
    path = tmp_path / "out.jpg"
    write_image(image, path, overwrite=True, **options)
    return path.read_bytes()


def as_inks(tmp_path, image):
    return encode(Frames((image,)), tmp_path / "a.jpg", Encoding(cmyk=True))


def difference(data, other):
    return np.abs(np.asarray(opened(data)).astype(int) - np.asarray(opened(other)))


TABLES = [list(range(1, 65)), [3] * 64, list(range(64, 0, -1))]
KEPT = {
    "4:4:4": jpeg(subsampling=0),
    "4:2:2": jpeg(subsampling=1),
    "4:2:0": jpeg(subsampling=2),
    "gray": jpeg(scene(channels=1)),
    "progressive": jpeg(progressive=True),
    "RGB": jpeg(keep_rgb=True),
}


def factors(subsampling):
    ok, data = cv2.imencode(
        ".jpg",
        scene(93, 125),
        [
            cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
            getattr(cv2, f"IMWRITE_JPEG_SAMPLING_FACTOR_{subsampling}"),
        ],
    )
    assert ok
    return data.tobytes()


KEPT |= {name: factors(name) for name in ("411", "440")}


@pytest.mark.parametrize("name", KEPT)
def test_tables_and_subsampling_are_kept(tmp_path, name):
    data = KEPT[name]
    image, notes = read(data)
    assert not notes
    assert np.array_equal(np.squeeze(image.pixels), np.asarray(opened(data)))
    back = written(tmp_path, image)
    before, after = opened(data), opened(back)
    shares = [[layer[1:3] for layer in file.layer] for file in (before, after)]
    assert shares[0] == shares[1]
    assert after.quantization == before.quantization
    assert after.mode == before.mode
    assert after.info.get("progressive") == before.info.get("progressive")
    assert len(back) < 1.1 * len(data)
    assert difference(data, back).max() <= 16
    assert difference(data, back).mean() < 1


def test_tables_of_no_standard_are_kept_each_for_its_channel(tmp_path):
    out = io.BytesIO()
    PIL.Image.fromarray(scene()).save(out, "JPEG", qtables=TABLES, subsampling=2)
    back = opened(written(tmp_path, read_image(out.getvalue())))
    assert [back.quantization[layer[3]] for layer in back.layer] == TABLES


@pytest.mark.filterwarnings("ignore:.*steps of its tables")
def test_steps_beyond_8_bits_are_told_of_and_nothing_is_printed(tmp_path, capfd):
    steps = b"\xff\xdb" + struct.pack(">HB64H", 131, 0x10, *[300] * 64)
    data = jpeg(scene(channels=1))
    at = data.index(b"\xff\xdb")
    data = data[:at] + steps + data[at + 69 :]
    data = data.replace(b"\xff\xc0", b"\xff\xc1", 1)
    image = read_image(data)
    assert image.quantisation == (300 / 255, 300 / 255)
    with pytest.warns(ImgaeWarning, match="steps of its tables over 255 are written as 255"):
        back = written(tmp_path, image)
    assert opened(back).quantization == {0: [255] * 64}
    assert capfd.readouterr() == ("", "")


def test_tables_turn_with_the_picture(tmp_path):
    data = with_exif(jpeg(subsampling=1), SIDEWAYS)
    back = written(tmp_path, read_image(data))
    before, after = opened(data), opened(back)
    assert (before.size, after.size) == ((128, 96), (96, 128))
    for number, table in before.quantization.items():
        assert np.array_equal(np.reshape(after.quantization[number], (8, 8)).T.ravel(), table)
    assert [layer[1:3] for layer in after.layer] == [(1, 2), (1, 1), (1, 1)]
    upright = np.asarray(before.transpose(PIL.Image.Transpose.ROTATE_270)).astype(int)
    assert np.abs(np.asarray(after) - upright).max() <= 16


def test_a_quality_sets_the_tables_and_keeps_the_subsampling(tmp_path):
    image = read_image(jpeg(subsampling=2, progressive=True))
    back = opened(written(tmp_path, image, quality=70))
    assert back.quantization == opened(jpeg(quality=70)).quantization
    assert back.layer[0][1:3] == (2, 2)
    assert back.info["progressive"]


def test_other_pictures_are_written_without_subsampling(tmp_path):
    for quality in (None, 30):
        back = opened(written(tmp_path, Image(scene()), quality=quality))
        assert back.layer[0][1:3] == (1, 1)
        assert back.quantization == opened(jpeg(quality=quality or 95)).quantization


def test_progressive_files_of_noise_are_written(tmp_path, capfd):
    noise = np.random.default_rng(0).integers(0, 256, (300, 300, 3), np.uint8)
    smooth = read_image(jpeg(quality=100, subsampling=0, progressive=True))
    back = written(tmp_path, smooth.with_pixels(noise))
    assert opened(back).info["progressive"]
    assert np.abs(read_image(back).pixels.astype(int) - noise).max() <= 4
    assert capfd.readouterr() == ("", "")


def test_the_mean_steps_are_those_of_luma_and_chroma():
    file = opened(jpeg(quality=50))
    means = tuple(sum(file.quantization[k]) / 64 / 255 for k in (0, 1))
    assert read_image(jpeg(quality=50)).quantisation == pytest.approx(means)


@pytest.mark.parametrize("ycck", [False, True])
def test_inks_become_rgb_by_their_profile_and_go_back(tmp_path, ycck):
    profile = jpegs.ink_profile()
    array = np.zeros((48, 64, 4), np.uint8)
    array[:24, :, 0], array[24:, :, 2], array[:, 40:, 3] = 200, 100, 128
    data = with_exif(jpeg(array, icc_profile=profile, dpi=(300, 150)), SIDEWAYS)
    if ycck:
        from imgae.io.formats.jpeg import coding

        kind = "YCCK"
        layout = coding.Layout(kind, ((1, 1), (2, 2), (2, 2), (1, 1)), coding.tables_of(kind, 90))
        made = with_exif(coding.encode(array, layout), SIDEWAYS)
        parts = [profile[at : at + 60000] for at in range(0, len(profile), 60000)]
        data = with_segments(made, segment(0xE2, b"ICC_PROFILE\0\1\1" + parts[0]))
        assert opened(data).info["adobe_transform"] == 2
    image, notes = read(data)
    (note,) = notes
    assert "its colours are inks (CMYK); continued as sRGB, by its colour profile" in note
    assert image.icc is None
    right = PIL.ImageCms.profileToProfile(
        opened(data),
        PIL.ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        PIL.ImageCms.createProfile("sRGB"),
        outputMode="RGB",
        renderingIntent=PIL.ImageCms.Intent.RELATIVE_COLORIMETRIC,
        flags=PIL.ImageCms.Flags.BLACKPOINTCOMPENSATION,
    ).transpose(PIL.Image.Transpose.ROTATE_270)
    assert np.abs(np.asarray(right).astype(int) - image.pixels).max() <= 1
    back = opened(as_inks(tmp_path, image))
    assert back.mode == "CMYK"
    assert back.size == (48, 64)
    assert ycck or back.info["dpi"] == (150, 300)
    assert back.info["icc_profile"] == profile
    assert back.info["adobe_transform"] == (2 if ycck else 0)
    turned = opened(data).transpose(PIL.Image.Transpose.ROTATE_270)
    inks = np.abs(np.asarray(back).astype(int) - np.asarray(turned))
    assert np.median(inks, (0, 1)).max() <= 24  # black is told in other inks
    again = read(as_inks(tmp_path, image))[0]
    assert np.abs(again.pixels.astype(int) - image.pixels).mean() < 4
    assert opened(written(tmp_path, image)).mode == "RGB"
    assert "icc_profile" not in opened(written(tmp_path, image)).info


def test_inks_without_a_profile_are_a_guess_that_is_told_of(tmp_path):
    array = np.zeros((16, 16, 4), np.uint8)
    array[:, :, 1], array[:, :, 3] = 255, 51
    image, (note,) = read(jpeg(array, quality=100))
    assert "without a colour profile" in note
    assert np.abs(image.pixels - np.array([204, 0, 204])).max() <= 1
    back = np.asarray(opened(as_inks(tmp_path, image))).astype(int)
    assert np.abs(back - array).max() <= 2


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("bits", [5, 8, 10, 12, 16])
def test_lossless_jpegs_come_back_exactly(tmp_path, channels, bits):
    dtype = np.uint8 if bits <= 8 else np.uint16
    samples = np.random.default_rng(0).integers(0, 1 << bits, (20, 30, channels), dtype)
    flat = np.ascontiguousarray(samples[:, :, 0] if channels == 1 else samples)
    data = bytes(imagecodecs.jpeg8_encode(flat, lossless=True, bitspersample=bits))
    image = read_image(data)
    most = 255 if bits <= 8 else 65535
    right = np.rint(samples.astype(float) * most / ((1 << bits) - 1))
    assert np.array_equal(image.pixels, right)
    assert image.stored.bits == bits
    assert image.quantisation is None
    back = imagecodecs.jpeg8_decode(written(tmp_path, image))
    assert np.array_equal(back, flat)


@pytest.mark.parametrize("channels", [1, 3])
def test_12_bits_are_read_into_16_and_written_again(tmp_path, channels):
    samples = scene(channels=channels).astype(np.uint16) * 16 + 7
    flat = np.ascontiguousarray(samples[:, :, 0] if channels == 1 else samples)
    data = bytes(imagecodecs.jpeg8_encode(flat, level=100, bitspersample=12, subsampling="444"))
    image = read_image(data)
    stored = imagecodecs.jpeg8_decode(data).reshape(samples.shape)
    assert image.pixels.dtype == np.uint16
    assert np.array_equal(image.pixels, np.rint(stored * (65535 / 4095)))
    back = imagecodecs.jpeg8_decode(written(tmp_path, image)).reshape(samples.shape)
    assert np.abs(back.astype(int) - stored).max() <= 4  # of 4095
    with pytest.warns(ImgaeWarning, match="reduced from 16"):
        write_image(Image(image.pixels), tmp_path / "b.jpg")


def test_jpeg_drops_depth_and_transparency_with_a_note(tmp_path):
    with pytest.warns(ImgaeWarning) as notes:
        write_image(picture(np.uint16, 3, alpha=True), tmp_path / "a.jpg")
    assert {"reduced from 16" in str(n.message) for n in notes} == {True, False}
    back = read_image(tmp_path / "a.jpg")
    assert (back.bits, back.mode) == (8, "RGB")


def test_a_profile_is_joined_in_its_own_order(tmp_path):
    profile = np.random.default_rng(0).bytes(150_000)
    parts = [
        segment(0xE2, b"ICC_PROFILE\0" + bytes((n + 1, 3)) + profile[60000 * n : 60000 * (n + 1)])
        for n in range(3)
    ]
    image = read_image(with_segments(jpeg(), parts[2], parts[0], parts[1]))
    assert image.icc == profile
    assert opened(written(tmp_path, image)).info["icc_profile"] == profile
    with pytest.warns(ImgaeWarning, match="colour profile lacks parts"):
        assert read_image(with_segments(jpeg(), parts[2], parts[0])).icc is None


def test_damaged_camera_data_is_left_out_and_told_of(tmp_path):
    path = tmp_path / "a.jpg"
    good = PIL.Image.fromarray(picture(np.uint8, 3, alpha=False).pixels)
    good.save(path, exif=b"Exif\0\0garbage beyond all parsing")
    with pytest.warns(ImgaeWarning, match=r"a\.jpg: .*damaged, and left out"):
        image = read_image(path)
    write_image(image, tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").exif is None


def test_camera_data_are_kept_byte_for_byte_over_64_kb_too(tmp_path):
    tiff = exif([(0x010F, 2, 100_000, 26)], after=b"A" * 99_999 + b"\0")
    parts = [segment(0xE1, b"Exif\0\0" + part) for part in (tiff[:60_000], tiff[60_000:])]
    image = read_image(with_segments(jpeg(), *parts))
    assert image.exif == tiff
    with pytest.warns(ImgaeWarning, match="take 2 segments"):
        assert read_image(written(tmp_path, image)).exif == tiff


def test_camera_data_twice_are_told_of():
    first, second = exif([(0x0100, 3, 1, 128)]), exif([(0x0100, 3, 1, 64)])
    with pytest.warns(ImgaeWarning, match="camera data .* twice"):
        assert read_image(with_exif(with_exif(jpeg(), second), first)).exif == first


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", [1, 3, 4, 6, 8, 9])
def test_an_orientation_of_any_integer_is_applied_once(tmp_path, order, kind):
    image = read_image(with_exif(jpeg(), exif([(0x0112, kind, 1, 6)], order)))
    assert (image.width, image.height, image.turned) == (96, 128, 6)
    back = opened(written(tmp_path, image))
    assert back.getexif()[0x0112] == 1
    assert back.size == (96, 128)


def test_orientation_in_xmp_follows_exif_and_is_left_alone_without(tmp_path):
    spaces = b'xmlns:tiff="http://ns.adobe.com/tiff/1.0/"'
    xmp = jpegs.packet(b'tiff:Orientation="6" tiff:ImageWidth="128"', spaces=spaces)
    both = read_image(with_xmp(with_exif(jpeg(), SIDEWAYS), xmp))
    assert (both.width, both.turned) == (96, 6)
    assert b'tiff:Orientation="1" tiff:ImageWidth="96"' in both.xmp
    alone = read_image(with_xmp(jpeg(), xmp))
    assert (alone.width, alone.xmp) == (128, xmp)


def test_long_xmp_is_kept(tmp_path):
    long = b'<q:long xmlns:q="http://q/">' + b"x" * 100_000 + b"</q:long>"
    image = Image(scene(), xmp=jpegs.packet(inner=long))
    back = read_image(written(tmp_path, image))
    assert long in back.xmp
    assert read_image(written(tmp_path, back)).xmp == back.xmp
    with pytest.warns(ImgaeWarning, match="no XML"):
        write_image(Image(scene(), xmp=bytes(70_000)), tmp_path / "b.jpg")
    assert read_image(tmp_path / "b.jpg").xmp is None


def extended(order=(0, 1, 2), digest=None):
    """XMP as Adobe's programs split it."""
    extension = jpegs.packet(
        b'q:a="1"', b"<q:long>" + b"x" * 100_000 + b"</q:long>", b'xmlns:q="http://q/"'
    )
    extension = extension[extension.index(b"<x:") : extension.index(b"<?xpacket end")]
    digest = digest or hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()
    main = jpegs.packet(
        b'xmpNote:HasExtendedXMP="' + digest + b'" dc:here="yes"',
        spaces=b'xmlns:xmpNote="http://ns.adobe.com/xmp/note/" xmlns:dc="http://purl.org/dc/"',
    )
    parts = [
        digest + struct.pack(">II", len(extension), 40_000 * n) + extension[40_000 * n :][:40_000]
        for n in order
    ]
    segments = [segment(0xE1, jpegs.XMP_EXTENSION + part) for part in parts]
    return with_segments(jpeg(), segment(0xE1, jpegs.XMP + main), *segments)


def test_an_extension_of_xmp_is_put_into_it():
    xmp = read_image(extended(order=(2, 0, 1))).xmp
    assert b'dc:here="yes"' in xmp
    assert b"<q:long>" + b"x" * 100_000 in xmp
    assert b"HasExtendedXMP" not in xmp


def test_an_extension_of_xmp_that_is_not_whole_is_told_of():
    with pytest.warns(ImgaeWarning, match="lacks a part of its XMP"):
        xmp = read_image(extended(order=(0, 2))).xmp
    assert b'dc:here="yes"' in xmp
    assert b"HasExtendedXMP" not in xmp


CAPTION = b"\x1c\x02\x78\0\x0ca caption on" + b"\x1c\x02\x19\0\x07keyword"
RESOURCES = (
    jpegs.resource(1028, CAPTION)
    + jpegs.resource(1036, b"a thumbnail")
    + jpegs.resource(1033, b"an older one")
    + jpegs.resource(1005, struct.pack(">IHHIHH", 240 << 16, 1, 1, 240 << 16, 1, 1))
    + jpegs.resource(2000, b"p" * 26, b"Path 1")
    + jpegs.resource(1034, b"\1")
)
SPLIT = [segment(0xED, jpegs.PHOTOSHOP + part) for part in (RESOURCES[:31], RESOURCES[31:])]


def test_captions_and_resources_are_kept_without_thumbnails(tmp_path):
    image = read_image(with_segments(jpeg(), *SPLIT))
    assert image.iptc == CAPTION
    assert image.dpi == (240, 240)
    back = written(tmp_path, image)
    assert b"a thumbnail" not in back
    assert b"an older one" not in back
    kept = opened(back).info["photoshop"]
    assert kept == {1028: CAPTION, 2000: b"p" * 26, 1034: b"\1"}


def test_the_small_copy_in_captions_is_left_out():
    preview = b"\x1c\x02\xca" + struct.pack(">HI", 0x8004, 300) + b"p" * 300
    captions = jpegs.resource(1028, CAPTION[:17] + preview + CAPTION[17:])
    image = read_image(with_segments(jpeg(), segment(0xED, jpegs.PHOTOSHOP + captions)))
    assert image.iptc == CAPTION


def test_a_table_that_replaces_another_is_that_of_later_scans():
    from imgae.io.formats.jpeg import coding, stream

    layout = coding.Layout("YCbCr", ((1, 1), (4, 1), (4, 1)), tuple(map(tuple, TABLES)))
    parts = stream.parse(coding.encode(scene(), layout), "a").parts
    tables = [part for part in parts if getattr(part, "marker", 0) == stream.DQT]
    first = [bytes(stream.Segment(stream.DQT, b"\0" + table.data[1:])) for table in tables]
    head = next(part.data for part in parts if getattr(part, "marker", 0) == 0xC0)
    head = head[:8] + b"\0" + head[9:11] + b"\0" + head[12:14] + b"\0"
    made = [stream.SOI, first[0], segment(0xC0, head)]
    for part in parts:
        if isinstance(part, stream.Scan):
            number = part.header[1]
            table = first[number - 1] if number > 1 else b""
            made += [table, segment(stream.SOS, part.header), part.pieces[0]]
        elif part.marker == stream.DHT:
            made.append(bytes(part))
    data = b"".join([*made, stream.EOI])
    image = read_image(data)
    assert np.array_equal(image.pixels, read_image(coding.encode(scene(), layout)).pixels)
    assert image.stored.details["layout"] == layout


def test_clipping_paths_of_a_turned_picture_are_told_of(tmp_path):
    with pytest.warns(ImgaeWarning, match="clipping paths"):
        image = read_image(with_segments(jpeg(), segment(0xE1, b"Exif\0\0" + SIDEWAYS), *SPLIT))
    assert opened(written(tmp_path, image)).info["photoshop"] == {1028: CAPTION, 1034: b"\1"}


def test_what_other_formats_cannot_hold_of_photoshop_is_told_of(tmp_path):
    image = read_image(with_segments(jpeg(), *SPLIT))
    with pytest.warns(ImgaeWarning) as notes:
        write_image(image, tmp_path / "a.webp")
    assert any("holds no Photoshop resources" in str(note.message) for note in notes)


@pytest.mark.parametrize(
    ("header", "dpi"),
    [
        ((0, 1, 1), None),
        ((0, 300, 300), None),
        ((1, 300, 150), (300, 150)),
        ((2, 118, 118), (299.72, 299.72)),
        ((1, 0, 0), None),
    ],
)
def test_a_resolution_is_kept_in_its_unit(tmp_path, header, dpi):
    image = read_image(jpegs.with_density(jpeg(), *header))
    assert image.dpi == (dpi and pytest.approx(dpi))
    back = opened(written(tmp_path, image))
    expected = header if dpi else (0, 1, 1)
    assert (back.info["jfif_unit"], *back.info["jfif_density"]) == expected


def test_pixels_that_are_not_square_are_kept_and_turned(tmp_path):
    data = jpegs.with_density(jpeg(), 0, 2, 1)
    assert opened(written(tmp_path, read_image(data))).info["jfif_density"] == (2, 1)
    turned = opened(written(tmp_path, read_image(with_exif(data, SIDEWAYS))))
    assert turned.info["jfif_density"] == (1, 2)


def test_the_resolution_of_jfif_goes_before_that_of_exif(tmp_path):
    values = struct.pack("<IIII", 72, 1, 72, 1)
    tiff = exif([(0x011A, 5, 1, 50), (0x011B, 5, 1, 58), (0x0128, 3, 1, 2)], after=values)
    assert read_image(with_exif(jpeg(dpi=(300, 300)), tiff)).dpi == (300, 300)
    assert read_image(with_exif(jpeg(), tiff)).dpi == (72, 72)
    image = read_image(with_exif(jpeg(dpi=(300, 300)), tiff))
    back = read_image(written(tmp_path, image))
    assert (back.exif, back.dpi) == (tiff, (300, 300))


def test_files_without_jfif_keep_their_resolution(tmp_path):
    image = Image(read_image(jpeg(keep_rgb=True)).pixels, dpi=(240.0, 240.0))
    stored = read_image(jpeg(keep_rgb=True)).stored
    back = written(tmp_path, Image(image.pixels, dpi=(240.0, 240.0), stored=stored))
    assert opened(back).info["adobe_transform"] == 0
    assert "jfif" not in opened(back).info
    assert read_image(back).dpi == opened(back).info["dpi"] == (240, 240)


def test_comments_are_texts_and_keep_their_bytes(tmp_path):
    comments = [b"Gr\xfc\xdfe", "Grüße aus Köln".encode(), b"ends in zero\0"]
    data = with_segments(jpeg(), *(segment(0xFE, comment) for comment in comments))
    image = read_image(data)
    texts = ("Grüße", "Grüße aus Köln", "ends in zero")
    assert image.text == tuple(("Comment", text) for text in texts)
    back = written(tmp_path, image)
    assert [data for kind, data in opened(back).applist if kind == "COM"] == comments


def test_texts_of_other_formats_become_comments(tmp_path):
    image = Image(scene(), text=(("Author", "Zoë"), ("Comment", "x" * 65_534)))
    with pytest.warns(ImgaeWarning, match="cannot hold a text of 65534 bytes"):
        back = written(tmp_path, image)
    assert opened(back).info["comment"] == "Author: Zoë".encode()


def test_small_copies_and_what_is_unknown_are_left_out(tmp_path):
    small = jpeg(scene(8, 8))
    data = with_segments(
        jpeg(),
        segment(0xE0, b"JFXX\0\x10" + small),
        segment(0xE3, b"Meta\0" + small),
        segment(0xEB, b"JP\0\1" + b"c2pa"),
        segment(0xEC, b"Ducky\0\1\0\4\0\0\0\x50\0\0"),
    )
    image, (note,) = read(data)
    assert "APP3 (Meta), APP11 (content credentials (C2PA, JUMBF))" in note
    assert small not in written(tmp_path, image)


VIDEO_XMP = jpegs.packet(
    b'GCamera:MotionPhoto="1" GCamera:MotionPhotoVersion="1" GCamera:Other="5"',
    jpegs.listed((b"MotionPhoto", len(jpegs.VIDEO))),
    jpegs.GCAMERA + b" " + jpegs.CONTAINER,
)


def test_the_video_of_a_motion_photo_is_left_out_with_its_flags(tmp_path):
    image, (note,) = read(with_xmp(jpeg(), VIDEO_XMP) + jpegs.VIDEO)
    assert "its video (motion photo)" in note
    back = written(tmp_path, image)
    assert b"ftyp" not in back
    assert b"MotionPhoto" not in back
    assert b"Container" not in back
    assert b'GCamera:Other="5"' in back


def test_a_video_that_is_claimed_and_not_there_is_told_of(tmp_path):
    image, (note,) = read(with_xmp(jpeg(), VIDEO_XMP))
    assert "which the file lacks" in note
    assert b"MotionPhoto" not in written(tmp_path, image)


def test_an_older_video_is_left_out_with_its_flags(tmp_path):
    flags = b"<GCamera:MicroVideo>1</GCamera:MicroVideo>"
    flags += b"<GCamera:MicroVideoOffset>1024</GCamera:MicroVideoOffset>"
    image, (note,) = read(
        with_xmp(jpeg(), jpegs.packet(inner=flags, spaces=jpegs.GCAMERA)) + jpegs.VIDEO
    )
    assert "its video (motion photo)" in note
    assert b"MicroVideo" not in written(tmp_path, image)


def test_a_gain_map_is_left_out_with_its_flags(tmp_path):
    version = b'hdrgm:Version="1.0"'
    gain = with_xmp(jpeg(scene(24, 32, 1)), jpegs.packet(version, spaces=jpegs.HDRGM))
    spaces = jpegs.HDRGM + b" " + jpegs.CONTAINER
    flags = jpegs.packet(version, jpegs.listed((b"GainMap", len(gain))), spaces)
    iso = segment(0xE2, b"urn:iso:std:iso:ts:21496:-1\0" + bytes(4))
    image, (note,) = read(with_segments(with_xmp(jpeg(), flags), iso) + gain)
    assert "its gain map (HDR)" in note
    back = written(tmp_path, image)
    for flag in (b"hdrgm", b"gain-map", b"21496", b"GainMap"):
        assert flag not in back


def test_depth_and_an_unchanged_copy_inside_xmp_are_left_out(tmp_path):
    spaces = (
        b'xmlns:GDepth="http://ns.google.com/photos/1.0/depthmap/" '
        b'xmlns:GImage="http://ns.google.com/photos/1.0/image/"'
    )
    xmp = jpegs.packet(b'GDepth:Data="abcd" GImage:Data="efgh"', spaces=spaces)
    image, (note,) = read(with_xmp(jpeg(), xmp))
    assert "its depth map, an unchanged copy of the picture" in note
    assert b"GImage" not in image.xmp
    assert b"abcd" not in image.xmp


def test_further_pictures_are_told_of(tmp_path):
    out = io.BytesIO()
    first, second = (PIL.Image.fromarray(scene(seed=seed)) for seed in (0, 1))
    first.save(out, "MPO", save_all=True, append_images=[second])
    image, (note,) = read(out.getvalue())
    assert "1 further picture" in note
    assert np.array_equal(image.pixels, np.asarray(opened(out.getvalue())))
    back = written(tmp_path, image)
    assert b"MPF" not in back
    assert opened(back).format == "JPEG"


def test_data_after_the_end_are_told_of_but_padding_is_not():
    assert read(jpeg() + bytes(100))[1] == []
    assert "45 bytes after its end" in read(jpeg() + b"hello" * 9)[1][0]


WHOLE = {
    "baseline": jpeg(),
    "subsampled": jpeg(subsampling=2),
    "gray": jpeg(scene(channels=1)),
    "progressive": jpeg(progressive=True),
    "restarts": jpeg(restart_marker_blocks=5),
    "inks": jpeg(scene(channels=4)),
    "plain RGB": jpeg(keep_rgb=True),
    "lossless": bytes(imagecodecs.jpeg8_encode(scene(), lossless=True)),
}


@pytest.mark.filterwarnings("ignore:.*inks")
@pytest.mark.parametrize("name", WHOLE)
def test_without_the_end_marker_every_pixel_is_read_and_it_is_told(name):
    whole = read_image(WHOLE[name])
    for cut in (1, 2):
        with pytest.warns(ImgaeWarning, match="no end marker, but every pixel is there"):
            assert np.array_equal(read_image(WHOLE[name][:-cut]).pixels, whole.pixels)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("ended", [False, True])
def test_what_lacks_pixels_is_refused_wherever_it_is_cut(name, ended):
    data = WHOLE[name]
    scan = data.index(b"\xff\xda")
    cuts = [scan + 40, (scan + len(data)) // 2, len(data) - 300, len(data) - 60]
    if not ended:
        cuts += [len(data) - 20, len(data) - 4]
    for cut in cuts:
        with pytest.raises(ImageError, match="cut short"):
            read_image(data[:cut] + b"\xff\xd9" * ended)


def test_a_part_between_restart_markers_that_lacks_is_refused():
    data = WHOLE["restarts"]
    first, second = (data.index(bytes((0xFF, 0xD0 + n)), data.index(b"\xff\xda")) for n in (2, 3))
    for damaged in (data[:first] + data[second:], data[: first + 4] + data[second:]):
        with pytest.raises(ImageError, match="missing"):
            read_image(damaged)


def test_data_that_no_pixel_takes_are_told_of():
    data = jpeg()
    at = len(data) // 2
    for damaged in (data[:-2] + bytes(40) + data[-2:], data[:at] + data[at + 1 :]):
        _, notes = read(damaged)
        assert "more data than its pixels take" in notes[0]


def test_what_is_between_segments_is_told_of_and_padding_is_not():
    data = jpeg()
    assert read(data[:2] + b"\xff\xff\xff" + data[2:])[1] == []
    image, (note,) = read(data[:20] + b"junk" + data[20:])
    assert "bytes between its segments" in note
    assert np.array_equal(image.pixels, read_image(data).pixels)


def test_wrong_dimensions_in_exif_are_put_right(tmp_path):
    image = read_image(with_exif(jpeg(), exif([(0x0100, 4, 1, 9), (0x0101, 4, 1, 9)])))
    found = opened(written(tmp_path, image)).getexif()
    assert (found[0x0100], found[0x0101]) == (128, 96)


def framed(data, **fields):
    """The file with other values in the description of its picture."""
    at = data.index(b"\xff\xc0")
    changed = bytearray(data)
    for field, value in fields.items():
        place, size = {"marker": (1, 1), "bits": (4, 1), "height": (5, 2), "width": (7, 2)}[field]
        changed[at + place : at + place + size] = value.to_bytes(size, "big")
    return bytes(changed)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"height": 0}, r"after its pixels \(DNL\)"),
        ({"width": 0}, "damaged"),
        ({"width": 65501}, "up to 65500 a side"),
        ({"height": 30000, "width": 30000}, "too little for its pixels"),
        ({"height": 40000, "width": 40000}, "1600 megapixels"),
        ({"bits": 9}, "9 bits a sample"),
        ({"marker": 0xC5}, "hierarchical JPEG"),
        ({"marker": 0xCB}, "lossless with arithmetic codes JPEG"),
        ({"marker": 0xF7}, "JPEG-LS"),
    ],
)
def test_what_is_not_read_is_refused_by_name(fields, words):
    with pytest.raises(ImageError, match=words):
        read_image(framed(jpeg(), **fields))


def test_two_channels_are_refused():
    data = jpeg()
    at = data.index(b"\xff\xc0")
    two = data[:at] + segment(0xC0, data[at + 4 : at + 9] + b"\2" + data[at + 10 : at + 16])
    with pytest.raises(ImageError, match="2 channels of unknown meaning"):
        read_image(two + data[at + 19 :])


def test_nothing_is_read_of_files_without_pixels():
    for data in (b"\xff\xd8\xff\xd9", b"\xff\xd8\xff\xe0", jpeg()[:200]):
        with pytest.raises(ImageError, match="damaged or cut short"):
            read_image(data)


def test_a_picture_too_large_is_told_of_and_nothing_is_printed(tmp_path, capfd):
    with pytest.raises(ImageError, match="too large for JPEG, which ends at 65500"):
        write_image(Image(np.zeros((1, 65501, 3), np.uint8)), tmp_path / "a.jpg")
    write_image(Image(np.zeros((1, 65500, 1), np.uint8)), tmp_path / "a.jpg")
    assert read_image(tmp_path / "a.jpg").width == 65500
    assert capfd.readouterr() == ("", "")


def test_everything_at_once_comes_back(tmp_path):
    image = Image(
        scene(),
        icc=ICC,
        exif=exif([(0x010F, 2, 6, 26)], after=b"Maker\0"),
        xmp=jpegs.packet(b'dc:here="yes"', spaces=b'xmlns:dc="http://purl.org/dc/"'),
        dpi=(300.0, 300.0),
        iptc=CAPTION,
        text=(("Comment", "words"),),
    )
    back = read_image(written(tmp_path, image))
    for field in ("icc", "exif", "xmp", "dpi", "iptc", "text"):
        assert getattr(back, field) == getattr(image, field), field
    assert opened(written(tmp_path, image)).getexif()[0x010F] == "Maker"


@pytest.mark.filterwarnings("ignore")
def test_mutated_files_give_a_picture_or_one_sentence(capfd):
    random = np.random.default_rng(0)
    small = scene(40, 56)
    sources = [
        with_segments(
            with_xmp(jpeg(small, icc_profile=ICC, restart_marker_blocks=3), VIDEO_XMP), *SPLIT
        ),
        with_exif(jpeg(small, progressive=True, dpi=(72, 72)), SIDEWAYS) + jpegs.VIDEO,
        jpeg(scene(40, 56, 4), icc_profile=jpegs.ink_profile()),
    ]
    said: list[str] = []
    for number in range(240):
        data = bytearray(sources[number % 3])
        for _ in range(random.integers(1, 6)):
            at = int(random.integers(2, len(data)))
            if random.random() < 0.5:
                data[at] = random.integers(256)
            else:
                del data[at : at + int(random.integers(1, 40))]
        try:
            image = read_image(bytes(data))
        except ImageError as error:
            said.append(str(error))
        else:
            assert image.width * image.height <= 1 << 20
    assert not any("\n" in sentence for sentence in said)
    assert capfd.readouterr() == ("", "")
