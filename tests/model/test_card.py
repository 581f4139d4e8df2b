import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_models import card

from imgae.errors import ModelError
from imgae.model.card import ModelCard, OwnNoise, Score


def test_a_card_survives_the_way_to_json_and_back():
    original = card(scores=(Score("CBSD68, sigma 25", 31.2, "dB PSNR", "imgae ..."),))
    assert ModelCard.from_json(original.to_json()) == original


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"schema": 99}, "has schema 99, this imgae reads 1"),
        ({"stride": None}, "wrong kind"),
        ({"stride": 0}, "stride 0"),
        ({"halo": 5, "stride": 8}, "do not fit"),
        ({"value_range": 3}, "wrong kind"),
        ({"scores": [{"what": "CBSD68"}]}, "wrong kind"),
        ({"scores": [3]}, "wrong kind"),
        ({"scores": {"what": "CBSD68"}}, "scores is"),
        ({"scores": [{"what": "a", "value": float("nan"), "unit": "", "command": ""}]}, "scores"),
        ({"scores": [{"what": [], "value": 1, "unit": "", "command": ""}]}, "scores"),
        ({"inputs": "image"}, "inputs is 'image'; expected a list of texts"),
        ({"inputs": [["image"], "sigma"]}, "inputs"),
        ({"training_data": {}}, "training_data"),
        ({"stride": True}, "stride is True; expected a whole number"),
        ({"macs_per_pixel": 10**400}, "macs_per_pixel is 1000"),
        ({"macs_per_pixel": -1}, "macs_per_pixel is -1"),
        ({"sigma_range": [0, float("nan")]}, "sigma_range"),
        ({"sigma_range": [0, 10**400]}, "sigma_range"),
        ({"sigma_range": ["0", "1"]}, "sigma_range"),
        ({"value_range": [0, float("inf")]}, "value_range"),
        ({"schema": True}, "has schema True"),
        ({"schema": {}}, "has schema {}"),
    ],
)
def test_a_card_that_is_not_right_is_refused_in_one_sentence(change, sentence):
    values = json.loads(card().to_json()) | change
    with pytest.raises(ModelError, match=sentence):
        ModelCard.from_json(json.dumps(values))


def test_fields_of_a_newer_imgae_are_ignored():
    original = card(scores=(Score("CBSD68, sigma 25", 31.2, "dB PSNR", "imgae ..."),))
    values = json.loads(original.to_json()) | {"shoe_size": 44}
    values["scores"][0]["device"] = "a watch"
    assert ModelCard.from_json(json.dumps(values)) == original


@pytest.mark.parametrize(
    "change",
    [
        {"knots": [0, 0]}, {"variance": [[1, 1]]}, {"span": 0}, {"kernels": [[1, 1]] * 3},
        {"mix": [[1]]}, {"pixels": 16}, {"knots": [0, "1"]},
    ],
)  # fmt: skip
def test_noise_that_cannot_be_is_refused(change):
    rows = ((1.0,),) * 3
    noise = OwnNoise("level 25", "uint16", 0.0, 1.0, (0.0, 1.0), ((0.1, 0.1),) * 3, rows, rows)
    whole = replace(card(), noise=replace(noise, mix=((1.0, 0.0, 0.0),) * 3))
    assert ModelCard.from_json(whole.to_json()) == whole
    values = json.loads(whole.to_json())
    values["noise"] |= change
    with pytest.raises(ModelError, match=r"noise is .*; expected what noise it holds"):
        ModelCard.from_json(json.dumps(values))


def test_a_card_may_lack_what_has_a_default_and_nothing_else():
    values = json.loads(card().to_json())
    for name in (
        "precision",
        "optional",
        "objective",
        "code_channels",
        "thin_halo",
        "threshold",
        "false_alarms",
        "sides",
        "noise",
        "sha256",
        "scores",
    ):
        del values[name]
    assert ModelCard.from_json(json.dumps(values)) == card()
    for name in values.keys() - {"schema"}:
        rest = {key: value for key, value in values.items() if key != name}
        with pytest.raises(ModelError, match=f"its card has no {name}"):
            ModelCard.from_json(json.dumps(rest))


@pytest.mark.parametrize("text", ["", "[]", "{}", "3", '{"schema": 1}', "no json"])
def test_text_that_is_no_card_is_refused(text):
    with pytest.raises(ModelError, match="card"):
        ModelCard.from_json(text)


@pytest.mark.parametrize(
    ("field", "value"), [("bytes_per_pixel", 0), ("bytes_per_pixel", "x"), ("name", None)]
)
def test_a_card_with_impossible_values_is_refused(field, value):
    text = json.dumps(json.loads(card().to_json()) | {field: value})
    with pytest.raises(ModelError, match=field):
        ModelCard.from_json(text)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    | st.sampled_from([10**400, -(10**400), 2**63, 1, 8, "image", ["image"], [0, 1]]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
FIELDS = sorted(json.loads(card().to_json()))


def is_card_or_refused(text):
    """Whether a text gives a card that can be used and stored, or is refused in a sentence."""
    try:
        read = ModelCard.from_json(text)
    except ModelError as error:
        return "card" in str(error) and "\n" not in str(error) and len(str(error)) < 500
    assert read.macs_per_pixel / 1e3 >= 0
    return ModelCard.from_json(json.dumps(json.loads(read.to_json()), allow_nan=False)) == read


@given(json_values)
def test_no_json_ends_the_reading_of_cards_otherwise_than_by_a_model_error(values):
    assert is_card_or_refused(json.dumps(values))


@given(st.dictionaries(st.sampled_from(FIELDS), json_values, min_size=1, max_size=3))
def test_no_value_of_a_field_ends_the_reading_of_cards(changes):
    assert is_card_or_refused(json.dumps(json.loads(card().to_json()) | changes))


@given(st.dictionaries(st.sampled_from(["what", "value", "unit", "command", "more"]), json_values))
def test_no_value_of_a_score_ends_the_reading_of_cards(score):
    right = {"what": "CBSD68", "value": 31.2, "unit": "dB PSNR", "command": "imgae ..."}
    for entry in (score, right | score):
        assert is_card_or_refused(json.dumps(json.loads(card().to_json()) | {"scores": [entry]}))


@given(st.text())
def test_no_text_ends_the_reading_of_cards(text):
    assert is_card_or_refused(text)


@pytest.mark.parametrize("field", [None, "schema", "name", "inputs", "scores", "unknown"])
@pytest.mark.parametrize("depth", [100, 500, 100_000])
def test_a_deeply_nested_card_is_refused_in_one_sentence(field, depth):
    nested = "[" * depth + "]" * depth
    text = nested
    if field:
        values = json.loads(card().to_json()) | {field: "HERE"}
        text = json.dumps(values).replace('"HERE"', nested)
    if field == "unknown" and depth < 1000:
        assert ModelCard.from_json(text) == card()
    else:
        with pytest.raises(ModelError, match="its card"):
            ModelCard.from_json(text)
