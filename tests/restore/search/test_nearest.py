"""Neighbours by numpy and by faiss, and groups."""

import builtins
import tracemalloc

import numpy as np
import pytest

from imgae.errors import ImgaeWarning
from imgae.restore.search import nearest
from imgae.restore.search.describe import unit
from imgae.restore.search.groups import groups_of
from imgae.restore.search.nearest import Nearest
from imgae.restore.search.rows import DIGEST, Row, Stamp, rows_of

RNG = np.random.default_rng(0)


def vectors(count, length=16):
    return unit(np.random.default_rng(count).normal(size=(count, length)))


@pytest.mark.parametrize("count", [1, 3, 500])
def test_the_nearest_come_first(count):
    every = vectors(500)
    query = unit(RNG.normal(size=(1, 16)))[0]
    numbers, scores = Nearest(every)(query, count)
    cosines = every.astype(np.float64) @ query
    assert numbers.tolist() == np.argsort(-cosines, kind="stable")[:count].tolist()
    assert np.allclose(scores, cosines[numbers], atol=1e-6)


def test_more_than_there_are_and_none():
    assert len(Nearest(vectors(5))(vectors(1)[0], 100)[0]) == 5
    assert len(Nearest(np.zeros((0, 16), np.float32))(vectors(1)[0], 3)[0]) == 0


def test_of_equal_vectors_the_first_come_first():
    every = np.repeat(vectors(3), 40, 0)
    numbers, scores = Nearest(every)(vectors(3)[1], 10)
    assert numbers.tolist() == list(range(40, 50))
    assert scores.max() <= 1


def test_numpy_and_faiss_find_the_same(monkeypatch):
    pytest.importorskip("faiss", reason="faiss is not installed")
    every = vectors(3000)
    by_numpy, by_faiss = Nearest(every), Nearest(every)
    for query in unit(RNG.normal(size=(20, 16))):
        expected = by_numpy(query, 25)
        monkeypatch.setattr(nearest, "MOST", 100)
        assert by_faiss.faiss_for_many() is not None
        found = by_faiss(query, 25)
        monkeypatch.undo()
        assert found[0].tolist() == expected[0].tolist()
        assert np.allclose(found[1], expected[1], atol=1e-6)


@pytest.mark.parametrize("count", [1, 5, 40, 100, 3000])
@pytest.mark.parametrize("copies", [3, 30, 3000])
def test_equal_ones_come_in_their_order_by_faiss_too(monkeypatch, count, copies):
    pytest.importorskip("faiss", reason="faiss is not installed")
    every = np.random.default_rng(5).permutation(np.repeat(vectors(3000 // copies, 128), copies, 0))
    query = every[1234]
    expected = np.flatnonzero((every == query).all(1))[:count].tolist()
    first = Nearest(every)(query, count)
    monkeypatch.setattr(nearest, "MOST", 100)
    second = Nearest(every)(query, count)
    assert first[0].tolist() == second[0].tolist()
    assert first[1].tolist() == second[1].tolist()
    assert first[0].tolist()[: len(expected)] == expected


def test_without_faiss_numpy_searches_many_with_one_warning(monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name == "faiss":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(nearest, "MOST", 100)
    search = Nearest(vectors(300))
    with pytest.warns(ImgaeWarning, match=r"pip install 'imgae\[index\]'"):
        first = search(vectors(1)[0], 3)
    assert search(vectors(1)[0], 3)[0].tolist() == first[0].tolist()  # a warning would be an error


def rows(every, pixels=None):
    sizes = [1] * len(every) if pixels is None else pixels
    return rows_of(
        [Row(f"/{n}", v, Stamp(0, 0), bytes(DIGEST), size)
         for n, (v, size) in enumerate(zip(every, sizes, strict=True))],
        every.shape[1],
    )  # fmt: skip


def at(degrees):
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)


def test_members_are_near_to_the_first_and_do_not_chain():
    groups = groups_of(rows(at([0, 10, 20, 30, 90])), np.cos(np.deg2rad(12)))
    assert [[number for number, _ in group] for group in groups] == [[0, 1], [2, 3]]
    assert groups[0][0][1] == 1
    assert groups[0][1][1] == pytest.approx(np.cos(np.deg2rad(10)), abs=1e-6)


def test_the_largest_picture_is_the_first_of_its_group():
    groups = groups_of(rows(at([0, 10, 21, 90]), [5, 50, 7, 1]), np.cos(np.deg2rad(12)))
    assert [[number for number, _ in group] for group in groups] == [[1, 0, 2]]


def test_of_equal_sizes_the_largest_file_is_the_first_of_its_group():
    held = rows(at([0, 5, 11]))
    held.stamps[:, 0] = (300, 900, 500)
    groups = groups_of(held, np.cos(np.deg2rad(12)))
    assert [[number for number, _ in group] for group in groups] == [[1, 0, 2]]


def test_equal_vectors_are_a_group_at_a_threshold_of_1():
    every = vectors(300, 128)
    groups = groups_of(rows(np.concatenate([every, every])), 1.0)
    assert [[number for number, _ in group] for group in groups] == [
        [n, n + 300] for n in range(300)
    ]
    assert all(score <= 1 for group in groups for _, score in group)


def test_blocks_find_what_all_at_once_would(monkeypatch):
    every = vectors(400, 4)
    expected = groups_of(rows(every), 0.97)
    monkeypatch.setattr("imgae.restore.search.groups.FIRST", 7)
    monkeypatch.setattr("imgae.restore.search.groups.OTHERS", 11)
    assert [[n for n, _ in group] for group in groups_of(rows(every), 0.97)] == [
        [n for n, _ in group] for group in expected
    ]
    taken = [number for group in expected for number, _ in group]
    assert len(taken) == len(set(taken)) > 100


def test_groups_of_many_equal_vectors_take_little_memory():
    """All pairs would be 1.6 GB."""
    every = np.repeat(vectors(1), 20000, 0)
    held = rows(every)
    tracemalloc.start()
    try:
        (group,) = groups_of(held, 0.9)
        assert tracemalloc.get_traced_memory()[1] < 80e6
    finally:
        tracemalloc.stop()
    assert len(group) == 20000


def test_no_pictures_have_no_groups():
    assert groups_of(rows(np.zeros((0, 4), np.float32)), 0.9) == []
