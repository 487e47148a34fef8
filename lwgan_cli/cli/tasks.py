"""Jobs of a batch as command lines: a row becomes arguments, which the command's own parser reads and checks."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import typer

from lwgan_cli import __version__
from lwgan_cli.batch.jobs import Job, Outcome, Row, digest_of, stamp, texts
from lwgan_cli.cli.fit import fit
from lwgan_cli.cli.imitate import imitate
from lwgan_cli.cli.novelview import novelview
from lwgan_cli.cli.options import TALK
from lwgan_cli.cli.output import Taken, tasks_taken, told
from lwgan_cli.cli.transfer import transfer
from lwgan_cli.config import CommonConfig, FitConfig, overlay_path
from lwgan_cli.errors import UsageError

if TYPE_CHECKING:
    from lwgan_cli.pipeline.shelf import Shelf

INPUTS: Mapping[str, tuple[str, ...]] = MappingProxyType(  # command → what names its inputs
    {
        "imitate": ("photos", "driving"),
        "transfer": ("head", "body", "upper", "lower", "shoes", "motion"),
        "novelview": ("photos",),
        "fit": ("source",),
    }
)
WRITES = ("output", "sheet", "keep")
OVERLAYS = (".png", ".mp4")  # of a fit: by its input's kind
_FOLDERS = ("weights",)
_FILE_OR_WORD = ("background", "generator", "body", "body_model")  # a path, or something else
_WITHOUT_EFFECT = (*TALK, *WRITES, "threads", "cache")  # on the pictures
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0")


@dataclass(frozen=True)
class Parsed:
    """A command line read by its command.

    task    see `output.Taken`
    params  every argument and option
    given   names of those that stood on the line
    """

    task: Taken
    params: Mapping[str, Any]
    given: tuple[str, ...]


@cache
def commands() -> Mapping[str, Any]:
    """The commands of which batches are made, as Typer has them."""
    app = typer.Typer()
    for command in (imitate, transfer, novelview, fit):
        app.command()(command)
    group: Any = typer.main.get_command(app)
    return {name: group.commands[name] for name in INPUTS}


def columns(command: str) -> dict[str, Any]:
    """Names that a row may use → the parameter. Raises UsageError for no command of a batch."""
    if command not in INPUTS:
        raise UsageError(f"{command!r} is none of the commands {', '.join(INPUTS)}")
    return {each.name: each for each in commands()[command].params}


def read_line(command: str, arguments: Sequence[str]) -> Parsed:
    """Reads and checks a command line, and does nothing. Raises UsageError as the command would."""
    columns(command)
    with tasks_taken() as tasks, _as_usage_errors():
        context = commands()[command].make_context(command, list(arguments))
        with context:
            context.command.invoke(context)
    return Parsed(tasks[0], context.params, tuple(name for name in context.params if _on_the_line(context, name)))


def read_options(command: str, arguments: Sequence[str], alone: bool) -> dict[str, Any]:
    """What stands on a command line, by name, as a row would hold it.

    alone  options alone: no inputs

    Raises UsageError as the command would; values are looked at when a job is made of them.
    """
    required = [each for each in columns(command).values() if alone and each.required]
    files = ["-" for each in required if each.param_type_name == "argument"]
    filler = [part for each in required if each.param_type_name == "option" for part in _argument(each, "-")]
    with _as_usage_errors():
        context = commands()[command].make_context(command, [*arguments, *filler, "--", *files])
    given = {name: value for name, value in context.params.items() if _on_the_line(context, name)}
    row = {name: [str(each) for each in value] if isinstance(value, list) else value for name, value in given.items()}
    row |= {name: str(value) for name, value in given.items() if isinstance(value, Path)}
    for name in INPUTS[command] if alone else ():
        if row.pop(name, "-") not in ("-", ["-"]):
            raise UsageError("inputs stand in the job file, or patterns behind the name of a command: not both")
    return row


def make_job(row: Row, inputs: Path, outputs: Path) -> Job:
    """The job of a row.

    inputs   folder from which the row's relative paths go
    outputs  folder of all that is written; the default name lies there, and nothing may leave it

    Raises UsageError for a row that its command wouldn't take.
    """
    parameters = columns(row.command)
    if missing := [name for name in parameters if parameters[name].required and name not in row.values]:
        raise UsageError(f"{row.command} needs {' and '.join(missing)}: fill the column")
    options: list[str] = []
    files: list[str] = []
    for name, value in row.values.items():
        if name not in parameters:
            raise UsageError(f"{row.command} has no option or argument {name!r}; see lwgan {row.command} --help")
        if name in TALK:
            raise UsageError(f"{name} is the whole batch's: give --{name.replace('_', '-')} on the command line")
        words = texts(value, several=parameters[name].multiple or parameters[name].nargs == -1)
        words = [_rooted(name, row.command, word, outputs if name in WRITES else inputs) for word in words]
        if parameters[name].param_type_name == "option":
            options += [part for word in words for part in _argument(parameters[name], word)]
    for name in INPUTS[row.command]:  # in the command's order, not in the columns'
        if name in row.values and parameters[name].param_type_name == "argument":
            files += [_rooted(name, row.command, word, inputs) for word in texts(row.values[name], several=True)]
    arguments = [*options, "--overwrite", "--", *files]
    parsed = read_line(row.command, arguments)
    config, read = parsed.task.config, _inputs(row.command, parsed.params)
    output = outputs / config.output
    shown = (name for name in parsed.given if name not in (*INPUTS[row.command], *TALK, *WRITES, "threads"))
    return Job(
        where=row.where,
        command=row.command,
        arguments=(f"--output={output}", *arguments) if output != config.output else tuple(arguments),
        writes=_written(config, output, outputs),
        inputs=read,
        options={name: str(parsed.params[name]) for name in shown},
        settings=_settings(row.command, parsed.params, read),
    )


def perform(job: Job) -> Outcome:
    """Do a job, in whatever process; what it loads serves the next one there too. Raises nothing but
    KeyboardInterrupt."""
    began = time.monotonic()
    try:
        from lwgan_cli.cli.device import prepare
        from lwgan_cli.pipeline.shelf import sharing
        from lwgan_cli.progress import Silent

        task = read_line(job.command, job.arguments).task
        with contextlib.redirect_stdout(sys.stderr), sharing(_shelf()):
            report = task.work(prepare(task.config), Silent())
        digest = digest_of(job.output)
    except Exception as error:  # noqa: BLE001  # the next job has its own chances
        message, code = told(error)
        return Outcome(code, " ".join(message.split()), time.monotonic() - began)
    return Outcome(0, "", time.monotonic() - began, json.loads(report.to_json()), digest)


@cache
def _shelf() -> Shelf:
    """This process's."""
    from lwgan_cli.pipeline.shelf import Shelf

    return Shelf()


