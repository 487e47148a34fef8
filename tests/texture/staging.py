"""A body before a camera, and photos of it."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
import torch

from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.records import Motion
from lwgan_cli.texture.source import Source, picture_ndc, prepare_source
from lwgan_cli.texture.surface import Surface
from tests.body.acting import body

SIZE = (300, 400)  # width, height px
CAMERA = (190.0, 150.0, 180.0)  # px per metre; x, y px of the body's origin


@lru_cache(maxsize=1)
def surface() -> Surface:
    return Surface.of_body(body())


def pose(turn: float = 0.0) -> np.ndarray:
    """(24, 3) arms and legs apart; turned about the vertical, degrees."""
    rows = np.zeros((24, 3), np.float32)
    rows[0, 1] = np.radians(turn)
    rows[16, 2], rows[17, 2] = -0.9, 0.9
    rows[1, 2], rows[2, 2] = 0.1, -0.1
    return rows


def motion(rows: np.ndarray, camera: tuple[float, float, float] = CAMERA) -> Motion:
    """One frame; the crop is the picture's height round its middle."""
    (width, height), (scale, x, y) = SIZE, camera
    half = height / 2
    return Motion(
        poses=rows[None].astype(np.float32),
        betas=np.zeros(10, np.float32),
        camera=np.array([[scale / half, (x - width / 2) / half, (half - y) / half]], np.float32),
        crop=np.array([[width / 2, half, height]], np.float32),
        image_size=SIZE,
        fps=30.0,
        valid=np.ones(1, bool),
        body=body().identity,
        shots=np.zeros(1, np.int32),
    )


def vertices(rows: np.ndarray) -> torch.Tensor:
    """(1, V, 3) m."""
    return skin(body(), torch.from_numpy(rows[None]), torch.zeros(10))[0]


def mask(rows: np.ndarray, camera: tuple[float, float, float] = CAMERA) -> np.ndarray:
    """(H, W) bool of the whole picture."""
    ndc = picture_ndc(vertices(rows), torch.tensor([camera]), SIZE)
    ndc[..., 2] += 1 - ndc[..., 2].min()
    return rasterize(ndc, body().faces, (SIZE[1], SIZE[0])).mask[0].numpy()


def pattern(seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8: soft blobs all over the picture."""
    grid = np.random.default_rng(seed).uniform(30, 220, (30, 24, 3)).astype(np.float32)
    return cv2.resize(grid, SIZE, interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


def flat(colour: tuple[int, int, int]) -> np.ndarray:
    """(H, W, 3) uint8 of one colour."""
    return np.tile(np.array(colour, np.uint8), (SIZE[1], SIZE[0], 1))


def source(rows: np.ndarray, picture: np.ndarray, alpha: np.ndarray | None = None) -> Source:
    """The body in a picture."""
    alpha = mask(rows).astype(np.float32) if alpha is None else alpha
    return prepare_source(body(), motion(rows), torch.zeros_like(body().v_template), picture, alpha, surface())


def close_up(
    whole: BodyModel, part: str, scale: float, size: int, **strengths: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Vertices (1, V, 3) m of a face that acts, and the camera (1, 3) px that looks at its eyes or mouth (`part`, less
    its side) in a square picture."""
    assert whole.actions is not None
    face = torch.zeros(1, 52)
    for name, strength in strengths.items():
        face[0, whole.actions.names.index(name)] = strength
    vertices, _ = skin(whole, torch.zeros(1, 24, 3), torch.zeros(10), face=face)
    x, y, _ = vertices[0, [whole.landmarks[f"{side}_{part}"] for side in ("left", "right")]].mean(0)
    return vertices, torch.tensor([[scale, size / 2 - scale * x, size / 2 + scale * y]])
