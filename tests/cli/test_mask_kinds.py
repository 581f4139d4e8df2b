"""Masks as people have them: which pixels `imgae inpaint` fills, and what it prints."""

import json
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import pytest
import tiny_models

from imgae import Image, read_image, write_image
from imgae.cli import main

HEIGHT, WIDTH = 96, 128
HOLE = np.zeros((HEIGHT, WIDTH), bool)
HOLE[20:40, 30:60] = True
NOTE = "imgae: note: "
PALETTE = [(0, 0, 0), (128, 0, 0), (0, 128, 0), (128, 128, 0), (0, 0, 128), (128, 0, 128)]
LABELS = HOLE * np.uint8(2)
LABELS[60:70, 10:20] = 1
LABELS[60:70, 30:45] = 5


@pytest.fixture(autouse=True)
def photo(tmp_path, monkeypatch):
    """A picture without white, and a model that fills with white, in the folder worked in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "models").mkdir()
    monkeypatch.setenv("IMGAE_MODELS", str(tmp_path / "models"))
    tiny_models.fill(tmp_path / "models" / "white.onnx")
    write_image(Image(scene()), "photo.png")


def scene():
    values = np.random.default_rng(0).integers(20, 220, (HEIGHT // 8, WIDTH // 8, 3), np.uint8)
    return values.repeat(8, 0).repeat(8, 1)


def save(array, name="mask.png", **how):
    PIL.Image.fromarray(array).save(name, **how)
    return name


def filled(*words, code=0):
    """Run the command, and return what changed."""
    assert main(["inpaint", "--model", "white", "photo.png", *map(str, words)]) == code
    if code:
        return None
    before, after = read_image("photo.png").pixels, read_image("photo.inpainted.png").pixels
    return (before != after).any(2)


def printed(capfd):
    """What was printed on standard error."""
    return capfd.readouterr().err.splitlines()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("white", [1, 255, 65535, 3000])
def test_masks_of_any_two_levels_with_black(dtype, white, capfd):
    save((HOLE * min(white, np.iinfo(dtype).max)).astype(dtype))
    assert np.array_equal(filled("--mask", "mask.png"), HOLE)
    assert printed(capfd) == []


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
def test_masks_of_black_and_white_in_any_mode(mode, capfd):
    PIL.Image.fromarray(HOLE).convert("L").convert(mode).save("mask.png")
    assert np.array_equal(filled("--mask", "mask.png"), HOLE)
    assert printed(capfd) == []


@pytest.mark.parametrize(("dark", "bright"), [(200, 230), (1, 2)])
def test_the_brighter_of_two_grays_fills_and_a_note_says_so(dark, bright, capfd):
    save(np.where(HOLE, bright, dark).astype(np.uint8))
    assert np.array_equal(filled("--mask", "mask.png"), HOLE)
    (line,) = printed(capfd)
    assert line == (
        f"{NOTE}mask.png: its two grays are {dark} and {bright} of 255; the brighter is what is "
        "filled"
    )


def test_an_inverted_mask_is_noted_and_can_be_turned_over(capfd):
    save(~HOLE)
    assert np.array_equal(filled("--mask", "mask.png"), ~HOLE)
    (line,) = printed(capfd)
    assert line == (
        f"{NOTE}photo.png: the mask marks 95.1% of the picture; if what is black in mask.png is to "
        "be filled, add --invert-mask"
    )
    assert np.array_equal(filled("--mask", "mask.png", "--invert-mask", "--overwrite"), HOLE)
    assert printed(capfd) == []
    save(HOLE)
    filled("--mask", "mask.png", "--invert-mask", "--overwrite")
    (line,) = printed(capfd)
    assert "if what is white in mask.png is to be filled, leave out --invert-mask" in line


def test_a_mask_that_is_white_all_over_is_an_error(capfd):
    save(np.full((HEIGHT, WIDTH), 255, np.uint8))
    filled("--mask", "mask.png", code=1)
    (line,) = printed(capfd)
    assert line == (
        "imgae: photo.png: the mask marks the whole picture; if what is black in mask.png is to be "
        "filled, add --invert-mask; nothing is left to fill it from"
    )


def with_palette(colours=PALETTE, **how):
    picture = PIL.Image.fromarray(LABELS, "P")
    picture.putpalette([value for colour in colours for value in colour])
    picture.save("mask.png", **how)


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (("--label", "2"), (2,)),
        (("--label", "5", "--label", "1"), (1, 5)),
        (("--label", "1,2"), (1, 2)),
        (("--label", "0", "--invert-mask"), (1, 2, 5)),
    ],
)
@pytest.mark.parametrize("kind", ["palette", "one colour twice", "gray", "16 bits", "4 bits"])
def test_labels_are_numbers_and_not_colours(kind, words, wanted):
    if kind == "palette":
        with_palette()
    elif kind == "one colour twice":
        with_palette([(255, 255, 255)] * 6)
    elif kind == "gray":
        save(LABELS)
    elif kind == "16 bits":
        save(LABELS.astype(np.uint16))
    else:
        with_palette(bits=4)
    assert np.array_equal(filled("--mask", "mask.png", *words), np.isin(LABELS, wanted))


@pytest.mark.parametrize("ending", ["png", "tif", "bmp", "gif"])
def test_labels_of_every_format_with_a_palette(ending):
    picture = PIL.Image.fromarray(LABELS, "P")
    picture.putpalette([value for colour in PALETTE for value in colour])
    picture.save(f"mask.{ending}")
    assert np.array_equal(filled("--mask", f"mask.{ending}", "--label", "2"), LABELS == 2)


def test_grays_of_few_bits_are_labels_as_they_are_stored():
    small = np.minimum(LABELS, 3)
    Path("mask.pgm").write_bytes(b"P5\n128 96\n3\n" + small.tobytes())
    assert read_image("mask.pgm").pixels.max() == 255
    assert np.array_equal(filled("--mask", "mask.pgm", "--label", "2"), small == 2)


def test_a_mask_of_labels_without_a_label_is_an_error_that_names_them(capfd):
    with_palette()
    filled("--mask", "mask.png", code=1)
    (line,) = printed(capfd)
    assert line.startswith("imgae: photo.png: mask.png: nothing in the mask is white")
    assert line.endswith("if its pixels are labels, --label takes one of 0, 1, 2, 5)")


def test_a_label_that_no_pixel_has(capfd):
    with_palette()
    assert not filled("--mask", "mask.png", "--label", "7").any()
    (line,) = printed(capfd)
    assert line == (
        f"{NOTE}photo.png: the mask marks nothing: mask.png has no label 7; it has 0, 1, 2, 5; the "
        "picture is written as it was"
    )


def test_labels_of_a_picture_in_colours_are_an_error(capfd):
    save(scene())
    filled("--mask", "mask.png", "--label", "7", code=1)
    assert printed(capfd) == [
        ("imgae: photo.png: mask.png: its pixels are colours, and not the numbers of labels")
    ]


def test_a_mask_with_soft_edges_fills_from_half_on_and_says_so(capfd):
    soft = cv2.GaussianBlur(HOLE * np.float32(255), (0, 0), 6).astype(np.uint8)
    save(soft)
    assert np.array_equal(filled("--mask", "mask.png"), soft >= 128)
    (line,) = printed(capfd)
    assert line == (
        f"{NOTE}mask.png: 700 pixels lie between black and white; those from half on count as "
        "white; --threshold takes another gray"
    )
    words = ("--mask", "mask.png", "--threshold", "40", "--overwrite")
    assert np.array_equal(filled(*words), soft >= 40)
    words = ("--mask", "mask.png", "--threshold", "0", "--overwrite")
    assert np.array_equal(filled(*words), soft > 0)
    assert printed(capfd) == []


def test_smooth_edges_of_a_drawn_line_are_not_soft(capfd):
    large = PIL.Image.new("L", (WIDTH * 8, HEIGHT * 8))
    PIL.ImageDraw.Draw(large).line((90, 80, 800, 600), fill=255, width=30)
    line = np.asarray(large.resize((WIDTH, HEIGHT), PIL.Image.Resampling.LANCZOS))
    save(line)
    assert np.array_equal(filled("--mask", "mask.png"), line >= 128)
    assert printed(capfd) == []


def test_no_gray_from_a_threshold_up(capfd):
    save(HOLE * np.uint8(100))
    assert not filled("--mask", "mask.png", "--threshold", "120").any()
    assert "the mask marks nothing: mask.png has no gray from 120 up" in printed(capfd)[0]


def test_two_labels_of_equal_brightness_are_an_error_that_names_them(capfd):
    picture = PIL.Image.fromarray(np.minimum(LABELS, 2), "P")  # dark red and dark green on black
    picture.putpalette([value for colour in PALETTE for value in colour])
    picture.save("mask.png")
    filled("--mask", "mask.png", code=1)
    (line,) = printed(capfd)
    assert line.startswith("imgae: photo.png: mask.png: nothing in the mask is white")
    assert line.endswith("if its pixels are labels, --label takes one of 0, 1, 2)")


@pytest.mark.parametrize("quality", [10, 20, 60, 95])
def test_a_jpeg_is_a_mask_as_what_it_was_made_from(quality, capfd):
    save(HOLE * np.uint8(255), "mask.jpg", quality=quality)
    values = read_image("mask.jpg").pixels
    assert len(np.unique(values)) > 2 or quality == 95
    assert np.array_equal(filled("--mask", "mask.jpg"), HOLE)
    assert printed(capfd) == []


def test_a_jpeg_of_black_with_little_noise_marks_nothing(capfd):
    noise = np.random.default_rng(0).integers(0, 5, (HEIGHT, WIDTH), np.uint8)
    save(noise, "mask.jpg", quality=90)
    assert not filled("--mask", "mask.jpg").any()
    assert "mask.jpg is black all over, and white is what is filled" in printed(capfd)[0]


@pytest.mark.parametrize("channels", ["L", "RGB"])
def test_a_photograph_given_as_a_mask_is_noted(channels, capfd):
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (12, 16, 3), np.uint8)
    smooth = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    PIL.Image.fromarray(smooth).convert(channels).save("mask.jpg")
    assert filled("--mask", "mask.jpg").any()
    assert (
        f"{NOTE}mask.jpg: looks like a photograph rather than a mask; what is bright in it counts "
        "as white"
    ) in printed(capfd)


def test_a_black_mask_says_why_it_marks_nothing(capfd):
    save(HOLE & False)
    assert not filled("--mask", "mask.png").any()
    (line,) = printed(capfd)
    assert line == (
        f"{NOTE}photo.png: the mask marks nothing: mask.png is black all over, and white is what "
        "is filled; the picture is written as it was"
    )


def test_a_colour_that_is_not_there_names_how_far_the_nearest_is(capfd):
    write_image(Image(np.full((HEIGHT, WIDTH, 3), (100, 90, 80), np.uint8)), "photo.png", True)
    assert not filled("--color", "787878").any()
    (line,) = printed(capfd)
    assert line == (
        f"{NOTE}photo.png: the mask marks nothing: no pixel is within 16 levels of 787878; the "
        "nearest is 40 away (--tolerance); the picture is written as it was"
    )


def stamped():
    """A picture with the same orange in two places."""
    values = scene() // 2
    values[5:9, 5:9] = values[80:88, 90:120] = (255, 144, 32)
    write_image(Image(values), "photo.png", True)


def test_within_limits_a_colour_to_a_place(capfd):
    stamped()
    here, there = np.zeros((2, HEIGHT, WIDTH), bool)
    here[80:88, 90:120] = True
    there[5:9, 5:9] = True
    assert np.array_equal(filled("--color", "ff9020"), here | there)
    corner = ("--color", "ff9020", "--within", "64,48,64,48", "--overwrite")
    assert np.array_equal(filled(*corner), here)
    assert np.array_equal(
        filled(*corner, "--within", "0,0,6,20"), here | there & (np.arange(WIDTH) < 6)
    )
    assert printed(capfd) == []


def test_nothing_outside_of_within_is_filled_though_the_mask_grows():
    stamped()
    wanted = np.zeros((HEIGHT, WIDTH), bool)
    wanted[76:92, 90:124] = True
    words = ("--color", "ff9020", "--within", "90,60,38,36", "--dilate", "4")
    grown = filled(*words)
    assert not grown[:, :90].any()
    assert grown[76:92, 100:110].all()
    assert not (grown & ~wanted).any()


def test_all_that_is_marked_outside_of_within(capfd):
    save(HOLE)
    assert not filled("--mask", "mask.png", "--within", "0,0,9,9").any()
    assert "marks nothing: all that is marked lies outside of --within" in printed(capfd)[0]


def test_within_and_boxes_outside_the_picture_are_errors(capfd):
    save(HOLE)
    filled("--mask", "mask.png", "--within", "500,0,9,9", code=1)
    assert printed(capfd) == [
        ("imgae: photo.png: --within: the box 500,0,9,9 lies outside the picture of 128x96")
    ]
    filled("--box", "500,0,9,9", code=1)
    assert "the box 500,0,9,9 lies outside the picture of 128x96" in printed(capfd)[0]


def test_a_mask_is_subtracted(capfd):
    save(HOLE)
    face = np.zeros((HEIGHT, WIDTH), bool)
    face[25:90, 40:50] = True
    save(face, "face.png")
    words = ("--mask", "mask.png", "--dilate", "3", "--protect", "face.png")
    changed = filled(*words)
    assert (changed & face).sum() == 0
    assert changed[HOLE & ~face].all()
    assert changed.sum() > HOLE.sum() - (HOLE & face).sum()
    save(~(HOLE & False), "face.png")
    assert not filled(*words, "--overwrite").any()
    assert (
        "the mask marks nothing: face.png, which --protect names, covers all that is marked"
    ) in printed(capfd)[0]


@pytest.mark.parametrize(("option", "what"), [("--protect", "protected"), ("--avoid", "avoided")])
def test_other_masks_that_are_black_are_noted(option, what, capfd):
    save(HOLE & False)
    assert filled("--box", "0,0,4,4", option, "mask.png").sum() == 16
    assert printed(capfd) == [f"{NOTE}mask.png: black all over, so nothing is {what}"]


class Finder:
    """A detector of what it is told to find, in the upper left."""

    def __init__(self, **settings):
        self.settings = settings

    def find_each(self, image, defects, *, sensitivity=0.5):
        found = np.zeros((len(defects), image.height, image.width), bool)
        found[:, : int(sensitivity * 10), : 2 * len(defects)] = "none" not in defects
        return dict(zip(defects, found, strict=True))


@pytest.fixture
def finder(monkeypatch):
    monkeypatch.setattr("imgae.restore.detect.Detector", Finder)
    monkeypatch.setattr("imgae.cli.mask_options.DEFECTS", ("dust", "text", "none"))
    monkeypatch.setattr("imgae.cli.marking.MARGINS", dict.fromkeys(("dust", "text", "none"), 0))


@pytest.mark.usefixtures("finder")
@pytest.mark.parametrize(
    ("words", "rows", "columns"),
    [
        (("--detect", "dust"), 5, 2),
        (("--detect", "dust,text", "--sensitivity", "0.9"), 9, 4),
        (("--detect", "dust", "--detect", "text", "--sensitivity", "0.2"), 2, 4),
    ],
)
def test_defects_and_sensitivity_go_to_the_detector(words, rows, columns):
    changed = filled(*words)
    assert changed[:rows, :columns].all()
    assert changed.sum() == rows * columns


@pytest.mark.usefixtures("finder")
def test_nothing_that_is_detected(capfd):
    assert not filled("--detect", "none,text").any()
    assert "marks nothing: --detect finds no none or text;" in printed(capfd)[0]


def test_of_several_options_one_that_marks_nothing_is_noted(capfd):
    save(HOLE)
    assert np.array_equal(filled("--mask", "mask.png", "--color", "ff00ff"), HOLE)
    (line,) = printed(capfd)
    assert line.startswith(f"{NOTE}photo.png: no pixel is within 16 levels of ff00ff")


def test_a_cut_out_becomes_opaque_where_it_was_filled():
    alpha = np.where(HOLE, 0, 255).astype(np.uint8)
    alpha[20:40, 60] = 100
    write_image(Image(scene(), alpha), "photo.png", True)
    assert np.array_equal(filled("--mask", "alpha"), alpha < 255)
    assert (read_image("photo.inpainted.png").alpha == 255).all()
    filled("--mask", "alpha", "--protect", save(HOLE & (np.arange(WIDTH) < 40)), "--overwrite")
    after = read_image("photo.inpainted.png").alpha
    assert (after[20:40, 30:40] == 0).all()
    assert (after == 0).sum() == 200


def test_a_cut_out_may_stay_transparent():
    alpha = np.where(HOLE, 0, 255).astype(np.uint8)
    write_image(Image(scene(), alpha), "photo.png", True)
    assert np.array_equal(filled("--mask", "alpha", "--keep-alpha"), HOLE)
    assert np.array_equal(read_image("photo.inpainted.png").alpha, alpha)


def test_a_hole_that_nobody_sees_is_noted(capfd):
    write_image(Image(scene(), np.where(HOLE, 0, 255).astype(np.uint8)), "photo.png", True)
    save(HOLE)
    filled("--mask", "mask.png")
    assert "most of what is filled is transparent and stays so" in printed(capfd)[0]


def test_an_opaque_picture_has_nothing_to_fill(capfd):
    write_image(Image(scene(), np.full((HEIGHT, WIDTH), 255, np.uint8)), "photo.png", True)
    assert not filled("--mask", "alpha").any()
    assert "marks nothing: all of the picture is opaque" in printed(capfd)[0]


def test_notes_about_a_mask_are_told_once_for_many_pictures(capfd):
    write_image(Image(scene()), "b.png")
    save(np.where(HOLE, 230, 200).astype(np.uint8))
    assert main(["inpaint", "--model", "white", "photo.png", "b.png", "--mask", "mask.png"]) == 0
    assert len([line for line in printed(capfd) if "its two grays" in line]) == 1


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--box", "0,0,4,4", "--invert-mask"), "--invert-mask is about the picture that --mask"),
        (("--mask", "alpha", "--threshold", "0"), "--threshold is about the picture that --mask"),
        (("--box", "0,0,4,4", "--label", "4"), "--label is about the picture that --mask names"),
        (("--mask", "m.png", "--label", "4", "--threshold", "9"), "leave one out"),
        (("--mask", "m.png", "--threshold", "256"), "not a number from 0 to 255"),
        (("--mask", "m.png", "--label", "red"), "'red' is not a whole number"),
        (("--box", "0,0,4,4", "--sensitivity", "1"), "--sensitivity is about what --detect finds"),
        (("--within", "0,0,4,4"), "nothing says what to fill"),
        (("--box", "0,0,4,4", "--within", "0,0,0,4"), "a box without area"),
        (("--box", "0,0,4,4", "--keep-alpha"), "--keep-alpha is about what --mask alpha fills"),
        (("--mask", "alpha", "--feather", "2"), "--feather blends with what was there"),
        (("--box", "0,0,4,4", "--variants", "2", "--no-texture"), "leave out --no-texture"),
        (("--box", "0,0,4,4", "--from-box", "9,9,9,9", "--no-texture"), "leave out --no-texture"),
        (("--box", "0,0,4,4", "--avoid", "photo.png", "--no-texture"), "leave out --no-texture"),
        (("--box", "0,0,4,4", "--variants", "0"), "not a whole number from 1 up"),
    ],
)
def test_options_that_do_not_go_together(words, told, capfd):
    filled(*words, code=2)
    assert told in printed(capfd)[0]


@pytest.mark.parametrize("option", ["--protect", "--avoid"])
def test_masks_that_are_not_there(option, capfd):
    filled("--box", "0,0,4,4", option, "none.png", code=1)
    assert printed(capfd) == [f"imgae: none.png: no such file; {option} names a picture"]


def test_a_dry_run_writes_the_preview_and_the_mask_alone(tmp_path, capsys):
    save(HOLE)
    before = sorted(tmp_path.iterdir())
    words = ["photo.png", "--mask", "mask.png", "--dry-run", "-o", "new/"]
    seen = ["--preview", "seen.png", "--save-mask", "used.png"]
    assert main(["inpaint", *words, *seen]) == 0
    out = capsys.readouterr().out
    assert out == "photo.png: 128x96, would fill 600 pixels (4.9%)\n"
    assert sorted(tmp_path.iterdir()) == sorted(
        [*before, tmp_path / "seen.png", tmp_path / "used.png"]
    )
    assert np.array_equal(read_image("used.png").pixels[:, :, 0] > 0, HOLE)
    assert np.array_equal((read_image("seen.png").pixels != scene()).any(2), HOLE)
    assert main(["inpaint", *words, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["filled"], record["outputs"], record["model"]) == (600, [], None)
    assert record["output"] is None


def test_a_dry_run_does_not_mind_results_that_are_there(capsys):
    filled("--box", "0,0,4,4")
    assert main(["inpaint", "photo.png", "--box", "0,0,4,4", "--dry-run"]) == 0
    assert main(["inpaint", "photo.png", "--box", "0,0,4,4"]) == 1


@pytest.fixture
def calls(monkeypatch):
    """What Inpainter.run is called with; it fills with its seed."""
    seen = []

    def run(self, image, hole, feather=0, texture=True, progress=None, before=None, **more):
        seen.append(more)
        pixels = image.pixels.copy()
        pixels[hole] = 200 + more["seed"]
        return image.with_pixels(pixels)

    monkeypatch.setattr("imgae.restore.inpaint.Inpainter.run", run)
    return seen


def test_where_texture_comes_from_goes_to_the_inpainter(calls):
    save(HOLE, "avoid.png")
    words = ("--box", "0,0,4,4", "--from-box", "10,10,20,5", "--from-box", "90,0,200,1")
    filled(*words, "--avoid", "avoid.png", "--seed", "7", "--no-grain")
    filled("--box", "0,0,4,4", "--overwrite")
    source = np.zeros((HEIGHT, WIDTH), bool)
    source[10:15, 10:30] = source[:1, 90:] = True
    given, usual = calls
    assert np.array_equal(given["source"], source)
    assert np.array_equal(given["avoid"], HOLE)
    assert (given["seed"], given["grain"]) == (7, False)
    assert usual == {"seed": 0, "grain": True}


@pytest.mark.parametrize(
    "words",
    [("--from-box", "30,20,9,9"), ("--avoid", "avoid.png"), ("--dry-run", "--avoid", "avoid.png")],
)
def test_nothing_that_texture_could_be_taken_from_is_an_error(words, capfd):
    save(HOLE)
    save(~HOLE, "avoid.png")
    filled("--mask", "mask.png", *words, code=1)
    (line,) = [line for line in printed(capfd) if not line.startswith(NOTE)]
    assert line.startswith("imgae: photo.png: nothing is left to take texture from; all that")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ((), ["photo.inpainted-1.png", "photo.inpainted-2.png", "photo.inpainted-3.png"]),
        (("-o", "a.tif"), ["a-1.tif", "a-2.tif", "a-3.tif"]),
        (("-o", "new/"), [f"new/photo.inpainted-{number}.png" for number in (1, 2, 3)]),
    ],
)
@pytest.mark.usefixtures("calls")
def test_variants_have_seeds_from_the_given_one_on(words, names, capsys):
    command = ["inpaint", "--model", "white", "photo.png", "--box", "0,0,4,4", "--variants", "3"]
    assert main([*command, "--seed", "5", *words, "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["outputs"] == names
    assert record["output"] == names[0]
    assert [int(read_image(name).pixels[0, 0, 0]) for name in names] == [205, 206, 207]
    assert main([*command, *words]) == 1
    assert main([*command, *words, "--overwrite"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith(f"photo.png -> {names[0]} to {names[2]}: 128x96, 16 ")
    assert "equal" not in err


@pytest.mark.parametrize("marked", [True, False])
def test_variants_that_are_equal_are_noted(marked, capfd):
    save(HOLE & False)
    what = ("--box", "8,8,4,4") if marked else ("--mask", "mask.png")
    command = ["inpaint", "--model", "white", "photo.png", *what, "--variants", "2"]
    assert main([*command, "--no-grain"]) == 0
    noted = "photo.png: the variants are equal: no hole is wide enough for texture"
    assert any(noted in line for line in printed(capfd)) == marked


def test_a_variant_is_not_written_over_what_is_read(capfd):
    save(HOLE, "photo.inpainted-2.png")
    words = ("--mask", "photo.inpainted-2.png", "--variants", "2", "--overwrite")
    filled(*words, code=2)
    assert "would be both" in printed(capfd)[0]
