"""`lwgan batch` with a pipeline that says what it was asked for, in this process."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lwgan_cli.batch.jobs import Job, Outcome, Row
from lwgan_cli.batch.state import STATE_FILE
from lwgan_cli.cli.batch import planned
from lwgan_cli.cli.main import run
from lwgan_cli.config import CommonConfig, DrawConfig, Turn
from lwgan_cli.errors import InputError
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report
from tests.processes import children, interrupted, names, start, wait_for


class Studio:
    """Stands in for the pipeline, and writes outputs: the inputs' names. Photos called broken can't be used."""

    def __init__(self) -> None:
        self.asked: list[tuple[Any, ...]] = []
        self.do: Callable[[], object] = lambda: None

    def imitate(self, photos: list[Path], driving: Path, config: DrawConfig, progress: Progress) -> Report:
        return self._make((photos, driving), config, progress)

    def transfer(
        self, head: list[Path], clothes: dict[str, list[Path]], driving: Path | None, config: DrawConfig, progress: Any
    ) -> Report:
        return self._make((head, clothes, driving), config, progress)

    def novelview(self, photos: list[Path], config: DrawConfig, progress: Progress) -> Report:
        return self._make((photos,), config, progress)

    def fit(self, given: Path, config: CommonConfig, progress: Progress) -> Report:
        return self._make((given,), config, progress)

    def _make(self, given: tuple[Any, ...], config: CommonConfig, progress: Progress) -> Report:
        self.asked.append((*given, config))
        self.do()
        assert config.output is not None
        if "broken" in str(given):
            raise InputError("broken.jpg: nobody was found;\nuse another")
        config.output.write_text(str(given))
        return Report(
            output=config.output, frames=1, fps=25.0, size=(2, 2), device=config.device, backends={},
            seconds=progress.seconds, fit={},
        )  # fmt: skip

    def configs(self) -> list[DrawConfig]:
        return [each[-1] for each in self.asked]


class Here:
    """An engine that does the jobs in this process."""

    workers: ClassVar[list[int]] = []

    def __init__(self, workers: int) -> None:
        self.workers.append(workers)

    def __call__(
        self, jobs: Sequence[Job], perform: Callable[[Job], Outcome], begin: Callable[[Job], None]
    ) -> Iterator[tuple[Job, Outcome]]:
        for job in jobs:
            begin(job)
            yield job, perform(job)


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Studio:
    studio = Studio()
    for name in ("imitate", "transfer", "novelview", "fit"):
        monkeypatch.setattr(f"lwgan_cli.pipeline.{name}", getattr(studio, name))
    monkeypatch.setattr("lwgan_cli.batch.engines.Local", Here)
    monkeypatch.chdir(tmp_path)
    for name in ("p/a.jpg", "p/b c.jpg", "d/x.mp4", "d/y.npz"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    return studio


CELL = st.one_of(
    st.text(max_size=30), st.integers(), st.floats(), st.booleans(), st.none(),
    st.lists(st.text(max_size=5), max_size=3),
    st.sampled_from(["a.jpg", "../x", "/etc/passwd", "-o", "x" * 5000, "\0"]),
)  # fmt: skip
PAIRS = ("batch", "imitate", "p/*.jpg", "d/*", "-o", "out")


def records(folder: Path = Path("out")) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / STATE_FILE).read_text().splitlines()]


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_every_photo_dances_every_dance(studio: Studio, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run([*PAIRS, "--max-side", "320", "--no-audio", "--degrees=-30:30"]) == 0
    folder = tmp_path / "out"
    assert [each[:2] for each in studio.asked] == [
        ([tmp_path / photo], tmp_path / dance) for photo in ("p/a.jpg", "p/b c.jpg") for dance in ("d/x.mp4", "d/y.npz")
    ]
    first = studio.configs()[0]
    assert (first.max_side, first.audio, first.degrees) == (320, False, Turn(-30, 30))
    names = ["a--x.mp4", "a--y.mp4", "b c--x.mp4", "b c--y.mp4"]
    assert [each.output for each in studio.configs()] == [folder / name for name in names]
    assert [(each["output"], each["state"]) for each in records() if each["state"] != "begun"] == [
        (name, "done") for name in names
    ]
    assert records()[1]["options"] == {"max_side": "320", "audio": "False", "degrees": "-30:30"}
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()] == ["done"] * 4 + ["4"] and "b c--y.mp4" in out
    assert re.match(r"lwgan: 4/4 done, \d\.\d s: b c--y\.mp4", err.splitlines()[-1])


def test_the_cores_are_shared_out(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lwgan_cli.cli.batch.cores", lambda: 8)
    assert run([*PAIRS, "--workers", "3"]) == 0
    assert Here.workers[-1] == 3 and {each.threads for each in studio.configs()} == {2}
    assert run([*PAIRS, "--workers", "3", "--threads", "5", "--overwrite"]) == 0
    assert studio.configs()[-1].threads == 5


def test_a_failure_is_recorded_and_the_rest_goes_on(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    Path("p/broken.jpg").touch()
    assert run(["batch", "imitate", "p/*.jpg", "d/x.mp4", "-o", "out", "--json"]) == 1
    done = {each["output"]: each for each in told(capsys)}
    assert {name: each["state"] for name, each in done.items()} == {
        "a--x.mp4": "done", "b c--x.mp4": "done", "broken--x.mp4": "failed",
    }  # fmt: skip
    failed = done["broken--x.mp4"]
    assert (failed["code"], failed["message"]) == (3, "broken.jpg: nobody was found; use another")
    assert failed in records() and done["a--x.mp4"]["report"]["frames"] == 1


def test_resume_does_what_is_missing_torn_or_asked_for_otherwise(
    studio: Studio, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(PAIRS) == 0
    again = (*PAIRS, "--resume", "--json")

    def made() -> list[str]:
        studio.asked.clear()
        capsys.readouterr()
        assert run(again) == 0
        states = {each["output"]: each["state"] for each in told(capsys)}
        assert len(states) == 4 and set(states.values()) <= {"done", "kept"}
        assert [name for name, state in states.items() if state == "done"] == [
            each.output.name for each in studio.configs() if each.output
        ]
        return [name for name, state in states.items() if state == "done"]

    assert made() == []
    Path("out/a--y.mp4").write_text("torn")
    assert made() == ["a--y.mp4"] and Path("out/a--y.mp4").read_text() != "torn"
    Path("out/b c--x.mp4").unlink()
    assert made() == ["b c--x.mp4"]
    os.utime("p/a.jpg", (1, 1))
    assert made() == ["a--x.mp4", "a--y.mp4"]
    again = (*again, "--seed", "7")
    assert len(made()) == 4
    again = (*again, "--threads", "3", "--workers", "2", "--verbose")  # which don't change the pictures
    assert made() == []


def test_resume_after_a_kill(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    """The state file ends in half a line; one output was in its place before its end was recorded."""

    def die() -> None:
        if len(studio.asked) == 3:
            raise KeyboardInterrupt

    studio.do = die
    assert run(PAIRS) == 130
    assert capsys.readouterr().err.splitlines()[-1] == "lwgan: interrupted after 2 of 4 jobs; give --resume to go on"
    Path("out/b c--x.mp4").write_text("whole, but nobody said so")
    with (Path("out") / STATE_FILE).open("a") as file:
        file.write('{"output": "a--x.mp4", "state": "fai')
    studio.do, asked = lambda: None, len(studio.asked)
    assert run([*PAIRS, "--resume"]) == 0
    assert [each.output.name for each in studio.configs()[asked:] if each.output] == ["b c--x.mp4", "b c--y.mp4"]
    assert run([*PAIRS, "--resume"]) == 0 and len(studio.asked) == asked + 2


def test_what_no_batch_made_is_never_replaced(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    Path("out").mkdir()
    Path("out/a--x.mp4").write_text("a film of mine")
    for _ in range(2):
        assert run([*PAIRS, "--resume"]) == 1
        assert Path("out/a--x.mp4").read_text() == "a film of mine"
    assert "1/4 refused" in capsys.readouterr().err
    assert run([*PAIRS, "--overwrite"]) == 0
    assert Path("out/a--x.mp4").read_text() != "a film of mine"


def test_a_second_batch_asks_whether_to_go_on(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(PAIRS) == 0
    before, asked = records(), len(studio.asked)
    capsys.readouterr()
    assert run(PAIRS) == 2
    assert "4 of these jobs are done already; give --resume to go on, or --overwrite" in capsys.readouterr().err
    assert records() == before and len(studio.asked) == asked


def test_a_dry_run_only_tells(studio: Studio, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run([*PAIRS, "--dry-run"]) == 0
    assert f"would write {tmp_path / 'out' / 'b c--y.mp4'}" in capsys.readouterr().out.splitlines()
    assert not studio.asked and not Path("out").exists()


def test_a_job_file_speaks_from_its_own_folder(studio: Studio, tmp_path: Path) -> None:
    lines = [
        {"photos": ["p/a.jpg", "p/b c.jpg"], "driving": "d/x.mp4", "max-side": 640, "audio": False, "size": 512},
        {"command": "transfer", "head": "p/a.jpg", "body": "p/b c.jpg", "motion": "d/x.mp4", "output": "worn.webm"},
        {"command": "novelview", "photos": "p/a.jpg", "background": "p/b c.jpg", "grid": "yes"},
        {"command": "fit", "source": "d/x.mp4", "cache": "no"},
    ]
    Path("jobs").mkdir()
    Path("p").rename("jobs/p")
    Path("d").rename("jobs/d")
    Path("jobs/all.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert run(["batch", "jobs/all.jsonl", "--seed", "9", "--size", "384"]) == 2  # fit has no --size
    assert run(["batch", "jobs/all.jsonl", "--seed", "9", "--max-side", "320"]) == 0
    here = tmp_path / "jobs"
    a, b, x = here / "p/a.jpg", here / "p/b c.jpg", here / "d/x.mp4"
    assert [each[:-1] for each in studio.asked] == [([a, b], x), ([a], {"body": [b]}, x), ([a],), (x,)]
    first, second, third, fourth = studio.configs()
    assert (first.max_side, first.audio, first.size, first.seed) == (640, False, 512, 9)
    assert (second.output, second.max_side) == (here / "worn.webm", 320)
    assert (third.output, third.grid, third.background.path) == (here / "a--novelview.png", True, b)
    assert (fourth.output, fourth.cache) == (here / "x--fit.npz", False)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("p/a.jpg,,,", "imitate needs driving: fill the column"),
        ("p/a.jpg,d/x.mp4,abc,", "--max-side"),
        ("p/a.jpg,d/x.mp4,3,", "--max-side 3 can't be used"),
        ("p/a.jpg,d/x.mp4,,../out.mp4", "lies outside of"),
        ("p/a.jpg,d/x.mp4,,/tmp/out.mp4", "lies outside of"),
        ("p/a.jpg,d/x.mp4,,b--x.mp4", "is the output of jobs.csv, line 2 too"),
        ("p/a.jpg,d/x.mp4,--help,", "--max-side"),
    ],
)
def test_a_row_that_cannot_be_done_is_told_and_the_others_are_done(
    studio: Studio, capsys: pytest.CaptureFixture[str], row: str, message: str
) -> None:
    Path("jobs.csv").write_text(f"photos,driving,max_side,output\np/a.jpg,d/x.mp4,,b--x.mp4\n{row}\n")
    assert run(["batch", "jobs.csv", "-o", "out", "--json"]) == 1
    refused, done = sorted(told(capsys), key=lambda each: str(each["state"]), reverse=True)
    assert (done["state"], done["output"]) == ("done", "b--x.mp4")
    assert refused["where"] == "jobs.csv, line 3" and refused["code"] == 2 and message in refused["message"]
    assert len(studio.asked) == 1 and refused in records()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"command": "dance"}, "'dance' is none of the commands"),
        ({"command": "train"}, "'train' is none of the commands"),
        ({"head": "p/a.jpg"}, "imitate has no option or argument 'head'"),
        ({"json": True}, "give --json on the command line"),
        ({"audio": "perhaps"}, "--audio 'perhaps': give true or false"),
        ({"keep": "/tmp/parts"}, "lies outside of"),
        ({"max_side": [1, 2]}, "2 values where one is wanted"),
        ({"photos": {"a": 1}}, "is no value"),
    ],
)
def test_values_that_no_command_would_take(
    studio: Studio, capsys: pytest.CaptureFixture[str], values: dict[str, Any], message: str
) -> None:
    Path("jobs.jsonl").write_text(json.dumps({"photos": "p/a.jpg", "driving": "d/x.mp4", **values}))
    assert run(["batch", "jobs.jsonl", "--json"]) == 1
    (refused,) = told(capsys)
    assert refused["code"] == 2 and message in refused["message"] and not studio.asked


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.fixed_dictionaries(
        {"photos": CELL, "driving": CELL},
        optional=dict.fromkeys(("command", "output", "size", "fps", "degrees", "background", "audio", "body"), CELL),
    )
)
def test_any_row_is_a_job_or_refused(studio: Studio, values: dict[str, Any]) -> None:
    folder = Path("out").absolute()
    row = Row("a row", str(values.pop("command", "imitate")), values)
    jobs, refused = planned([row], Path.cwd(), folder, threads=1)
    assert len(jobs) + len(refused) == 1
    assert all(folder in path.parents for job in jobs for path in job.writes)
    assert all(each.code in (1, 2, 3) and each.message for each in refused)


def test_values_stay_values(studio: Studio, tmp_path: Path) -> None:
    """No name is taken for an option, and none reaches a shell."""
    odd = "-o; touch owned $(touch owned) 'ü\".jpg"
    (tmp_path / odd).touch()
    Path("jobs.jsonl").write_text(json.dumps({"photos": [odd], "driving": "--overwrite.mp4", "output": "-x.mp4"}))
    assert run(["batch", "jobs.jsonl"]) == 0
    assert studio.asked[0][:2] == ([tmp_path / odd], tmp_path / "--overwrite.mp4")
    assert studio.configs()[0].output == tmp_path / "-x.mp4" and not Path("owned").exists()


@pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="names that are no text")
def test_a_name_that_is_no_text(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    Path("q").mkdir()
    photo = Path("q") / os.fsdecode(b"\xff.jpg")
    photo.touch()
    line = ["batch", "imitate", "q/*", "d/x.mp4", "-o", "out"]
    assert run([*line, "--dry-run"]) == 0 and run(line) == 0
    assert (Path("out") / os.fsdecode(b"\xff--x.mp4")).exists()
    capsys.readouterr()
    assert run([*line, "--resume", "--json"]) == 0
    assert [each["state"] for each in told(capsys)] == ["kept"] and len(studio.asked) == 1
    assert run(["gallery", "out"]) == 0 and "/%FF--x.mp4" in Path("out/index.html").read_text()


def test_a_link_leads_nobody_out(studio: Studio, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    Path("elsewhere").mkdir()
    Path("out").mkdir()
    Path("out/within").symlink_to(tmp_path / "elsewhere")
    Path("jobs.csv").write_text("photos,driving,output\np/a.jpg,d/x.mp4,within/o.mp4\n")
    assert run(["batch", "jobs.csv", "-o", "out"]) == 1
    assert "lies outside of" in capsys.readouterr().err and not list(Path("elsewhere").iterdir())


def test_photos_of_one_name_get_their_folders_name(studio: Studio) -> None:
    for name in ("people/ann/front.jpg", "people/bob/front.jpg"):
        Path(name).parent.mkdir(parents=True)
        Path(name).touch()
    assert run(["batch", "novelview", "people/*/front.jpg", "-o", "out"]) == 0
    assert sorted(path.name for path in Path("out").glob("*.mp4")) == [
        "ann--front--novelview.mp4", "bob--front--novelview.mp4",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("imitate p/a.jpg d/x.mp4 d/z.mp4", "quote the patterns"),
        ("imitate p/*.png d/*", "nothing matches 'p/*.png'"),
        ("imitate p/*.jpg", "Missing argument 'PHOTO'"),
        ("imitate p/*.jpg d/* --maxside 3", "No such option: --maxside"),
        ("dance p/*.jpg", "neither a job file (.csv, .jsonl) nor one of imitate, transfer, novelview, fit"),
        ("jobs.csv", "jobs.csv can't be read"),
        ("imitate p/*.jpg d/* --engine slurm", "--engine 'slurm' can't be used"),
        ("imitate p/*.jpg d/* --workers 0", "'--workers'"),
    ],
)
def test_wrong_usage_is_one_line(studio: Studio, capsys: pytest.CaptureFixture[str], line: str, message: str) -> None:
    assert run(["batch", *line.split()]) in (2, 3)
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and message in err and not studio.asked


def test_the_job_file_and_inputs_exclude_each_other(studio: Studio, capsys: pytest.CaptureFixture[str]) -> None:
    Path("jobs.csv").write_text("photos,driving\np/a.jpg,d/x.mp4\n")
    assert run(["batch", "jobs.csv", "p/b c.jpg"]) == 2
    assert "inputs stand in the job file" in capsys.readouterr().err


@pytest.mark.slow
def test_a_batch_makes_what_the_command_makes(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Bit by bit, though the second job finds the model and the person that the first one loaded and fitted."""
    monkeypatch.chdir(tmp_path)
    example, began = project / "examples", time.monotonic()
    cut = ("--max-frames", "4", "--max-side", "256", "--threads", "1")
    lines = [{"photos": str(example / "person.jpg"), "driving": str(example / "dance.mp4"), "output": f"{n}.mp4"}
             for n in "ab"]  # fmt: skip
    Path("jobs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert run(["batch", "jobs.jsonl", *cut, "--json"]) == 0
    first, second = (each["report"]["seconds"] for each in told(capsys))
    assert first["detect"] > 0 and second["detect"] == 0, time.monotonic() - began
    assert run(["imitate", str(example / "person.jpg"), str(example / "dance.mp4"), *cut, "-o", "c.mp4"]) == 0
    assert Path("a.mp4").read_bytes() == Path("b.mp4").read_bytes() == Path("c.mp4").read_bytes()


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_ends_workers_and_keeps_what_is_done(project: Path, tmp_path: Path) -> None:
    """As a terminal does it: the whole group is interrupted while the second job is under way."""
    pattern, cut = str(project / "examples" / "*.jpg"), ("--degrees", "30", "--max-side", "256", "--threads", "1")
    line = ("batch", "novelview", pattern, "-o", "out", *cut)
    process = start(tmp_path, *line)
    first, state = tmp_path / "out" / "other--novelview.png", tmp_path / "out" / STATE_FILE
    wait_for(lambda: first.exists() and state.read_text().count("begun") == 2, process, 120)
    workers = children(process.pid)
    code, out, err = interrupted(process, signal.SIGINT)
    assert (code, out) == (130, "") and "Traceback" not in err
    assert err.splitlines()[-1] == "lwgan: interrupted after 1 of 2 jobs; give --resume to go on"
    assert names(tmp_path / "out") == {first.name, STATE_FILE}
    deadline = time.monotonic() + 20
    while any(alive(each) for each in workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    before = first.read_bytes()
    again = start(tmp_path, *line, "--resume", "--json")
    out, _ = again.communicate(timeout=120)
    assert again.returncode == 0 and [json.loads(each)["state"] for each in out.splitlines()] == ["kept", "done"]
    assert first.read_bytes() == before
