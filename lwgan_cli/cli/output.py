"""What a command prints: progress, warnings and errors on stderr, the result on stdout."""

from __future__ import annotations

import contextlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import typer

from lwgan_cli.config import CommonConfig
from lwgan_cli.errors import LwganError, is_out_of_memory
from lwgan_cli.progress import Progress, Silent
from lwgan_cli.report import Report

if TYPE_CHECKING:
    from rich.progress import Progress as Bars

INTERRUPTED = 130
ROOM = "end other programs, or give a smaller --max-side or --size; on a GPU, --device cpu"
PLAIN_EVERY = 5.0  # s between lines of one stage

Config = TypeVar("Config", bound=CommonConfig)


@dataclass(frozen=True)
class Taken:
    """What a command would do: its checked settings, and the work, which takes them with the device chosen."""

    config: Any
    work: Callable[[Any, Progress], Report]


_taken: ContextVar[list[Taken] | None] = ContextVar("taken", default=None)


@contextmanager
def tasks_taken() -> Iterator[list[Taken]]:
    """Within it, a command is read and checked as ever, but leaves its task in the list instead of doing it, and
    raises what goes wrong."""
    tasks: list[Taken] = []
    token = _taken.set(tasks)
    try:
        yield tasks
    finally:
        _taken.reset(token)


@contextmanager
def failures(verbose: bool) -> Iterator[None]:
    """Turns what goes wrong into one line on stderr and an exit code; a traceback is for `--verbose`."""
    if _taken.get() is not None:
        yield
        return
    try:
        yield
    except KeyboardInterrupt:
        _fail("interrupted; the output was not written", INTERRUPTED, verbose=False)
    except typer.Exit:
        raise
    except Exception as error:  # noqa: BLE001  # the last line of defence
        message, code = told(error)
        hint = "; --verbose shows where" if message.startswith("unexpected ") and not verbose else ""
        _fail(message + hint, code, verbose)


def told(error: Exception) -> tuple[str, int]:
    """What is said of an error, and the exit code."""
    if isinstance(error, LwganError):
        return str(error), error.exit_code
    if isinstance(error, OSError):
        return f"the system refuses: {error}", LwganError.exit_code
    if is_out_of_memory(error):
        return f"out of memory: {ROOM}", LwganError.exit_code
    return f"unexpected {type(error).__name__}: {error}", LwganError.exit_code


def carry_out(config: Config, work: Callable[[Config, Progress], Report]) -> None:
    """Chooses the device, does the work under a progress display and prints its report."""
    if (tasks := _taken.get()) is not None:
        tasks.append(Taken(config, work))
        return
    with shown_progress(config) as progress, contextlib.redirect_stdout(sys.stderr):
        # libraries that print must not get between the result's lines
        from lwgan_cli.cli.device import prepare

        report = work(prepare(config), progress)
    if config.json:
        print(report.to_json())  # noqa: T201
    elif not config.quiet:
        print(summary(report, config.verbose))  # noqa: T201


@contextmanager
def shown_progress(config: CommonConfig) -> Iterator[Progress]:
    """Bars on a terminal, lines elsewhere, nothing with `--quiet`."""
    stream = sys.stderr
    if config.quiet:
        yield Silent()
    elif stream.isatty() and os.environ.get("TERM") != "dumb":
        with _bars(stream) as bars:
            yield LiveProgress(bars)
    else:
        yield PlainProgress(stream)


