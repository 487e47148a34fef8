"""`lwgan evaluate [DATA]`"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lwgan_cli.cli.options import INPUT, RUN, TALK, Given, accepts
from lwgan_cli.cli.output import shown_progress
from lwgan_cli.cli.tables import print_table
from lwgan_cli.evaluation.config import EvaluateConfig, EvaluationData, parse_metric

if TYPE_CHECKING:
    from lwgan_cli.evaluation.results import Results

_BODY = ("body", "face", "fitter", "rasterizer")  # whoever is largest is measured
PAGE = Path("evaluation.html")


@accepts(EvaluateConfig, ("output", "size", "max_side", *INPUT, *_BODY, *RUN, "cache", *TALK))
def evaluate(
    given: Given,
    data: Annotated[
        str,
        typer.Argument(
            metavar="[synthetic:SEED|iper:DIR|clips:DIR]",
            help="What to measure on; synthetic: rendered people whom nobody trained on.",
        ),
    ] = "synthetic:0",
    method: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="none, default, W_C, W_T, W_F, LWB, a generator's PATH or NAME=PATH; may be given repeatedly. With"
            " -offsets, -detail, -alignment, -drape, -scene or -face behind it, without that; +photos: all photos.",
            show_default="none",
        ),
    ] = None,
    protocol: Annotated[
        str,
        typer.Option(
            metavar="imitation|cross|transfer|novelview",
            help="imitation: a clip's first frame moves as the clip; cross: as another; transfer: other clothes;"
            " novelview: other sides.",
        ),
    ] = "imitation",
    metric: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=FILE,…]",
            help="A measure that needs weights of yours besides: lpips, face, is, fid, freid; may be given repeatedly.",
        ),
    ] = None,
    people: Annotated[
        int | None,
        typer.Option(metavar="N", help="At most so many people or clips.", show_default="4 rendered, or all clips"),
    ] = None,
) -> None:
    """Measures generators by the field's protocols, all on the same frames.

    Prints a table, and writes a report, evaluation.html or what -o names, and beside it its numbers as JSON lines
    (.jsonl).

    \b
    lwgan evaluate --method none --method default
    lwgan evaluate clips:my/videos --max-frames 60 --method default --method mine=run/generator.safetensors
    lwgan evaluate iper:iPER --method W_C --method W_T --method W_F --method LWB --metric lpips=alex.pth,alexnet.pth
    lwgan evaluate --protocol novelview --method none --method none-offsets"""
    from lwgan_cli.evaluation.files import check_pages, lines_path, write_texts
    from lwgan_cli.evaluation.methods import parse_methods

    config = given.config(
        EvaluateConfig,
        PAGE,
        data=EvaluationData.parse(data),
        protocol=protocol,
        methods=tuple(method or ("none",)),
        metrics=dict(parse_metric(text) for text in metric or ()),
        people=people,
    )
    assert config.output is not None
    check_pages(config.output, config.overwrite)
    if config.dry_run:
        methods = [each.name for each in parse_methods(config.methods, config.weights)]
        would = dict(output=str(config.output), data=str(config.data), protocol=config.protocol, methods=methods)
        text = f"would write {config.output}: {config.protocol} on {config.data}, {', '.join(methods)}"
        print(json.dumps({**would, "dry_run": True}) if config.json else text)  # noqa: T201
        return
    with shown_progress(config) as progress, contextlib.redirect_stdout(sys.stderr):
        from lwgan_cli.cli.device import prepare
        from lwgan_cli.evaluation.page import page
        from lwgan_cli.evaluation.results import by_measure
        from lwgan_cli.evaluation.run import evaluate as run

        found = run(prepare(config), progress)
        lines = lines_path(config.output)
        write_texts({config.output: page(found), lines: found.results.lines()}, config.overwrite)
    if config.json:
        print(_as_json(found.results, config.output, lines))  # noqa: T201
    elif not config.quiet:
        print_table(*by_measure(found.results))
        print(f"{config.output}: the report; {lines}: its numbers")  # noqa: T201


def _as_json(results: Results, page: Path, lines: Path) -> str:
    """One JSON object: what was measured, and each method's numbers."""
    from lwgan_cli.report import plain

    methods = {m.method: {"frames": m.frames, **m.values} for m in results.methods}
    whole = {**results.about, "output": page, "lines": lines, "methods": methods, "warnings": results.warnings}
    return json.dumps(plain(whole, 6), ensure_ascii=False)
