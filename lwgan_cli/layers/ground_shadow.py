"""The shadow under the feet: taken off the ground with the person, and laid under them again wherever they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from scipy.ndimage import grey_closing

from lwgan_cli.layers.graph_cut import disk
from lwgan_cli.layers.push_pull import push_pull

_SIDE = 400  # px, the person's longer side where their shadow, which is soft, is looked at
_RIM = 0.004  # of the person's longer side: so near them the ground has taken on their colours
_SMOOTH = 0.01  # … and so far what is made up of the ground need not agree with the photo
_ABOVE = 0.04  # … and so far above the soles a shadow may still lie on the ground
_LEAST = 0.02  # darker than the ground by less than this is none
_TINT = 0.1  # a shadow dims all colours alike, or nearly
_DARKEST = 0.75
_FORESHORTENED = 4.0  # times nearer the ground's points lie in the picture up and down than sideways
_AIRBORNE = 1.0  # s that feet may be off the ground
_FOOT = 0.1  # m, the radius of one: lifted so far it keeps half as much light away


@dataclass(frozen=True)
class GroundShadow:
    """What a person leaves of the ground's light, in a window of a picture.

    light   (h, w) float32 in (0, 1]
    corner  (x, y) of its upper left pixel
    feet    (2, 2) px, where they stand, the left one in the picture first
    scale   px per metre
    """

    light: np.ndarray
    corner: tuple[int, int]
    feet: np.ndarray
    scale: float

    def under(
        self, picture: np.ndarray, feet: np.ndarray, zoom: float, strength: Sequence[float] | np.ndarray = (1.0, 1.0)
    ) -> np.ndarray:
        """A picture (H, W, 3) uint8 with the shadow of feet (2, 2) px, `zoom` times as large as it is here, of so much
        strength in [0, 1] below each.

        Either foot takes its own share of the shadow along, and where both lie they dim each other.
        """
        out = picture.copy()
        for own, was, foot, strong in zip(self._shares, self.feet, feet, strength, strict=True):
            begin = foot + (self.corner - was) * zoom
            end = begin + zoom * np.array(own.shape[::-1])
            left, top = np.floor(begin).astype(int).clip(0)
            right, bottom = np.minimum(np.ceil(end).astype(int), picture.shape[1::-1])
            if left >= right or top >= bottom:
                continue
            x, y = np.meshgrid(np.arange(left, right), np.arange(top, bottom))
            at = ((np.stack([x, y], -1) - begin) / zoom).astype(np.float32)
            light = cv2.remap(own, at, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=1)
            ground = out[top:bottom, left:right]
            ground[:] = np.rint(ground * light[..., None] ** strong)
        return out

    @cached_property
    def _shares(self) -> list[np.ndarray]:
        """(h, w) float32 in (0, 1] for each foot: what it takes of the light, the more the nearer it is; multiplied
        they are the light."""
        height, width = self.light.shape
        x, y = np.meshgrid(np.arange(width), np.arange(height))
        far = [
            ((x - foot[0]) ** 2 + (_FORESHORTENED * (y - foot[1])) ** 2 + height) ** 2
            for foot in self.feet - self.corner
        ]
        return [(self.light ** (other / (far[0] + far[1]))).astype(np.float32) for other in reversed(far)]


def ground_shadow(
    rgb: np.ndarray, plate: np.ndarray, alpha: np.ndarray, feet: np.ndarray, scale: float
) -> GroundShadow | None:
    """What darkens the ground around a person's feet; None where nothing does.

    rgb (H, W, 3) uint8, plate the same without the person, alpha (H, W) float32 [0, 1], feet (2, 2) px, scale px per
    metre.
    """
    solid = alpha > 0.5
    rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
    if not len(rows):
        return None
    longer = float(max(np.ptp(rows), np.ptp(columns)) + 1)
    shrink = min(1.0, _SIDE / longer)
    size = round(alpha.shape[1] * shrink), round(alpha.shape[0] * shrink)
    rgb, plate, alpha = (cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in (rgb, plate, alpha))
    longer, feet, scale = longer * shrink, _from_left(feet) * shrink, scale * shrink
    top = int(np.clip(feet[:, 1].min() - 2 * _ABOVE * longer, 0, size[1] - 1))
    dark = _darkness(rgb[top:], plate[top:], alpha[top:], longer)
    above = (feet[:, 1].min() - top - np.arange(len(dark))) / (_ABOVE * longer)
    dark *= (2 - above[:, None]).clip(0, 1)
    found = np.argwhere(dark > _LEAST)
    if not len(found):
        return None
    (low_y, low_x), (high_y, high_x) = found.min(0), found.max(0) + 1
    light = (1 - dark[low_y:high_y, low_x:high_x]).astype(np.float32)
    return GroundShadow(light, (int(low_x), int(low_y) + top), feet, scale)


def _darkness(rgb: np.ndarray, plate: np.ndarray, alpha: np.ndarray, longer: float) -> np.ndarray:
    """(h, w) in [0, 1): how much darker ground (h, w, 3) is than without the person, alpha (h, w), of `longer` px; what
    they hide goes on from beside them."""
    near = cv2.dilate((alpha > 0.05).astype(np.uint8), disk(max(1, round(_RIM * longer)))) > 0
    known, sigma = (~near).astype(np.float32), max(1.0, _SMOOTH * longer)
    if not known.any():
        return np.zeros(alpha.shape)
    behind = cv2.GaussianBlur(plate.mean(-1) + 1, (0, 0), sigma)
    uneven = float(np.percentile(np.abs(behind / cv2.GaussianBlur(behind, (0, 0), 4 * sigma) - 1), 75))
    seen, ground = (cv2.GaussianBlur((each + 1.0) * known[..., None], (0, 0), sigma) for each in (rgb, plate))
    share = np.divide(seen, ground, out=np.ones_like(seen), where=known[..., None] > 0)
    dark = (1 - share.mean(-1) - _LEAST - uneven) * (2 - np.ptp(share, axis=-1) / _TINT).clip(0, 1)
    return push_pull(dark.clip(0, _DARKEST)[..., None].astype(np.float32), known)[..., 0]


class Shadows:
    """A photo's shadow under feet that go about.

    They go sideways with the feet, and up or down only as the ground does under them; the higher a foot is lifted, the
    less of the light it keeps away.
    """

    def __init__(self, shadow: GroundShadow, feet: np.ndarray, scale: np.ndarray, fps: float) -> None:
        """feet (T, 2, 2) px, scale (T,) px per metre."""
        self._shadow, self._zoom = shadow, scale / shadow.scale
        feet = _from_left(feet)
        apart = self._zoom[:, None] * (shadow.feet[:, 1] - shadow.feet[:, 1].mean())  # one stands nearer to the viewer
        lower, longest = (feet[..., 1] - apart).max(1), max(1, round(_AIRBORNE * fps))
        # a jump is over soon; other ground under who goes about is not, and goes on beyond the ends
        level = grey_closing(np.pad(lower, longest, "reflect", reflect_type="odd"), longest)[longest:-longest]
        self._feet = np.stack([feet[..., 0], level[:, None] + apart], -1)
        lifted = (self._feet[..., 1] - feet[..., 1]).clip(0) / scale[:, None]
        self._strength = _FOOT**2 / (_FOOT**2 + lifted**2)  # of a disk's before an even sky

    def __call__(self, picture: np.ndarray, frame: int) -> np.ndarray:
        """The ground (H, W, 3) uint8 under them."""
        return self._shadow.under(picture, self._feet[frame], float(self._zoom[frame]), self._strength[frame])


def _from_left(feet: np.ndarray) -> np.ndarray:
    """Feet (…, 2, 2) px by their place in the picture: which is which doesn't matter to a shadow."""
    return np.take_along_axis(feet, feet[..., :1].argsort(-2), -2)
