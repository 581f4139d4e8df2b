"""The file of an index: whole, without pickle, and never larger in memory than it is."""

import io
import json
import struct
import zipfile

import numpy as np
import pytest

from imgae.errors import SearchError
from imgae.restore.search import store
from imgae.restore.search.describe import unit
from imgae.restore.search.rows import DIGEST, Row, Stamp, rows_of

MADE = store.Made("signs", "0" * 64, 8)


def some(folder, count=5):
    vectors = unit(np.random.default_rng(0).normal(size=(count, 8)))
    paths = [str(folder / f"{number}.png") for number in range(count)]
    return rows_of(
        [Row(p, v, Stamp(n, 10**18 + n), bytes([n] * DIGEST), 100 * n)
         for n, (p, v) in enumerate(zip(paths, vectors, strict=True))],
        8,
    )  # fmt: skip


@pytest.fixture
def place(tmp_path):
    return tmp_path / "a.index"


def test_what_is_written_is_read(tmp_path, place):
    rows = some(tmp_path)
    store.write(place, rows, MADE)
    found, made = store.read(place)
    assert made == MADE
    assert found.paths == rows.paths
    assert np.abs(found.vectors - rows.vectors).max() < 1e-3
    assert np.allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-6)
    for name in ("stamps", "digests", "pixels"):
        assert np.array_equal(getattr(found, name), getattr(rows, name))


def test_no_rows_can_be_written_and_read(place):
    store.write(place, rows_of([], 8), MADE)
    assert len(store.read(place)[0]) == 0


def test_numpy_opens_the_file_without_pickle(tmp_path, place):
    store.write(place, some(tmp_path), MADE)
    with np.load(place, allow_pickle=False) as found:
        assert found["descriptors"].shape == (5, 8)
        assert bytes(found["paths"]).split(b"\0")[0] == b"0.png"


def test_strange_names_survive(tmp_path, place):
    names = ["a\nb.png", "\udcff.png", "s3://bucket/a.png", "/elsewhere/é.png", str(tmp_path / "x")]
    rows = some(tmp_path)
    strange = rows_of([rows.row(n)._replace(path=name) for n, name in enumerate(names)], 8)
    store.write(place, strange, MADE)
    found, _ = store.read(place)
    assert found.paths[1] == str(tmp_path / "\udcff.png") or found.paths[1].endswith("\udcff.png")
    assert found.paths[2:] == tuple(names[2:])


def test_a_collection_can_be_moved_with_its_index(tmp_path):
    (tmp_path / "a" / "photos").mkdir(parents=True)
    store.write(tmp_path / "a" / "i.index", some(tmp_path / "a" / "photos"), MADE)
    (tmp_path / "a").rename(tmp_path / "b")
    found, _ = store.read(tmp_path / "b" / "i.index")
    assert found.paths[0] == str(tmp_path / "b" / "photos" / "0.png")


def test_what_is_no_index_is_told_in_a_sentence(tmp_path, place):
    with pytest.raises(SearchError, match="no such index; make one with: imgae index build"):
        store.read(place)
    with pytest.raises(SearchError, match="a folder, not an index"):
        store.read(tmp_path)
    for data in (b"", b"text", b"PK\x03\x04" + bytes(50)):
        place.write_bytes(data)
        with pytest.raises(SearchError, match="no index of imgae, or one that was cut short"):
            store.read(place)
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("a.txt", "text")
    with pytest.raises(SearchError, match="a zip file, but no index"):
        store.read(place)


def test_a_file_that_is_cut_or_changed_anywhere_is_an_error(tmp_path, place):
    store.write(place, some(tmp_path), MADE)
    data = place.read_bytes()
    for length in range(0, len(data), 37):
        place.write_bytes(data[:length])
        with pytest.raises(SearchError):
            store.read(place)
    rng = np.random.default_rng(0)
    wrong = 0
    for at in rng.integers(0, len(data), 200).tolist():
        place.write_bytes(data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :])
        try:
            store.read(place)
        except SearchError:
            wrong += 1
    assert wrong > 100  # the others are of no meaning, as times in the zip's lists


def forged(place, about=None, **arrays):
    """Write the file with other parts."""
    with zipfile.ZipFile(place) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    if about:
        parts[store.ABOUT] = json.dumps({**json.loads(parts[store.ABOUT]), **about}).encode()
    parts |= {f"{name}.npy": data for name, data in arrays.items()}
    with zipfile.ZipFile(place, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def npy(array, pickled=False):
    target = io.BytesIO()
    np.save(target, array, allow_pickle=pickled)
    return target.getvalue()


def headed(kind):
    """A .npy file whose header gives a kind of numbers that is none."""
    header = f"{{'descr': {kind}, 'fortran_order': False, 'shape': (5, 8)}}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + bytes(80)


def test_a_newer_schema_says_to_update(tmp_path, place):
    store.write(place, some(tmp_path), MADE)
    forged(place, {"schema": 2})
    with pytest.raises(SearchError, match="of schema 2, and this imgae reads 1; update imgae"):
        store.read(place)


@pytest.mark.parametrize(
    "about",
    [
        {"count": 10**12},
        {"count": -1},
        {"count": "5"},
        {"dimension": 10**9},
        {"dimension": 0},
        {"model": 3},
        {"sha256": None},
        {"count": None},
    ],
)
def test_forged_sizes_are_errors_and_take_no_memory(tmp_path, place, about):
    store.write(place, some(tmp_path), MADE)
    forged(place, about)
    with pytest.raises(SearchError, match="the index is damaged"):
        store.read(place)


@pytest.mark.parametrize(
    "data",
    [
        npy(np.zeros((5, 8), np.float32)),
        npy(np.zeros((6, 8), np.float16)),
        npy(np.zeros((5, 8), np.float16))[:-1],
        npy(np.full((5, 8), np.nan, np.float16)),
        npy(np.array([{}] * 5), pickled=True),
        npy(np.zeros((5, 8), np.float16)).replace(b"(5, 8)", b"(5,9**9)"),
        b"\x93NUMPY\x01\x00" + struct.pack("<H", 60000) + b"{",
        b"",
        headed("()"),
        headed("('<f2',)"),
    ],
)
def test_forged_arrays_are_errors(tmp_path, place, data):
    store.write(place, some(tmp_path), MADE)
    forged(place, descriptors=data)
    with pytest.raises(SearchError, match="the index is damaged"):
        store.read(place)


def test_other_counts_of_paths_are_errors(tmp_path, place):
    store.write(place, some(tmp_path), MADE)
    forged(place, paths=npy(np.frombuffer(b"a\0b", np.uint8)))
    with pytest.raises(SearchError, match="2 paths for 5 pictures"):
        store.read(place)


def test_parts_that_are_packed_are_not_unpacked(tmp_path, place):
    store.write(place, some(tmp_path), MADE)
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(store.ABOUT, " " * 10**7)
    with pytest.raises(SearchError, match="is not stored as it is"):
        store.read(place)


def test_a_place_that_cannot_be_written_is_told(tmp_path):
    with pytest.raises(SearchError, match="the index cannot be written"):
        store.write(tmp_path / "none" / "a.index", some(tmp_path), MADE)
