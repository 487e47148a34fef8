"""Where hair ends on a head, as its photo shows it: over the forehead, before or behind the ears, and on the nape.

Hair hangs from above: it covers a place on the head only if it covers what is above that place as well, or comes out
again below an ear that it is tucked behind. So the hairline is a height for each direction from the head's middle, down
to which the photo shows hair rather than skin. Where it shows nothing, hair grows as on most heads. What looks
otherwise at the head's rim, where a fit that is a few millimetres off reads whatever is beside the head, is no part of
it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lwgan_cli.ramps import smoothstep
from lwgan_cli.texture.skin_tone import LEAST, to_lab
from lwgan_cli.texture.surface import Surface

COLUMNS = 36  # directions around the head
STEP = 0.01  # m of height that are told apart
SPREAD, ENOUGH = 0.01, 0.5  # m over which a vertex tells of its surroundings, and how much they must to count
APART = 16.0  # Lab: nearer to the skin's colour than that, hair can't be told from it
ROUNDS = 2  # in which what looks like hair tells better what hair looks like
KNOWN = 5  # heights of which a photo must show something to tell where hair ends in one direction
RIM = (0.3, 0.6)  # cosine to the viewer over which what a photo shows on the head comes to be surely the head's
FRONT = np.pi / 4  # rad to either side of the face in which no hair falls
TEMPLE = np.radians(50)  # from the face, to where a photo from in front shows well where hair ends
STRAY = np.radians(15)  # to either side of an ear's middle, over which hair grows above it
LOCK = 5  # vertices of hair below the hairline, and of hair beside the neck, that are a lock …
CHIN = 0.03  # … if it goes on down to so many m over the chin
NECK, STANDS_OFF = 0.07, 0.008  # m of neck below the chin, and m to its side where that hangs on: nearer it is shade
BEARD = 0.25  # share of the chin's front that is hairy where a beard grows
BEYOND = 0.01  # m beyond the hairline, from which on it isn't trusted there


@dataclass(frozen=True)
class HeadHair:
    """Hair on the head, as a photo shows it.

    hair    (V,) bool: what it covers of the head
    beside  (V,) float32 in [0, 1]: where the photo shows what is none of that surface: hair below the hairline, which
            hangs down beside it, or skin above
    """

    hair: np.ndarray
    beside: np.ndarray

    @classmethod
    def of(
        cls, surface: Surface, colours: np.ndarray, shown: np.ndarray, offsets: np.ndarray, cosine: np.ndarray
    ) -> HeadHair | None:
        """None where the photo shows too little hair, or none that isn't like skin.

        colours (V, 3) 0 … 255 at the vertices, shown (V,) bool: which of them the photo shows
        offsets (V, 3) m T-pose, of hair and clothes; cosine (V,) between the surface and the view
        """
        head, hairy = _head(surface), _hairy(surface, colours, shown)
        if hairy is None:
            return None
        line = _hairline(surface, head & shown & ~surface.skin & ~surface.ears, hairy)
        above = _above(surface, _down_to_ears(surface, line))
        rim = 1 - smoothstep(cosine, *RIM)
        shaven = np.full_like(head, not _bearded(surface, head & shown, hairy))
        hair = head & (above > 0) & ~surface.skin & ~_nape(surface)
        fell = shaven & _falling(surface, shown, hairy, offsets)
        hair |= fell & ~surface.skin & (hairy | ~shown)
        hair = np.where(surface.ears, _covered_ears(surface, hair, hairy, shown), hair)
        loose = hairy & (above < -BEYOND) & ~fell & shaven
        other = ~hairy & (above > BEYOND) & ~surface.skin
        beside = (head & shown & np.where(surface.ears, hairy != hair, loose | other)) * rim
        return cls(hair, beside.astype(np.float32))

    def resized(self, count: int) -> HeadHair:
        """For a body of `count` vertices, the first of which are the same: no others are the head's."""
        hair, beside = np.zeros(count, bool), np.zeros(count, np.float32)
        same = min(count, len(self.hair))
        hair[:same], beside[:same] = self.hair[:same], self.beside[:same]
        return HeadHair(hair, beside)

    def with_hanging(self, surface: Surface, hanging: np.ndarray) -> np.ndarray:
        """(V,) bool: all hair, where `hanging` (V,) bool, see `hair_length.hanging_hair`, hangs down: then the nape has
        some too."""
        longer = hanging & ~surface.hair
        hair: np.ndarray = self.hair | longer | (surface.hair & _nape(surface) if longer.any() else False)
        return hair


