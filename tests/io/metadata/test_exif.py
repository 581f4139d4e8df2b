import io
import struct

import numpy as np
import PIL.Image
import pytest

from imgae import Image, ImgaeWarning, read_image, write_image
from imgae.io.metadata.exif import checked, fresh_exif, iso_of
from imgae.io.metadata.upright import upright
from imgae.io.metadata.xmp import fresh_xmp

X_RESOLUTION, Y_RESOLUTION = 0x011A, 0x011B


def stored(path, orientation, **options):
    tags = PIL.Image.Exif()
    tags[0x0112] = orientation
    tags[X_RESOLUTION], tags[Y_RESOLUTION] = 300, 150
    pixels = np.arange(24, dtype=np.uint8).reshape(4, 6)
    PIL.Image.fromarray(pixels).save(path, exif=tags, dpi=(300, 150), **options)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("extension", [".jpg", ".png", ".tif"])
def test_a_turned_picture_is_written_with_its_resolutions_turned(tmp_path, orientation, extension):
    path, copy = tmp_path / f"a{extension}", tmp_path / f"b{extension}"
    stored(path, orientation)
    expected = (150, 300) if orientation >= 5 else (300, 150)
    image = read_image(path)
    assert image.dpi == pytest.approx(expected, rel=1e-3)
    write_image(image, copy)
    assert read_image(copy).dpi == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("orientation", [1, 3, 6])
def test_the_resolutions_inside_exif_are_turned_too(tmp_path, orientation):
    stored(tmp_path / "a.jpg", orientation)
    write_image(read_image(tmp_path / "a.jpg"), tmp_path / "b.png")
    with PIL.Image.open(tmp_path / "b.png") as file:
        found = file.getexif()
        across_and_down = (150, 300) if orientation == 6 else (300, 150)
        assert (found[X_RESOLUTION], found[Y_RESOLUTION]) == across_and_down


def test_exif_that_ends_early_is_kept_as_it_is():
    image = Image(np.zeros((2, 2, 1), np.uint8), exif=b"II*\0\x08\0\0\0\x09\0")
    assert upright(image, 6).exif == image.exif


def directory(entries, order, after=0):
    made = struct.pack(order + "H", len(entries))
    for tag, kind, value in entries:
        number = {1: "B", 3: "H", 4: "I"}[kind]
        made += struct.pack(order + "HHI", tag, kind, 1)
        made += struct.pack(order + number, value).ljust(4, b"\0")
    return made + struct.pack(order + "I", after)


def tags(exif, at, order):
    (count,) = struct.unpack_from(order + "H", exif, at)
    found = {}
    for entry in range(at + 2, at + 2 + 12 * count, 12):
        tag, kind, _ = struct.unpack_from(order + "HHI", exif, entry)
        found[tag] = struct.unpack_from(order + {1: "B", 3: "H", 4: "I"}[kind], exif, entry + 8)[0]
    return found


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [1, 3, 4])
def test_exif_says_upright_and_how_large_whatever_the_types_of_its_numbers(order, kind):
    main = [(0x100, 4, 60), (0x101, 3, 40), (0x112, kind, 6), (0x8769, 4, 8 + 54)]
    details = [(0xA002, 3, 60), (0xA003, 4, 40)]
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    exif = head + directory(main, order) + directory(details, order)
    fresh = fresh_exif(exif, (40, 60), 6)
    assert len(fresh) == len(exif)
    assert tags(fresh, 8, order) == {0x100: 40, 0x101: 60, 0x112: 1, 0x8769: 62}
    assert tags(fresh, 62, order) == {0xA002: 40, 0xA003: 60}


def test_thumbnails_in_exif_and_its_maker_notes_are_taken_out():
    jpeg = b"\xff\xd8\xff\xe0 a small picture \xff\xd9"
    head = b"II*\0" + struct.pack("<I", 8)
    main = directory([(0x112, 3, 1)], "<", after=26)
    note = b"maker" + jpeg + b"more notes"
    exif = head + main + directory([(0x201, 4, 90)], "<") + note + jpeg
    fresh = fresh_exif(exif, (4, 3))
    assert b"a small picture" not in fresh
    assert fresh[: 8 + 14] == exif[: 8 + 14]
    assert fresh[22:26] == bytes(4)  # no second directory
    assert fresh.endswith(b"maker" + bytes(len(jpeg)) + b"more notes")


