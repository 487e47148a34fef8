"""Jobs that end, fail, die and last, in processes of this machine and on a Ray started here."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lwgan_cli.batch.engines import DIED, Engine, Local, OnRay
from lwgan_cli.batch.jobs import Job, Outcome
from lwgan_cli.errors import LwganError
from tests.batch.labour import job, perform
from tests.processes import interrupted, start, wait_for

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")


def ends(engine: Engine, folder: Path, *names: str) -> dict[str, Outcome]:
    begun: list[Job] = []
    found = {
        done.output.name: outcome for done, outcome in engine([job(folder, n) for n in names], perform, begun.append)
    }
    assert {each.output.name for each in begun} == set(found) == set(names)
    return found


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_workers_go_on_after_a_failure_and_serve_several_jobs(tmp_path: Path) -> None:
    found = ends(Local(2), tmp_path, "meets-1", "meets-2", "fails", "works-1", "works-2")
    assert found["fails"] == Outcome(3, "nobody was found")
    assert all(outcome.code == 0 for name, outcome in found.items() if name != "fails")
    processes = {outcome.message for name, outcome in found.items() if name != "fails"}
    assert len(processes) == 2 and f"{os.getpid()} " not in processes


def test_a_job_that_ends_its_process_takes_no_other_with_it(tmp_path: Path) -> None:
    found = ends(Local(2), tmp_path, "works-1", "dies", "works-2", "works-3")
    assert found.pop("dies") == DIED
    assert [outcome.code for outcome in found.values()] == [0] * 3


def test_a_job_whose_process_ends_beside_others_is_tried_again_alone(tmp_path: Path) -> None:
    found = ends(Local(2), tmp_path, "works-1", "falls", "works-2", "works-3")
    assert [outcome.code for outcome in found.values()] == [0] * 4


def test_who_stops_ends_what_runs(tmp_path: Path) -> None:
    jobs = Local(2)([job(tmp_path, name) for name in ("works", "lasts", "lasts-2")], perform, lambda job: None)
    done, _ = next(jobs)
    assert done.output.name == "works"
    until(lambda: bool(list(tmp_path.glob("lasts*.mark")) and (tmp_path / "lasts.mark").read_text()))
    began = time.monotonic()
    jobs.close()
    assert time.monotonic() - began < 30
    assert not list(tmp_path.glob("lasts*.mark"))  # they were told, and took their files away


def test_workers_end_when_the_one_who_started_them_is_killed(tmp_path: Path) -> None:
    code = (
        "from pathlib import Path; from lwgan_cli.batch.engines import Local; from tests.batch.labour import *\n"
        "list(Local(1)([job(Path('.').absolute(), 'lasts')], perform, print))"
    )
    mark = tmp_path / "lasts.mark"
    parent = start(tmp_path, code=code)
    wait_for(lambda: mark.exists() and bool(mark.read_text()), parent)
    worker = int(mark.read_text())
    assert interrupted(parent, signal.SIGKILL, group=False)[0] == -signal.SIGKILL
    until(lambda: not mark.exists() and is_gone(worker))


def is_gone(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"


@pytest.fixture(scope="module")
def cluster() -> Iterator[None]:
    """A Ray of this machine with two CPUs and a GPU that nobody looks for."""
    ray = pytest.importorskip("ray")
    root = str(Path(__file__).resolve().parents[2])
    ray.init(
        address="local", num_cpus=2, num_gpus=1, include_dashboard=False, log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": root}},
    )  # fmt: skip
    yield
    ray.shutdown()


@pytest.mark.slow
def test_ray_does_the_same_and_retries_what_was_killed(cluster: None, tmp_path: Path) -> None:
    found = ends(OnRay(1, 0), tmp_path, "meets-1", "meets-2", "fails", "falls", "dies")
    assert found.pop("fails") == Outcome(3, "nobody was found")
    assert found.pop("dies") == DIED
    assert [outcome.code for outcome in found.values()] == [0] * 3
    assert all(outcome.message.split()[1:] == [] for outcome in found.values())  # no GPU was asked for, none is shown


@pytest.mark.slow
def test_jobs_share_a_gpu_of_rays_and_never_wait_for_one_that_is_not_there(cluster: None, tmp_path: Path) -> None:
    found = ends(OnRay(1, 0.5), tmp_path, "meets-1", "meets-2")
    assert [outcome.message.split()[1:] for outcome in found.values()] == [["0"], ["0"]]
    assert ends(OnRay(1), tmp_path, "works")["works"].message.split()[1:] == ["0"]  # where there are GPUs, one each
    for engine in (OnRay(1, 2), OnRay(3, 0)):
        with pytest.raises(LwganError, match="no machine of the Ray cluster has"):
            ends(engine, tmp_path, "works")


@pytest.mark.slow
def test_who_stops_ends_what_runs_on_ray(cluster: None, tmp_path: Path) -> None:
    jobs = OnRay(1, 0)([job(tmp_path, name) for name in ("lasts", "works")], perform, lambda job: None)
    assert next(jobs)[0].output.name == "works"
    until((tmp_path / "lasts.mark").exists)
    jobs.close()
    until(lambda: not (tmp_path / "lasts.mark").exists())


def test_ray_that_is_nowhere_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(LwganError, match=r"pip install 'lwgan\[ray\]'"):
        ends(OnRay(1, 0), tmp_path, "works")
