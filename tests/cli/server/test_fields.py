"""Fields are the options of the commands, and are checked as these are."""

import re
from pathlib import Path

import pytest

from imgae import OptionError
from imgae.cli import parse
from imgae.cli.server import fields, openapi, schemas
from imgae.cli.server.fields import crop_of, in_words, options_of, plain, told_of


def of(kind, files=None, **given):
    given = {name: [value] if isinstance(value, str) else value for name, value in given.items()}
    return options_of(kind, plain(given), files or {})


def test_options_are_those_of_the_command_line(tmp_path):
    mask = tmp_path / "m.png"
    mask.touch()
    by_hand = parse(
        [
            *("inpaint", "picture", "--mask", str(mask), "--box", "-1,2,3,4", "--box", "5,6,7,8"),
            *("--polygon", "0,0", "9,-1", "9,9", "--no-grain", "--label", "3,4", "--seed", "7"),
            *("--denoise", "--sigma", "12.5", "--format", "tif", "--quiet"),
        ]
    )
    given = of(
        "inpaint",
        {"mask": mask},
        box=["-1,2,3,4", "5,6,7,8"],
        polygon="0,0 9,-1 9,9",
        no_grain="true",
        no_texture="false",
        label="3,4",
        seed="7",
        denoise="true",
        sigma="12.5",
        format="tif",
    )
    apart = ("run", "parser")
    assert {k: v for k, v in vars(given).items() if k not in apart} == {
        k: v for k, v in vars(by_hand).items() if k not in apart
    }


@pytest.mark.parametrize(
    ("kind", "given", "told"),
    [
        ("denoise", {"strength": "3"}, "strength: '3' is not a number from 0 to 2"),
        ("denoise", {"strength": ["1", "1"]}, "strength: is given 2 times; give it once"),
        ("denoise", {"sigma": ""}, "sigma: '' is neither 'auto' nor a number from 0 to 255"),
        ("denoise", {"cmyk": "yes"}, "cmyk: 'yes' is neither true nor false"),
        ("denoise", {"output": "x.png"}, "'output' is no field of this request"),
        ("denoise", {"overwrite": "true"}, "'overwrite' is no field of this request"),
        ("denoise", {"box": "1,2,3,4"}, "'box' is no field of this request; the fields are: model"),
        ("denoise", {"format": "psd"}, "format: 'psd' is no format that is written"),
        ("inpaint", {}, "nothing says what to mark: give mask, strokes, box"),
        ("inpaint", {"box": "1,2"}, "box: '1,2' is not 4 whole numbers with commas"),
        ("inpaint", {"mask": "/etc/passwd"}, "mask: is a file, or the word alpha"),
        ("inpaint", {"protect": "/etc/passwd"}, "'protect' is a file"),
        ("inpaint", {"box": "1,2,3,4", "sigma": "9"}, "sigma is the level that denoise removes"),
        ("inpaint", {"box": "1,2,3,4", "tolerance": "9"}, "tolerance is about a color; name one"),
        ("mask", {"polygon": "1,2 3,4", "seed": "3"}, "'seed' is no field of this request"),
    ],
)
def test_wrong_fields_are_told_in_their_own_words(kind, given, told):
    with pytest.raises(OptionError) as error:
        of(kind, **given)
    assert str(error.value).startswith(told)
    assert "--" not in str(error.value)


def test_a_value_is_never_another_option():
    with pytest.raises(OptionError, match="color: 'protect=/etc/passwd' is not a colour"):
        of("mask", color="--protect=/etc/passwd")


def test_sentences_hold_no_paths_and_are_of_bounded_length():
    path = Path("/private/place/abc/photo.jpg")
    with pytest.raises(OptionError) as error, told_of({path: "photo.jpg"}):
        raise OptionError(f"{path}: too large; allow more with --max-memory (max_memory=...)")
    assert str(error.value) == "photo.jpg: too large; make it smaller"
    assert len(in_words("x" * 10**6)) < 1000


@pytest.mark.parametrize(
    "text", ["1,2,3", "-1,0,5,5", "0,0,0,5", "0,0,1025,5", "0,0,5,5 ", "²,0,5,5"]
)
def test_a_wrong_crop_is_told(text):
    with pytest.raises(OptionError, match=r"^crop: "):
        crop_of(text)


def test_a_crop_is_left_top_width_and_height():
    assert crop_of("10,20,30,40") == (20, 10, 60, 40)


@pytest.mark.parametrize("kind", fields.PARSERS)
def test_the_document_has_every_field_and_says_what_it_is(kind):
    request = openapi.document()["paths"][f"/v1/{kind}"]["post"]["requestBody"]
    schema = request["content"]["multipart/form-data"]["schema"]
    names = {*fields.FIELDS[kind], *fields.OTHERS[kind], *fields.FILES[kind], "image", "picture"}
    assert set(schema["properties"]) == names
    for name, value in schema["properties"].items():
        assert value["description"], name
        assert "--" not in value["description"], name


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("detect", "scratches,dust"),
        ("detect", "dust"),
        ("detect", "faces"),
        ("label", "3,4"),
        ("label", "7"),
        ("label", "x"),
        ("box", "1,2,3,4"),
        ("polygon", "1,2 3,4 5,6"),
    ],
)
def test_the_document_allows_what_the_parser_does(name, text, tmp_path):
    (tmp_path / "m.png").touch()
    schema = schemas.fields_schema("mask", (), ())[name]["items"]
    allowed = re.fullmatch(schema["pattern"], text) is not None
    try:
        of("mask", {"mask": tmp_path / "m.png"}, **{name: text})
    except OptionError:
        assert not allowed
    else:
        assert allowed


def test_the_document_names_the_models_of_each_task():
    models = [{"name": "a", "task": "denoise"}, {"name": "b", "task": "inpaint"}]
    assert schemas.fields_schema("denoise", (), models)["model"]["enum"] == ["a"]
