#!/usr/bin/env python3
"""Score a denoiser on camera noise and JPEGs, as `imgae evaluate camera` does.

With --write, the mean changes of PSNR go into the model's card, in place of the scores there.
"""

import argparse
from pathlib import Path

from imgae.evaluate import camera as evaluate_camera
from imgae.evaluate import denoise as evaluate
from imgae.model import registry
from imgae.model.card import Score


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a shipped name, or an .onnx file")
    parser.add_argument("clean", type=Path, help="clean pictures, such as CID22's validation set")
    parser.add_argument("--pairs", type=Path, help="real noisy pictures beside their references")
    parser.add_argument("--write", action="store_true", help="put the scores into the card")
    options = parser.parse_args()
    methods = evaluate_camera.methods([options.model], [], None, None)
    clean = evaluate.clean_pictures(options.clean)
    folders = " ".join(["CID22-VAL/", *(["--pairs POLYU-DEV/"] if options.pairs else [])])
    command = f"scripts/score_camera.py {Path(options.model).stem} {folders}"
    changes, scores = [], []
    for name, make in evaluate_camera.camera_conditions(clean, options.pairs):
        changes += evaluate_camera.run_condition(methods, name, make())
        what = "PolyU, development part" if name == "real" else f"CID22 validation set, {name}"
        if name == "clean":
            scores.append(Score(what, round(changes[-1].psnr, 2), "dB PSNR", command))
        else:
            value = round(changes[-1].mean, 2)
            scores.append(Score(f"{what}, change", value, "dB PSNR", command))
    print(evaluate_camera.table(changes))
    if options.write:
        from imgae.training.export import add_scores

        add_scores(registry.find(options.model), scores)


if __name__ == "__main__":
    main()
