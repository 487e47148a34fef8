"""Generators of the official implementation (github.com/svip-lab/impersonator), read as they are.

Its checkpoints are state dictionaries of ImpersonatorGenerator, which `PaperGenerator` mirrors name by name, so
nothing is converted but the file: architecture and sizes are read off the tensors' names and shapes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

from lwgan_cli.assets import check_layout
from lwgan_cli.errors import WeightsError
from lwgan_cli.generator.paper import PaperGenerator

_FIRST, _TARGET = "bg_model.model.0.weight", "tsf_model.encoders.0.0.weight"
# Channels that G_TSF reads, and whether there is a G_SID → warping
_WARPINGS = {(6, True): "liquid", (3, True): "feature", (6, False): "texture", (9, False): "concat"}


def is_generator(tensors: Mapping[str, torch.Tensor]) -> bool:
    """These names are an ImpersonatorGenerator's, or one of its baselines'."""
    return _FIRST in tensors and _TARGET in tensors


def architecture_of(tensors: Mapping[str, torch.Tensor], what: str) -> tuple[str, dict[str, int]]:
    """The architecture (see `architectures`) and sizes of an official state dictionary, the baselines' too.

    what  the file, for the message

    Raises: WeightsError when the layout is another.
    """
    if not is_generator(tensors) or any(tensors[name].dim() != 4 for name in (_FIRST, _TARGET)):
        raise WeightsError(f"{what}: another layout: {_FIRST} or {_TARGET} is no convolution")
    has_source = any(name.startswith("src_model.") for name in tensors)
    warping = _WARPINGS.get((tensors[_TARGET].shape[1], has_source))
    if warping is None:
        raise WeightsError(f"{what}: another layout: {_TARGET} is {tuple(tensors[_TARGET].shape)}")
    sizes = {
        "width": len(tensors[_FIRST]),
        "n_blocks": _count(tensors, "resnets"),
        "n_down": _count(tensors, "encoders") - 1,
    }
    with torch.device("meta"):  # the shapes alone
        network = PaperGenerator(**sizes, warping=warping)
    check_layout(network, tensors, what)
    return "paper" if warping == "liquid" else f"paper-{warping}", sizes


def _count(tensors: Mapping[str, torch.Tensor], part: str) -> int:
    """How many of a part G_TSF has."""
    found = (re.match(rf"tsf_model\.{part}\.(\d+)\.", name) for name in tensors)
    return len({match[1] for match in found if match})
