"""What somebody sees who has never used it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from lwgan_cli.cli.main import app, run
from tests.processes import LWGAN


def commands(command: Any, name: str = "lwgan") -> Iterator[tuple[str, Any]]:
    """Every command that does something, by its whole name."""
    for part, sub in getattr(command, "commands", {}).items():
        yield from commands(sub, f"{name} {part}")
    if not hasattr(command, "commands"):
        yield name, command


COMMANDS = dict(commands(typer.main.get_command(app)))


def test_lwgan_alone_shows_three_lines_to_start_with(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    lines = capsys.readouterr().out.splitlines()
    first = lines[: lines.index("")]
    assert len(first) == 3 and all(line.startswith("lwgan ") for line in first)
    for line in first:
        assert_parses(line)
    assert {name.split()[1] for name in COMMANDS} <= {line.split()[0] for line in lines[lines.index("Commands:") + 1 :]}


def assert_parses(line: str) -> None:
    """The example could be typed as it stands: command, options and their values are known."""
    words = shlex.split(line.split("   ")[0])
    name = next(name for name in COMMANDS if words[: len(name.split())] == name.split())
    COMMANDS[name].make_context(name, words[len(name.split()) :])


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_examples_that_parse(capsys: pytest.CaptureFixture[str], name: str) -> None:
    assert run([*name.split()[1:], "--help"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    examples = [line for line in lines[1:] if line.startswith(f"{name} ") or line == name]
    assert examples
    for example in examples:
        assert_parses(example)


@pytest.mark.skipif(os.name == "nt", reason="bash")
@pytest.mark.parametrize(("typed", "offered"), [("lwgan im", "imitate"), ("lwgan fit --ras", "--rasterizer")])
def test_the_shell_completes(typed: str, offered: str) -> None:
    asked = {"_LWGAN_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(len(typed.split()) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", LWGAN], env={**os.environ, **asked}, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == [offered], done.stderr
