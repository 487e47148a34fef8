"""What stands behind the person while the camera moves."""

from __future__ import annotations

import math

import cv2
import numpy as np

from lwgan_cli.config import DrawConfig
from lwgan_cli.frames.camera_motion import after, inverse, moved, of_centres
from lwgan_cli.layers.background import fill_hole
from lwgan_cli.layers.ground_shadow import Shadows
from lwgan_cli.pipeline.stage import Stage

MOST = 0.3  # of the picture's width and height that may have to be made up on a side
RIM = 4  # px: a picture's outermost often are a frame's, or darkened by scaling and compression


class Backdrop:
    """The plate as every frame shows it, under the shadow of the person's feet.

    Where the camera moves it brings places into the picture that the plate doesn't hold: those are made up once, around
    it. A camera that goes further than that can reach is left standing.
    """

    def __init__(self, stage: Stage, shadows: Shadows | None, scene: np.ndarray | None, config: DrawConfig) -> None:
        """scene (T, 2, 3): where the plate's px are in each frame; None: where they are."""
        self._plate, self._shadows = stage.plate, shadows
        self._scene: list[np.ndarray] | None = None
        if scene is None or config.background.kind in ("colour", "transparent"):
            return
        width, height = stage.size
        edges = np.array([[0, 0], [width, 0], [0, height], [width, height]], float)
        seen = np.concatenate([moved(edges, inverse(each)) for each in scene])
        beyond = np.array([-seen.min(0), seen.max(0) - stage.size]).clip(0)  # left, top; right, bottom
        if (beyond > MOST * np.array(stage.size)).any():
            return
        (left, top), (right, bottom) = (tuple(math.ceil(side) + 2 for side in sides) for sides in beyond)
        wide = cv2.copyMakeBorder(stage.plate, top, bottom, left, right, cv2.BORDER_REFLECT_101)
        hole = np.ones(wide.shape[:2], bool)
        hole[top + RIM : top + height - RIM, left + RIM : left + width - RIM] = False
        self._plate = fill_hole(wide, hole)
        back = np.array([[1.0, 0.0, -left], [0.0, 1.0, -top]])
        self._scene = [of_centres(after(back, each)) for each in scene]
        self._size = stage.size

    @property
    def moves(self) -> bool:
        """Whether frames differ."""
        return self._scene is not None or self._shadows is not None

    def __call__(self, frame: int) -> np.ndarray:
        """(H, W, 3 or 4) uint8."""
        picture = self._plate
        if self._scene is not None:
            picture = cv2.warpAffine(
                self._plate, self._scene[frame], self._size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
            )
        return picture if self._shadows is None else self._shadows(picture, frame)
