from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from lwgan_cli.cli import output
from lwgan_cli.cli.output import LiveProgress, PlainProgress, pace, shown_progress
from lwgan_cli.config import FitConfig
from lwgan_cli.progress import Silent


def test_pace() -> None:
    assert pace("detect", 50, 200, 5.0) == "detect: 50/200 frames, 10.0 fps, 15 s left"
    assert pace("detect", 10, 2000, 5.0) == "detect: 10/2000 frames, 2.0 fps, 16 min 35 s left"
    assert pace("decode", 50, None, 5.0) == "decode: 50 frames, 10.0 fps"
    assert pace("fit", 0, 3, 5.0) == "fit: 0/3 frames, 0.0 fps"


def test_plain_lines_come_every_few_seconds_and_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(output.time, "monotonic", lambda: now)
    stream = io.StringIO()
    progress = PlainProgress(stream)
    progress.announce("40 frames to come")
    with progress.stage("detect", 40) as advance:
        for _ in range(12):
            now += 1
            advance(2)
    assert stream.getvalue().splitlines() == [
        "lwgan: 40 frames to come",
        "lwgan: detect: 10/40 frames, 2.0 fps, 15 s left",
        "lwgan: detect: 20/40 frames, 2.0 fps, 10 s left",
        "lwgan: detect: 24 frames in 12.0 s",
    ]


def test_what_shows_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    with shown_progress(FitConfig(quiet=True)) as progress:
        assert type(progress) is Silent
    with shown_progress(FitConfig()) as progress:
        assert type(progress) is PlainProgress


@pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals of POSIX")
@pytest.mark.parametrize("colour", [True, False])
def test_bars_on_a_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, colour: bool) -> None:
    import pty

    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    leader, follower = pty.openpty()
    with open(follower, "w") as terminal:  # noqa: PTH123  # a descriptor
        monkeypatch.setattr(sys, "stderr", terminal)
        with shown_progress(FitConfig()) as progress:
            assert isinstance(progress, LiveProgress)
            progress.announce("[40] frames to come")
            with progress.stage("detect", 40) as advance:
                advance(40)
            with progress.stage("plan", None):
                progress.warn("nobody in [3] frames")
        print("the end", file=terminal, flush=True)
    shown = b""
    while b"the end" not in shown:
        shown += os.read(leader, 1 << 16)
    text = shown.decode()
    os.close(leader)
    assert "detect" in text and "40/40" in text and "plan" in text
    assert "[40] frames to come" in text and "warning: nobody in [3] frames" in text
    assert ("\x1b[33m" in text) is colour
    assert progress.warnings == ("nobody in [3] frames",)
    assert list(progress.seconds) == ["detect", "plan"]


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "dumb")
    with shown_progress(FitConfig()) as progress:
        assert type(progress) is PlainProgress
