"""The surface in pieces, and how their colours are told apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lwgan_cli.texture.surface import Surface
from lwgan_cli.texture.texels import Texels

_LIGHT = 0.4  # how much a difference in brightness counts against one in colour


@dataclass(frozen=True)
class Pieces:
    """The surface in the pieces that are made up each on its own.

    places   (N, 3) m, rest pose, of the texels; areas (N,) m²
    normals  (V, 3) of the vertices
    groups   (N,) row of `Surface.axes` of the texels; hair (N,) bool; bare (N,) bool: of bare limbs
    """

    surface: Surface
    texels: Texels
    places: np.ndarray
    areas: np.ndarray
    normals: np.ndarray
    groups: np.ndarray
    hair: np.ndarray
    bare: np.ndarray

    @classmethod
    def of(cls, surface: Surface, texels: Texels) -> Pieces:
        corners = surface.vertices[surface.faces]
        across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals = np.zeros_like(surface.vertices)
        for corner in surface.faces.T:
            np.add.at(normals, corner, across)
        normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-12
        count = np.bincount(texels.face, minlength=len(surface.faces))
        vertex = texels.vertex(surface.faces)
        return cls(
            surface=surface,
            texels=texels,
            places=texels.interpolate(surface.faces, surface.vertices.astype(np.float32)),
            areas=(np.linalg.norm(across, axis=1) / 2 / np.maximum(count, 1))[texels.face],
            normals=normals,
            groups=surface.groups[vertex],
            hair=surface.hair[vertex],
            bare=surface.bare[vertex],
        )


def told_apart(colours: np.ndarray) -> np.ndarray:
    """(N, 3) float32: colours as they are told apart, light and shade counting less."""
    light = np.full((3, 3), (_LIGHT - 1) / 3, np.float32) + np.eye(3, dtype=np.float32)
    return colours.astype(np.float32) @ light