def _head(surface: Surface) -> np.ndarray:
    """(V,) bool: the group that hair grows on."""
    head: np.ndarray = np.isin(surface.groups, np.unique(surface.groups[surface.hair]))
    return head


def around(surface: Surface) -> np.ndarray:
    """(V,) rad in [-pi, pi]: directions from the head's middle, 0 to the front."""
    x, _, z = surface.vertices.T
    deep = surface.vertices[_head(surface), 2]
    angle: np.ndarray = np.arctan2(x, z - (deep.min() + deep.max()) / 2)
    return angle


def _hairy(surface: Surface, colours: np.ndarray, shown: np.ndarray) -> np.ndarray | None:
    """(V,) bool: colours (V, 3) further than halfway from the face's to those of hair; None where these are too near to
    one another, or not known."""
    lab, face = to_lab(colours), surface.skin & shown
    scalp = _head(surface) & shown & (surface.vertices[:, 1] > surface.vertices[surface.skin, 1].max())  # no beard
    if np.count_nonzero(face) < LEAST:
        return None
    skin, hairy = np.median(lab[face], 0), np.ones_like(shown)
    sample = surface.hair & scalp & (np.linalg.norm(lab - skin, axis=1) > APART)
    for _ in range(ROUNDS):
        if np.count_nonzero(sample) < LEAST:
            return None
        way = np.median(lab[sample], 0) - skin
        way[0] = min(way[0], 0)  # bald heads gleam
        if np.linalg.norm(way) < APART:
            return None
        hairy = (lab - skin) @ way > 0.5 * way @ way
        sample = scalp & hairy
    return hairy


def _hairline(surface: Surface, known: np.ndarray, hairy: np.ndarray) -> np.ndarray:
    """(COLUMNS,) m, rest pose, down to which hair covers the head, for the directions `_middles`; NaN where nothing is
    known; known (V,) bool: what of the head tells it."""
    angle, high = around(surface)[known], surface.vertices[known, 1]
    radius = float(np.abs(surface.vertices[surface.hair, 0]).max())
    lowest, end = (float(surface.vertices[each, 1].min()) for each in (surface.hair, _head(surface)))
    heights = np.arange(surface.vertices[surface.hair, 1].max(), lowest - STEP, -STEP)
    out = np.full(COLUMNS, np.nan)
    for column, middle in enumerate(_middles()):
        arc = radius * np.abs((angle - middle + np.pi) % (2 * np.pi) - np.pi)
        near = np.exp(-(arc**2 + (high - heights[:, None]) ** 2) / (2 * SPREAD**2))  # (H, N)
        told = near.sum(1) > ENOUGH
        if np.count_nonzero(told) < KNOWN:
            continue
        more = near @ np.where(hairy[known], 1.0, -1.0) / np.maximum(near.sum(1), ENOUGH)
        first, last = np.flatnonzero(told)[[0, -1]]
        ends = max(int(np.r_[0, np.cumsum(np.where(told, more, 0))].argmax()), int(first))
        out[column] = end if ends > last else heights[ends] + STEP / 2  # it hangs on below what is seen
    three = np.ma.masked_invalid([np.roll(out, 1), out, np.roll(out, -1)])
    line: np.ndarray = np.where(np.isnan(out), np.nan, np.ma.median(three, axis=0).filled(np.nan))
    return line


