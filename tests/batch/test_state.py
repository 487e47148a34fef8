from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from lwgan_cli.batch.jobs import Job, Outcome, Refused, digest_of
from lwgan_cli.batch.state import STATE_FILE, State, alone_in, read_records
from lwgan_cli.errors import LwganError


def job(folder: Path, name: str = "a.mp4") -> Job:
    return Job("jobs.csv, line 2", "imitate", (), (folder / name,), (folder / "me.jpg",), {"size": "256"}, "5" * 64)


def make(folder: Path, name: str = "a.mp4") -> Job:
    """A job that is done."""
    made = job(folder, name)
    state = State.of(folder)
    state.begin(made)
    made.output.write_text("frames")
    state.end(made, Outcome(0, seconds=1.234, report={"frames": 3}, digest=digest_of(made.output)))
    return made


def test_what_is_done_is_done_for_whoever_reads_the_file(tmp_path: Path) -> None:
    made = make(tmp_path, "deep ü.mp4")
    state = State.of(tmp_path)
    assert state.is_done(made) and state.finished([made, job(tmp_path)]) == 1
    assert state.last["deep ü.mp4"] == {
        "output": "deep ü.mp4", "state": "done", "code": 0, "digest": digest_of(made.output), "report": {"frames": 3},
        "seconds": 1.23, "command": "imitate", "where": "jobs.csv, line 2", "inputs": [str(tmp_path / "me.jpg")],
        "options": {"size": "256"}, "settings": "5" * 64,
    }  # fmt: skip


def test_done_is_whole_and_of_the_same_settings(tmp_path: Path) -> None:
    made = make(tmp_path)
    state = State.of(tmp_path)
    assert not state.is_done(replace(made, settings="6" * 64)) and not state.is_done(job(tmp_path, "b.mp4"))
    made.output.write_text("frame")
    assert not state.is_done(made) and state.may_replace(made)
    made.output.unlink()
    assert not state.is_done(made)


def test_every_cut_of_the_file_is_read(tmp_path: Path) -> None:
    """Wherever a kill or a full disk ends it: whole lines count, and what is torn is not believed."""
    for name in ("a.mp4", "b.mp4"):
        make(tmp_path, name)
    whole = (tmp_path / STATE_FILE).read_bytes()
    ends = [at for at in range(len(whole)) if whole[at : at + 1] == b"\n"]
    for cut in range(0, len(whole), 7):
        (tmp_path / STATE_FILE).write_bytes(whole[:cut])
        found = list(read_records(tmp_path / STATE_FILE))
        assert len(found) == sum(end <= cut for end in ends)
    (tmp_path / STATE_FILE).write_bytes(whole[:-9])
    state = State.of(tmp_path)
    state.tidy()
    assert (tmp_path / STATE_FILE).read_text().count("\n") == 2
    state.begin(job(tmp_path, "c.mp4"))
    assert [record["state"] for record in State.of(tmp_path).last.values()] == ["done", "begun", "begun"]
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "b.mp4", STATE_FILE}


def test_refusing_gives_no_right_to_the_output(tmp_path: Path) -> None:
    state = State.of(tmp_path)
    state.refuse(Refused("line 3", 2, "exists", tmp_path / "a.mp4"))
    record = state.refuse(Refused("line 4", 2, "no such option"))
    assert record["output"] is None and not State.of(tmp_path).may_replace(job(tmp_path))
    assert [json.loads(line)["where"] for line in (tmp_path / STATE_FILE).read_text().splitlines()] == [
        "line 3", "line 4",
    ]  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="locks of POSIX")
def test_two_batches_in_one_folder_are_one_too_many(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with alone_in(tmp_path):
        with pytest.raises(LwganError, match="another batch is at work"), alone_in(tmp_path):
            pass
        with alone_in(tmp_path / "other"):
            pass
    with alone_in(tmp_path):
        pass
