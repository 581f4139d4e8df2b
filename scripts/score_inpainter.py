#!/usr/bin/env python3
"""Score an inpainter on a folder of pictures, by the protocol of `imgae evaluate inpaint`.

Prints its table, for all kinds of holes. With --write, the gains over the best classical fill go
into the model's card, in place of the scores there; for the large box the PSNR itself does.
"""

import argparse
from pathlib import Path

from imgae.evaluate import denoise as evaluate
from imgae.evaluate import inpaint as evaluate_inpaint
from imgae.evaluate.baselines import FILLS
from imgae.model.card import Score
from imgae.model.registry import find
from imgae.picture.pixels import to_uint8_rgb
from imgae.synthetic.masks import BENCHMARK


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a shipped name, or an .onnx file")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--name", help="what the folder is called (default: its name)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures")
    parser.add_argument("--write", action="store_true", help="put the scores into the card")
    options = parser.parse_args()
    name = options.name or options.folder.name
    methods = evaluate_inpaint.fills([options.model], list(FILLS), None)
    model = next(iter(methods))
    pictures = [(file, to_uint8_rgb(pixels))
                for file, pixels in evaluate.clean_pictures(options.folder, None)]  # fmt: skip
    results, scores = [], []
    for kind in BENCHMARK:
        rows = evaluate_inpaint.run_kind(methods, pictures, kind)
        print(evaluate_inpaint.table(rows), flush=True)
        results += rows
        own = rows[0]
        if kind in evaluate_inpaint.LARGE:
            what, value = f"{name}, {kind}, in the holes", own.hole_psnr
        else:
            what, value = f"{name}, {kind}, in the holes, over the best classical fill", own.gain
        command = f"scripts/score_inpainter.py {model} {name}"
        scores.append(Score(what, round(value, 2), "dB PSNR", command))
    if options.json:
        about = {"folder": name, "pictures": len(pictures)}
        options.json.write_text(evaluate.to_json(results, about) + "\n")
    if options.write:
        from imgae.training.export import add_scores

        add_scores(find(options.model), scores)


if __name__ == "__main__":
    main()
