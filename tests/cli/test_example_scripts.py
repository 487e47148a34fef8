"""The shell scripts in examples/, with an `lwgan` that writes down what it is asked for and makes the output."""

from __future__ import annotations

import os
import subprocess
from fnmatch import fnmatch
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


def test_a_batch_is_one_command_that_goes_on_where_it_stopped(project: Path, tmp_path: Path) -> None:
    photos, dances = "a b/*.[jp]*g", "dances/*.[mn][op][v4z]"
    code, calls = run(project, tmp_path, "batch", "a b", "dances", "out", "--workers", "2")
    assert code == 0
    assert calls == [f"batch imitate {photos} {dances} -o out --resume --workers 2", "gallery out"]
    names = ("a.jpg", "b.jpeg", "c.png", "d.txt", "x.mp4", "y.mov", "z.npz", "x.mp3")
    assert [name for name in names if fnmatch(name, "*.[jp]*g")] == ["a.jpg", "b.jpeg", "c.png"]
    assert [name for name in names if fnmatch(name, "*.[mn][op][v4z]")] == ["x.mp4", "y.mov", "z.npz"]
    code, calls = run(project, tmp_path, "batch", "broken")
    assert code == 3 and len(calls) == 1
    assert run(project, tmp_path, "batch")[1][0] == (
        f"batch imitate {project}/examples/*.[jp]*g {project}/examples/*.[mn][op][v4z] -o batch --resume"
    )


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
