"""XMP in a JPEG: its long form in several segments, and what in it claims parts of the file.

Phones say in XMP that a video, a gain map or a depth map follows the picture. What is not written
again must not be claimed.
"""

import hashlib
import re
import struct
from typing import Final
from xml.parsers import expat

from imgae.io.metadata.xmp import without_elements

MAIN: Final = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION: Final = b"http://ns.adobe.com/xmp/extension/\0"
NOTE: Final = b"http://ns.adobe.com/xmp/note/"
MOST: Final = 65502
"""Bytes of XMP that a single segment takes."""
MOST_PREFIXES: Final = 16
"""Names for one namespace that are looked for; more are there to keep a reader busy."""
GAIN_MAP: Final = "its gain map (HDR)"
VIDEO: Final = "its video (motion photo)"
DEPTH: Final = "its depth map"
COPY: Final = "an unchanged copy of the picture"
PARTS: Final = "its list of further parts"
CLAIMS: Final = {
    b"http://ns.adobe.com/hdr-gain-map/1.0/": GAIN_MAP,
    b"http://ns.apple.com/HDRGainMap/1.0/": GAIN_MAP,
    b"http://ns.google.com/photos/1.0/depthmap/": DEPTH,
    b"http://ns.google.com/photos/dd/1.0/device/": DEPTH,
    b"http://ns.google.com/photos/1.0/image/": COPY,
    b"http://ns.google.com/photos/1.0/container/": PARTS,
    b"http://ns.google.com/photos/1.0/container/item/": PARTS,
    b"http://ns.oplus.com/photos/1.0/camera/": VIDEO,
    b"http://ns.xiaomi.com/photos/1.0/camera/": PARTS,
}
"""Namespaces that speak of parts of the file, and what of."""
CAMERA: Final = b"http://ns.google.com/photos/1.0/camera/"
VIDEO_NAMES: Final = rb"Motion[A-Za-z]*|MicroVideo[A-Za-z]*"
"""What of Google's camera speaks of a video."""
ITEMS: Final = {
    b"GainMap": GAIN_MAP,
    b"MotionPhoto": VIDEO,
    b"Depth": DEPTH,
    b"Original": COPY,
}
"""What a list of parts calls them."""
PACKET: Final = re.compile(rb"<\?xpacket[^>]{0,400}\?>")
BEGIN: Final = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>'
END: Final = b'<?xpacket end="w"?>'
EMPTY: Final = re.compile(rb"\s*<rdf:Description\s+rdf:about=\"\"\s*/>\s*")
"""What is left of a main part that only names its extension."""
OPENING: Final = re.compile(rb"<(?:\w{1,40}:)?RDF\b")
CLOSING: Final = re.compile(rb"</(?:\w{1,40}:)?RDF\s{0,40}>")
SPACE: Final = re.compile(rb"xmlns:([\w.-]+)\s*=\s*(?:\"[^\"]*\"|'[^']*')")


def read(mains: list[bytes], extensions: list[bytes]) -> tuple[bytes | None, str | None]:
    """Return XMP whole, and what is wrong with it, if anything.

    mains, extensions: the data of segments, without what they begin with.
    """
    if not mains or not mains[0]:
        return None, None
    main = mains[0]
    guid = re.search(rb"HasExtendedXMP\s*(?:=\s*[\"']|>)\s*([0-9A-Fa-f]{32})", main)
    wrong = "has XMP twice; the second is left out" if any(m != main for m in mains) else None
    if guid is None:
        return main, "holds XMP that belongs to no other; left out" if extensions else wrong
    extended = assembled(extensions, guid[1])
    whole = None if extended is None else merged(main, extended)
    if whole is None:
        return without_note(main), "lacks a part of its XMP (the extension), which is left out"
    return whole, wrong


def assembled(segments: list[bytes], guid: bytes) -> bytes | None:
    """Return the extension of a digest from its parts in any order, or None if it is not whole."""
    parts: dict[int, bytes] = {}
    lengths = set()
    for segment in segments:
        if segment[:32].upper() == guid.upper() and len(segment) > 40:
            length, offset = struct.unpack_from(">II", segment, 32)
            lengths.add(length)
            parts[offset] = segment[40:]
    joined, at = [], 0
    for offset in sorted(parts):
        if offset != at:
            return None
        joined.append(parts[offset])
        at += len(parts[offset])
    return b"".join(joined) if lengths == {at} else None


