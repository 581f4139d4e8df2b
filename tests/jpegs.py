"""JPEG files made by hand: segments, EXIF, XMP and a profile of inks, for tests."""

import io
import struct

import numpy as np
import PIL.Image

XMP = b"http://ns.adobe.com/xap/1.0/\0"
XMP_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
PHOTOSHOP = b"Photoshop 3.0\0"
VIDEO = b"\0\0\0\x18ftypmp42" + bytes(1000)
GCAMERA = b'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"'
CONTAINER = (
    b'xmlns:Container="http://ns.google.com/photos/1.0/container/" '
    b'xmlns:Item="http://ns.google.com/photos/1.0/container/item/"'
)
HDRGM = b'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"'


def scene(height=96, width=128, channels=3, seed=0):
    """A smooth picture with a little noise."""
    y, x = np.mgrid[:height, :width]
    planes = [(np.sin(x / 9 + k) + np.cos(y / 7 - k)) / 4 + 0.5 for k in range(channels)]
    noise = np.random.default_rng(seed).normal(0, 4, (height, width, channels))
    return np.clip(np.stack(planes, 2) * 255 + noise, 0, 255).astype(np.uint8)


def jpeg(array=None, **options):
    """A JPEG as Pillow writes it."""
    array = scene() if array is None else array
    mode = {1: "L", 3: "RGB", 4: "CMYK"}[array.shape[2]]
    out = io.BytesIO()
    picture = PIL.Image.frombytes(mode, array.shape[1::-1], np.ascontiguousarray(array))
    picture.save(out, "JPEG", **{"quality": 90, **options})
    return out.getvalue()


def opened(data):
    return PIL.Image.open(io.BytesIO(data))


def segment(marker, data):
    return bytes((0xFF, marker)) + struct.pack(">H", len(data) + 2) + data


def with_segments(data, *segments):
    """The file with segments before all others."""
    return data[:2] + b"".join(segments) + data[2:]


def with_density(data, unit, across, down):
    """The file with another JFIF segment, where Pillow writes one."""
    assert data[6:10] == b"JFIF"
    return data[:13] + struct.pack(">BHH", unit, across, down) + data[18:]


def directory(entries, order="<", after=0):
    """A directory of EXIF from (tag, type, count, value), the value in the bytes of its type."""
    made = struct.pack(order + "H", len(entries))
    for tag, kind, count, value in entries:
        letter = {1: "B", 3: "H", 6: "b", 8: "h", 9: "i"}.get(kind, "I")
        data = value if isinstance(value, bytes) else struct.pack(order + letter, value)
        made += struct.pack(order + "HHI", tag, kind, count) + data.ljust(4, b"\0")
    return made + struct.pack(order + "I", after)


def exif(entries, order="<", after=b""):
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", 8)
    return head + directory(entries, order) + after


def with_exif(data, tiff):
    return with_segments(data, segment(0xE1, b"Exif\0\0" + tiff))


def packet(attributes=b"", inner=b"", spaces=b""):
    """XMP with properties, as attributes or elements."""
    return (
        b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" ' + spaces + b" " + attributes + b">" + inner + b""
        b'</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


def listed(*parts):
    """Google's list of a file's parts, by kind and length."""
    items = b"".join(
        b'<rdf:li rdf:parseType="Resource"><Container:Item Item:Mime="image/jpeg" '
        b'Item:Semantic="%s" Item:Length="%d"/></rdf:li>' % part
        for part in ((b"Primary", 0), *parts)
    )
    return b"<Container:Directory><rdf:Seq>" + items + b"</rdf:Seq></Container:Directory>"


def with_xmp(data, xmp):
    return with_segments(data, segment(0xE1, XMP + xmp))


def resource(number, data, name=b""):
    """A resource of Photoshop."""
    named = bytes((len(name),)) + name
    head = b"8BIM" + struct.pack(">H", number) + named + bytes(len(named) % 2)
    return head + struct.pack(">I", len(data)) + data + bytes(len(data) % 2)


def lab_of(rgb):
    """Lab of sRGB on [0, 1], to white of D50."""
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    matrix = [[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]]
    xyz = linear @ np.array(matrix).T / [0.9642, 1, 0.8249]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], -1)


def rgb_of(lab):
    """sRGB on [0, 1] of Lab, clipped."""
    light, a, b = np.moveaxis(lab, -1, 0)
    y = (light + 16) / 116
    f = np.stack([y + a / 500, y, y - b / 200], -1)
    xyz = np.where(f > 6 / 29, f**3, (116 * f - 16) * 27 / 24389) * [0.9642, 1, 0.8249]
    matrix = [[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]]
    linear = np.clip(xyz @ np.linalg.inv(np.array(matrix)).T, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def lut8(inputs, grid, function):
    """A table of a profile: function takes (N, inputs) on [0, 1] and gives (N, outputs)."""
    axes = np.meshgrid(*[np.linspace(0, 1, grid)] * inputs, indexing="ij")
    values = function(np.stack([axis.ravel() for axis in axes], 1))
    outputs = values.shape[1]
    identity = struct.pack(">9i", *(65536 * (k % 4 == 0) for k in range(9)))
    head = b"mft1\0\0\0\0" + bytes((inputs, outputs, grid, 0)) + identity
    table = np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8).tobytes()
    return head + bytes(range(256)) * inputs + table + bytes(range(256)) * outputs


def ink_profile():
    """A profile of inks that lie on white paper as filters do, but for a warm white."""

    def to_lab(inks):
        rgb = (1 - inks[:, :3]) * (1 - inks[:, 3:])
        return (lab_of(rgb * [1, 0.9, 0.8]) + np.array([0, 128, 128])) / [100, 255, 255]

    def to_inks(lab):
        rgb = np.clip(rgb_of(lab * [100, 255, 255] - [0, 128, 128]) / [1, 0.9, 0.8], 0, 1)
        most = rgb.max(1, keepdims=True)
        return np.concatenate([1 - rgb / np.maximum(most, 1e-6), 1 - most], 1)

    text = b"desc" + struct.pack(">II", 0, 5) + b"inks\0" + bytes(12 + 67)
    white = b"XYZ \0\0\0\0" + struct.pack(">3I", 63190, 65536, 54061)
    tags = {
        b"desc": text,
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": white,
        b"A2B0": lut8(4, 7, to_lab),
        b"B2A0": lut8(3, 17, to_inks),
    }
    at, table, data = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, tag in tags.items():
        padded = tag + bytes(-len(tag) % 4)
        table += name + struct.pack(">II", at + len(data), len(tag))
        data += padded
    head = struct.pack(">IIH2x", at + len(data), 0, 0x0240) + b"prtrCMYKLab "
    head += bytes.fromhex("07d000010001000000000000") + b"acsp" + bytes(28)
    head += struct.pack(">3I", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + table + data
