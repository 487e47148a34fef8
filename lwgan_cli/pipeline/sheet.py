"""The contact sheet of a transfer: each photo, what is taken from it, and the result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from lwgan_cli.body.model import BodyModel
from lwgan_cli.config import DrawConfig
from lwgan_cli.errors import UsageError
from lwgan_cli.frames.output import check_output, output_form
from lwgan_cli.frames.photo import over
from lwgan_cli.frames.video import VideoWriter
from lwgan_cli.pipeline.layout import Grid, contained
from lwgan_cli.pipeline.outfit import Outfit
from lwgan_cli.pipeline.people import Role
from lwgan_cli.texture.source import Source, on_photo

PALE = 0.8  # how far what isn't taken fades to white


def check_sheet(config: DrawConfig, inputs: Sequence[Path]) -> None:
    """Raises UsageError for a sheet that can't be written, or is no picture."""
    if config.sheet is None:
        return
    if output_form(config.sheet) != "picture":
        raise UsageError(f"--sheet {config.sheet}: it is one picture; name a .png or .jpg")
    if config.output is not None and config.sheet.resolve() == config.output.resolve():
        raise UsageError(f"--sheet {config.sheet} would overwrite the output: name another picture")
    try:
        check_output(config.sheet, inputs, config.overwrite, 1)
    except UsageError as error:
        raise UsageError(str(error).replace("--output", "--sheet", 1)) from error


def write_sheet(
    path: Path, model: BodyModel, roles: Sequence[Role], outfit: Outfit, result: np.ndarray, config: DrawConfig
) -> None:
    """Above the photos and the result, below what each photo gives; result (H, W, 3 or 4) uint8."""
    first = [outfit.owners.index(row) for row in range(len(roles))]
    photos = [role.best.picture for role in roles]
    taken = [
        parts_of(model, outfit.sources[source], outfit.share(row), photo)
        for row, (source, photo) in enumerate(zip(first, photos, strict=True))
    ]
    cell = (result.shape[1], result.shape[0])
    scale = min(1.0, (config.max_side or np.inf) / max((len(roles) + 1) * cell[0], 2 * cell[1]))
    grid = Grid(len(roles) + 1, 2, (int(cell[0] * scale) // 2 * 2, int(cell[1] * scale) // 2 * 2))
    cells = [*photos, over(result) if result.shape[2] == 4 else result, *taken]
    with VideoWriter(path, grid.size, 25.0, overwrite=config.overwrite) as writer:
        writer.write(grid.fill(contained(picture, grid.cell) for picture in cells))


def parts_of(model: BodyModel, source: Source, share: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """The photo (H, W, 3) uint8, pale but for what of the surface is taken: share (V,) in [0, 1]."""
    taken = on_photo(source, model.faces, (share * (source.visibility.cpu().numpy() > 0))[:, None])[..., 0]
    alpha = cv2.resize(taken, photo.shape[1::-1], interpolation=cv2.INTER_LINEAR)[..., None]
    keep = 1 - PALE * (1 - alpha)
    return np.rint(photo * keep + 255 * (1 - keep)).astype(np.uint8)
