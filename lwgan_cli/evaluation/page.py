"""The report: one HTML page that needs nothing beside itself."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence, Set
from html import escape
from typing import Any

from lwgan_cli.evaluation.results import MEASURES, ClipScore, Results, budget, by_measure, shown
from lwgan_cli.evaluation.run import Evaluation, Shown
from lwgan_cli.evaluation.svg import bars, lines

STRIP = 8  # frames of each case that are shown side by side
PLOTTED = ("p_ssim", "p_psnr", "sharp", "iou", "lpips")  # measures that are drawn frame by frame
JUDGE = "p_ssim"  # by which frames are the worst and the best
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 76rem; padding: 0 1rem;
       color: #222; background: #fff; }
@media (prefers-color-scheme: dark) { body { color: #ddd; background: #181818; } svg text { fill: #ddd; } }
h1, h2, h3 { font-weight: 600; line-height: 1.2; margin: 2rem 0 .6rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap; }
th:first-child, td:first-child, .told td:last-child { text-align: left; }
.told td:last-child { color: #888; padding-left: 1.5rem; }
td.best { font-weight: 700; }
.wide { overflow-x: auto; }
.strip { display: grid; gap: 3px; align-items: end; width: max-content; }
.strip img { height: 150px; display: block; } .large img { height: 230px; }
.strip span { align-self: center; padding-right: .6rem; max-width: 9rem; overflow-wrap: anywhere; }
.strip small { text-align: center; }
svg { font: 11px system-ui, sans-serif; margin: .3rem .8rem .3rem 0; max-width: 100%; height: auto; }
svg .title { font-size: 13px; font-weight: 600; }
small, .quiet { color: #888; }
"""


def page(evaluation: Evaluation) -> str:
    """The whole report."""
    results = evaluation.results
    about = results.about
    title = f"{about['protocol']} on {about['data']}"
    sections = [
        f"<h1>{escape(str(title))}</h1>",
        f'<p class="quiet">{escape(_told(about))}</p>',
        *(f"<p>⚠ {escape(warning)}</p>" for warning in results.warnings),
        _table(results),
        _trained(results),
        _compared(results),
        "<h2>Frame by frame</h2>",
        *(_frame_plots(results, each.case) for each in evaluation.shown),
        *(_case(each, results.clips) for each in evaluation.shown),
    ]
    return document(str(title), sections)


def document(title: str, sections: Iterable[str]) -> str:
    """A page of sections."""
    body = "\n".join(section for section in sections if section)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n'
        f"<body>\n{body}\n</body></html>\n"
    )


def html_table(heads: Sequence[str], rows: Iterable[Sequence[str]], strong: Set[tuple[int, int]] = frozenset()) -> str:
    """strong: cells (row, column) that stand out; a last column without a head is a remark."""
    lines = ["<tr>" + "".join(f"<th>{escape(head)}</th>" for head in heads) + "</tr>"]
    for number, row in enumerate(rows):
        cells = (
            f'<td class="best">{escape(cell)}</td>'
            if (number, column) in (strong or ())
            else f"<td>{escape(cell)}</td>"
            for column, cell in enumerate(row)
        )
        lines.append("<tr>" + "".join(cells) + "</tr>")
    kind = "" if heads[-1] else ' class="told"'
    return f'<div class="wide"><table{kind}>' + "".join(lines) + "</table></div>"


def _table(results: Results) -> str:
    """A row for each measure, and what it says."""
    heads, rows, strong = by_measure(results)
    told = ((*row, MEASURES[name].told) for name, row in zip(results.columns(), rows, strict=True))
    return html_table([*heads, ""], told, strong)


def _trained(results: Results) -> str:
    lines = [f"<li>{escape(f'{m.method}: {budget(m.training)}')}</li>" for m in results.methods if m.training]
    return "<h2>Training</h2><ul>" + "".join(lines) + "</ul>" if lines else ""


def _compared(results: Results) -> str:
    if len(results.methods) < 2:
        return ""
    drawn = []
    for name in results.columns():
        values = {m.method: m.values.get(name, math.nan) for m in results.methods}
        drawn.append(bars(MEASURES[name].title, values, {key: shown(name, value) for key, value in values.items()}))
    return "<h2>Side by side</h2>" + "".join(drawn)


def _frame_plots(results: Results, case: str) -> str:
    clips = [clip for clip in results.clips if clip.case == case]
    drawn = []
    for name in PLOTTED:
        series = {
            clip.method: [(float(row), value) for row, value in enumerate(clip.frames[name])]
            for clip in clips
            if name in clip.frames and len(clip.frames[name]) > 1
        }
        drawn.append(lines(f"{case}: {MEASURES[name].title}", series, "frame") if series else "")
    return "".join(drawn)


def _case(each: Shown, clips: Sequence[ClipScore]) -> str:
    """Worst and best frames, and a strip over the whole clip."""
    count = max(len(pictures) for pictures in each.results.values())
    chosen = sorted({round(row * (count - 1) / (min(count, STRIP) - 1 or 1)) for row in range(min(count, STRIP))})
    parts = [f"<h2>{escape(each.case)}</h2>"]
    scores = [clip.frames[JUDGE] for clip in clips if clip.case == each.case and JUDGE in clip.frames]
    if scores and count > 1:
        sums = [sum(column) for column in zip(*scores, strict=True)]
        ordered = sorted((row for row in range(count) if math.isfinite(sums[row])), key=lambda row: sums[row])
        if ordered:
            ends = {"worst": ordered[0], "best": ordered[-1]}
            parts += [_ends(each, ends)]
    parts.append(_strip(each, chosen))
    return "".join(parts)


def _ends(each: Shown, rows: Mapping[str, int]) -> str:
    """Photo, real and every method's picture, for the worst frame and the best by the persons' SSIM."""
    columns = ["photo", "real", *each.results]
    cells = ["<span></span>", *(f"<small>{escape(name)}</small>" for name in columns)]
    for name, row in rows.items():
        cells.append(f"<span>{name}<br><small>frame {row}</small></span>")
        cells += [image(data) for data in (each.photo, each.real[row], *(p[row] for p in each.results.values()))]
    return _grid(cells, len(columns), "strip large") + "<br>"


def _strip(each: Shown, rows: Sequence[int]) -> str:
    cells = ["<span></span>", *(f"<small>{row}</small>" for row in rows)]
    named = {"real": each.real, **each.results} if each.real else each.results
    for name, pictures in named.items():
        cells += [f"<span>{escape(name)}</span>", *(image(pictures[row]) for row in rows)]
    return _grid(cells, len(rows), "strip")


def _grid(cells: Sequence[str], columns: int, kind: str) -> str:
    """Cells row by row, a name before each row."""
    style = f"grid-template-columns: auto repeat({columns}, auto)"
    return f'<div class="wide"><div class="{kind}" style="{style}">{"".join(cells)}</div></div>'


def image(jpeg: bytes) -> str:
    """A picture within the page."""
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(jpeg).decode()}" alt="">'


def _told(about: Mapping[str, Any]) -> str:
    told = {key: about[key] for key in ("version", "size", "max_side", "fitter", "body", "device", "seed")}
    return f"{about['frames']} frames of {len(about['cases'])} clips; " + ", ".join(f"{k} {v}" for k, v in told.items())
