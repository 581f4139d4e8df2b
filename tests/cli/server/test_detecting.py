"""A detector that remembers the last picture."""

import numpy as np
import tiny_models

from imgae import Detector
from imgae.cli.server.detecting import Remembering


def test_it_finds_what_a_detector_does_and_runs_once_for_a_picture(tmp_path, monkeypatch):
    settings = {"model": str(tiny_models.bright(tmp_path / "bright.onnx")), "threads": 1}
    plain, remembering = Detector(**settings), Remembering(**settings)
    ran = []
    odds = Detector.odds
    monkeypatch.setattr(Detector, "odds", lambda *given: ran.append(given) or odds(*given))
    rng = np.random.default_rng(0)
    for picture in (rng.integers(0, 256, (30, 40, 3), np.uint8) for _ in range(2)):
        for names, sensitivity in ((["dust"], 0.5), (["scratches", "dust"], 0.9), (["stamp"], 0.1)):
            found = remembering(picture, names, sensitivity=sensitivity)
            assert np.array_equal(found, plain(picture, names, sensitivity=sensitivity))
    assert sum(given[0] is remembering for given in ran) == 2