def test_a_thumbnail_of_plain_pixels_is_taken_out():
    head = b"II*\0" + struct.pack("<I", 8)
    main = directory([(0x112, 3, 1)], "<", after=26)
    at = 26 + 2 + 24 + 4
    exif = head + main + directory([(273, 4, at), (279, 4, 12)], "<") + b"plain pixels" + b"after"
    fresh = fresh_exif(exif, (4, 3))
    assert fresh[at:] == bytes(12) + b"after"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("place", ["before", "strips"])
def test_a_thumbnail_of_plain_pixels_is_taken_out_wherever_its_parts_lie(order, place):
    pixels = bytes(range(1, 91))
    head = b"II*\0" if order == "<" else b"MM\0*"
    numbers = struct.pack(order + "6I", 0, 0, 0, 30, 30, 30)
    at = 26 + len(pixels) + len(numbers)
    if place == "before":
        second = directory([(273, 4, 26), (279, 4, len(pixels))], order)
    else:
        numbers = struct.pack(order + "6I", 26, 56, 86, 30, 30, 30)
        arrays = 26 + len(pixels)
        second = struct.pack(order + "H", 2)
        second += struct.pack(order + "HHII", 273, 4, 3, arrays)
        second += struct.pack(order + "HHII", 279, 4, 3, arrays + 12) + bytes(4)
    main = directory([(0x112, 3, 1)], order, after=at)
    exif = head + struct.pack(order + "I", 8) + main + pixels + numbers + second
    fresh = fresh_exif(exif, (4, 3))
    assert fresh[26 : 26 + len(pixels)] == bytes(len(pixels))
    assert len(fresh) == len(exif)
    assert tags(fresh, 8, order) == {0x112: 1}


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_thumbnail_that_claims_the_place_of_other_values_takes_none_out(order):
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    main = directory([(0x112, 3, 1)], order, after=26)
    exif = head + main + directory([(273, 4, 4), (279, 4, 1000)], order) + b"after"
    assert fresh_exif(exif, (4, 3)).endswith(b"after")
    assert tags(fresh_exif(exif, (4, 3)), 8, order) == {0x112: 1}


def small_jpeg(inside=b""):
    out = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (16, 24, 3), np.uint8)
    PIL.Image.fromarray(noise).save(out, "JPEG", exif=inside)
    return out.getvalue()


def test_a_preview_with_a_thumbnail_of_its_own_is_taken_out_whole():
    preview = small_jpeg(b"Exif\0\0" + b"II*\0\x08\0\0\0\0\0" + bytes(4) + small_jpeg())
    exif = b"II*\0" + struct.pack("<I", 8) + directory([(0x112, 3, 1)], "<") + preview + b"notes"
    fresh = fresh_exif(exif, (4, 3))
    assert fresh == exif[:26] + bytes(len(preview)) + b"notes"


def test_a_preview_whose_first_byte_is_changed_is_taken_out():
    preview = b"\0" + small_jpeg()[1:]
    head = b"II*\0" + struct.pack("<I", 8) + directory([(0x112, 3, 1)], "<") + b"MINOL"
    assert fresh_exif(head + preview + b"notes", (4, 3)) == head + bytes(len(preview)) + b"notes"
    harmless = head + b"\x01\xd8\xff\xe0notes" * 5
    assert fresh_exif(harmless, (4, 3)) == harmless


@pytest.mark.parametrize("part", [b"\0\xd8\xff\xe0", b"\0\xd8\xff\xda\0\2", b"\xff\xd8\xff\xe0"])
def test_previews_are_looked_for_in_short_time(part):
    exif = b"II*\0" + struct.pack("<I", 8) + directory([(0x112, 3, 1)], "<") + part * 500_000
    assert fresh_exif(exif, (4, 3))[:26] == exif[:26]


