"""`lwgan bench`"""

from __future__ import annotations

import contextlib
import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from lwgan_cli.cli.options import RUN, TALK, Given, accepts
from lwgan_cli.cli.output import shown_progress
from lwgan_cli.cli.tables import print_table
from lwgan_cli.evaluation.bench_config import BenchConfig, numbers

_BODY = ("body", "face", "fitter", "rasterizer")  # whoever is largest is measured
PAGE = Path("bench.html")


@accepts(BenchConfig, ("output", "max_side", *_BODY, *RUN, *TALK))
def bench(
    given: Given,
    generators: Annotated[
        str,
        typer.Option(
            metavar="NAME,…", help="none, default, paper or another architecture (untrained), a generator's path."
        ),
    ] = "none,default,paper",
    sizes: Annotated[str, typer.Option(metavar="PX,…", help="Each --size to compare.")] = "256,384,512",
    lengths: Annotated[
        str, typer.Option(metavar="N,…", help="Frames of the clips to compare, as 100,1000,10000; '' for none.")
    ] = "100,1000",
    frames: Annotated[int, typer.Option(metavar="N", help="Frames of all other runs.")] = 40,
    photos: Annotated[
        bool, typer.Option("--photos/--no-photos", help="Compare a first photo with a further one of the same dance.")
    ] = True,
    photo: Annotated[
        Path | None, typer.Option(metavar="PHOTO", help="Who is drawn.", show_default="the bundled person")
    ] = None,
    driving: Annotated[
        Path | None, typer.Option(metavar="DRIVING", help="Who moves.", show_default="the bundled dance")
    ] = None,
) -> None:
    """Measures time and memory of `lwgan imitate`, each run in a process of its own.

    Prints a table, and writes a report, bench.html or what -o names, and beside it its numbers as JSON lines (.jsonl).
    Where there is a CUDA device, on the CPU and on it.

    \b
    lwgan bench
    lwgan bench --generators none --sizes 256 --lengths 100,1000,10000 --no-photos"""
    from lwgan_cli.evaluation.files import check_pages, lines_path, write_texts

    config = given.config(
        BenchConfig,
        PAGE,
        generators=tuple(name for name in generators.split(",") if name),
        sizes=numbers("--sizes", sizes),
        lengths=numbers("--lengths", lengths),
        frames=frames,
        photos=photos,
        photo=photo,
        driving=driving,
    )
    assert config.output is not None
    check_pages(config.output, config.overwrite)
    if config.dry_run:
        would = dict(output=str(config.output), generators=config.generators, sizes=config.sizes)
        text = f"would write {config.output}: {', '.join(config.generators)} at {sizes} px, {lengths} frames"
        print(json.dumps({**would, "lengths": config.lengths, "dry_run": True}) if config.json else text)  # noqa: T201
        return
    with shown_progress(config) as progress, contextlib.redirect_stdout(sys.stderr):
        from lwgan_cli.cli.device import prepare
        from lwgan_cli.evaluation.bench import HEADS, about, bench_page, json_lines, rows
        from lwgan_cli.evaluation.bench import bench as run

        config = prepare(config)
        runs = run(config, progress)
        assert config.output is not None
        lines = lines_path(config.output)
        write_texts({config.output: bench_page(runs, config), lines: json_lines(runs, config)}, config.overwrite)
    if config.json:
        from lwgan_cli.report import plain

        told = [{**vars(each), "per_frame": each.per_frame} for each in runs]
        print(json.dumps(plain({**about(config), "output": config.output, "lines": lines, "runs": told}, 6)))  # noqa: T201
    elif not config.quiet:
        print_table(HEADS, rows(runs))
        print(f"{config.output}: the report; {lines}: its numbers")  # noqa: T201
