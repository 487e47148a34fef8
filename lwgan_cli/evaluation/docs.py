"""A page of results: what `lwgan evaluate` measured, beside what the paper did.

    python -m lwgan_cli.evaluation.docs -o docs/results.md evaluation.jsonl …

Each file of lines becomes a section. Where the paper's ablations were measured, the page says whether their order is
the paper's.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from lwgan_cli.errors import LwganError
from lwgan_cli.evaluation.files import write_texts
from lwgan_cli.evaluation.methods import SWITCHES
from lwgan_cli.evaluation.results import MEASURES, MethodScore, Results, budget, by_method, mean, shown

ABLATION = ("W_C", "W_T", "W_F", "LWB")  # from the worst to the best by the paper
PAPER = (  # method, SSIM, LPIPS, IS, FReID
    ("PG2", 0.854, 0.135, 3.242, 0.353),
    ("SHUP", 0.832, 0.099, 3.371, 0.324),
    ("DSC", 0.829, 0.129, 3.321, 0.342),
    ("W_C, concatenation", 0.821, 0.128, 3.213, 0.341),
    ("W_T, texture warp", 0.822, 0.113, 3.353, 0.347),
    ("W_F, feature warp", 0.830, 0.103, 3.358, 0.325),
    ("W_LWB, Liquid Warping Block", 0.840, 0.087, 3.419, 0.317),
)
SEEN = ("p_ssim", "p_psnr", "iou")  # measures that are shown angle by angle
TELLING = ("p_psnr", "p_ssim", "iou", "sharp", "akd")  # measures that additions are told by
_HEAD = """\
# Results

Made by `python -m lwgan_cli.evaluation.docs` from the lines of `lwgan evaluate`; every run can be repeated with the
command above its table. Numbers that say how near a result is to the truth stand beside numbers that say how sharp
and how steady it is, as blur alone raises PSNR.
"""
_PAPER = """\
## The paper

Table 1 of *Liquid Warping GAN* (Liu et al., ICCV 2019): motion imitation on iPER, 256×256 px. SSIM and LPIPS are of
self-imitation, where the truth is known; the Inception score (IS) and the Fréchet distance on re-identification
features (FReID) of cross-imitation. LPIPS is a distance: less is better.
"""
_DIFFERS = """\
## What differs

Tables here can't be laid beside the paper's number by number:

- **Data.** The paper measures on iPER's test clips. Rendered people are other people in other clothes, in front of
  painted scenes, without a camera's errors; what their numbers say is which method is better, not how good either is.
  `lwgan evaluate iper:DIR` measures on iPER, from its three sources for each clip.
- **Box.** The paper compares whole pictures of 256×256 px. Here everything is compared where the person is, with a
  margin of 15 %, 512 px along the longer side: less wall, which any method gets right, and more of what is hard.
- **Size.** Results are compared at the photo's resolution; the paper's are made at 256×256 px. Rendered people are
  350 to 410 px tall, so that detail beyond 256 px matters less for them than for a large photo.
- **Budget.** A table whose rows were trained says for how long. `none` has no network; its bodies are fitted, not
  regressed.
- **Features.** A Fréchet distance depends on the network whose features it reads: `--metric freid` reads PCB's.
"""


def results_page(runs: Sequence[Results]) -> str:
    """Markdown."""
    sections = [_HEAD, *(_section(run) for run in runs), _PAPER + "\n" + paper_table(), _order(runs), _DIFFERS]
    return "\n".join(section for section in sections if section)


def paper_table() -> str:
    """Table 1 of the paper, in Markdown."""
    rows = [[name, *(f"{value:.3f}" for value in values)] for name, *values in PAPER]
    return markdown(["method", "SSIM ↑", "LPIPS ↓", "IS ↑", "FReID ↓"], rows, set())


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]], strong: set[tuple[int, int]]) -> str:
    """A table; strong: cells (row, column) in bold."""
    lines = ["| " + " | ".join(heads) + " |", "|---|" + "---:|" * (len(heads) - 1)]
    for number, row in enumerate(rows):
        cells = (f"**{cell}**" if (number, at) in strong else cell for at, cell in enumerate(row))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _section(run: Results) -> str:
    """One run: how it was made, its table, what its columns and rows are."""
    about = run.about
    frames = max((method.frames for method in run.methods), default=0)
    parts = [
        f"## {about['protocol'].capitalize()} on {_data(str(about['data']))}\n",
        f"    {command(run)}\n",
        f"{frames} frames of {len(about['cases'])} clips ({'; '.join(map(str, about['cases']))}), version"
        f" {about['version']}.\n",
        markdown(*by_method(run)),
        _by_angle(run),
        _measures(run),
        _rows(run),
        _additions(run),
    ]
    return "\n".join(part for part in parts if part)


def _by_angle(run: Results) -> str:
    """A novel view's means over the people, with a row for each side that was seen; empty for other runs."""
    degrees = run.about.get("degrees") or []
    heads = [f"{MEASURES[name].title}, {method.method}" for name in SEEN for method in run.methods]
    rows = []
    for row, angle in enumerate(degrees):
        cells = [
            mean(clip.frames[name][row] for clip in run.clips if clip.method == method.method and name in clip.frames)
            for name in SEEN
            for method in run.methods
        ]
        rows.append([f"{angle:g}°", *map(shown, (name for name in SEEN for _ in run.methods), cells)])
    return markdown(["seen from", *heads], rows, set()) if rows else ""


