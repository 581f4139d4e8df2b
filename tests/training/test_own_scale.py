"""One scale for all pictures of a source, and what follows from it."""

import copy
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed")

from scenes import photo  # noqa: E402

from imgae.errors import TrainingError  # noqa: E402
from imgae.restore.scaling import Scale, views_of  # noqa: E402
from imgae.training.compare import ModelFile  # noqa: E402
from imgae.training.data import Folders  # noqa: E402
from imgae.training.noise.model import NoiseModel  # noqa: E402
from imgae.training.own_scale import OwnScale, scale_of  # noqa: E402
from imgae.training.tasks.denoise_settings import DenoiseSettings, Found  # noqa: E402
from imgae.training.tasks.own_noise import OwnNoiseTask, told_network  # noqa: E402

FOUND = {
    "noise": NoiseModel.gaussian(0.1).to_dict(), "pixels": "uint16", "low": 0.0, "span": 1 / 16
}  # fmt: skip


@pytest.mark.parametrize("bright", [0.04, 0.9, 1.9, 2.5, 3.9, 50, 4000])
def test_floats_of_any_unit_are_seen_whole(bright):
    noise = np.random.default_rng(0).normal(0, 0.02, (96, 96, 3))
    picture = (bright * (0.2 + 0.8 * photo(96, 96) + noise)).astype(np.float32)
    scale = scale_of([picture], "float32")
    assert 0.5 < np.quantile(scale.kept(picture), 0.999) <= 1.2
    own = Scale(scale.low, scale.span, 1.0 if scale.low == 0 else scale.span)
    assert all(view.own is None for view in views_of(picture, own, alone=True))


def test_white_in_noise_is_white():
    picture = np.random.default_rng(0).normal(1, 0.05, (64, 64, 3)).astype(np.float32)
    assert scale_of([picture], "float32") == OwnScale("float32")


def test_noise_of_floats_above_white_is_removed(shipped):
    clean = (3 * (0.6 + 0.3 * photo(96, 96))).astype(np.float32)
    noise = np.random.default_rng(1).normal(0, 0.16, clean.shape).astype(np.float32)
    scale = scale_of([clean + noise], "float32")
    seen = torch.tensor(scale.kept(clean + noise)).permute(2, 0, 1)[None]
    net = told_network(shipped, "fast", NoiseModel.gaussian(0.16 / scale.span))
    restored = net(seen)[0].permute(1, 2, 0).numpy() * scale.span
    assert np.square(restored - clean).mean() < np.square(noise).mean() / 4


@pytest.fixture
def shipped():
    from imgae.errors import WeightsError
    from imgae.model import registry

    try:
        return registry.find("denoise-fast")
    except WeightsError:
        pytest.skip("the weights are not there")


def pictures(kind, count=3):
    most = np.iinfo(kind).max / 16 if np.dtype(kind).kind == "u" else 1
    noise = [np.random.default_rng(number).random((48, 48, 3)) for number in range(count)]
    made = [(most * values).astype(kind) for values in noise]
    return Folders(made[1:], made[:1], [], 0, 0)


def test_pictures_of_another_type_do_not_go_on_with_a_run():
    settings = DenoiseSettings(noisy=("x",), found=FOUND)
    OwnNoiseTask().measured(settings, pictures("u2"), print)
    with pytest.raises(TrainingError, match="were uint16 when this run began, and are float32"):
        OwnNoiseTask().measured(settings, pictures("f4"), print)


def test_pictures_are_put_on_the_scale_one_by_one(monkeypatch):
    found, real, before = pictures("u2", 5), OwnScale.kept, []

    def kept(scale, picture):
        assert not any(picture is other for other in before)
        assert sum(int(some.max()) < 5000 for some in found.training + found.validation) >= 1
        before.append(sum(int(some.max()) > 5000 for some in found.training + found.validation))
        return real(scale, picture)

    monkeypatch.setattr(OwnScale, "kept", kept)
    OwnNoiseTask().measured(DenoiseSettings(noisy=("x",)), found, lambda _: None)
    assert before == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("span", 0), ("span", "a"), ("span", float("nan")), ("span", 3), ("span", -0.5),
        ("low", None), ("low", 0.5), ("pixels", "int8"), ("pixels", []), ("noise", []),
        ("noise", None),
    ],
)  # fmt: skip
def test_what_a_run_found_is_checked(name, value):
    assert Found().accepts(FOUND)
    assert not Found().accepts(FOUND | {name: value})


@pytest.mark.parametrize("name", ["kind", "variances", "kernels", "mix", "a", "b"])
@pytest.mark.parametrize("value", [[], [[]], None, -1, {}])
def test_a_model_of_noise_is_checked(name, value):
    noise = copy.deepcopy(FOUND["noise"]) | {name: value}
    assert not Found().accepts(FOUND | {"noise": noise})


def test_a_model_of_another_scale_is_compared_on_its_own():
    class Own:
        noise = OwnScale("uint16", 0.0, 1 / 32)
        name = "other"

    class Model:
        card = SimpleNamespace(inputs=("image",))

        def __call__(self, image):
            return np.where(image > 1, 0, image).astype(np.float32)  # so that its scale shows

    settings = DenoiseSettings(noisy=("x",), found=FOUND)
    view = OwnNoiseTask().view(Own, settings)
    assert view == (2.0, 0.0)
    image = torch.tensor([0.25, 0.45, 0.55]).view(1, 1, 1, 3)
    assert ModelFile(Model(), view)(image).flatten().tolist() == pytest.approx([0.25, 0.45, 0])
    Own.noise = OwnScale("uint8")
    with pytest.raises(TrainingError, match="noise of uint8 files, and these are uint16"):
        OwnNoiseTask().view(Own, settings)
