"""The generator at work: a texture warp and a network that corrects it, called as the texture warp alone is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch.nn.functional import interpolate

from lwgan_cli.generator.architectures import Generator
from lwgan_cli.generator.compositor import Drawn, TextureWarp, Warped
from lwgan_cli.generator.conditions import STRIDE, Resolution, conditions, cut, shrink, source_input
from lwgan_cli.generator.refiner import correct
from lwgan_cli.generator.window import Window


class LiquidWarp:
    """Draws a person from one or several sources, and lets a network correct what was drawn.

    texture  draws
    net      corrects; in evaluation mode, on the texture warp's device
    plate    (H, W, 3 or 4) uint8, the picture behind the person; a transparent one is grey to the network
    scale    px per metre of the person in that picture, one number for a whole clip
    size     px, working resolution of the person, see `Resolution.of`
    """

    def __init__(self, texture: TextureWarp, net: Generator, plate: np.ndarray, scale: float, size: int) -> None:
        self._texture, self._net = texture, net
        height, width = plate.shape[:2]
        resolution = self._resolution = Resolution.of(scale, (width, height), size)
        self._canvas = resolution.window(Window((0, 0), (width, height)))
        self._plate = self._small(_opaque(plate))
        self._inputs = [source_input(texture.model, s, resolution.of_source(scale, s.scale)) for s in texture.sources]
        with torch.no_grad():
            self._sources = net.encode(self._inputs)

    def window(self, places: np.ndarray, size: tuple[int, int]) -> Window | None:
        """As `TextureWarp.window`, with room for what the network adds."""
        window = self._texture.window(places, size)
        return None if window is None else self._resolution.window(window)

    def rasterize(self, vertices: torch.Tensor, cameras: torch.Tensor, window: Window) -> Drawn:
        """As `TextureWarp.rasterize`, of a window as `window` gives it."""
        return self._texture.rasterize(vertices, cameras, window)

    @torch.no_grad()
    def __call__(self, drawn: Drawn, behind: Sequence[np.ndarray] | None = None) -> Warped:
        """As `TextureWarp`, corrected. behind: B pictures (H, W, 3 or 4) uint8 that stand behind the person where the
        camera moves; None: `plate` does."""
        warped = self._texture(drawn)
        window = drawn.window
        plate = self._part(self._plate, window) if behind is None else self._behind(behind, window)
        seen = conditions(self._texture, drawn, warped, plate, self._inputs)
        correction = self._net(seen, self._sources)
        rgba = torch.empty_like(warped.rgba)
        for row in range(len(rgba)):  # one at a time: at the picture's resolution, a chunk would fill the memory
            one = slice(row, row + 1)
            rgba[one] = correct(warped.rgba[one], correction[one])
        return replace(warped, rgba=rgba)

    @torch.no_grad()
    def completed(self, plate: np.ndarray, hole: np.ndarray) -> np.ndarray:
        """What G_BG makes of a background: plate (H, W, 3) uint8, as large as the one given before, made up where
        hole (H, W) is True."""
        given = _planes(plate)
        small = self._small(given)
        change = self._net.plate(small, self._small(_planes(hole[..., None]) * 255)) - small
        (x, y), (width, height) = self._canvas.corner, self._canvas.size
        large = interpolate(change, (height, width), mode="bilinear", align_corners=False)
        large = large[..., -y : plate.shape[0] - y, -x : plate.shape[1] - x]
        changed = ((given.to(large) + large) * 255).round().clamp(0, 255).byte()
        return np.ascontiguousarray(changed[0].permute(1, 2, 0).cpu().numpy())

    def _behind(self, pictures: Sequence[np.ndarray], window: Window) -> torch.Tensor:
        """(B, 3, h, w): what the pictures show in a window of whole cells."""
        size = self._resolution.shape(window)
        like = self._texture.model.v_template
        return torch.cat([shrink(_opaque(each, window).to(like), size) for each in pictures])

    def _part(self, canvas: torch.Tensor, window: Window) -> torch.Tensor:
        """(1, C, h, w) of planes of the whole picture at working resolution: those of a window of whole cells."""
        cells = [
            (at - zero) // self._resolution.cell for at, zero in zip(window.corner, self._canvas.corner, strict=True)
        ]
        height, width = self._resolution.shape(window)
        x, y = cells[0] * STRIDE, cells[1] * STRIDE
        return canvas[..., y : y + height, x : x + width]

    def _small(self, planes: torch.Tensor) -> torch.Tensor:
        """Planes (1, C, H, W) of the whole picture at working resolution, on the network's device."""
        whole = cut(planes.to(self._texture.model.v_template), self._canvas)
        return shrink(whole, self._resolution.shape(self._canvas))


def _opaque(picture: np.ndarray, window: Window | None = None) -> torch.Tensor:
    """(H, W, 3 or 4) uint8 → (1, 3, H, W) in [0, 1], or a window of that; grey where it is transparent."""
    return _planes(picture if picture.shape[2] == 3 else np.full_like(picture[..., :3], 128), window)


def _planes(picture: np.ndarray, window: Window | None = None) -> torch.Tensor:
    """(H, W, C) uint8 → (1, C, H, W) in [0, 1], or a window of that."""
    planes = torch.from_numpy(picture).permute(2, 0, 1)[None]
    return (planes if window is None else cut(planes, window)).float() / 255
