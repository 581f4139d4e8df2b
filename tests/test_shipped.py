"""The weights that ship, as a user meets them."""

import json
import platform
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import PIL.Image
import PIL.ImageDraw
import pytest

import imgae
from imgae.cli import main, parse
from imgae.evaluate.camera import as_jpeg
from imgae.model import machine, registry, session
from imgae.model.stitch import plan_for
from imgae.picture.metrics import psnr
from imgae.picture.tiling import TilePlan
from imgae.restore import inpaint
from imgae.restore.controls import Controls
from imgae.restore.denoise import (
    CAMERA,
    ESTIMATE,
    FAST,
    FAST_INTEGER,
    camera_model,
    default_model,
)
from imgae.restore.detect import Detector
from imgae.restore.inpaint import halo_for
from imgae.restore.routes import Told
from imgae.restore.scaling import Scale, View
from imgae.restore.work import Work
from imgae.synthetic import drawings
from imgae.synthetic.masks import benchmark_mask

ROOT = Path(__file__).resolve().parent.parent
MODEL = default_model()[0]
MIB = 2**20
BUDGETS = {
    "denoise-fast": (50_000, 4 * MIB),
    "denoise-balanced": (160_000, 16 * MIB),
    "denoise-best": (1_000_000, 16 * MIB),
    "denoise-contractive": (50_000, 4 * MIB),
    "denoise-fast-int8": (50_000, 2 * MIB),
    "denoise-balanced-int8": (160_000, 4 * MIB),
    "denoise-best-int8": (1_000_000, 9 * MIB),
}
OTHERS = {
    "inpaint": (300_000, 13 * MIB),
    "inpaint-int8": (300_000, 7 * MIB),
    "inpaint-fast": (70_000, 5 * MIB),
    "detect": (70_000, 5 * MIB),
    "denoise-camera": (53_000, 4 * MIB),
    "denoise-camera-int8": (53_000, 2 * MIB),
    "estimate": (13_000, MIB),
    "code": (60_000, 4 * MIB),
    "search": (32_000, 3 * MIB),
    "features": (40_000, 2 * MIB),
}


@pytest.fixture(scope="module", params=sorted(BUDGETS))
def denoiser(request):
    return imgae.Denoiser(request.param)


@pytest.fixture(scope="module")
def example():
    folder = ROOT / "examples"
    return [imgae.read_image(folder / name).pixels for name in ("noisy.png", "clean.png")]


@pytest.mark.parametrize("name", [*BUDGETS, *OTHERS])
def test_the_recipe_in_a_card_is_two_commands(name):
    pytest.importorskip("torch", reason="torch is not installed")
    train, export = session.load(registry.find(name)).card.recipe.split(" && ")
    assert train.startswith("imgae train ")
    assert export.startswith("imgae export RUN -o ")
    for command in (train, export):
        parse(shlex.split(command)[1:])


@pytest.mark.parametrize("name", [*BUDGETS, *OTHERS])
def test_every_model_keeps_to_its_budget(name):
    path = registry.find(name)
    card = session.load(path).card
    work, size = {**BUDGETS, **OTHERS}[name]
    assert card.name == path.stem
    assert card.macs_per_pixel <= work
    assert path.stat().st_size <= size
    assert card.scores


MIDDLE = np.s_[128:384, 128:384]


def test_the_example_gets_much_better(denoiser, example):
    noisy, clean = (pixels[MIDDLE] for pixels in example)
    before, after = psnr(noisy, clean, 255), psnr(denoiser(noisy), clean, 255)
    assert before < 22
    assert after > 29


def plans(height, width, card):
    for tile in (64, card.halo + card.stride):
        yield TilePlan(height, width, tile, tile, card.halo, card.stride)
    yield TilePlan(height, width, 64, 0, card.halo, card.stride)


