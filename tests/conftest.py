import os

# Tests run side by side, one on each CPU. Threads that wait for each other would take each other's
# time, and libraries read this when they are loaded.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(name, "1")

import pytest  # noqa: E402
import tiny_models  # noqa: E402
from hypothesis import settings  # noqa: E402

settings.register_profile("imgae", deadline=None)  # machines are shared, and timings are not tests
settings.load_profile("imgae")


@pytest.fixture(autouse=True, scope="session")
def state(tmp_path_factory):
    """The folder for what runs remember, which is not the user's."""
    folder = tmp_path_factory.mktemp("state")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMGAE_STATE", str(folder))
        yield folder


@pytest.fixture
def estimator(tmp_path, monkeypatch):
    """What gives denoisers a tiny estimator, of numbers and slopes; it begins with white noise."""

    def use(slopes=None, **values):
        path = tiny_models.estimate(tmp_path / "estimator.onnx", slopes, **values)
        monkeypatch.setattr("imgae.restore.denoise.ESTIMATE", str(path))
        return path

    use()
    return use


@pytest.fixture
def models(tmp_path, monkeypatch, estimator):
    """A folder of models, named by IMGAE_MODELS; pictures are looked at by a tiny estimator."""
    folder = tmp_path / "models"
    folder.mkdir()
    monkeypatch.setenv("IMGAE_MODELS", str(folder))
    tiny_models.identity(folder / "identity.onnx")
    tiny_models.darken(folder / "darken.onnx")
    return folder


@pytest.fixture(scope="module")
def one_thread():
    """Let torch compute on one thread: tests run side by side."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
