"""A report and its numbers as files: both whole, or neither."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from lwgan_cli.errors import LwganError, UsageError
from lwgan_cli.frames.output import put_in_place, workspace


def lines_path(page: Path) -> Path:
    """Where the JSON lines of a report lie."""
    return page.with_suffix(".jsonl")


def check_pages(page: Path, overwrite: bool) -> None:
    """Raises UsageError, before the work, for a report that can't be written."""
    if not page.resolve().parent.is_dir():
        raise UsageError(f"--output {page}: there is no folder {page.resolve().parent}; make it first")
    for path in (page, lines_path(page)):
        if path.is_dir():
            raise UsageError(f"--output {path} is a folder; name a file")
        if path.exists() and not overwrite:
            raise UsageError(f"--output {path} exists; give --overwrite or another name")


def write_texts(texts: Mapping[Path, str], overwrite: bool) -> None:
    """Writes files beside one another. Raises LwganError where they can't be written."""
    first = next(iter(texts)).resolve()
    try:
        with workspace(first) as folder:
            for path, text in texts.items():
                (folder / path.name).write_text(text, encoding="utf-8")
            for path in texts:
                put_in_place(folder / path.name, path, overwrite)
    except OSError as error:
        raise LwganError(f"{first} can't be written: {error.strerror or error}") from error
