"""torchvision, imported so that it also works beside a CPU build of torch.

torchvision from PyPI registers fake kernels for two of its operators at import; where its
compiled part does not fit the torch at hand, those operators are missing and the import fails.
Declaring them first is enough: nothing here calls them.
"""

import torch

try:
    from torchvision.utils import make_grid
except RuntimeError:
    _library = torch.library.Library("torchvision", "DEF")  # type: ignore[no-untyped-call]
    for _name in ("nms", "qnms"):
        _library.define(  # type: ignore[no-untyped-call]
            f"{_name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
        )
    from torchvision.utils import make_grid

__all__ = ["make_grid"]
