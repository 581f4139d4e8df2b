"""imgae.Index."""

import io
import os
import threading
import warnings
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import tiny_code

import imgae
from imgae.errors import ImgaeWarning, ModelError, OptionError, SearchError
from imgae.restore.search.describe import Describer

ALL = [*(f"photos/{n}.png" for n in (0, 2, 4)), *(f"photos/inner/{n}.png" for n in (1, 3, 5))]


def here(paths):
    return [str(Path(path).relative_to(Path.cwd())) for path in paths]


@pytest.fixture
def index(photos):
    return imgae.Index.build("photos")


@pytest.fixture
def seen(monkeypatch):
    """Counts the pictures that go through the network."""
    count = []
    real = Describer.of_small

    def counted(self, pixels):
        count.append(pixels.shape)
        return real(self, pixels)

    monkeypatch.setattr(Describer, "of_small", counted)
    return count


def test_a_folder_is_searched_with_its_folders_and_found_again(index):
    assert len(index) == 6
    assert here(index.paths) == ALL
    assert (index.model, index.described, index.left_out) == ("signs", 6, 0)
    assert repr(index) == "Index(6 pictures, by signs)"
    for name in ALL:
        hits = index.search(name, k=3)
        assert here([hits[0].path]) == [name]
        assert hits[0].score == pytest.approx(1, abs=1e-5)
        assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)


def test_pictures_of_every_kind_can_be_searched_for(index):
    name = "photos/2.png"
    image = imgae.read_image(name)
    kinds = [
        Path(name),
        Path(name).read_bytes(),
        io.BytesIO(Path(name).read_bytes()),
        image,
        image.pixels,
        PIL.Image.open(name),
    ]
    for kind in kinds:
        assert here([index.search(kind, 1)[0].path]) == [name]
    kinds[5].close()


def test_it_is_saved_and_opened(index, photos):
    index.save("i.index")
    found = imgae.Index.open("i.index")
    assert found.paths == index.paths
    first, second = (each.search("photos/0.png") for each in (index, found))
    assert [hit.path for hit in first] == [hit.path for hit in second]
    assert [a.score for a in first] == pytest.approx([b.score for b in second], abs=1e-3)
    with pytest.raises(OptionError, match="needs a path"):
        imgae.Index.build("photos").save()


def test_what_is_unchanged_is_not_described_again(index, seen):
    index.save("i.index")
    imgae.write_image(imgae.Image(np.full((40, 40, 3), 9, np.uint8)), "photos/new.png")
    os.utime("photos/2.png", ns=(1, 1))
    Path("photos/4.png").rename("photos/inner/moved.png")
    Path("photos/0.png").unlink()
    again = imgae.Index.build("photos", reuse="i.index")
    assert len(seen) == 1  # the new one; moved and touched files have contents that are known
    assert here(again.paths) == [
        "photos/2.png",
        "photos/new.png",
        *ALL[3:],
        "photos/inner/moved.png",
    ]
    assert again.described == 3


def test_a_changed_file_is_described_anew(index, seen):
    index.save("i.index")
    imgae.write_image(imgae.Image(np.full((40, 40, 3), 9, np.uint8)), "photos/2.png", True)
    before = index.search("photos/2.png", 1)[0].score
    again = imgae.Index.build("photos", reuse="i.index")
    assert again.search("photos/2.png", 1)[0].score > before
    assert here([again.search("photos/2.png", 1)[0].path]) == ["photos/2.png"]


def test_files_that_cannot_be_read_are_left_out_with_a_warning(photos):
    Path("photos/bad.png").write_text("no picture")
    Path("photos/cut.png").write_bytes(Path("photos/0.png").read_bytes()[:200])
    with pytest.warns(ImgaeWarning) as caught:
        index = imgae.Index.build("photos")
    told = [str(warning.message).split(": ")[0] for warning in caught]
    assert told == ["photos/bad.png", "photos/cut.png"]
    assert (len(index), index.left_out) == (6, 2)
    found = []
    imgae.Index.build("photos", told=found.append)
    assert [one.done for one in found] == list(range(1, 9))
    assert {one.total for one in found} == {8}
    assert sum(bool(one.error) for one in found) == 2
    assert found[0].pixels == 5400


def test_no_pictures_are_an_error(photos):
    Path("empty").mkdir()
    with pytest.raises(SearchError, match="empty: no pictures in this folder"):
        imgae.Index.build("empty")
    Path("empty/bad.png").write_text("no picture")
    with (
        pytest.warns(ImgaeWarning, match="bad.png"),
        pytest.raises(SearchError, match="none of the pictures can be read"),
    ):
        imgae.Index.build("empty")
    with pytest.raises(SearchError, match="no pictures were named"):
        imgae.Index.build([])