def _down_to_ears(surface: Surface, line: np.ndarray) -> np.ndarray:
    """(COLUMNS,) m, a hairline that falls from the temples to the ears, above which hair grows on every head that has
    any in front: what a photo shows so far aside is the head's rim, and beside it something else."""
    out, middles = line, _middles()
    if not surface.ears.any():
        return out
    ear = float(np.abs(around(surface)[surface.ears]).mean())
    top = float(surface.vertices[surface.ears, 1].max())
    for side in (-1, 1):
        aside = side * middles
        before = line[(aside > 0) & (aside < TEMPLE)]
        if np.isnan(before).all():
            continue
        temple = max(float(np.nanmedian(before)), top)
        falls = temple + (top - temple) * np.clip((aside - TEMPLE) / (ear - TEMPLE - STRAY), 0, 1)
        out = np.where((aside > TEMPLE) & (aside < ear + STRAY), np.fmin(out, falls), out)
    return out


def _above(surface: Surface, line: np.ndarray) -> np.ndarray:
    """(V,) m above the hairline (COLUMNS,), as it is on most heads behind those directions in which it is known."""
    angle, middles, told = around(surface), _middles(), ~np.isnan(line)
    usual = np.where(surface.hair, np.inf, -np.inf)
    if not told.any():
        return usual
    within = np.abs(angle) < np.abs(middles[told]).max() + np.pi / COLUMNS
    above: np.ndarray = surface.vertices[:, 1] - np.interp(angle, middles[told], line[told])
    return np.where(within, above, usual)


def _bearded(surface: Surface, known: np.ndarray, hairy: np.ndarray) -> bool:
    """Whether the chin's front is hairy, as much of the head as is `known` (V,) bool: then so are the jaws."""
    chin = known & (np.abs(around(surface)) < FRONT) & (surface.vertices[:, 1] < _chin(surface) + CHIN)
    return bool(chin.any() and hairy[chin].mean() > BEARD)


def _falling(surface: Surface, shown: np.ndarray, hairy: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """(V,) bool: where hair falls beside jaw and neck, in front of the ears or from behind them, what lies behind and
    below the upper end of what the photo shows of that; nowhere if it falls but at one of two sides that are seen, as a
    tail does, which comes from behind."""
    out, high = np.zeros_like(shown), surface.vertices[:, 1]
    head, chin, aside = _head(surface), _chin(surface), np.abs(around(surface)) > FRONT
    below = head & (high < high[surface.skin].max()) & ~surface.ears
    neck = ~head & (high < chin) & (high > chin - NECK)
    for side in (-1, 1):
        of_side = aside & (side * surface.vertices[:, 0] > 0)
        loose = below & of_side & shown & hairy
        hangs = neck & shown & hairy & of_side & (side * offsets[:, 0] > STANDS_OFF)
        if min(np.count_nonzero(loose), np.count_nonzero(hangs)) >= LOCK:
            bottom, top = np.quantile(high[loose], (0.1, 0.9))
            if bottom < chin + CHIN:
                out |= head & of_side & (high < top)
                continue
        if np.count_nonzero(below & of_side & shown) >= LOCK:
            return np.zeros_like(out)
    return out


def _nape(surface: Surface) -> np.ndarray:
    """(V,) bool: what lies below the ears, where short hair has ended."""
    nape: np.ndarray = surface.vertices[:, 1] <= surface.vertices[surface.ears, 1].min(initial=np.inf)
    return nape


def _chin(surface: Surface) -> float:
    """m, the height of the face's lower end."""
    return float(surface.vertices[surface.skin, 1].min())


def _covered_ears(surface: Surface, hair: np.ndarray, hairy: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """(V,) bool, on ears: whether hair covers all of one, as most of what is seen of it says, or of the other one, or
    else as `hair` (V,) bool has it."""
    out, seen = hair.copy(), surface.ears & shown
    for side in (-1, 1):
        ear = surface.ears & (side * surface.vertices[:, 0] > 0)
        told = seen & ear if (seen & ear).any() else seen
        if told.any():
            out[ear] = hairy[told].mean() > 0.5
    return out


def _middles() -> np.ndarray:
    """(COLUMNS,) rad: the directions that have a height."""
    return (np.arange(COLUMNS) + 0.5) * (2 * np.pi / COLUMNS) - np.pi
