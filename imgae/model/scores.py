"""Scores in a model's card, written into a file that is there already. Needs onnx."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from imgae.errors import ModelError
from imgae.model import onnxfile
from imgae.model.card import METADATA_KEY, ModelCard, Score


def write_scores(path: Path, scores: Iterable[Score]) -> None:
    """Replace the scores in a model's card; the weights and their hash stay.

    Raises ModelError if the file is no model with a card, or cannot be written.
    """
    model = onnxfile.read_model(path)
    try:
        card = ModelCard.from_json(onnxfile.metadata(model, METADATA_KEY) or "")
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    changed = replace(card, scores=tuple(scores))
    onnxfile.set_metadata(model, METADATA_KEY, changed.to_json())
    onnxfile.write_model(model, path)
