"""The shell scripts in examples/, with an `lwgan` that writes down what it is asked for and makes the output."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

FAKE = """#!/bin/sh
echo "$*" >> calls
case "$*" in *broken*) exit 3;; esac
while [ $# -gt 0 ]; do [ "$1" = -o ] && : > "$2"; shift; done
exit 0
"""

pytestmark = pytest.mark.skipif(os.name == "nt", reason="shell scripts")


def run(project: Path, folder: Path, script: str, *arguments: str) -> tuple[int, list[str]]:
    """Exit code and calls of one script, run in `folder`."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    (tools / "lwgan").write_text(FAKE)
    (tools / "lwgan").chmod(0o755)
    (folder / "calls").write_text("")
    path = {**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"}
    line = ["sh", str(project / "examples" / f"{script}.sh"), *arguments]
    done = subprocess.run(line, cwd=folder, env=path, capture_output=True, text=True, check=False)
    return done.returncode, (folder / "calls").read_text().splitlines()


def test_a_batch_makes_every_pair_once_and_goes_on_after_a_failure(project: Path, tmp_path: Path) -> None:
    for name in ("photos/a b.jpg", "photos/broken.png", "dances/x.mp4", "dances/y.npz", "dances/notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    code, calls = run(project, tmp_path, "batch", "photos", "dances", "out")
    assert code == 1 and len(calls) == 4
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a b--x.mp4", "a b--y.mp4"]
    (tmp_path / "photos/broken.png").unlink()
    assert run(project, tmp_path, "batch", "photos", "dances", "out") == (0, [])


@pytest.mark.parametrize(
    ("script", "made"),
    [
        ("imitate", ["person--dance.mp4"]),
        ("transfer", ["transfer--dance.mp4", "transfer.png"]),
        ("novelview", ["novelview.mp4", "novelview.png"]),
    ],
)
def test_the_others_run_on_the_bundled_files(project: Path, tmp_path: Path, script: str, made: list[str]) -> None:
    code, calls = run(project, tmp_path, script)
    assert code == 0 and all(call.startswith(f"{script} ") for call in calls)
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix in (".mp4", ".png")) == made
    given = [word for call in calls for word in call.split() if word.startswith(str(project))]
    assert given and all(Path(word).is_file() for word in given)