@pytest.mark.parametrize("size", [(311, 317), (11, None), (None, 13), (5, 37), (1, 1)])
def test_tiles_and_bands_give_what_the_whole_picture_gives(denoiser, size):
    """None: three tiles, of which the one in the middle has its whole halo on both sides."""
    card = denoiser.model.card
    height, width = (length or 3 * (card.halo + card.stride) - 3 for length in size)
    if min(height, width) > 300 and card.macs_per_pixel > 50_000:
        pytest.skip("much work; the narrow pictures go past its halo too")
    pixels = np.random.default_rng(0).random((height, width, 3), np.float32)
    model, work = denoiser.model, Work(pixels, pixels, Controls(), (0.0, 1.0))

    def restored(plan):
        out = np.empty_like(pixels)
        work.through(View(Scale(), pixels), [Told(model, 0.1)], plan, out, lambda: None)
        return out

    whole = restored(plan_for(model.card, height, width, 0))
    for plan in plans(height, width, model.card):
        across = [-(-length // (tile or length)) for length, tile in
                  ((height, plan.tile_height), (width, plan.tile_width))]  # fmt: skip
        assert len(plan) == across[0] * across[1]
        assert np.abs(restored(plan) - whole).max() < 1e-5


def test_level_0_gives_the_input_back(denoiser):
    pixels = np.random.default_rng(0).integers(0, 256, (41, 23, 3)).astype(np.uint8)
    assert np.array_equal(denoiser(pixels, sigma=0.0), pixels)


@pytest.mark.parametrize("value", [30, 64, 128, 200, 230])
def test_noisy_flat_fields_keep_their_mean(denoiser, value):
    noise = np.random.default_rng(0).normal(0, 25, (128, 128, 3))
    noisy = np.rint(np.clip(value + noise, 0, 255)).astype(np.uint8)
    assert abs(denoiser(noisy, sigma=25 / 255).mean() - value) < 0.5


@pytest.mark.parametrize("value", [0, 64, 128, 200, 255])
def test_flat_fields_without_the_noise_stated_are_hardly_touched(denoiser, value):
    flat = np.full((64, 64, 3), value / 255)
    assert np.abs(denoiser(flat, sigma=10 / 255) - flat).max() * 255 < 4


def test_gray_pictures_are_denoised_as_gray(denoiser, example):
    clean = example[1][MIDDLE].mean(2)
    noise = np.random.default_rng(1).normal(0, 25, clean.shape)
    noisy = np.rint(np.clip(clean + noise, 0, 255)).astype(np.uint8)
    assert psnr(denoiser(noisy, sigma=25 / 255), clean, 255) > psnr(noisy, clean, 255) + 7


def test_16_bit_pictures_keep_their_precision(denoiser):
    ramp = np.linspace(20_000, 20_400, 128).round().astype(np.uint16)
    pixels = np.repeat(np.tile(ramp, (64, 1))[:, :, None], 3, 2)
    out = denoiser(pixels, sigma=1 / 255)
    assert len(np.unique(out)) > 100


@pytest.mark.parametrize(
    ("flags", "name"), [("fma avx2", FAST), ("avx_vnni fma", FAST_INTEGER), (None, FAST)]
)
def test_the_default_is_what_the_processor_is_good_at(flags, name, tmp_path, monkeypatch, capfd):
    cpuinfo = tmp_path / "cpuinfo"
    if flags is not None:
        cpuinfo.write_text(f"processor : 0\nflags : sse {flags}\n")
    monkeypatch.setattr(machine, "CPUINFO", cpuinfo)
    assert imgae.Denoiser(device="cpu").model.card.name == name
    assert main(["models", "--verbose"]) == 0
    lines = [line for line in capfd.readouterr().out.splitlines() if "(default: " in line]
    shown = {line.split(" (default: ")[0] for line in lines}
    filling = imgae.Inpainter(device="cpu").model.card.name
    assert filling == "inpaint-int8"
    assert shown == {name, camera_model("cpu"), ESTIMATE, filling} & registry.available().keys()


def test_the_default_on_a_gpu_claims_no_measurement(monkeypatch):
    monkeypatch.setattr(session, "choose_device", lambda device: "cuda")
    assert default_model() == (FAST, "int8 was not measured on a GPU")
    assert inpaint.default_model() == ("inpaint", "int8 was not measured on a GPU")


WITHOUT_VNNI = """
import sys, numpy, onnxruntime
for model, given, out in zip(*[iter(sys.argv[1:])] * 3):
    inputs = dict(numpy.load(given))
    numpy.save(out, onnxruntime.InferenceSession(model).run(None, inputs)[0])
"""


def test_int8_models_are_the_same_without_vnni(example, tmp_path):
    """Products of 8-bit kernels overflow there; these have 7 bits."""
    emulator = shutil.which("qemu-x86_64")
    if emulator is None or platform.machine() != "x86_64":
        pytest.skip("needs qemu-user on x86, to emulate a processor with AVX2 but no VNNI")
    image = example[0][:64, :64].transpose(2, 0, 1)[None] * np.float32(1 / 255)
    mask = np.random.default_rng(0).random((1, 1, 64, 64)) < 0.5
    told = {"sigma": np.full((1, 1, 1, 1), 0.1), "mask": mask}
    files, expected = [], {}
    for model in ("denoise-fast-int8", "denoise-balanced-int8", "inpaint-int8"):
        here = session.load(registry.find(model), device="cpu", threads=1)
        inputs = {name: told[name].astype(np.float32) for name in here.card.inputs[1:]}
        given, out = (tmp_path / f"{model}.{suffix}" for suffix in ("npz", "npy"))
        np.savez(given, image=image, **inputs)
        files += [here.path, given, out]
        expected[out] = here(image=image, **inputs)
    command = [emulator, "-cpu", "Haswell", sys.executable, "-c", WITHOUT_VNNI, *map(str, files)]
    subprocess.run(command, check=True, capture_output=True)
    for out, wanted in expected.items():
        assert np.abs(np.load(out) - wanted).max() < 1e-3, out.stem


def test_the_names_on_the_command_line(capfd):
    assert main(["models", "--json"]) == 0
    records = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    defaults = {record["name"] for record in records if record["default"]}
    models = {MODEL, camera_model(), ESTIMATE, inpaint.default_model()[0]}
    assert defaults == models & registry.available().keys()
    assert main(["doctor", "--json", "--threads", "1"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert report["model"] == MODEL
    assert (report["provider"], report["threads"]) == ("CPUExecutionProvider", 1)


@pytest.mark.parametrize("name", [*BUDGETS, *OTHERS])
def test_the_card_for_people_and_the_card_inside_agree(name):
    text = (ROOT / "weights" / "README.md").read_text()
    contract = (ROOT / "weights" / "CONTRACT.md").read_text()
    card = session.load(registry.find(name)).card
    (line,) = [line for line in contract.splitlines() if line.startswith(f"| `{name}.onnx` ")]
    halo = f"{card.halo}, thin {card.thin_halo}" if card.thin_halo else f"{card.halo}"
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == [f"`{name}.onnx`", card.task, card.precision, halo, f"`{card.sha256[:16]}`"]
    assert card.stride == (32 if name == "search" else 8)  # says the line above the table
    for score in card.scores:
        if score.what.startswith("CBSD68"):
            assert re.search(rf"\b{score.value:.2f}\b", text), score
    assert card.sha256[:16] in text


def test_a_code_keeps_more_than_its_own_pictures_principal_components(example):
    """Of 8x8 blocks, as many; those of this very picture, which training has not seen."""
    clean = example[1]
    model = session.load(registry.find("code"), task="code")
    restored, code = model.outputs(image=clean.transpose(2, 0, 1)[None] * np.float32(1 / 255))
    assert code.shape == (1, 32, clean.shape[0] // 8, clean.shape[1] // 8)
    back = np.rint(restored[0].transpose(1, 2, 0).clip(0, 1) * 255)
    blocks = clean.reshape(64, 8, 64, 8, 3).transpose(0, 2, 1, 3, 4).reshape(-1, 192).astype(float)
    mean = blocks.mean(0)
    kept = np.linalg.svd(blocks - mean, full_matrices=False)[2][:32]
    plain = np.rint(((blocks - mean) @ kept.T @ kept + mean).clip(0, 255))
    assert psnr(back, clean, 255) > psnr(plain, blocks, 255) + 0.5


@pytest.fixture(scope="module")
def camera():
    return imgae.Denoiser(CAMERA)


def test_camera_noise_is_found_and_removed(camera, example):
    clean = example[1]
    noise = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, clean.shape), (0, 0), 0.7)
    for level, gain in ((8, 1.5), (20, 4.0)):
        noisy = np.clip(clean + level * noise / noise.std(), 0, 255).astype(np.uint8)
        assert psnr(camera(noisy), clean, 255) > psnr(noisy, clean, 255) + gain


def test_jpegs_come_out_better(camera, example):
    clean = example[1]
    for quality, gain in ((15, 0.6), (50, 0.4)):
        saved = as_jpeg(clean, quality).pixels
        assert psnr(camera(saved), clean, 255) > psnr(saved, clean, 255) + gain


@pytest.fixture(scope="module")
def auto():
    return imgae.Denoiser()


@pytest.mark.parametrize("gray", [False, True])
@pytest.mark.parametrize("level", [10, 25])
def test_without_a_level_white_noise_goes_as_with_it(auto, example, level, gray):
    clean = example[1].mean(2, keepdims=True).round() if gray else example[1]
    noise = np.random.default_rng(level).normal(0, level, clean.shape)
    noisy = np.rint(np.clip(clean + noise, 0, 255)).astype(np.uint8)
    found = auto.run(imgae.Image(noisy))
    assert found.sigma_source == "estimated"
    assert found.sigma * 255 == pytest.approx(level, rel=0.06)
    told = psnr(auto(noisy, sigma=level / 255), clean, 255)
    assert psnr(found.image.pixels, clean, 255) > told - 0.1


@pytest.mark.parametrize("kind", [*drawings.KINDS])
def test_without_a_level_clean_drawings_are_left_alone(auto, kind):
    for seed in range(2):
        random = np.random.default_rng(drawings.FIRST_HELD_OUT + 500 + seed)
        drawn = drawings.draw(kind, 200, random)
        found = auto.run(imgae.Image(drawn))
        assert found.sigma_source == "removed"
        assert psnr(found.image.pixels, drawn, 255) > 44


def test_a_told_level_is_obeyed_on_noise_that_is_not_white(example):
    """Models that look for white noise themselves leave it as it is."""
    clean = cv2.GaussianBlur(example[1], (0, 0), 1.5)
    noise = cv2.GaussianBlur(np.random.default_rng(0).normal(0, 1, clean.shape), (0, 0), 0.8)
    noisy = np.clip(clean + 8 * noise / noise.std(), 0, 255).astype(np.uint8)
    before = psnr(noisy, clean, 255)
    for name in ("denoise-fast", "denoise-fast-int8", "denoise-balanced-int8"):
        assert psnr(imgae.Denoiser(name)(noisy, sigma=20 / 255), clean, 255) > before + 6


def test_clean_pictures_are_left_alone(camera, example):
    clean = example[1]
    out = camera(clean)
    assert psnr(out, clean, 255) > 42
    assert np.abs((out.astype(float) - clean).mean((0, 1))).max() < 0.5
    for kind in drawings.SIMPLE:
        drawn = drawings.draw(kind, 256, np.random.default_rng(7))
        assert psnr(camera(drawn), drawn, 255) > 38


def test_camera_models_give_the_same_in_tiles(camera):
    pixels = np.random.default_rng(0).random((150, 293, 3), np.float32)
    for tile in (64, 200):
        tiled = imgae.Denoiser(camera.model.path, tile=tile)(pixels)
        assert np.abs(tiled - imgae.Denoiser(camera.model.path, tile=0)(pixels)).max() < 1e-5


@pytest.mark.parametrize("model", ["inpaint", "inpaint-int8", "inpaint-fast"])
@pytest.mark.parametrize("kind", ["random50", "text", "scratches"])
def test_thin_holes_are_filled_better_than_by_fast_marching(example, kind, model):
    clean = example[1][:256]
    hole = benchmark_mask(kind, 0, *clean.shape[:2])
    holed = np.where(hole[:, :, None], np.uint8(0), clean)
    filled = imgae.Inpainter(model)(holed, hole)
    other = cv2.inpaint(holed, hole.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    assert np.array_equal(filled[~hole], clean[~hole])
    assert psnr(filled[hole], clean[hole], 255) > psnr(other[hole], clean[hole], 255) + 1


@pytest.mark.parametrize("model", ["inpaint", "inpaint-int8", "inpaint-fast"])
@pytest.mark.parametrize("kind", ["scratches", "box96"])
def test_holes_are_filled_the_same_in_tiles(kind, model):
    pixels = np.random.default_rng(0).random((110, 393, 3), np.float32)
    hole = benchmark_mask(kind, 1, 110, 393)
    whole, tiled = (imgae.Inpainter(model, tile=tile)(pixels, hole) for tile in (0, 64))
    assert np.abs(whole - tiled).max() < 1e-5


def test_thin_holes_are_filled_the_same_in_tiles_with_their_smaller_halo():
    pixels = np.random.default_rng(0).random((70, 640, 3), np.float32)
    hole = np.zeros((70, 640), bool)
    hole[::9] = hole[:, ::11] = True
    whole, tiled = imgae.Inpainter(tile=0), imgae.Inpainter(tile=64)
    card = tiled.model.card
    assert halo_for(hole, card) == card.thin_halo < card.halo
    assert np.abs(whole(pixels, hole) - tiled(pixels, hole)).max() < 1e-5


def test_large_holes_keep_the_colours_around_them():
    pixels = np.full((260, 300, 3), (200, 120, 40), np.uint8)
    hole = np.zeros((260, 300), bool)
    hole[40:220, 60:240] = True
    filled = imgae.Inpainter()(np.where(hole[:, :, None], np.uint8(0), pixels), hole)
    assert np.abs(filled.astype(int) - pixels).max() < 6


def test_defects_are_found_and_a_picture_without_any_is_left_alone(example):
    clean, detect = example[1], Detector()
    damaged, truth = clean.copy(), np.zeros(clean.shape[:2], np.uint8)
    cv2.line(truth, (40, 30), (470, 200), 255, 2)
    cv2.line(truth, (100, 500), (220, 180), 255, 2)
    damaged[truth > 0] = (235, 230, 225)
    found = detect(damaged, ["scratches"])
    both = (found & (truth > 0)).sum()
    assert 2 * both / (found.sum() + (truth > 0).sum()) > 0.7
    assert detect(clean).mean() < 0.002


def test_scratches_are_found_whoever_drew_them(example):
    large = PIL.Image.new("L", (2048, 2048))
    PIL.ImageDraw.Draw(large).line([(200, 80), (1200, 1920)], fill=255, width=8)
    cover = np.asarray(large.resize((512, 512), PIL.Image.Resampling.BOX))[:, :, None] / 255
    damaged = np.rint(example[1] + cover * (235.0 - example[1])).astype(np.uint8)
    found = Detector()(damaged, ["scratches"])
    assert found[cover[:, :, 0] > 0.5].mean() > 0.7
