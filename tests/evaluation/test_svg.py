from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from lwgan_cli.evaluation.svg import bars, lines


def polylines(svg: str) -> list[list[tuple[float, float]]]:
    found = ElementTree.fromstring(svg).iter("polyline")
    return [[tuple(map(float, at.split(","))) for at in each.attrib["points"].split()] for each in found]  # type: ignore[misc]


def test_points_lie_in_proportion() -> None:
    ((a, b, c),) = polylines(lines("t", {"one": [(0, 10), (1, 20), (4, 30)]}, "frame"))
    assert b[0] - a[0] == pytest.approx((c[0] - a[0]) / 4, abs=0.2)
    assert a[1] - b[1] == pytest.approx(b[1] - c[1], abs=0.2) and a[1] > c[1]  # up is more


def test_decades_are_as_far_apart() -> None:
    ((a, b, c),) = polylines(lines("t", {"one": [(100, 1), (1000, 1), (10000, 1)]}, "frames", log=True))
    assert b[0] - a[0] == pytest.approx(c[0] - b[0], abs=0.2) and a[1] == b[1]


def test_what_is_no_number_interrupts_a_line() -> None:
    svg = lines("t", {"one": [(0, 1), (1, 2), (2, math.nan), (3, 4), (4, 2)], "two": [(0, 3.0)]}, "frame")
    assert [len(line) for line in polylines(svg)] == [2, 2, 1]
    assert lines("t", {"one": [(0, math.nan)]}, "frame") == ""


def test_bars_are_as_long_as_their_values() -> None:
    svg = bars("a < b", {"one": 1.0, "half": -0.5, "none": math.nan}, {"one": "1", "half": "½", "none": "–"})
    one, half, none = (float(each.attrib["width"]) for each in ElementTree.fromstring(svg).iter("rect"))
    assert half == pytest.approx(one / 2) and none == 0 and "a &lt; b" in svg
