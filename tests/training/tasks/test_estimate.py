import math

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

import nets  # noqa: E402

from imgae.training.tasks import estimate  # noqa: E402


@pytest.mark.parametrize(("side", "crop"), [(264, 264), (96, 64)])
def test_validation_is_of_crops_of_any_size(monkeypatch, tmp_path, side, crop):
    monkeypatch.setattr(estimate, "frozen", lambda _: (lambda x: x, lambda x, _: x))
    pictures = list(np.random.default_rng(0).integers(0, 256, (4, side, side, 3), np.uint8))
    config = nets.settings("estimate", variant="tiny", crop=crop)
    validation = estimate.TASK.validation(config, pictures, torch.device("cpu"))
    net = nets.build("tiny", "estimate")
    assert validation.tried.sample.noisy.shape == (8, 3, min(crop, 256), min(crop, 256))
    assert math.isfinite(validation.score(net))
    validation.write_preview(net, tmp_path / "preview.png")
    assert (tmp_path / "preview.png").exists()