class PlainProgress(Silent):
    """Lines: one every few seconds, one when a stage is done."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Callable[[int], None]]:
        began = said = time.monotonic()
        done = 0

        def advance(frames: int) -> None:
            nonlocal done, said
            done += frames
            if time.monotonic() - said >= PLAIN_EVERY:
                said = time.monotonic()
                self._say(pace(name, done, total, said - began))

        with self.clock(name):
            yield advance
        took = time.monotonic() - began
        self._say(f"{name}: {f'{done} frames in ' if done else ''}{took:.1f} s")

    def announce(self, message: str) -> None:
        self._say(message)

    def warn(self, message: str) -> None:
        if message not in self.warnings:
            self._say(f"warning: {message}")
        super().warn(message)

    def _say(self, line: str) -> None:
        print(f"lwgan: {line}", file=self._stream, flush=True)


class LiveProgress(Silent):
    """Bars of rich's, one for each stage."""

    def __init__(self, bars: Bars) -> None:
        super().__init__()
        self._bars = bars

    @contextmanager
    def stage(self, name: str, total: int | None) -> Iterator[Callable[[int], None]]:
        task = self._bars.add_task(name, total=total)

        def advance(frames: int) -> None:
            self._bars.advance(task, frames)

        with self.clock(name):
            yield advance
        done = self._bars.tasks[self._bars.task_ids.index(task)].completed
        self._bars.update(task, total=done or 1, completed=done or 1)

    def announce(self, message: str) -> None:
        self._bars.console.print(message, markup=False, highlight=False)

    def warn(self, message: str) -> None:
        if message not in self.warnings:
            self._bars.console.print(f"warning: {message}", style="yellow", markup=False, highlight=False)
        super().warn(message)


def pace(name: str, done: int, total: int | None, seconds: float) -> str:
    """A stage on one line: frames done of how many, frames per second, time left."""
    fps = done / seconds if seconds > 0 else 0.0
    line = f"{name}: {done}{'' if total is None else f'/{total}'} frames, {fps:.1f} fps"
    if total is None or not fps:
        return line
    minutes, left = divmod(round(max(total - done, 0) / fps), 60)
    return f"{line}, {f'{minutes} min ' if minutes else ''}{left} s left"


def summary(report: Report, verbose: bool) -> str:
    """The report for a person to read."""
    width, height = report.size
    still = report.frames == 1 and not report.fps
    what = f"{width}×{height} px" + ("" if still else f", {report.frames} frames, {report.fps:g} fps")
    if report.dry_run:
        lines = [f"would write {report.output}: {what}"]
        if report.overlay is not None:
            lines.append(f"would write {report.overlay}")
        if report.sheet is not None:
            lines.append(f"would write {report.sheet}")
        lines += [f"from {_described(each)}" for each in report.inputs]
        if report.estimated_seconds is not None:
            lines.append(f"in about {report.estimated_seconds:.0f} s on {report.device}")
        return "\n".join(lines)
    lines = [f"{report.output}: {what}, made in {report.elapsed:.1f} s on {report.device}"]
    if report.overlay is not None:
        lines.append(f"{report.overlay}: the body drawn over the input")
    if report.sheet is not None:
        lines.append(f"{report.sheet}: the photos, the parts taken from them, the result")
    if verbose:
        lines += [f"  {stage:<12}{seconds:8.2f} s" for stage, seconds in report.seconds.items()]
        lines += [f"  {part}: {name}" for part, name in report.backends.items()]
        for who, numbers in report.fit.items():
            known = ", ".join(f"{name} {value:.3g}" for name, value in numbers.items() if value is not None)
            lines.append(f"  fit of the {who}: {known}")
    return "\n".join(lines)


def _described(given: object) -> str:
    facts = dict(given) if hasattr(given, "keys") else {}  # type: ignore[call-overload]
    path = facts.pop("path", "?")
    return f"{path}: " + ", ".join(f"{name} {value}" for name, value in facts.items() if value is not None)


def _fail(message: str, code: int, verbose: bool) -> None:
    if verbose:
        traceback.print_exc()
    print(f"lwgan: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(code)


def _bars(stream: TextIO) -> Bars:
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn, Task, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars
    from rich.text import Text

    class Frames(ProgressColumn):
        """Frames done of how many, and how many a second."""

        def render(self, task: Task) -> Text:
            if task.total is None and not task.completed:
                return Text(f"{task.elapsed or 0:.0f} s")
            total = "" if task.total is None else f"/{task.total:.0f}"
            speed = task.finished_speed or task.speed
            return Text(f"{task.completed:.0f}{total}" + (f"  {speed:.1f} fps" if speed else ""))

    return Bars(
        TextColumn("{task.description:<11}", markup=False),
        BarColumn(bar_width=32),
        Frames(),
        TimeRemainingColumn(elapsed_when_finished=True),
        console=Console(file=stream),
        redirect_stdout=False,
        redirect_stderr=False,
    )