def test_pictures_are_added(index, seen):
    imgae.write_image(imgae.Image(np.full((40, 40, 3), 9, np.uint8)), "more.png")
    assert index.add(["more.png", "photos"]) == 1
    assert len(seen) == 1
    assert sorted(here(index.paths)) == sorted([*ALL, "more.png"])
    assert index.add("more.png") == 0
    Path("more.png").write_text("no picture any longer")
    with pytest.warns(ImgaeWarning, match=r"more\.png"):
        index.add("more.png")
    assert (len(index), index.dropped) == (6, 1)


def test_names_and_links_of_one_file_are_one_picture(photos):
    Path("photos/.real.png").write_bytes(Path("photos/0.png").read_bytes())
    Path("photos/a-link.png").symlink_to("2.png")
    Path("photos/b-link.png").symlink_to(".real.png")
    os.link("photos/4.png", "photos/hard.png")
    os.link("photos/4.png", "photos/inner/hard.png")
    index = imgae.Index.build("photos")
    assert here(index.paths) == [*ALL[:3], "photos/b-link.png", *ALL[3:]]
    (group,) = index.duplicates(0.9999)
    assert {*here(hit.path for hit in group)} == {"photos/0.png", "photos/b-link.png"}
    Path("linked").symlink_to("photos", target_is_directory=True)
    assert index.add(["photos/a-link.png", "photos/hard.png", "linked/inner/3.png"]) == 0
    assert len(index) == 7
    assert len(imgae.Index.build(["linked", "photos"])) == 7


@pytest.mark.parametrize("how", ["emptied", "gone"])
def test_a_folder_that_lost_its_pictures_does_not_lose_them_in_the_index(photos, how):
    Path("other").mkdir()
    Path("photos/inner/1.png").rename("other/1.png")
    imgae.Index.build(["photos", "other"]).save("i.index")
    Path("other/1.png").unlink()
    if how == "gone":
        Path("other").rmdir()
    with pytest.raises(SearchError, match=r"^other: no pictures are found here now, but i\.index "):
        imgae.Index.build(["photos", "other"], reuse="i.index")
    index = imgae.Index.open("i.index")
    index.remove("other")
    index.save()
    again = imgae.Index.build("photos", reuse="i.index")
    assert (len(again), again.dropped) == (5, 0)
    assert imgae.Index.build("photos/inner", reuse="i.index").dropped == 3
    for number in (3, 5):
        Path(f"photos/inner/{number}.png").unlink()
    with pytest.raises(SearchError, match=r"i\.index holds 2 of it"):
        imgae.Index.build([*ALL[:3], "photos/inner/*.png", "none/*"], reuse="i.index")


def test_pictures_are_removed(index):
    assert index.remove("photos/inner") == 3
    assert index.remove([Path("photos/0.png"), "photos/*"]) == 3
    assert len(index) == 0
    assert index.search(np.zeros((40, 40, 3), np.uint8)) == []
    assert index.duplicates() == []


def test_removing_what_is_not_there_changes_nothing(index):
    with pytest.raises(SearchError, match=r"^none\.png: no picture of the index has this path"):
        index.remove(["photos/0.png", "none.png"])
    assert len(index) == 6


def test_an_index_is_seen_from_its_own_folder_too(index, monkeypatch):
    index.save("i.index")
    monkeypatch.chdir("photos/inner")
    found = imgae.Index.open("../../i.index")
    assert found.remove("photos/0.png") == 1
    assert found.remove("1.png") == 1


def test_an_index_by_another_model_is_refused(index, tmp_path):
    index.save("i.index")
    other = tiny_code.signs(tmp_path / "other.onnx", "other")
    with pytest.raises(ModelError, match=r"made by the model 'signs', not by 'other'.*build the"):
        imgae.Index.open("i.index", other)
    tiny_code.signs(tmp_path / "models" / "signs.onnx", seed=1)
    with pytest.raises(ModelError, match="by another version of the model 'signs'"):
        imgae.Index.open("i.index").search("photos/0.png")
    assert imgae.Index.build("photos", reuse="i.index").described == 6
    (tmp_path / "models" / "signs.onnx").unlink()
    with pytest.raises(ModelError, match=r"made by the model 'signs', which is not found here"):
        imgae.Index.open("i.index").search("photos/0.png")


