"""A model that was fitted to small good pictures, once for all tests."""

import pytest
from anomalies import folder_of

from imgae.restore.anomaly.fit import Options, fit


@pytest.fixture(scope="package")
def fitted(tmp_path_factory):
    folder = folder_of(tmp_path_factory.mktemp("fit") / "good", 12)
    return fit(sorted(folder.iterdir()), Options(0.05, threads=1), name="weave")


@pytest.fixture(scope="package")
def model(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("fitted") / "weave.onnx"
    path.write_bytes(fitted.model)
    return path
