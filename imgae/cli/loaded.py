"""Models that are loaded when they are first needed, and shared by all that need them."""

import threading
from argparse import Namespace
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from imgae.restore.denoise import Denoiser
    from imgae.restore.detect import Detector
    from imgae.restore.inpaint import Inpainter

Kept = TypeVar("Kept")


class Loaded:
    """Gives those who ask by the options of a command what restores, each loaded once.

    detects: what makes a detector; None for Detector. Safe to use from several threads.
    """

    def __init__(self, detects: "Callable[..., Detector] | None" = None) -> None:
        self.detects = detects
        self.kept: dict[tuple[Any, ...], Any] = {}
        self.lock = threading.RLock()

    def once(self, key: tuple[Any, ...], make: Callable[[], Kept]) -> Kept:
        """Return what was made for a key, by whoever asked first."""
        with self.lock:
            if key not in self.kept:
                self.kept[key] = make()
            found: Kept = self.kept[key]
            return found

    def denoiser(self, options: Namespace, model: str | None = None) -> "Denoiser":
        """Return the one of a model; None for the model that suits this machine."""
        from imgae.restore.denoise import Denoiser  # onnxruntime, for what needs a model

        settings = settings_of(options)

        def make() -> Denoiser:
            made = Denoiser(model, **settings)
            made.beside = self.denoiser(options) if model else None  # for its other two models
            return made

        return self.once(("denoise", model, *settings.values()), make)

    def inpainter(self, options: Namespace) -> "Inpainter":
        """Return the one of the model that the options name, or of the default."""
        from imgae.restore.inpaint import Inpainter

        settings = settings_of(options)
        key = ("inpaint", options.model, *settings.values())
        return self.once(key, lambda: Inpainter(options.model, **settings))

    def detector(self, options: Namespace) -> "Detector":
        """Return the default one."""
        from imgae.restore.detect import Detector

        settings = {"device": options.device, "threads": options.threads}
        make = self.detects or Detector
        return self.once(("detect", *settings.values()), lambda: make(**settings))


def settings_of(options: Namespace) -> dict[str, Any]:
    return {"device": options.device, "threads": options.threads, "tile": options.tile}
