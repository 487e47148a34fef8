"""Straight edges that go on behind a person: those that enter a hole on one side and leave it, in line and alike, on
another (structure propagation, Sun et al. 2005, with the lines found rather than drawn by hand).

Rails, skirting boards, the lines of a court and the frames of doors are narrow against the person who hides a part of
them; what lies all around the hole says nothing of them, and their two ends everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from lwgan_cli.layers.push_pull import push_pull

_SMOOTH = 1.5  # px around a place in which its edge is looked at
_FROM, _NEAR, _FAR = 1.5, 3.0, 7.0  # px from the hole, where edges are looked for; the further ones must be surer
_STEEP = 3.0  # grey levels a px: a flatter one is none
_AS_STEEP = 0.4  # times as steep as one end the other is at least
_COHERENT = 0.25  # of the gradients' energy across an edge, less along it
_ALONG = np.cos(np.radians(15))  # between where an edge points to and where its other end is
_WIDTH = 5  # px to either side of an edge that are compared at its ends …
_DEEP = 3  # … over so many px from the hole
_ALIKE = 0.75, 0.95  # correlation of these, near the hole and further off …
_APART = 22.0, 14.0  # … and grey levels by which they differ at most
_AWRY = 1.0, 0.5, 0.0, -0.5, -1.0  # px that an end may lie beside where it was found
_SHORTEST = 3.0  # px in the hole
_HIDDEN = 0.75  # of the way from end to end lies in the hole
_MOST = 600  # places along the hole's rim that are looked at
_ROWS = 1 << 14  # that OpenCV reads at once: it counts them in 16 bits
_CORE = 2.0  # px to either side of an edge where it is to be trusted


@dataclass(frozen=True)
class Edge:
    """Where a straight edge enters a hole and where it leaves it, (2,) px (y, x), and what lies across it at either
    end, (2·_WIDTH + 1, 3) grey levels; how like they are, at most 1."""

    start: np.ndarray
    end: np.ndarray
    first: np.ndarray
    last: np.ndarray
    alike: float


def going_on(rgb: np.ndarray, hole: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What straight edges that go on behind a hole (h, w) bool make of it: colours (h, w, 3) float32, and how far they
    are to be trusted, (h, w) float32 in [0, 1], 0 wherever there are none.

    rgb (h, w, 3) float32, grey levels, in the hole what may be expected there
    """
    colours, trust = np.zeros_like(rgb), np.zeros(hole.shape, np.float32)
    y, x = np.nonzero(hole)
    for edge in sorted(_edges(rgb, hole), key=lambda each: each.alike):  # the surest laid on top
        way = edge.end - edge.start
        length = float(np.linalg.norm(way))
        dy, dx = y - edge.start[0], x - edge.start[1]
        along = (dy * way[0] + dx * way[1]) / length**2
        beside = (dx * way[0] - dy * way[1]) / length
        near = (along > 0) & (along < 1) & (np.abs(beside) <= _WIDTH)
        at, side = along[near, None], (beside[near] + _WIDTH).astype(np.float32)
        low = np.minimum(side.astype(int), 2 * _WIDTH - 1)
        part = (side - low)[:, None]
        made = sum(
            share * (profile[low] * (1 - part) + profile[low + 1] * part)
            for share, profile in ((1 - at, edge.first), (at, edge.last))
        )
        sure = np.exp(-((np.abs(beside[near]) - _CORE).clip(0) ** 2) / 2)
        places = y[near], x[near]
        over = sure > trust[places] * (1 - sure)
        colours[y[near][over], x[near][over]] = made[over]
        trust[y[near][over], x[near][over]] = sure[over]
    return colours, trust


def _edges(rgb: np.ndarray, hole: np.ndarray) -> list[Edge]:
    """Those that go on, each end of them in one only."""
    places, ways, steep, away = _ends(rgb, hole)
    if len(places) < 2:
        return []
    apart = places[None] - places[:, None]
    length = np.linalg.norm(apart, axis=-1)
    unit = apart / np.maximum(length, 1e-6)[..., None]
    here, there = (np.abs((unit * each).sum(-1)) for each in (ways[:, None], ways[None]))
    like = np.minimum(steep[:, None], steep) > _AS_STEEP * np.maximum(steep[:, None], steep)
    fit = like & (length > _SHORTEST + 2 * _FROM) & (here > _ALONG) & (there > _ALONG)
    first, second = np.nonzero(np.triu(fit, 1))
    dark = _hidden(hole, places[first], places[second]) >= _HIDDEN
    first, second = first[dark], second[dark]
    far = np.maximum(away[first], away[second]) > _NEAR
    alike, edges = _joined(rgb, places[first], places[second], far)
    sure = alike * np.minimum(here, there)[first, second] - far
    free, kept = np.ones(len(places), bool), []
    for row in np.argsort(-sure, kind="stable"):
        ends = first[row], second[row]
        if alike[row] > -np.inf and free[list(ends)].all():
            kept.append(edges(int(row)))
            for end in ends:
                free &= np.abs(places - places[end]).max(1) > 1.5
    return kept


