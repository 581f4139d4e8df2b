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