@contextlib.contextmanager
def _as_usage_errors() -> Iterator[None]:
    """Wrong usage as Typer raises it, raised as ours."""
    try:
        yield
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        raise UsageError(error.format_message().rstrip(".")) from error


def _on_the_line(context: Any, name: str) -> bool:
    return context.get_parameter_source(name).name == "COMMANDLINE"


def _argument(parameter: Any, value: object) -> list[str]:
    """An option as it stands on a command line. Raises UsageError for a switch that is neither on nor off."""
    name = max(parameter.opts, key=len)
    if not parameter.is_flag:
        return [f"{name}={value}"]
    word = str(value).lower()
    if word not in _TRUE + _FALSE:
        raise UsageError(f"{name} {value!r}: give true or false")
    if word in _TRUE:
        return [name]
    return [max(parameter.secondary_opts, key=len)] if parameter.secondary_opts else []


def _rooted(name: str, command: str, word: str, folder: Path) -> str:
    """A path made absolute from `folder`; other values as they are. A trailing slash stays."""
    if name in (*INPUTS[command], *WRITES, *_FOLDERS):
        return os.path.join(folder, word)  # noqa: PTH118  # a Path keeps no slash
    named_so = "/" in word or os.sep in word or Path(word).suffix
    if name in _FILE_OR_WORD and named_so and (folder / word).exists():
        return str(folder / word)
    return word


def _written(config: CommonConfig, output: Path, folder: Path) -> tuple[Path, ...]:
    """All that a job may write, the output first. Raises UsageError for what lies outside of the batch's folder."""
    paths = [output, *(path for name in WRITES[1:] if (path := getattr(config, name, None)) is not None)]
    if isinstance(config, FitConfig):
        paths += [overlay_path(output, suffix) for suffix in OVERLAYS]
    root = Path(os.path.realpath(folder))
    for path in paths:
        if root not in Path(os.path.realpath(path)).parents:
            raise UsageError(f"{path} lies outside of {folder}, where this batch writes: name one within it")
    return tuple(paths)


def _inputs(command: str, params: Mapping[str, Any]) -> tuple[Path, ...]:
    values = [params[name] for name in INPUTS[command] if params.get(name)]
    return tuple(Path(each) for value in values for each in (value if isinstance(value, list) else [value]))


def _settings(command: str, params: Mapping[str, Any], read: Sequence[Path]) -> str:
    kept = {name: str(value) for name, value in params.items() if name not in _WITHOUT_EFFECT}
    beside = [Path(str(params[name])) for name in _FILE_OR_WORD if name in params and name not in INPUTS[command]]
    stamps = [stamp(path) for path in (*read, *(path for path in beside if path.is_file()))]
    return hashlib.sha256(json.dumps([__version__, command, kept, stamps], sort_keys=True).encode()).hexdigest()