def merged(main: bytes, extension: bytes) -> bytes | None:
    """Return one XMP from both, or None if that is no XML."""
    main = without_note(main)
    parts = [(text, properties_of(text)) for text in (main, extension)]
    if any(place is None for _, place in parts) or not is_xml(extension):
        return None
    (begin, after), (first, last) = (place for _, place in parts if place)
    if EMPTY.fullmatch(main, begin, after):
        return BEGIN + extension + END
    whole = main[:after] + extension[first:last].strip() + b"\n" + main[after:]
    if not is_xml(whole):  # prefixes that the extension's outer element declares
        outer = OPENING.search(extension)
        known = OPENING.search(main)
        if outer is None or known is None:
            return None
        declared = {found[1] for found in SPACE.finditer(main, known.end(), begin)}
        spaces = SPACE.finditer(extension, outer.end(), first)
        added = b"".join(b" " + found[0] for found in spaces if found[1] not in declared)
        whole = whole[: known.end()] + added + whole[known.end() :]
    return whole if is_xml(whole) else None


def properties_of(text: bytes) -> tuple[int, int] | None:
    """Return where the properties of XMP begin and end, or None."""
    opening = OPENING.search(text)
    begin = text.find(b">", opening.end()) + 1 if opening else 0
    after = [closing.start() for closing in CLOSING.finditer(text)][-1:]
    return (begin, after[0]) if begin and after and after[0] >= begin else None


def is_xml(text: bytes) -> bool:
    try:
        expat.ParserCreate("UTF-8", " ").Parse(text.strip(b"\0 \t\r\n"), True)
    except expat.ExpatError:
        return False
    return True


def without_note(main: bytes) -> bytes:
    """Return XMP without the digest of its extension."""
    return removed(main, NOTE, rb"HasExtendedXMP")[0]


def split(xmp: bytes) -> tuple[bytes, list[bytes]]:
    """Return what the segments of XMP hold: the main one, and those of an extension."""
    if len(xmp) <= MOST:
        return xmp, []
    whole = PACKET.sub(b"", xmp).strip()
    digest = hashlib.md5(whole, usedforsecurity=False).hexdigest().upper().encode()
    main = (
        BEGIN
        + b'<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        + b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        + b'<rdf:Description rdf:about="" xmlns:xmpNote="'
        + NOTE
        + b'" xmpNote:HasExtendedXMP="'
        + digest
        + b'"/></rdf:RDF></x:xmpmeta>'
        + END
    )
    size = 65400
    return main, [
        digest + struct.pack(">II", len(whole), at) + whole[at : at + size]
        for at in range(0, len(whole), size)
    ]


def without_claims(xmp: bytes) -> tuple[bytes, list[str]]:
    """Return XMP that speaks of no other parts of the file, and what it spoke of."""
    claims: dict[str, None] = {}
    for semantic in re.findall(rb"Semantic\s*(?:=\s*[\"']|>)\s*(\w+)", xmp):
        if semantic in ITEMS:
            claims[ITEMS[semantic]] = None
    for space, claim in CLAIMS.items():
        xmp, found = removed(xmp, space, rb"[\w.-]+")
        if found:
            claims[claim] = None
    xmp, found = removed(xmp, CAMERA, VIDEO_NAMES)
    if found:
        claims[VIDEO] = None
    if len(claims) > 1:
        claims.pop(PARTS, None)
    return xmp, list(claims)


def removed(xmp: bytes, space: bytes, names: bytes) -> tuple[bytes, bool]:
    """Take out the properties of a namespace that have such names; return whether there were any.

    names: a regular expression.
    """
    changed = False
    found = re.findall(rb"xmlns:([\w.-]+)\s*=\s*[\"']" + re.escape(space) + rb"[\"']", xmp)
    for prefix in list(dict.fromkeys(found))[:MOST_PREFIXES]:
        before = xmp
        begin = re.escape(prefix) + b":"
        value = rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')"
        xmp = re.sub(rb"\s" + begin + rb"(?:" + names + rb")" + value, b"", xmp)
        xmp = without_elements(xmp, re.compile(rb"<(" + begin + rb"(?:" + names + rb"))(?=[\s/>])"))
        changed = changed or xmp != before
        if not re.search(rb"[<\s/]" + begin, xmp):
            declared = rb"\sxmlns:" + re.escape(prefix) + rb"\s*=\s*[\"']" + re.escape(space)
            xmp = re.sub(declared + rb"[\"']", b"", xmp)
    return xmp, changed
