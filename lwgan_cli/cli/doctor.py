"""`lwgan doctor`"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from lwgan_cli.cli.options import Given, accepts
from lwgan_cli.config import CommonConfig
from lwgan_cli.errors import LwganError

if TYPE_CHECKING:
    from lwgan_cli.doctor import Finding

WORDS = {"good": "ok", "absent": "absent", "broken": "BROKEN"}


@accepts(CommonConfig, ("device", "weights", "threads", "json", "verbose"))
def doctor(
    given: Given,
    self_test: Annotated[
        bool, typer.Option("--self-test/--no-self-test", help="Make two small frames and time every stage.")
    ] = True,
) -> None:
    """What is installed here, whether it works, and how to get what is missing.

    Exit code 1 if something that is needed is broken; what is absent is optional.

    \b
    lwgan doctor
    lwgan doctor --json --no-self-test"""
    from lwgan_cli.doctor import examine

    config, began = CommonConfig(**given), time.monotonic()
    with contextlib.suppress(ImportError, OSError):  # PyTorch or OpenCV missing or broken is the doctor's to tell
        from lwgan_cli.cli.device import prepare

        config = prepare(config)
    findings: list[Finding] = []
    examination = examine(config, self_test)
    while (finding := _next(examination)) is not None:
        if not given["json"]:
            if not findings or findings[-1].part != finding.part:
                _print(("\n" if findings else "") + finding.part)
            _print(_shown(finding))
        findings.append(finding)
    broken = [each for each in findings if each.state == "broken"]
    if given["json"]:
        _print(json.dumps({"ok": not broken, "findings": [asdict(each) for each in findings]}, ensure_ascii=False))
    else:
        names = ", ".join(each.name for each in broken)
        verdict = f"{len(broken)} BROKEN: {names}" if broken else "all that is needed works"
        _print(f"\n{verdict} ({time.monotonic() - began:.1f} s)")
    if broken:
        raise typer.Exit(LwganError.exit_code)


def _next(examination: Iterator[Finding]) -> Finding | None:
    """Libraries that print must not get between the findings."""
    with contextlib.redirect_stdout(sys.stderr):
        return next(examination, None)


def _shown(finding: Finding) -> str:
    lines = [f"  {WORDS[finding.state]:<7} {finding.name:<24} {finding.detail}"]
    if finding.remedy:
        lines.append(f"  {'':<7} {'':<24} → {finding.remedy}")
    return "\n".join(lines)


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201
