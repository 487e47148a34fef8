"""One process or several that train together (`torchrun`)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class World:
    """rank of this process among `size`; device it trains on."""

    rank: int
    size: int
    device: str

    @property
    def leads(self) -> bool:
        """This is the process that writes and speaks."""
        return self.rank == 0

    def wrapped(self, network: nn.Module) -> nn.Module:
        """The network, sharing its gradients with the other processes'."""
        if self.size == 1:
            return network
        # what takes part in a step never changes, though not all of a network has to
        devices = [torch.device(self.device)] if self.device.startswith("cuda") else None
        return DistributedDataParallel(network, device_ids=devices, static_graph=True)

    def agreed(self, value: bool) -> bool:
        """The leading process's value, in every process."""
        if self.size == 1:
            return value
        flag = torch.tensor([int(value)], device=self.device)
        torch.distributed.broadcast(flag, 0)
        return bool(flag.item())


@contextmanager
def joined(device: str) -> Iterator[World]:
    """The processes that `torchrun` started, each on a CUDA device of its own where there are any; else this one."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield World(0, 1, device)
        return
    rank, local = int(os.environ["RANK"]), int(os.environ.get("LOCAL_RANK", "0"))
    if device.startswith("cuda"):
        device = f"cuda:{local}"
        torch.cuda.set_device(device)
    torch.distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield World(rank, size, device)
    finally:
        torch.distributed.destroy_process_group()
