"""A small colour profile of CMYK inks (ICC version 2), for tests."""

import functools
import struct

import numpy as np

WHITE = np.array([0.9642, 1, 0.8249])
TO_XYZ = np.array(
    [
        [0.4360747, 0.3850649, 0.1430804],
        [0.2225045, 0.7168786, 0.0606169],
        [0.0139322, 0.0971045, 0.7141733],
    ]
)


def colours_of(inks):
    """What the profile says that inks (..., 4) on [0, 1] look like, in sRGB on [0, 1]."""
    return (1 - inks[..., :3]) * (1 - inks[..., 3:]) * 0.9 + 0.05


def inks_of(rgb):
    left = np.clip((rgb - 0.05) / 0.9, 0, 1)
    most = left.max(-1, keepdims=True)
    return np.concatenate([1 - left / np.maximum(most, 1e-6), 1 - most], -1)


def lab_of(rgb):
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ TO_XYZ.T / WHITE
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    lightness = (116 * f[..., 1] - 16) / 100 * 65280
    a, b = 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])
    return np.stack([lightness, (a + 128) * 256, (b + 128) * 256], -1)


def rgb_of(lab):
    fy = (lab[..., 0] / 652.8 + 16) / 116
    f = np.stack(
        [fy + (lab[..., 1] / 256 - 128) / 500, fy, fy - (lab[..., 2] / 256 - 128) / 200], -1
    )
    xyz = np.where(f**3 > 216 / 24389, f**3, (116 * f - 16) / (24389 / 27)) * WHITE
    linear = np.clip(xyz @ np.linalg.inv(TO_XYZ).T, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def table(inputs, outputs, values, points):
    head = b"mft2" + bytes(4) + bytes([inputs, outputs, points, 0])
    head += struct.pack(">9iHH", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536, 2, 2)
    straight = struct.pack(">HH", 0, 65535)
    middle = np.clip(np.rint(values), 0, 65535).astype(">u2").tobytes()
    return head + straight * inputs + middle + straight * outputs


@functools.cache
def profile():
    axis = np.linspace(0, 1, 9)
    inks = np.stack(np.meshgrid(*[axis] * 4, indexing="ij"), -1)
    lab = np.stack(np.meshgrid(*[np.linspace(0, 65535, 17)] * 3, indexing="ij"), -1)
    tags = [
        (b"desc", b"desc" + bytes(4) + struct.pack(">I", 5) + b"test\0" + bytes(78)),
        (b"cprt", b"text" + bytes(4) + b"none\0"),
        (b"wtpt", b"XYZ " + bytes(4) + struct.pack(">3i", *(WHITE * 65536).astype(int).tolist())),
        (b"A2B0", table(4, 3, lab_of(colours_of(inks)), 9)),
        (b"B2A0", table(3, 4, inks_of(rgb_of(lab)) * 65535, 17)),
    ]
    places, body = struct.pack(">I", len(tags)), b""
    for name, data in tags:
        places += name + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    size = 128 + len(places) + len(body)
    head = struct.pack(">I4sI4s4s4s", size, b"test", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head += struct.pack(">6H4s", 2020, 1, 1, 0, 0, 0, b"acsp") + bytes(28)
    head += struct.pack(">3i", 63190, 65536, 54061)
    return head.ljust(128, b"\0") + places + body
