"""`lwgan` as a process of its own, on the sample photo and dance: what a shell and a script get from it."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lwgan_cli.frames.clip import open_clip
from lwgan_cli.motion import load_motion, save_motion
from tests.processes import interrupted, names, start, wait_for


@pytest.fixture(scope="module")
def done(project: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str, str]:
    """folder, exit code, stdout and stderr of a run."""
    folder, examples = tmp_path_factory.mktemp("run"), project / "examples"
    cut = ("--max-frames", "3", "--max-side", "320", "--keep", "parts")
    process = start(folder, "imitate", examples / "person.jpg", examples / "dance.mp4", *cut, "--json")
    out, err = process.communicate(timeout=120)
    return folder, process.returncode, out, err


def test_a_run_writes_its_video_and_nothing_else(done: tuple[Path, int, str, str]) -> None:
    folder, code, _, err = done
    assert code == 0, err
    assert len(list(open_clip(folder / "person--dance.mp4"))) == 3
    assert names(folder) == {"person--dance.mp4", "parts", "cache"}


def test_stdout_is_one_json_object(done: tuple[Path, int, str, str]) -> None:
    _, _, out, _ = done
    assert out.count("\n") == 1
    report = json.loads(out)
    assert (report["output"], report["frames"], report["size"]) == ("person--dance.mp4", 3, [240, 320])


def test_stderr_is_progress_without_the_libraries_noise(done: tuple[Path, int, str, str]) -> None:
    lines = done[3].splitlines()
    assert [line.split(":")[1].strip() for line in lines if " frames in " in line] == [
        "source",
        "detect",
        "fit",
        "composite",
    ]
    assert all(line.startswith("lwgan: ") for line in lines), lines


def test_an_input_that_cannot_be_used_is_one_line_and_3(tmp_path: Path, project: Path) -> None:
    (tmp_path / "me.jpg").write_bytes(b"no photo")
    process = start(tmp_path, "imitate", "me.jpg", project / "examples" / "dance.mp4")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (3, "")
    assert err.count("\n") == 1 and err.startswith("lwgan: me.jpg")
    assert names(tmp_path) == {"me.jpg"}


@pytest.mark.slow  # test_interrupted_runs has the quick ones
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_leaves_the_old_file_and_no_temporaries(
    done: tuple[Path, int, str, str], project: Path, tmp_path: Path
) -> None:
    """A long motion is interrupted while frames are written, as a terminal does it: the whole group, ffmpeg with it."""
    motion = load_motion(done[0] / "parts" / "driving.npz")
    rows = np.arange(1500) % len(motion)
    save_motion(tmp_path / "long.npz", replace(motion[rows], fps=25.0))
    (tmp_path / "out.mp4").write_bytes(b"the old file")
    cut = ("-o", "out.mp4", "--overwrite", "--max-side", "320")
    process = start(tmp_path, "imitate", project / "examples" / "person.jpg", "long.npz", *cut)
    wait_for(lambda: any(tmp_path.glob(".out.mp4*/*")), process)  # frames are being written
    code, out, err = interrupted(process, signal.SIGINT)
    assert (code, out) == (130, "")
    told = [line for line in err.splitlines() if line.startswith("lwgan:")]  # libraries may have their own to say
    assert told[-1] == "lwgan: interrupted; the output was not written"
    assert "Traceback" not in err
    assert names(tmp_path) == {"long.npz", "out.mp4"}
    assert (tmp_path / "out.mp4").read_bytes() == b"the old file"


@pytest.mark.slow  # test_interrupted_runs has the quick ones
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_while_detecting(project: Path, tmp_path: Path) -> None:
    examples = project / "examples"
    process = start(tmp_path, "imitate", examples / "person.jpg", examples / "dance.mp4", "-o", "out.mp4")
    assert process.stderr is not None
    plan, source = process.stderr.readline(), process.stderr.readline()
    assert plan.startswith("lwgan: plan: 100 frames of 720×960 px into out.mp4, about ")
    assert source.startswith("lwgan: source")
    code, _, err = interrupted(process, signal.SIGINT)
    assert code == 130
    told = [line for line in err.splitlines() if line.startswith("lwgan:")]  # libraries may have their own to say
    assert told[-1] == "lwgan: interrupted; the output was not written"
    assert not any(tmp_path.iterdir())