def test_a_model_of_the_users_is_named_again(photos, tmp_path):
    path = tiny_code.signs(tmp_path / "mine.onnx", "mine", seed=3)
    imgae.Index.build("photos", path).save("i.index")
    assert imgae.Index.open("i.index", path).search("photos/0.png", 1)[0].score > 0.999


def test_a_file_that_is_no_index_is_not_replaced(photos):
    Path("notes.txt").write_text("mine")
    with pytest.raises(SearchError, match="no index of imgae"):
        imgae.Index.build("photos", reuse="notes.txt")
    assert Path("notes.txt").read_text() == "mine"


def test_other_values_of_k_and_threshold_are_refused(index):
    for k in (np.int64(3), np.uint8(3)):
        assert len(index.search("photos/0.png", k)) == 3
    for k in (0, -1, 1.5, "3", True, np.True_, None):
        with pytest.raises(OptionError, match="k is"):
            index.search("photos/0.png", k)
    for threshold in (0, 1.1, -1, float("nan")):
        with pytest.raises(OptionError, match="the threshold is"):
            index.duplicates(threshold)


def test_near_duplicates_are_grouped(photos):
    image = imgae.read_image("photos/0.png")
    brighter = (image.pixels.astype(int) + 3).clip(0, 255).astype(np.uint8)
    imgae.write_image(imgae.Image(brighter), "photos/a-brighter.png")
    imgae.write_image(
        imgae.Image(np.ascontiguousarray(image.pixels[:, ::-1])), "photos/b-mirror.png"
    )
    index = imgae.Index.build("photos")
    ((first, *others),) = index.duplicates(0.9999)
    assert here([first.path]) == ["photos/0.png"]
    assert {*here(hit.path for hit in others)} == {"photos/a-brighter.png", "photos/b-mirror.png"}
    assert len(index.duplicates(0.5)[0]) > 3


def test_searches_run_beside_changes(index):
    errors = []

    def search():
        try:
            for _ in range(30):
                hits = index.search("photos/0.png", 10)
                assert here([hits[0].path]) == ["photos/0.png"]
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        index.remove("photos/inner")
        index.add("photos/inner")
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(index) == 6


def test_a_search_does_not_wait_for_others_to_be_added(index):
    imgae.write_image(imgae.Image(np.full((40, 40, 3), 9, np.uint8)), "more.png")
    found = []

    def told(_):
        thread = threading.Thread(target=lambda: found.append(index.search("photos/0.png", 9)))
        thread.start()
        thread.join(20)
        assert not thread.is_alive()

    index.add("more.png", told=told)
    assert len(found[0]) == 6  # as it was when the search began
    assert len(index.search("photos/0.png", 9)) == 7


def test_an_interrupted_build_keeps_what_is_done_for_the_next(index, seen, monkeypatch):
    index.remove("photos/inner")
    index.save("i.index")
    old = Path("i.index").read_bytes()

    def interrupted(told):
        if told.done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        imgae.Index.build("photos", reuse="i.index", told=interrupted)
    assert Path("i.index").read_bytes() == old
    assert len(imgae.Index.open("i.index.part")) == 2
    seen.clear()
    again = imgae.Index.build("photos", reuse="i.index")
    assert len(seen) == 1
    assert len(again) == 6
    again.save()
    assert not Path("i.index.part").exists()


def test_a_damaged_part_is_no_error(index):
    Path("i.index.part").write_text("damaged")
    again = imgae.Index.build("photos", reuse="i.index")
    assert len(again) == 6


def test_what_was_done_is_written_every_minute(photos, monkeypatch):
    monkeypatch.setattr("imgae.restore.search.gather.PAUSE", 0)
    sizes = []

    def told(one):
        sizes.append(len(imgae.Index.open("i.index.part")) if one.done > 1 else 0)

    imgae.Index.build("photos", reuse="i.index", told=told)
    assert sizes == [0, 1, 2, 3, 4, 5]


def test_pictures_of_unusual_kinds_are_indexed(photos):
    PIL.Image.new("RGB", (1, 1), "red").save("photos/one.png")
    PIL.Image.new("RGB", (3, 5), "red").save("photos/small.png")
    PIL.Image.new("RGBA", (50, 40), (255, 0, 0, 60)).save("photos/alpha.png")
    PIL.Image.new("CMYK", (500, 20), (25, 0, 0, 60)).save("photos/inks.jpg")
    PIL.Image.new("I;16", (50, 40), 30000).save("photos/deep.png")
    frames = [PIL.Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    frames[0].save("photos/moving.gif", save_all=True, append_images=frames[1:])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(imgae.Index.build("photos")) == 12
