"""Device, threads and seed, set once; below this, tensors follow their inputs."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from lwgan_cli.config import CommonConfig
from lwgan_cli.errors import UsageError

Config = TypeVar("Config", bound=CommonConfig)


def prepare(config: Config) -> Config:
    """The config with a device that this machine has ("cpu", "cuda:0", "mps"), after setting threads and
    seeds. Raises UsageError for a device that it hasn't."""
    import cv2
    import numpy as np
    import torch

    torch.manual_seed(config.seed)
    np.random.seed(config.seed % 2**32)  # noqa: NPY002  # libraries draw from it
    cv2.setRNGSeed(config.seed % 2**31)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
        cv2.setNumThreads(config.threads)
    return replace(config, device=choose_device(config.device))


def choose_device(name: str) -> str:
    """auto: the first CUDA device where there is one, else the CPU. Raises UsageError for a device that isn't
    there."""
    import torch

    cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name == "auto":
        return "cuda:0" if cuda else "cpu"
    if name == "mps" and not torch.backends.mps.is_available():
        raise UsageError("--device mps: PyTorch finds no Metal device here; use --device cpu")
    if name.startswith("cuda"):
        index = int(name.partition(":")[2] or 0)
        if index >= cuda:
            has = f"{cuda} CUDA devices" if cuda else "no CUDA device"
            raise UsageError(f"--device {name}: PyTorch finds {has} here; use --device auto or cpu")
        return f"cuda:{index}"
    return name
