"""`lwgan batch JOBS` and `lwgan batch COMMAND PATTERN...`"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lwgan_cli.batch.jobs import Job, Refused, Row, combinations, read_rows
from lwgan_cli.batch.run import begin_again, divide, run_batch
from lwgan_cli.batch.state import Record
from lwgan_cli.cli.options import TALK, Given, accepts
from lwgan_cli.cli.output import INTERRUPTED, told
from lwgan_cli.cli.tasks import INPUTS, make_job, perform, read_options
from lwgan_cli.config import CommonConfig
from lwgan_cli.errors import LwganError, UsageError
from lwgan_cli.frames.output import VIDEO_SUFFIXES

if TYPE_CHECKING:
    from lwgan_cli.batch.engines import Engine

ENGINES = ("local", "ray")
BAD = ("failed", "refused")  # states of a record that make it exit code 1
UNKNOWN_TOO = {"ignore_unknown_options": True}  # context settings: options that aren't the batch's are the jobs'


@accepts(CommonConfig, ("threads", *TALK))
def batch(
    given: Given,
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="JOBS|COMMAND PATTERN... [OPTION]...",
            help="A job file (.csv, .jsonl), or a command and patterns of its inputs; then options of its jobs.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="DIR", help="Folder of the results.", show_default="the job file's, or this one"
        ),
    ] = None,
    workers: Annotated[
        int, typer.Option(metavar="N", min=1, max=256, help="Processes side by side, which share the cores.")
    ] = 1,
    resume: Annotated[
        bool, typer.Option("--resume", help="Leave alone what is done, whole, and asked for with the same settings.")
    ] = False,
    engine: Annotated[
        str, typer.Option(metavar="local|ray", help="Where jobs run: this machine, or a Ray cluster.")
    ] = "local",
    gpus: Annotated[
        float | None,
        typer.Option(
            metavar="N", min=0, help="With ray: GPUs of a job, fractions too.", show_default="1 where there are any"
        ),
    ] = None,
) -> None:
    """Many jobs: those of a file, or every photo with every dance.

    A job file has a column for each option or argument of a command (photos, driving, max_side, …) and one, command,
    for its name (imitate if left out). Several photos stand in one cell, with | between them. Paths go from the
    file's folder; nothing is written outside of DIR. Patterns are to be quoted. What fails is told and recorded in
    lwgan-batch.jsonl beside the results, and the rest goes on; exit code 1 if anything failed. --json prints a line
    for each job.

    \b
    lwgan batch jobs.csv -o results --workers 4
    lwgan batch imitate 'photos/*.jpg' 'dances/*.mp4' -o results --max-side 640
    lwgan batch imitate 'photos/*.jpg' 'dances/*.mp4' -o results --max-side 640 --resume
    lwgan batch transfer --head 'people/*.jpg' --body 'clothes/*.jpg' -o results
    lwgan batch jobs.jsonl --engine ray --gpus 0.5"""
    if engine not in ENGINES:
        raise UsageError(f"--engine {engine!r} can't be used: give {' or '.join(ENGINES)}")
    rows, inputs = spelled_out(what)
    folder = (output or inputs).absolute()
    threads = given["threads"] or (1 if engine == "ray" else max(1, cores() // workers))
    jobs, refused = planned(rows, inputs, folder, threads)
    state = begin_again(jobs, folder, resume, given["overwrite"])
    done, waiting, taken = divide(jobs, state, resume, given["overwrite"])
    refused += taken
    if given["dry_run"]:
        print(printable(show_plan(done, waiting, refused)))  # noqa: T201
        raise typer.Exit(1 if refused else 0)
    folder.mkdir(parents=True, exist_ok=True)
    from lwgan_cli.batch.engines import Local, OnRay

    runner: Engine = Local(workers) if engine == "local" else OnRay(threads, gpus)
    tell = Teller(len(rows), given["json"], given["quiet"])
    if not given["quiet"]:
        say(f"{len(waiting)} of {len(rows)} jobs to do, into {folder}")
    try:
        run_batch(done, waiting, refused, state, runner, perform, tell)
    except KeyboardInterrupt:
        say(f"interrupted after {len(tell.records)} of {len(rows)} jobs; give --resume to go on")
        raise typer.Exit(INTERRUPTED) from None
    if not given["json"] and not given["quiet"]:
        print(printable(table(tell.records)))  # noqa: T201
    if any(record["state"] in BAD for record in tell.records):
        raise typer.Exit(LwganError.exit_code)


def spelled_out(what: Sequence[str]) -> tuple[list[Row], Path]:
    """The rows that the command line means, and the folder from which their paths go.

    Raises InputError or UsageError as `read_rows`, and for patterns that the shell seems to have filled in.
    """
    first, rest = what[0], what[1:]
    if first not in INPUTS:
        path = Path(first)
        if not path.suffix:
            raise UsageError(f"{first!r} is neither a job file (.csv, .jsonl) nor one of {', '.join(INPUTS)}")
        rows = read_rows(path)
        known = {row.command for row in rows if row.command in INPUTS}
        common = {command: read_options(command, rest, alone=True) for command in known}
        return [Row(row.where, row.command, {**common.get(row.command, {}), **row.values}) for row in rows], (
            path.absolute().parent
        )
    options = read_options(first, rest, alone=False)
    patterns = {name: options.pop(name) for name in INPUTS[first] if name in options}
    lists = {name: value if isinstance(value, list) else [value] for name, value in patterns.items()}
    for photo in lists.get("photos", [])[1:]:
        if Path(photo).suffix.lower() in VIDEO_SUFFIXES:
            raise UsageError(f"{photo} would be a photo: quote the patterns, as in 'dances/*.mp4'")
    here = Path.cwd()
    return [Row(row.where, first, {**options, **row.values}) for row in combinations(first, lists, here)], here


def planned(rows: Sequence[Row], inputs: Path, folder: Path, threads: int) -> tuple[list[Job], list[Refused]]:
    """A job for each row that its command would take, and the others. Photos of the same name in several folders get
    outputs that begin with the folder's."""
    jobs, refused = list[tuple[Row, Job]](), list[Refused]()
    for row in rows:
        row = Row(row.where, row.command, {"threads": threads, **row.values})
        try:
            jobs.append((row, make_job(row, inputs, folder)))
        except Exception as error:  # noqa: BLE001  # the next row has its own chances
            message, code = told(error)
            refused.append(Refused(row.where, code, message))
    names = Counter(job.output for _, job in jobs)
    return [
        job
        if names[job.output] == 1 or "output" in row.values or not job.inputs
        else make_job(_named(row, f"{job.inputs[0].parent.name}--{job.output.name}"), inputs, folder)
        for row, job in jobs
    ], refused


