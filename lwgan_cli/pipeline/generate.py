"""`--generator`: which network corrects the texture warp, and where it comes in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lwgan_cli.config import DrawConfig
from lwgan_cli.fitting.retarget import Target
from lwgan_cli.generator.architectures import Generator
from lwgan_cli.generator.checkpoints import find_generator, load_generator
from lwgan_cli.generator.compositor import TextureWarp
from lwgan_cli.generator.liquid_warp import LiquidWarp
from lwgan_cli.pipeline.shelf import shared
from lwgan_cli.pipeline.stage import Stage

Warp = TextureWarp | LiquidWarp


def load_network(config: DrawConfig) -> Generator | None:
    """What `--generator` names, on the device; None where the photo is warped and composited alone.

    Raises WeightsError for a file that is missing or wrong.
    """
    path = find_generator(config.generator, config.weights)
    if path is None:
        return None
    depends_on = (path, path.stat().st_mtime_ns, config.device)
    return shared("network", depends_on, lambda: load_generator(path)[0].to(config.device).requires_grad_(False))


def network_name(config: DrawConfig) -> str:
    """For the report: none, default or a path."""
    path = find_generator(config.generator, config.weights)
    return "none" if path is None else "default" if config.generator in ("auto", "default") else str(path)


def corrected(
    network: Generator | None, texture: TextureWarp, stage: Stage, targets: Sequence[Target], size: int
) -> tuple[Warp, Stage]:
    """What draws, and where: the texture warp and the stage, with a network's help where there is one.

    targets  all that are drawn; the network works at one resolution for all of them
    size     px, `--size`
    """
    if network is None:
        return texture, stage
    scale = float(np.median(np.concatenate([target.camera[:, 0] for target in targets])))
    warp = LiquidWarp(texture, network, stage.plate, scale, size)
    if stage.hole is not None:
        stage = replace(stage, plate=warp.completed(stage.plate, stage.hole))
    return warp, stage
