"""`--keep DIR`: what lies between the inputs and the result, as files to look at and to work with.

photo0.npz, photo0_offsets.npy, photo0_alpha.png   the fitted photo, its clothes, its mask (photo1 …)
driving.npz                                        the motion, as `lwgan fit` writes it
background.png                                     what stands behind the person
maps/000000.png                                    correspondence map C_t: u, v, background
                                                   (of further views: maps/view1_000000.png …)
flows/000000.npz                                   per photo, T and what it saw, and where the window lies
warps/000000.png                                   the drawn person with alpha

All places are px of pictures without their bars, see `frames.bars`.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np
import torch

from lwgan_cli.body.model import BodyModel
from lwgan_cli.correspondence.maps import correspondence_map
from lwgan_cli.errors import LwganError
from lwgan_cli.generator.compositor import Drawn, Warped
from lwgan_cli.motion import save_motion
from lwgan_cli.pipeline.driving import Driving
from lwgan_cli.pipeline.people import Role
from lwgan_cli.pipeline.stage import Stage


class Keeper:
    """Writes the intermediates of one run; does nothing where `folder` is None.

    Raises LwganError where the folder can't be made or written.
    """

    def __init__(
        self, folder: Path | None, roles: Sequence[Role], driven: Driving, model: BodyModel, stage: Stage
    ) -> None:
        self._folder, self._driven = folder, driven
        self._people = [photo for role in roles for photo in role.photos]
        self._model, self._stage = model, stage
        self._prefix = ""

    def view(self, index: int) -> Keeper:
        """For the frames of one of several views; those of the first have names of their own."""
        other = copy(self)
        other._prefix = f"view{index}_" if index else ""
        return other

    def __enter__(self) -> Keeper:
        if self._folder is None:
            return self
        try:
            for part in ("maps", "flows", "warps"):
                (self._folder / part).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LwganError(f"--keep {self._folder}: can't be made ({error.strerror}); name another folder") from error
        for index, person in enumerate(self._people):
            save_motion(self._folder / f"photo{index}.npz", person.dressed.motion)
            np.save(self._folder / f"photo{index}_offsets.npy", person.dressed.offsets.cpu().numpy())
            self._picture(f"photo{index}_alpha.png", (person.alpha * 255).astype(np.uint8))
        save_motion(self._folder / "driving.npz", self._driven.motion)
        self._picture("background.png", self._stage.plate)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def frames(self, start: int, drawn: Drawn, warped: Warped) -> None:
        """One chunk of drawn frames, the first of them number `start`."""
        if self._folder is None:
            return
        maps = correspondence_map(drawn.fragments, self._model.face_uv)
        for row in range(len(warped.rgba)):
            name = f"{self._prefix}{start + row:06d}"
            self._picture(f"maps/{name}.png", _bytes(maps[row]))
            self._picture(f"warps/{name}.png", _bytes(warped.rgba[row]))
            np.savez_compressed(
                self._folder / "flows" / f"{name}.npz",
                grid=np.stack([flow.grid[row].cpu().numpy().astype(np.float16) for flow in warped.flows]),
                visible=np.stack([_bytes(flow.visible[row][None])[..., 0] for flow in warped.flows]),
                corner=np.array(drawn.window.corner),
            )

    def _picture(self, name: str, picture: np.ndarray) -> None:
        order = {2: None, 3: cv2.COLOR_RGB2BGR}.get(picture.ndim)
        if picture.ndim == 3 and picture.shape[2] == 4:
            order = cv2.COLOR_RGBA2BGRA
        path = Path(self._folder or ".") / name
        if not cv2.imwrite(str(path), picture if order is None else cv2.cvtColor(picture, order)):
            raise LwganError(f"--keep: {path} can't be written; is the disk full?")


def _bytes(planes: torch.Tensor) -> np.ndarray:
    """(C, H, W) in [0, 1] → (H, W, C) uint8."""
    return (planes.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
