"""Scores in a model's card, written into a file that is there already. Needs onnx."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from imgae.errors import ModelError
from imgae.model import onnxfile
from imgae.model.card import METADATA_KEY, ModelCard, Score


def write_scores(path: Path, scores: Iterable[Score]) -> tuple[Score, ...]:
    """Replace the scores in a model's card, and return those it held; weights and hash stay.

    Raises ModelError if the file is no model with a card, if a score is not a finite number, or if
    the file cannot be written; then it stays as it was.
    """
    model = onnxfile.read_model(path)
    try:
        card = ModelCard.from_json(onnxfile.metadata(model, METADATA_KEY) or "")
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    text = replace(card, scores=tuple(scores)).to_json()
    try:
        ModelCard.from_json(text)
    except ModelError as error:
        raise ModelError(f"{path}: not changed, as the scores do not fit: {error}") from error
    onnxfile.set_metadata(model, METADATA_KEY, text)
    onnxfile.write_model(model, path)
    return card.scores