def _named(row: Row, output: str) -> Row:
    return Row(row.where, row.command, {**row.values, "output": output})


class Teller:
    """Says how each job ended: a line on stderr, or with --json an object on stdout."""

    def __init__(self, total: int, as_json: bool, quiet: bool) -> None:
        self._total, self._as_json, self._quiet = total, as_json, quiet
        self.records: list[Record] = []

    def __call__(self, record: Record) -> None:
        self.records.append(record)
        if self._as_json:
            print(json.dumps(record), flush=True)  # noqa: T201
        bad = record["state"] in BAD
        if bad or not self._quiet:
            took = f", {record['seconds']:.1f} s" if record["state"] == "done" else ""
            why = f": {record['message']}" if bad else ""
            name = record["output"] or record["where"]
            say(f"{len(self.records)}/{self._total} {record['state']}{took}: {name}{why}")


def table(records: Sequence[Record]) -> str:
    """How all jobs ended, a line each, and their number."""
    width = max(len(record["output"] or record["where"]) for record in records)
    lines = []
    for record in records:
        told = record["message"] if record["state"] in BAD else f"{record['seconds']:7.1f} s"
        lines.append(f"{record['state']:<8} {record['output'] or record['where']:<{width}} {told}")
    counts = Counter(record["state"] for record in records)
    return "\n".join([*lines, ", ".join(f"{number} {state}" for state, number in counts.items())])


def show_plan(done: Sequence[Job], waiting: Sequence[Job], refused: Sequence[Refused]) -> str:
    """What would be done."""
    return "\n".join(
        [
            *(f"done already: {job.output}" for job in done),
            *(f"would write {job.output}" for job in waiting),
            *(f"can't: {each.where}: {each.message}" for each in refused),
        ]
    )


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def printable(text: str) -> str:
    """File names that are no text get a question mark for each strange byte."""
    return text.encode(errors="replace").decode()


def say(line: str) -> None:
    """One line on stderr."""
    print(f"lwgan: {printable(line)}", file=sys.stderr, flush=True)  # noqa: T201
