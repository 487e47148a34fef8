"""What a synthetic person looks like, in words and numbers, and how to draw one at random."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

Colour = tuple[float, float, float]  # sRGB in [0, 1]

HAIR_STYLES = ("short", "crop", "bob", "long", "bun")
TOPS = ("t-shirt", "long sleeve", "jacket")
BOTTOMS = ("trousers", "shorts", "skirt")
NECKLINES = ("crew", "v")
PATTERNS = ("plain", "stripes", "checks", "dots", "logo")

# Light to dark, measured skin colours rounded.
SKINS: tuple[Colour, ...] = (
    (0.95, 0.82, 0.75), (0.92, 0.76, 0.66), (0.88, 0.71, 0.58), (0.80, 0.61, 0.47), (0.70, 0.50, 0.37),
    (0.60, 0.42, 0.31), (0.50, 0.34, 0.25), (0.42, 0.28, 0.21),
)  # fmt: skip
HAIRS: tuple[Colour, ...] = (
    (0.09, 0.07, 0.06), (0.16, 0.11, 0.08), (0.28, 0.18, 0.11), (0.42, 0.27, 0.15), (0.62, 0.45, 0.25),
    (0.78, 0.64, 0.42), (0.46, 0.20, 0.10), (0.55, 0.53, 0.51),
)  # fmt: skip
IRISES: tuple[Colour, ...] = (
    (0.25, 0.14, 0.07), (0.33, 0.21, 0.10), (0.30, 0.35, 0.18), (0.28, 0.42, 0.52), (0.35, 0.38, 0.40),
)  # fmt: skip
CLOTHS: tuple[Colour, ...] = (
    (0.92, 0.91, 0.88), (0.12, 0.12, 0.14), (0.16, 0.22, 0.38), (0.65, 0.16, 0.17), (0.20, 0.42, 0.34),
    (0.86, 0.68, 0.24), (0.55, 0.57, 0.60), (0.78, 0.72, 0.62), (0.37, 0.55, 0.72), (0.82, 0.48, 0.42),
    (0.40, 0.28, 0.44), (0.33, 0.37, 0.24), (0.93, 0.80, 0.80), (0.20, 0.48, 0.55),
)  # fmt: skip
TROUSERS: tuple[Colour, ...] = (
    (0.21, 0.29, 0.43), (0.32, 0.42, 0.57), (0.13, 0.14, 0.17), (0.62, 0.54, 0.42), (0.34, 0.35, 0.37),
    (0.30, 0.32, 0.24), (0.45, 0.32, 0.24),
)  # fmt: skip


def _one_of(what: str, value: str, options: tuple[str, ...]) -> None:
    if value not in options:
        raise ValueError(f"unknown {what} {value!r}: choose one of {', '.join(options)}")


@dataclass(frozen=True)
class Hair:
    """style: one of HAIR_STYLES; parting: side of it, -1 the person's right to 1 left."""

    style: str = "short"
    colour: Colour = HAIRS[1]
    parting: float = 0.4

    def __post_init__(self) -> None:
        _one_of("hair style", self.style, HAIR_STYLES)


@dataclass(frozen=True)
class Face:
    """iris and lips colours; brows, blush, lipstick and stubble 0 to 1; smile -1 to 1."""

    iris: Colour = IRISES[0]
    brows: float = 0.8
    blush: float = 0.3
    lipstick: float = 0.2
    stubble: float = 0.0
    smile: float = 0.6


@dataclass(frozen=True)
class Top:
    """kind: one of TOPS; sleeve: its end, 0 the shoulder to 1 the wrist; hem: 0 the waist to 1 the crotch;
    neckline: one of NECKLINES; ease: m of air between cloth and body."""

    kind: str = "t-shirt"
    colour: Colour = CLOTHS[0]
    second: Colour = CLOTHS[2]
    pattern: str = "plain"
    sleeve: float = 0.42
    hem: float = 0.7
    neckline: str = "crew"
    ease: float = 0.012

    def __post_init__(self) -> None:
        _one_of("top", self.kind, TOPS)
        _one_of("pattern", self.pattern, PATTERNS)
        _one_of("neckline", self.neckline, NECKLINES)


@dataclass(frozen=True)
class Bottom:
    """kind: one of BOTTOMS; length: the leg's end, 0 the crotch to 1 the ankle; flare: widening below the
    thigh, m per m, negative narrows; denim: twill, fading and yellow seams; belt: None for none."""

    kind: str = "trousers"
    colour: Colour = TROUSERS[0]
    second: Colour = CLOTHS[0]
    pattern: str = "plain"
    length: float = 0.97
    ease: float = 0.008
    flare: float = -0.14
    denim: bool = False
    belt: Colour | None = None

    def __post_init__(self) -> None:
        _one_of("bottom", self.kind, BOTTOMS)
        _one_of("pattern", self.pattern, PATTERNS)


@dataclass(frozen=True)
class Shoes:
    """height: m above the ankle joint that the shaft reaches, negative for low shoes."""

    colour: Colour = CLOTHS[0]
    sole: Colour = (0.93, 0.92, 0.90)
    laces: Colour = (0.95, 0.95, 0.95)
    sock: Colour = (0.9, 0.9, 0.9)
    height: float = -0.005
    thickness: float = 0.022


