"""Skin: its colour in a photo, where it shows, and how it becomes another person's.

Tones live in the logarithm of linear light: light and shade move a colour along (1, 1, 1) there, so that what is left,
the ratios of the channels, tells skin in the shade from cloth; and another person's skin is a shift. Shade is redder
all the same: what light there is has been thrown on by skin, and cameras saturate what is dark.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

GAMMA = 2.2
DARKEST = 0.012  # of full light, added to all: below that, an 8 bit picture shows no colour
LEAST = 20  # samples that a tone needs
TRIM = 0.6  # share of the samples, those next to the median, that make the tone: lips, brows and beards don't
LIGHT, COLOUR = 0.75, 0.15  # how far one tone's pixels spread: in light and shade, in the ratios of the channels
DEEPENED = 0.5  # by how much the logs of the channels' ratios may grow for each unit of log light less
INNER, OUTER = 1.9, 2.8  # distances, in spreads, between which a colour ceases to be of the tone
STEADY = 0.25  # spread that any tone is given before another's replaces it: no evenly lit face flattens an arm

CONTRAST = (0.7, 1.0)  # least and most that light and shade on skin become when it takes another's tone


@dataclass(frozen=True)
class Tone:
    """A colour with its variation: mean (3,) and covariance (3, 3) of log linear RGB."""

    mean: np.ndarray
    covariance: np.ndarray

    @classmethod
    def of(cls, colours: np.ndarray) -> Tone | None:
        """From samples (N, 3), RGB in 0 … 255; None where there are too few."""
        if len(colours) < LEAST:
            return None
        logs = to_log(colours)
        away = distance(logs - np.median(logs, 0))
        core = logs[away <= np.quantile(away, TRIM)]
        return cls(core.mean(0), np.cov(core.T))

    def as_bright_as(self, other: Tone) -> Tone:
        """This colour in the other tone's light."""
        return Tone(self.mean + (other.mean - self.mean).mean(), self.covariance)

    def likeness(self, colours: np.ndarray, deepened: float = DEEPENED) -> np.ndarray:
        """(…,) in [0, 1]: how well colours (…, 3), RGB in 0 … 255, go with it, in light and in shade."""
        return np.clip((OUTER - self.distance(colours, deepened)) / (OUTER - INNER), 0, 1)

    def distance(self, colours: np.ndarray, deepened: float = DEEPENED) -> np.ndarray:
        """(…,) how far colours (…, 3), RGB in 0 … 255, are from it, in spreads."""
        apart, tint = to_log(colours) - self.mean, self.mean - self.mean.mean()
        deeper = (apart @ tint)[..., None] / max(float(tint @ tint), 1e-6)
        shade = np.maximum(-_light(apart)[..., None], 0)
        return distance(apart - np.clip(deeper, 0, deepened * shade) * tint)


def distance(difference: np.ndarray) -> np.ndarray:
    """(…,) length of differences (…, 3) of log colours, in spreads."""
    light = _light(difference)
    total = np.square(light / LIGHT)
    for channel in range(3):
        total += np.square((difference[..., channel] - light) / COLOUR)
    return np.sqrt(total)


def in_spreads(logs: np.ndarray) -> np.ndarray:
    """Log colours (…, 3) as points (…, 4) that lie as far apart as `distance` has it."""
    light = _light(logs)[..., None]
    return np.concatenate([light / LIGHT, (logs - light) / COLOUR], -1)


def _light(logs: np.ndarray) -> np.ndarray:
    """(…,) mean of log colours (…, 3): by channel, as numpy is slow at many sums of three numbers each."""
    light: np.ndarray = (logs[..., 0] + logs[..., 1] + logs[..., 2]) / 3
    return light


def to_log(colours: np.ndarray) -> np.ndarray:
    """(…, 3) RGB in 0 … 255 → log linear RGB, float64."""
    if colours.dtype == np.uint8:
        return LOGS[colours]
    return _to_log(colours)


def _to_log(colours: np.ndarray) -> np.ndarray:
    return np.log((np.asarray(colours, np.float64) / 255) ** GAMMA + DARKEST)


LOGS = _to_log(np.arange(256))  # of whole grey levels


def from_log(logs: np.ndarray) -> np.ndarray:
    """The inverse of `to_log`, within 0 … 255."""
    return np.clip(np.exp(logs) - DARKEST, 0, 1) ** (1 / GAMMA) * 255


def to_lab(colours: np.ndarray) -> np.ndarray:
    """(…, 3) RGB in 0 … 255 → CIE Lab, float32."""
    flat = np.ascontiguousarray(colours.reshape(-1, 1, 3), np.float32) / 255
    return cv2.cvtColor(flat, cv2.COLOR_RGB2Lab).reshape(colours.shape)


def transfer(tone: Tone, other: Tone) -> tuple[np.ndarray, np.ndarray]:
    """The linear map x → M·x + t of log colours that takes one tone to the other and moves colours least: the
    Monge-Kantorovich map between normal distributions (Pitié and Kokaram, 2007), both widened by STEADY. Contrasts
    become CONTRAST times theirs: one photo's light is the other's no more than about."""
    mine, theirs = (each.covariance + STEADY**2 * np.eye(3) for each in (tone, other))
    root = _root(mine)
    inverse = np.linalg.inv(root)
    values, vectors = np.linalg.eigh(inverse @ _root(root @ theirs @ root) @ inverse)
    matrix = (vectors * np.clip(values, *CONTRAST)) @ vectors.T
    return matrix, other.mean - matrix @ tone.mean


def recolour(picture: np.ndarray, mask: np.ndarray, tone: Tone, other: Tone) -> np.ndarray:
    """The picture (H, W, 3) uint8 with what is `mask` (H, W) in [0, 1] taken from one tone to the other."""
    matrix, shift = transfer(tone, other)
    rows, columns = np.nonzero(mask > 0)
    given = picture[rows, columns].astype(np.float32)
    share = mask[rows, columns, None]
    out = picture.copy()
    changed = from_log(to_log(given) @ matrix.T + shift)
    out[rows, columns] = np.rint(share * changed + (1 - share) * given).astype(np.uint8)
    return out


def _root(matrix: np.ndarray) -> np.ndarray:
    """The symmetric square root of a symmetric positive matrix."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
