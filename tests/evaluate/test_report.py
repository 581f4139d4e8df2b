import json
from pathlib import Path

import numpy as np

from imgae.evaluate import denoise, report
from imgae.evaluate.protocol import Result

ROOT = Path(__file__).resolve().parents[2]


def test_json_gives_the_results_back():
    results = [
        Result("m", 15.0, {"psnr": 30.5, "ssim": None}, {"a": 30.0, "b": 31.0}),
        Result("n", None, {"psnr": 20.5, "ssim": 0.5}, {"a": 20.0, "b": 21.0}),
    ]
    text = report.to_json(results, {"folder": "f"}, "sigma")
    assert json.loads(text)["folder"] == "f"
    assert list(json.loads(text)["results"][0]) == ["method", "sigma", "psnr", "ssim", "pictures"]
    assert report.from_json(text, "sigma") == results


def test_json_holds_no_infinity():
    result = Result("m", "clean", {"psnr": float("inf")}, {"a": float("nan"), "b": 1.0})
    (row,) = json.loads(report.to_json([result], {}))["results"]
    assert row["psnr"] is None
    assert row["pictures"] == {"a": None, "b": 1.0}


def test_a_table_has_a_cell_for_each_head():
    lines = report.markdown(["a", "b"], [["1", report.cell(None, ".2f")], ["2", "x"]]).splitlines()
    assert lines == ["| a | b |", "|---|---|", "| 1 |  |", "| 2 | x |"]
    assert report.cell(1.239, ".2f") == "1.24"
    assert report.cell(np.nan, ".2f") == ""


def test_the_stored_benchmark_is_read_and_laid_out():
    results = report.from_json((ROOT / "weights" / "benchmark.json").read_text(), "sigma")
    lines = denoise.table(results).splitlines()
    assert lines[0].startswith("| method | PSNR 15 | PSNR 25 | PSNR 50 | SSIM 15 |")
    assert len(lines) == 2 + len({result.method for result in results})
    for result in results:
        assert np.isclose(result.mean, result.value("psnr"))