@dataclass(frozen=True)
class Look:
    """A person: shape, skin and what is worn. `seed` draws the noise of skin, cloth and strands."""

    betas: tuple[float, ...] = (0.0,) * 10
    skin: Colour = SKINS[2]
    face: Face = field(default_factory=Face)
    hair: Hair = field(default_factory=Hair)
    top: Top = field(default_factory=Top)
    bottom: Bottom = field(default_factory=Bottom)
    shoes: Shoes = field(default_factory=Shoes)
    seed: int = 0


T = TypeVar("T")


def _pick(rng: np.random.Generator, options: tuple[T, ...], weights: tuple[float, ...] | None = None) -> T:
    share = None if weights is None else np.array(weights) / np.sum(weights)
    return options[int(rng.choice(len(options), p=share))]


def _vary(rng: np.random.Generator, colour: Colour, by: float = 0.04) -> Colour:
    varied = np.clip(np.array(colour) * rng.normal(1, by) + rng.normal(0, by / 2, 3), 0.02, 0.98)
    return (float(varied[0]), float(varied[1]), float(varied[2]))


def random_look(seed: int, open_body: bool = True) -> Look:
    """Draw a person. `open_body`: the shape directions are the open body's, whose meaning is known."""
    rng = np.random.default_rng(seed)
    betas = np.clip(rng.normal(0, 0.6, 10), -1.5, 1.5)
    masculine = rng.random() < 0.5
    if open_body:  # 0 is stature, 1 to 3 build, see _MASCULINE
        betas[0] = np.clip(rng.normal(0.3, 0.35), -0.5, 1.0)
        betas[1:4] = np.array(_MASCULINE if masculine else _FEMININE) + rng.normal(0, 0.45, 3)
    tone = int(rng.integers(len(SKINS)))
    dark_hair = (0.35, 0.3, 0.15, 0.05, 0.03, 0.02, 0.02, 0.08)
    any_hair = (0.12, 0.16, 0.18, 0.18, 0.14, 0.10, 0.06, 0.06)
    styles = (0.45, 0.4, 0.05, 0.05, 0.05) if masculine else (0.12, 0.05, 0.28, 0.30, 0.25)
    cloth = _vary(rng, _pick(rng, CLOTHS))
    second = _vary(rng, _pick(rng, CLOTHS))
    if np.abs(np.array(cloth) - second).sum() < 0.6:  # a pattern must show
        second = (0.12, 0.12, 0.14) if sum(cloth) > 1.5 else (0.92, 0.91, 0.88)
    kind = _pick(rng, TOPS, (0.45, 0.3, 0.25))
    legs = _pick(rng, BOTTOMS, (0.8, 0.2, 0.0) if masculine else (0.6, 0.15, 0.25))
    denim = legs != "skirt" and rng.random() < 0.5
    return Look(
        betas=tuple(float(b) for b in betas),
        skin=_vary(rng, SKINS[tone], 0.03),
        face=Face(
            iris=_vary(rng, _pick(rng, IRISES, (4, 3, 1, 1, 1) if tone < 4 else (6, 2, 0, 0, 0)), 0.1),
            brows=float(rng.uniform(0.5, 1)),
            blush=float(rng.uniform(0, 0.6)),
            lipstick=0.0 if masculine else float(rng.uniform(0, 0.9)),
            stubble=float(max(0, rng.uniform(-0.7, 0.8))) if masculine else 0.0,
            smile=float(rng.uniform(0, 1)),
        ),
        hair=Hair(
            _pick(rng, HAIR_STYLES, styles),
            _vary(rng, _pick(rng, HAIRS, any_hair if tone < 4 else dark_hair), 0.1),
            float(_pick(rng, (-1, 1)) * rng.uniform(0.2, 0.8)),
        ),
        top=Top(
            kind,
            cloth,
            second,
            _pick(rng, PATTERNS, (0.35, 0.25, 0.12, 0.1, 0.18)) if kind != "jacket" else "plain",
            sleeve=float(rng.uniform(0.35, 0.55)) if kind == "t-shirt" else float(rng.uniform(0.93, 0.99)),
            hem=float(rng.uniform(0.45, 0.85)),
            neckline=_pick(rng, NECKLINES, (0.7, 0.3)),
            ease=float(rng.uniform(0.006, 0.018)) + (0.008 if kind == "jacket" else 0),
        ),
        bottom=Bottom(
            legs,
            _vary(rng, _pick(rng, TROUSERS[:2] if denim else TROUSERS)),
            second,
            _pick(rng, ("plain", "checks", "dots"), (0.85, 0.1, 0.05)) if not denim else "plain",
            length=float(
                {"trousers": rng.uniform(0.92, 0.99), "shorts": rng.uniform(0.3, 0.48)}.get(
                    legs, rng.uniform(0.25, 0.5)
                )
            ),
            ease=float(rng.uniform(0.004, 0.014)),
            flare=float(rng.uniform(-0.22, -0.03)),
            denim=denim,
            belt=_vary(rng, (0.25, 0.16, 0.1)) if rng.random() < 0.3 else None,
        ),
        shoes=Shoes(
            _vary(rng, _pick(rng, CLOTHS)),
            (0.93, 0.92, 0.90) if rng.random() < 0.6 else (0.15, 0.14, 0.13),
            height=float(_pick(rng, (-0.005, 0.05, 0.14), (0.6, 0.25, 0.15))),
            thickness=float(rng.uniform(0.015, 0.03)),
        ),
        seed=seed,
    )


# Betas 1 to 3 of the open body for a typical man and woman.
_MASCULINE = (-0.2, -0.6, 0.8)
_FEMININE = (0.0, 0.4, -0.8)
