"""A batch from its jobs to its account: what is done already is left alone, and a failure ends nothing else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lwgan_cli.batch.jobs import Job, Refused
from lwgan_cli.batch.state import STATE_FILE, Record, State, alone_in
from lwgan_cli.errors import UsageError

if TYPE_CHECKING:  # processes and what belongs to them are imported when they are wanted
    from lwgan_cli.batch.engines import Engine, Perform

KEPT = "kept"  # state of a job that --resume found done


def begin_again(jobs: Sequence[Job], folder: Path, resume: bool, overwrite: bool) -> State:
    """The folder's record, to go on with or to start over.

    Raises UsageError where an earlier batch has finished some of the jobs and neither was asked for.
    """
    state = State.of(folder)
    finished = state.finished(jobs)
    if finished and not resume and not overwrite:
        raise UsageError(
            f"{folder / STATE_FILE}: {finished} of these jobs {'is' if finished == 1 else 'are'} done already; give"
            " --resume to go on, or --overwrite to do all again"
        )
    return state


def divide(
    jobs: Sequence[Job], state: State, resume: bool, overwrite: bool
) -> tuple[list[Job], list[Job], list[Refused]]:
    """Jobs that are done and whole, those to do, and those whose output would replace what no batch has made, or
    another job's."""
    done, waiting, refused = list[Job](), list[Job](), list[Refused]()
    writers: dict[Path, Job] = {}
    for job in jobs:
        other = next((writers[path] for path in job.writes if path in writers), None)
        taken = next((path for path in job.writes if _holds_something(path)), None)
        if other is not None:
            message = f"{job.output} is the output of {other.where} too: name another in the column output"
            refused.append(Refused(job.where, UsageError.exit_code, message))
            continue
        writers |= dict.fromkeys(job.writes, job)
        if resume and state.is_done(job):
            done.append(job)
        elif taken is not None and not overwrite and not (resume and state.may_replace(job)):
            message = f"{taken} exists; give --overwrite, or name another"
            refused.append(Refused(job.where, UsageError.exit_code, message, job.output))
        else:
            waiting.append(job)
    return done, waiting, refused


def run_batch(
    done: Iterable[Job],
    waiting: Sequence[Job],
    refused: Iterable[Refused],
    state: State,
    engine: Engine,
    perform: Perform,
    tell: Callable[[Record], None],
) -> None:
    """Do what waits. `tell` hears of every job once, as its record has it.

    Raises LwganError where another batch is at work in the folder, OSError where the record can't be written.
    """
    with alone_in(state.folder):
        state.tidy()
        for job in done:
            tell({**state.last[state.name(job.output)], "state": KEPT})
        for each in refused:
            tell(state.refuse(each))
        with contextlib.closing(engine(waiting, perform, state.begin)) as outcomes:
            for job, outcome in outcomes:
                tell(state.end(job, outcome))


def _holds_something(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists()
