"""Plots as SVG text that stands in a page by itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape

COLOURS = ("#3366cc", "#dd4477", "#109618", "#ff9900", "#990099", "#0099c6", "#b82e2e", "#66aa00")
WIDTH, HEIGHT = 560, 220
LEFT, RIGHT, TOP, BOTTOM = 52, 20, 28, 34
LETTER = 6.0  # px that one takes, about


def lines(
    title: str, series: Mapping[str, Sequence[tuple[float, float]]], across: str, log: bool = False, floor: bool = False
) -> str:
    """Lines through points (x, y), one for each name; points that aren't finite interrupt them.

    across  what x is; log: it counts decades; floor: y starts at 0
    """
    finite = [(x, y) for points in series.values() for x, y in points if math.isfinite(y)]
    if not finite:
        return ""
    xs, ys = _axis([x for x, _ in finite], log, False), _axis([y for _, y in finite], False, floor)
    parts = [_frame(title, across)]
    for value, text in _ticks(xs, log):
        at = _place(value, xs, log, LEFT, WIDTH - RIGHT)
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 14}" text-anchor="middle">{text}</text>')
    for value, text in _ticks(ys, False):
        at = _place(value, ys, False, HEIGHT - BOTTOM, TOP)
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}" stroke="#8884"/>')
        parts.append(f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{text}</text>')
    for row, points in enumerate(series.values()):
        colour, run = _colour(row), list[str]()
        for x, y in [*points, (0.0, math.nan)]:
            if math.isfinite(y):
                run.append(
                    f"{_place(x, xs, log, LEFT, WIDTH - RIGHT):.1f},{_place(y, ys, False, HEIGHT - BOTTOM, TOP):.1f}"
                )
            elif run:
                parts.append(f'<polyline points="{" ".join(run)}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
                parts += [
                    f'<circle cx="{at.split(",")[0]}" cy="{at.split(",")[1]}" r="2" fill="{colour}"/>'
                    for at in run
                    if len(run) < 40
                ]
                run = []
    return _svg([*parts, _legend(series)])


def bars(title: str, values: Mapping[str, float], texts: Mapping[str, str]) -> str:
    """A horizontal bar for each name, with its text; what isn't finite has none."""
    most = max((abs(value) for value in values.values() if math.isfinite(value)), default=0.0)
    step, label = 18, 150
    height = TOP + step * len(values) + 6
    parts = [f'<text x="4" y="16" class="title">{escape(title)}</text>']
    for row, (name, value) in enumerate(values.items()):
        y = TOP + step * row
        length = (WIDTH / 2 - label - 60) * abs(value) / most if most and math.isfinite(value) else 0.0
        parts.append(f'<text x="{label - 6}" y="{y + 12}" text-anchor="end">{escape(name)}</text>')
        parts.append(f'<rect x="{label}" y="{y + 2}" width="{length:.1f}" height="{step - 5}" fill="{COLOURS[0]}"/>')
        parts.append(f'<text x="{label + length + 5:.1f}" y="{y + 12}">{escape(texts[name])}</text>')
    return _svg(parts, WIDTH // 2, height)


def _svg(parts: Sequence[str], width: int = WIDTH, height: int = HEIGHT) -> str:
    return f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}">{"".join(parts)}</svg>'


def _frame(title: str, across: str) -> str:
    return (
        f'<text x="{LEFT}" y="16" class="title">{escape(title)}</text>'
        f'<text x="{WIDTH - RIGHT}" y="16" text-anchor="end">{escape(across)}</text>'
        f'<rect x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" height="{HEIGHT - TOP - BOTTOM}"'
        ' fill="none" stroke="#888"/>'
    )


def _legend(names: Iterable[str]) -> str:
    """The names side by side in their lines' colours, below the plot."""
    x, parts = float(LEFT), []
    for row, name in enumerate(names):
        parts.append(f'<text x="{x:.0f}" y="{HEIGHT - 4}" style="fill:{_colour(row)}">{escape(name)}</text>')
        x += LETTER * len(name) + 14
    return "".join(parts)


def _colour(row: int) -> str:
    return COLOURS[row % len(COLOURS)]


def _axis(values: Sequence[float], log: bool, floor: bool) -> tuple[float, float]:
    low, high = min(values), max(values)
    if log:
        first = math.floor(math.log10(low) + 1e-9)
        return 10.0**first, 10.0 ** max(math.ceil(math.log10(high) - 1e-9), first + 1)
    low = min(low, 0.0) if floor else low
    room = 0.06 * (high - low) or 0.5
    return (low if floor else low - room), high + room


def _place(value: float, axis: tuple[float, float], log: bool, start: float, stop: float) -> float:
    low, high, at = (math.log10(v) if log else v for v in (*axis, value))
    return start + (stop - start) * (at - low) / (high - low)


def _ticks(axis: tuple[float, float], log: bool) -> list[tuple[float, str]]:
    low, high = axis
    if log:
        powers = range(round(math.log10(low)), round(math.log10(high)) + 1)
        return [(10.0**power, f"{10.0**power:g}") for power in powers]
    raw = (high - low) / 4
    unit = 10 ** math.floor(math.log10(raw))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= raw)
    first = math.ceil(low / step)
    return [(step * k, f"{step * k:g}") for k in range(first, math.floor(high / step) + 1)]