def command(run: Results) -> str:
    """What made a run."""
    about = run.about
    words = ["lwgan evaluate", str(about["data"])]
    words += [f"--protocol {about['protocol']}"] if about["protocol"] != "imitation" else []
    words += [f"--{name.replace('_', '-')} {value:g}" for name, value in about["asked"].items() if value is not None]
    words += [f"--method {_asked(method)}" for method in run.methods]
    words += ["--weights DIR"] if any(method.method in ABLATION for method in run.methods) else []  # none ship
    return " ".join([*words, *(f"--metric {name}" for name in about["metrics"])])


def _asked(method: MethodScore) -> str:
    """A method as the command names it: a file of one's own has a path beside its name."""
    own = method.training and method.method not in (*ABLATION, "default")
    return f"{method.method}=PATH" if own else method.method


def _data(text: str) -> str:
    return "rendered people" if text.startswith("synthetic") else text


def _measures(run: Results) -> str:
    return "".join(f"- {MEASURES[name].title}: {MEASURES[name].told}\n" for name in run.columns())


def _rows(run: Results) -> str:
    """How the rows with a network were trained."""
    told = [f"- {m.method}: {budget(m.training)}\n" for m in run.methods if m.training]
    return "Training:\n\n" + "".join(told) if told else "No row has a network: nothing was trained.\n"


def _additions(run: Results) -> str:
    """What each switched row is, and how it differs from the row without the switch."""
    by_name = {method.method: method for method in run.methods}
    told = []
    for name, method in by_name.items():
        for switch, what in SWITCHES.items():
            base = by_name.get(name.removesuffix(switch))
            if not name.endswith(switch) or base is None:
                continue
            apart = [
                f"{MEASURES[key].title} {method.values[key] - base.values[key]:+.{MEASURES[key].digits}f}"
                for key in TELLING
                if key in method.values and key in base.values
            ]
            told.append(f"- `{name}`: {what}. Against `{base.method}`: {', '.join(apart)}\n")
    return "Additions to the paper's system, one switched at a time:\n\n" + "".join(told) if told else ""


def _order(runs: Sequence[Results]) -> str:
    """Whether the ablations come in the paper's order, where all four were measured."""
    told = []
    for run in runs:
        by_name = {method.method: method for method in run.methods}
        if not all(name in by_name for name in ABLATION):
            continue
        for name in ("ssim", "p_ssim", "lpips", "is", "freid"):
            values = [by_name[method].values.get(name, math.nan) for method in ABLATION]
            if all(map(math.isfinite, values)):
                least_first = [method for _, method in sorted(zip(values, ABLATION, strict=True))]
                ordered = least_first[::-1] if MEASURES[name].best == "low" else least_first
                same = "the paper's order" if tuple(ordered) == ABLATION else "not the paper's order"
                told.append(f"- {MEASURES[name].title}, from the worst: {' < '.join(ordered)} ({same})\n")
    if not told:
        return (
            "Its four ablations have not been trained here yet, at one budget for all, so no table of ours stands\n"
            "beside it. `lwgan train --architecture default-concat` makes the first, default-texture, default-feature\n"
            "and default the others, and `lwgan evaluate --method W_C --method W_T --method W_F --method LWB`\n"
            "measures them.\n"
        )
    return "### The order of our own\n\n" + "".join(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lines", nargs="+", type=Path, help="files that `lwgan evaluate` wrote (.jsonl)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the page; replaced where it exists")
    given = parser.parse_args()
    try:
        write_texts({given.output: results_page([Results.read(path) for path in given.lines])}, overwrite=True)
    except LwganError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
