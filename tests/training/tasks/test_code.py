"""Code autoencoders: nothing but the code passes, and objectives do what they are named for."""

import json
from functools import cache

import numpy as np
import onnx
import pytest
from broken import BROKEN, RIGHT, fails_if

torch = pytest.importorskip("torch", reason="torch is not installed")

import nets  # noqa: E402
from nets import build  # noqa: E402

from imgae.cli import main  # noqa: E402
from imgae.errors import ModelError, TrainingError  # noqa: E402
from imgae.io import files  # noqa: E402
from imgae.model import registry, session  # noqa: E402
from imgae.model.verify.worker import verify  # noqa: E402
from imgae.picture.image import Image  # noqa: E402
from imgae.synthetic import drawings  # noqa: E402
from imgae.training import export, geometry, runs, trace, warmstart  # noqa: E402
from imgae.training.checkpoint import Run  # noqa: E402
from imgae.training.export import Provenance  # noqa: E402
from imgae.training.networks.code import CODE_ACTIVATIONS  # noqa: E402
from imgae.training.networks.parts import STRIDE  # noqa: E402
from imgae.training.networks.pca import start_at_pca  # noqa: E402
from imgae.training.objectives import code as codes  # noqa: E402
from imgae.training.objectives import regularisers  # noqa: E402
from imgae.training.objectives.code import (  # noqa: E402
    DEFAULT_WEIGHTS,
    Coding,
)
from imgae.training.tasks import lookup  # noqa: E402

