import json

import pytest
from tiny_models import card

from imgae.errors import ModelError
from imgae.model.card import ModelCard, Score


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


def test_a_card_may_lack_what_has_a_default_and_nothing_else():
    values = json.loads(card().to_json())
    for name in (
        "precision",
        "optional",
        "objective",
        "code_channels",
        "thin_halo",
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