def test_xmp_is_known_by_its_namespaces_whatever_the_prefixes():
    xmp = (
        b'<rdf:Description xmlns:t="http://ns.adobe.com/tiff/1.0/" t:Orientation = "6"'
        b" xmlns:a=\"http://ns.adobe.com/xap/1.0/\" xmlns:g='http://ns.adobe.com/xap/1.0/g/img/'>"
        b"<a:Thumbnails><rdf:li>AAAA</rdf:li></a:Thumbnails><g:image>BBBB</g:image><a:Rating/>"
    )
    fresh = fresh_xmp(xmp, (40, 60))
    assert b't:Orientation = "1"' in fresh
    assert fresh.endswith(b"><a:Rating/>")


def test_xmp_says_upright_and_how_large_and_holds_no_thumbnail():
    xmp = (
        b'<rdf:Description tiff:Orientation="6" exif:PixelXDimension="60">'
        b"<tiff:ImageLength>40</tiff:ImageLength>"
        b"<xmp:Thumbnails><rdf:Alt><rdf:li>AAAA</rdf:li></rdf:Alt></xmp:Thumbnails>"
        b"</rdf:Description>"
    )
    assert fresh_xmp(xmp, (40, 60)) == (
        b'<rdf:Description tiff:Orientation="1" exif:PixelXDimension="40">'
        b"<tiff:ImageLength>60</tiff:ImageLength></rdf:Description>"
    )


@pytest.mark.parametrize("damage", [b"II*\0junk", b"II*\0\x08\0\0\0\x02\0", b"nothing", b"II*\0"])
def test_damaged_exif_is_left_out_in_one_sentence_of_ours(damage):
    with pytest.warns(ImgaeWarning, match="^a: its camera data .* is damaged, and left out$"):
        assert checked(damage, "a") is None


@pytest.mark.parametrize("value", [(3, 1, 400 | 7 << 16), (4, 1, 400), (3, 2, 400 | 400 << 16)])
def test_the_iso_speed_is_read_from_exif(value):
    details = struct.pack("<HHHIII", 1, 34855, *value, 0)
    exif = struct.pack("<4sIHHHIII", b"II*\0", 8, 1, 0x8769, 4, 1, 26, 0) + details
    assert iso_of(exif) == 400
    assert iso_of(exif[:-12]) == iso_of(exif[:20]) == iso_of(b"") == 0
    longer = exif.replace(struct.pack("<HHI", 34855, *value[:2]), struct.pack("<HHI", 34855, 3, 3))
    assert iso_of(longer) == 0


def test_small_pictures_in_xmp_are_found_whatever_they_are_called():
    head = (
        b'<a xmlns:g="http://ns.adobe.com/xap/1.0/g/img/" xmlns:q="http://ns.adobe.com/xap/1.0/">'
    )
    for small in (b"<q:Thumbnails>AA</q:Thumbnails>", b"<g:image>AA</g:image>", b""):
        assert fresh_xmp(head + b"<b>" + small + b"</b></a>", (1, 1)) == head + b"<b></b></a>"
    inline = b'<li g:format="JPEG" g:image="AA"/></a>'
    assert fresh_xmp(head + inline, (1, 1)) == head + b'<li g:format="JPEG"/></a>'
    many = b"".join(b'xmlns:p%d="http://ns.adobe.com/xap/1.0/g/img/" ' % k for k in range(50_000))
    assert fresh_xmp(many, (1, 1)) == many


def test_thumbnails_in_xmp_are_taken_out_in_short_time():
    xmp = b'a<xmp:Thumbnails>x</xmp:Thumbnails>b<xmp:Thumbnails q="1"/>c<xmp:ThumbnailsX>d'
    assert fresh_xmp(xmp, (1, 1)) == b"abc<xmp:ThumbnailsX>d"
    for part in (b"<xmp:Thumbnails>", b"<xmp:Thumbnails "):
        assert fresh_xmp(part * 200_000, (1, 1)) == part * 200_000