pytestmark = pytest.mark.usefixtures("one_thread")


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@cache
def crops(count=8, side=32, seed=0):
    draw = np.random.default_rng(seed)
    pictures = [drawings.draw("drawing", 64, draw)[:side, :side] for _ in range(count)]
    return torch.tensor(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def network(objective="undercomplete", channels=4, pca=True):
    torch.manual_seed(0)
    net = build("tiny", "code", objective=objective, code_channels=channels)
    if pca:
        start_at_pca(net, crops(64))
    return net


def trained(objective, weight, steps=16, **settings):
    """The last terms of the log, averaged over a few batches."""
    net = network(objective)
    loss_of = Coding(objective, weight, **settings)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for step in range(steps):
        loss, _ = loss_of(net, crops(seed=step % 7), generator(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = [loss_of(net, crops(seed=seed), generator(seed))[1] for seed in range(20, 26)]
    return {name: float(np.mean([float(terms[name].detach()) for terms in found]))
            for name in found[0]}  # fmt: skip


@pytest.mark.parametrize("objective", CODE_ACTIVATIONS)
def test_only_the_code_passes_and_it_is_as_small_as_said(objective):
    net = network(objective, 5, pca=False)
    with torch.no_grad():
        image = torch.rand(2, 3, 21, 34, generator=generator())
        restored, code = net.with_code(image)
        assert restored.shape == image.shape
        assert code.shape == (2, 5, 3, 5)
        again = net.decoded(code)[:, :, :21, :34]
        assert torch.equal(restored, again)
        if objective.startswith(("contractive", "sparse")):
            assert float(code.min()) >= 0


@pytest.mark.parametrize("objective", ["undercomplete", "contractive", "sparse-l1"])
def test_training_starts_at_pca(objective):
    """Linear codes give its error to the last digits, bent ones are not far from it."""
    net, pictures = network(objective, 6), crops(64)
    blocks = torch.nn.functional.pixel_unshuffle(pictures, STRIDE).transpose(0, 1).flatten(1)
    values = torch.linalg.eigvalsh(torch.cov(blocks.double()))
    dropped = float(values[:-6].sum()) / len(values)
    with torch.no_grad():
        error = float((net(pictures) - pictures).square().mean())
    slack = 1.01 if objective == "undercomplete" else 1.5
    assert 0.98 * dropped < error < slack * dropped


def test_a_code_may_be_larger_than_the_blocks_it_is_of():
    net = network("undercomplete", 200)
    pictures = crops(64)
    with torch.no_grad():
        assert float((net(pictures) - pictures).square().mean()) < 1e-3


def test_a_run_goes_on_under_its_own_name_alone(run, capsys):
    assert main(["train", "denoise", "--resume", "-o", str(run)]) == 1
    assert "a run of code; continue it with `imgae train code`" in capsys.readouterr().err


def test_the_help_gives_the_default_weights(capsys):
    assert main(["train", "code", "--help"]) == 0
    text = capsys.readouterr().out
    for objective, weight in DEFAULT_WEIGHTS.items():
        assert objective in text
        assert f"{weight:g}" in text


def test_the_command_line_knows_every_objective(capsys):
    assert main(["train", "code", "--help"]) == 0
    assert f"{{{','.join(CODE_ACTIVATIONS)}}}" in capsys.readouterr().out
    assert set(tuple(CODE_ACTIVATIONS)[2:]) == set(DEFAULT_WEIGHTS)


def test_a_code_does_not_start_from_a_denoiser():
    net = build("tiny", "code", objective="denoising", code_channels=4)
    with pytest.raises(TrainingError, match="a model to denoise; only a code can"):
        warmstart.start_from(net, registry.find("denoise-fast"), "tiny")
    with pytest.raises(TrainingError, match="a model to code; only a code can"):
        warmstart.start_from(build("fast"), registry.find("code"), "fast")
    few = build("fast", "code", objective="undercomplete", code_channels=8)
    with pytest.raises(TrainingError, match="a code of 32 channels; --code-channels 8 is fewer"):
        warmstart.start_from(few, registry.find("code"), "fast")


def test_the_denoising_objective_sees_noise_and_is_judged_without():
    net, seen = network(), []
    net.encoded, kept = (lambda image: (seen.append(image), kept(image))[1]), net.encoded
    clean = crops()
    _, terms = Coding("denoising", 0.0, sigma=0.1)(net, clean, generator())
    assert float((seen[0] - clean).std()) == pytest.approx(0.1, rel=0.05)
    with torch.no_grad():
        expected = (net.decoded(kept(seen[0])) - clean).square().mean()
    assert float(terms["mse"].detach()) == pytest.approx(float(expected), rel=1e-5)


def scale(net, channels, factor):
    """Shrink channels of the code, and let the decoder's first layers undo it."""
    with torch.no_grad():
        for layer in (net.analysis, net.squeeze):
            layer.weight[channels] *= factor
            layer.bias[channels] *= factor
        for layer in (net.expand, net.synthesis):
            layer.weight[:, channels] /= factor


@pytest.mark.parametrize("broken", [RIGHT, BROKEN])
@pytest.mark.parametrize("channels", [slice(None), slice(1, None)])
@pytest.mark.parametrize("objective", ["sparse-l1", "contractive", "contractive-h"])
def test_shrinking_the_code_and_growing_the_decoder_gains_nothing(
    objective, channels, broken, monkeypatch
):
    """The scale cheat, of all channels and of all but one; broken: nothing is divided by sizes."""
    net = network(objective)
    if objective != "sparse-l1":
        net.activation = lambda x: x
    torch.nn.init.normal_(net.squeeze.weight, std=0.05, generator=generator())  # not only linear
    if broken:
        monkeypatch.setattr(codes, "spread", lambda code: torch.ones(()))
        monkeypatch.setattr(codes, "l1", lambda code: regularisers.l1(code) * sizes(net))
    before = Coding(objective, 1.0)(net, crops(), generator())[1]
    scale(net, channels, 0.05)
    after = Coding(objective, 1.0)(net, crops(), generator())[1]
    assert float(after["mse"].detach()) == pytest.approx(float(before["mse"].detach()), rel=1e-3)
    with fails_if(broken):
        for name in before.keys() - {"mse", "activation", "dead"}:
            got, expected = (float(terms[name].detach()) for terms in (after, before))
            assert got == pytest.approx(expected, rel=1e-3), name


def sizes(net):
    """The root mean square of the whole code."""
    return net.encoded(crops()).detach().square().mean().sqrt()


def test_a_constant_channel_is_not_sparse():
    net = network("sparse-l1")
    before = Coding("sparse-l1", 1.0)(net, crops(), generator())[1]["penalty"]
    with torch.no_grad():
        net.analysis.bias[0] += 100
    after = Coding("sparse-l1", 1.0)(net, crops(), generator())[1]["penalty"]
    assert float(after.detach()) > float(before.detach())


@pytest.mark.parametrize(
    ("objective", "weight", "term"),
    [("contractive", 0.1, "jacobian"), ("contractive-h", 0.1, "jacobian"),
     ("sparse-l1", 0.3, "active"), ("sparse-kl", 0.05, "penalty")],
)  # fmt: skip
def test_a_penalty_lowers_what_it_is_on_and_costs_error(objective, weight, term):
    """Broken: its sign."""
    free = trained(objective, 0.0)
    for broken in (False, True):
        bound = trained(objective, -weight if broken else weight)
        with fails_if(broken):
            assert bound[term] < 0.8 * free[term]
            assert bound["mse"] > free["mse"]


def test_the_second_term_of_the_hessian_form_lowers_the_curvature(monkeypatch):
    found = []
    for share in (0.0, 1000.0):
        monkeypatch.setattr(codes, "HIGHER_SHARE", share)
        found.append(trained("contractive-h", 0.01, steps=40)["curvature"])
    assert found[1] < 0.5 * found[0]


def test_the_kl_objective_brings_every_mean_activation_to_its_rate():
    net = network("sparse-kl")
    loss_of = Coding("sparse-kl", 0.2, rate=0.2)
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    for step in range(250):
        loss, _ = loss_of(net, crops(seed=step % 7), generator(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        means = torch.stack([net.encoded(crops(seed=seed)).mean((0, 2, 3)) for seed in range(7)])
    assert means.mean(0).tolist() == pytest.approx([0.2] * 4, rel=0.2)


def test_what_is_no_number_is_left_to_the_loop_to_tell():
    clean = crops()
    clean = torch.where(torch.arange(32) == 3, torch.nan, clean)
    loss, terms = Coding("undercomplete")(network(), clean, generator())
    assert not bool(loss.isfinite())
    assert not bool(terms["rank"].isfinite())


def test_a_batch_of_one_block_can_be_trained_on():
    loss, terms = Coding("contractive", 0.1)(network("contractive"), crops()[:1, :, :8, :8],
                                             generator())  # fmt: skip
    assert bool(loss.isfinite())
    assert all(bool(term.isfinite()) for term in terms.values())


def test_terms_in_the_log_are_named_and_finite():
    _, terms = Coding("contractive", 1e-5)(network("contractive"), crops(), generator())
    assert set(terms) == {"mse", "penalty", "jacobian", "activation", "dead", "rank"}
    assert all(bool(term.isfinite()) for term in terms.values())
    assert 1 <= float(terms["rank"]) <= 4
    assert not any(term.requires_grad for name, term in terms.items()
                   if name not in ("mse", "penalty"))  # fmt: skip


def test_an_unknown_objective_is_told_in_a_sentence():
    with pytest.raises(TrainingError, match="objective is 'sparser', expected one of undercompl"):
        build("tiny", "code", objective="sparser", code_channels=4)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(4):
        picture = drawings.draw("drawing", 96, np.random.default_rng(number))
        files.write_image(Image(picture), folder / f"{number}.png")
    return folder


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    run = tmp_path_factory.mktemp("codes") / "run"
    words = ["train", "code", "--data", str(folder), "--variant", "tiny", "--steps", "50",
             "--batch", "4", "--crop", "32", "--objective", "sparse-kl", "--lambda", "0.01",
             "--code-channels", "6", "--rate", "0.2", "-o", str(run), "--threads", "1",
             "--quiet"]  # fmt: skip
    assert main(words) == 0
    return run


def test_a_run_keeps_its_settings_and_logs_every_term(run):
    config = lookup.of_run(run)[1]
    assert (config.objective, config.weight, config.code_channels) == ("sparse-kl", 0.01, 6)
    line = json.loads((run / "log.jsonl").read_text().splitlines()[-1])
    assert {"mse", "penalty", "jacobian", "activation", "dead", "rank", "psnr"} <= set(line)


def test_a_model_gives_picture_and_code_and_passes_every_check(run, tmp_path):
    path = tmp_path / "code.onnx"
    card = export.export_run(run, path, Provenance("code", "Apache-2.0", summary="To search."))
    assert (card.task, card.objective, card.code_channels) == ("code", "sparse-kl", 6)
    assert card.summary == "To search."
    assert "--objective sparse-kl --lambda 0.01 --code-channels 6 --rate 0.2" in card.recipe
    model = session.load(path, task="code")
    image = np.random.default_rng(0).random((2, 3, 21, 34), np.float32)
    restored, code = model.outputs(image=image)
    net = export.averaged_network(lookup.of_run(run)[1], Run(run).load_checkpoint())
    trace.round_kernels(net)
    with torch.no_grad():
        expected = net.with_code(torch.tensor(image))
    for got, wanted in zip((restored, code), expected, strict=True):
        assert np.abs(got - wanted.numpy()).max() < 1e-4
    failed = {check.name for check in verify(path) if not check.passed}
    assert failed <= {"levels"}  # of 50 steps
    again = build("tiny", "code", objective="sparse-kl", code_channels=6)
    warmstart.start_from(again, path, "tiny")
    with torch.no_grad():
        assert np.abs(again(torch.tensor(image)).numpy() - restored).max() < 1e-4


def test_a_code_file_of_other_outputs_is_refused(run, tmp_path):
    path = tmp_path / "code.onnx"
    export.export_run(run, path, Provenance("code", "Apache-2.0"))
    model = onnx.load(path)
    del model.graph.output[1]
    onnx.save(model, path)
    row = next(check for check in verify(path) if check.name == "card")
    assert not row.passed
    assert "its outputs are restored; expected restored, code" in row.finding
    with pytest.raises(ModelError, match="a model to code"):
        session.load(path, task="denoise")


def test_a_code_file_whose_code_is_another_is_found_out(run, tmp_path):
    """The picture and the weights stay as they were."""
    path = tmp_path / "code.onnx"
    export.export_run(run, path, Provenance("code", "Apache-2.0"))
    model = onnx.load(path)
    *_, last = (node for node in model.graph.node if "code" in node.output)
    last.output[0] = "kept"
    for node in model.graph.node:
        node.input[:] = ["kept" if name == "code" else name for name in node.input]
    model.graph.node.append(onnx.helper.make_node("Neg", ["kept"], ["code"]))
    before = {check.name for check in verify(path) if not check.passed}
    onnx.save(model, path)
    after = {check.name for check in verify(path) if not check.passed}
    assert after - before == {"reference"}


def test_the_recipe_is_a_command_that_is_taken(run, folder, tmp_path, capsys):
    for objective in tuple(CODE_ACTIVATIONS):
        config = nets.settings("code", data=(str(folder),), steps=1, objective=objective)
        words = lookup.load("code").settled(config).command().split()[1:]
        words[words.index("--data") + 1] = str(tmp_path / "none")
        assert main([*words, "-o", str(tmp_path / "run")]) == 1
        assert "not a folder" in capsys.readouterr().err


def test_a_code_has_the_radius_of_encoder_and_decoder():
    code, denoiser = build("tiny", "code", objective="denoising", code_channels=4), build("tiny")
    # Two 3x3 convolutions of the block more at 1/8, and the linear map's whole block.
    assert geometry.receptive_radius(code) == geometry.receptive_radius(denoiser) + 2 * STRIDE


def test_a_run_takes_the_default_weight_of_its_objective(folder, tmp_path):
    config = nets.settings(task="code", variant="tiny", data=(str(folder),), steps=6, batch=2,
                            crop=32, objective="contractive", code_channels=4)  # fmt: skip
    runs.start(config, tmp_path / "run", "cpu", 1, lambda _: None, lambda _: None)
    assert lookup.of_run(tmp_path / "run")[1].weight == DEFAULT_WEIGHTS["contractive"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["train", "code", "--objective", "sparser"], "invalid choice: 'sparser'"),
        (["train", "code", "--rate", "0.1"], "--rate is for sparse-kl, not for undercomplete"),
        (["train", "code", "--objective", "denoising", "--lambda", "1"], "--lambda is for sparse"),
        (["train", "code", "--rate", "0"], "'0' is not a number from"),
        (["train", "denoise", "--objective", "spectral"], "--objective and --lambda go together"),
        (["train", "camera", "--objective", "spectral"], "unrecognized arguments"),
    ],
)
def test_wrong_settings_are_told_in_a_sentence(words, sentence, folder, tmp_path, capsys):
    place = ["--data", str(folder), "--steps", "1", "-o", str(tmp_path / "run")]
    assert main([*words, *place]) == 2
    assert sentence in capsys.readouterr().err