def _ends(rgb: np.ndarray, hole: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Places (N, 2) beside a hole where an edge is steepest, where it points to, (N, 2), and how steep it is."""
    known = (~hole).astype(np.float32)
    filled = push_pull(rgb, known)
    inner = cv2.erode(known, np.ones((3, 3), np.uint8))
    dy, dx = (cv2.Sobel(filled, cv2.CV_32F, *order, scale=1 / 8) for order in ((0, 1), (1, 0)))
    products = [(a * b).mean(-1) * inner for a, b in ((dy, dy), (dy, dx), (dx, dx))]
    weight = np.maximum(cv2.GaussianBlur(inner, (0, 0), _SMOOTH), 1e-3)
    yy, yx, xx = (cv2.GaussianBlur(each, (0, 0), _SMOOTH) / weight for each in products)
    half, root = (yy + xx) / 2, np.sqrt((yy - xx) ** 2 / 4 + yx**2)
    away = cv2.distanceTransform((~hole).astype(np.uint8), cv2.DIST_L2, 5)
    beside = (away >= _FROM) & (away <= _FAR)
    beside[[0, 1, -2, -1]] = beside[:, [0, 1, -2, -1]] = False
    steep = np.sqrt(half + root)
    fit = beside & (steep > _STEEP) & (root > _COHERENT * half)
    highest = cv2.dilate(np.where(beside, steep, 0), np.ones((3, 3), np.uint8))
    fit &= steep >= 0.9 * highest
    places = np.argwhere(fit)
    places = places[np.argsort(-steep[fit])[:_MOST]]
    at = tuple(places.T)
    turn = np.arctan2(2 * yx[at], yy[at] - xx[at]) / 2  # of the gradient, from y to x
    return places.astype(float), np.stack([-np.sin(turn), np.cos(turn)], -1), steep[at], away[at]


def _hidden(hole: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """(P,) shares of the ways between two places, (P, 2) each, that lie in a hole."""
    if not len(start):
        return np.zeros(0)
    steps = np.linspace(0, 1, int(np.abs(end - start).max()) + 1)
    share = np.zeros(len(start))
    for step in steps:  # one after the other: all at once would take a lot of memory
        y, x = np.rint(start + step * (end - start)).astype(int).T
        share += hole[y, x]
    return share / len(steps)


def _joined(
    rgb: np.ndarray, start: np.ndarray, end: np.ndarray, far: np.ndarray
) -> tuple[np.ndarray, Callable[[int], Edge]]:
    """(P,) how alike what lies across edges is at both ends, (P, 2) each, -inf where that isn't much the same; and the
    edge of a row. far (P,) bool: an end is further from the hole."""
    way = (end - start) / np.maximum(np.linalg.norm(end - start, axis=1, keepdims=True), 1e-6)
    across = np.stack([-way[:, 1], way[:, 0]], 1)
    first = _profile(rgb, start, -way, across)
    about = first - first.mean(1, keepdims=True)
    best = np.full(len(start), -np.inf)
    awry, last = np.zeros(len(start)), np.zeros_like(first)
    for each in _AWRY:
        there = _profile(rgb, end + each * across, way, across)
        other = there - there.mean(1, keepdims=True)
        norm = np.sqrt((about**2).sum((1, 2)) * (other**2).sum((1, 2)))
        alike = (about * other).sum((1, 2)) / np.maximum(norm, 1e-6)
        more = alike > best
        best[more], awry[more], last[more] = alike[more], each, there[more]
    apart = np.sqrt(((first - last) ** 2).mean((1, 2)))
    at = far.astype(int)
    fit = (best >= np.array(_ALIKE)[at]) & (apart <= np.array(_APART)[at])

    def edge(row: int) -> Edge:
        return Edge(start[row], end[row] + awry[row] * across[row], first[row], last[row], float(best[row]))

    return np.where(fit, best, -np.inf), edge


def _profile(rgb: np.ndarray, place: np.ndarray, way: np.ndarray, across: np.ndarray) -> np.ndarray:
    """(P, 2·_WIDTH + 1, 3): what lies across edges at places, the mean of a few px along a way from there, (P, 2)
    each."""
    beside = np.arange(-_WIDTH, _WIDTH + 1)[:, None] * across[:, None]
    total = np.zeros((*beside.shape[:2], 3), np.float32)
    for step in range(_DEEP):
        y, x = np.moveaxis((place + step * way)[:, None] + beside, -1, 0).astype(np.float32)
        for low in range(0, len(place), _ROWS):
            part = slice(low, low + _ROWS)
            total[part] += cv2.remap(rgb, x[part], y[part], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return total / _DEEP
