"""What is to be done: rows of a job file or combinations of patterns, the jobs made of them, and how a job ends."""

from __future__ import annotations

import csv
import glob
import hashlib
import itertools
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lwgan_cli.errors import InputError, UsageError

DEFAULT_COMMAND = "imitate"
SEPARATOR = "|"  # between several files in one cell: no file on Windows, and hardly one elsewhere, has it in its name


@dataclass(frozen=True)
class Row:
    """What one job was asked for, not yet looked at.

    where    for messages: "jobs.csv, line 3"
    command  imitate, transfer, novelview or fit
    values   option or argument of that command → what it is given; cells that are empty are left out
    """

    where: str
    command: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class Job:
    """One run of a command, checked.

    where      as its row's
    command    its name
    arguments  the rest of its command line, every path absolute
    writes     all that it may write; the first is the output
    inputs     what it reads
    options    what was given beyond inputs and outputs, by name, for people to read
    settings   64 hex digits that change with everything that the result depends on
    """

    where: str
    command: str
    arguments: tuple[str, ...]
    writes: tuple[Path, ...]
    inputs: tuple[Path, ...]
    options: Mapping[str, str]
    settings: str

    @property
    def output(self) -> Path:
        return self.writes[0]


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    code     the command's exit code
    message  what went wrong, and what to do; empty where nothing did
    seconds  that it took
    report   the command's own account (`report.Report`), as JSON would hold it
    digest   of the output, see `digest_of`
    """

    code: int
    message: str = ""
    seconds: float = 0.0
    report: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""


@dataclass(frozen=True)
class Refused:
    """A row that can't be begun: `code` and `message` as an `Outcome`'s; output None where it wasn't understood."""

    where: str
    code: int
    message: str
    output: Path | None = None


def read_rows(path: Path) -> list[Row]:
    """The rows of a .csv (first line: names of columns) or .jsonl file (an object a line).

    The column `command` may be left out, and means imitate then. Several files stand in one cell with | between
    them, in JSON in a list. Raises InputError for a file that can't be read as such, UsageError for one without jobs
    or of another kind.
    """
    readers = {".csv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise UsageError(f"{path}: jobs are read from {', '.join(readers)}; or name a command and its inputs")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} can't be read ({error}): a job file is text in UTF-8") from error
    rows = list(reader(text, path.name))
    if not rows:
        raise UsageError(f"{path} holds no jobs: write one a line")
    return rows


def _csv_rows(text: str, name: str) -> Iterator[Row]:
    lines = csv.reader(text.splitlines(keepends=True), skipinitialspace=True, strict=True)
    try:
        header = [_column(cell) for cell in next(lines, [])]
        if twice := [cell for cell in header if cell and header.count(cell) > 1]:
            raise InputError(f"{name}: two columns are called {twice[0]}; drop one")
        for cells in lines:
            where = f"{name}, line {lines.line_num}"
            if len(cells) > len(header):
                raise InputError(f"{where}: {len(cells)} cells for {len(header)} columns; quote cells that hold commas")
            values = {key: cell.strip() for key, cell in zip(header, cells, strict=False) if key and cell.strip()}
            if values:
                yield _row(where, values)
    except csv.Error as error:
        raise InputError(f"{name}, line {lines.line_num}: not CSV ({error})") from error


def _json_rows(text: str, name: str) -> Iterator[Row]:
    for number, line in enumerate(text.split("\n"), 1):
        where = f"{name}, line {number}"
        if not line.strip():
            continue
        try:
            content = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{where}: not JSON ({error}); every line is one object") from error
        if not isinstance(content, dict):
            raise InputError(f"{where}: {type(content).__name__} instead of an object")
        yield _row(where, {_column(key): value for key, value in content.items() if value is not None})


def _column(name: str) -> str:
    """An option's name as its field is called: `--max-side`, `max-side` and `max_side` are one."""
    return name.strip().lstrip("-").replace("-", "_")


def _row(where: str, values: dict[str, Any]) -> Row:
    return Row(where, str(values.pop("command", DEFAULT_COMMAND)), values)


def texts(value: Any, several: bool) -> list[str]:
    """A cell as the texts that a command line would hold: one, or where `several` are allowed, those between |.

    Raises UsageError for what no command line could.
    """
    given = value if isinstance(value, list) else [value]
    if several and isinstance(value, str):
        given = [part.strip() for part in value.split(SEPARATOR)]
    if wrong := [each for each in given if isinstance(each, (dict, list)) or each in (None, "") or "\0" in str(each)]:
        raise UsageError(f"{wrong[0]!r} is no value that an option could be given")
    if len(given) != 1 and not several:
        raise UsageError(f"{len(given)} values where one is wanted")
    return [str(each) for each in given]


def matches(pattern: str, folder: Path) -> list[str]:
    """The files that a pattern means (`*`, `?`, `[…]`, `**`), in order; a name that exists means itself.

    Raises UsageError where nothing matches.
    """
    if not glob.has_magic(pattern) or (folder / pattern).exists():
        return [pattern]
    found = sorted(glob.glob(pattern, root_dir=folder, recursive=True))  # noqa: PTH207  # any folder's
    if not found:
        raise UsageError(f"nothing matches {pattern!r} in {folder}")
    return found


def combinations(command: str, patterns: Mapping[str, Sequence[str]], folder: Path) -> list[Row]:
    """A row for each way to take one file for every name: every photo × every dance.

    patterns  argument or option → patterns that together name its files
    """
    choices = {
        name: list(dict.fromkeys(itertools.chain.from_iterable(matches(each, folder) for each in given)))
        for name, given in patterns.items()
    }
    return [
        Row(" × ".join(Path(each).name for each in chosen), command, dict(zip(choices, chosen, strict=True)))
        for chosen in itertools.product(*choices.values())
    ]


def stamp(path: Path) -> list[tuple[str, int, int]]:
    """What tells a file, or the files of a folder, from changed ones: name, size and time of change in ns each."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    facts = [(file, file.stat()) for file in files if file.exists()]
    return [(str(file), fact.st_size, fact.st_mtime_ns) for file, fact in facts]


def digest_of(path: Path) -> str:
    """sha256 over a file's content, or over names and contents of a folder's files; empty where nothing is."""
    if not path.exists():
        return ""
    digest = hashlib.sha256()
    for file in _files(path):
        if path.is_dir():
            digest.update(f"\0{file.name}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _files(path: Path) -> Iterable[Path]:
    return sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
