"""Where jobs run: in processes of this machine (`concurrent.futures`) or on a Ray cluster.

Both start a job when there is room, hand over each as it ends, and stop what runs when the caller stops: a
KeyboardInterrupt reaches the job, which takes its temporary files away.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any, Protocol

from lwgan_cli.batch.jobs import Job, Outcome
from lwgan_cli.errors import LwganError

INTERRUPTED = 130
CLEANING = 10.0  # s that an ended job has for taking its temporary files away
RETRIES = 2  # of a job whose process on a cluster was killed
DIED = Outcome(1, "its process was ended by the system, perhaps for want of memory: give fewer --workers or --size")

Perform = Callable[[Job], Outcome]
Ends = Generator[tuple[Job, Outcome], None, None]


class Engine(Protocol):
    """Runs jobs."""

    def __call__(self, jobs: Sequence[Job], perform: Perform, begin: Callable[[Job], None]) -> Ends:
        """Every job with its outcome, as they end.

        perform  a function of a module, which another process can import; raises nothing but KeyboardInterrupt
        begin    is called here before a job starts
        """


class Local:
    """`workers` processes of this machine, each of which keeps what it has loaded from job to job."""

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def __call__(self, jobs: Sequence[Job], perform: Perform, begin: Callable[[Job], None]) -> Ends:
        waiting, suspects = deque(jobs), deque[Job]()
        while waiting or suspects:
            # a process that dies takes the pool with it, and nobody says whose job it had: each runs again alone
            alone = bool(suspects)
            queue = deque([suspects.popleft()]) if alone else waiting
            unfinished = yield from self._until_broken(queue, perform, begin)
            if alone:
                yield from ((job, DIED) for job in unfinished)
            else:
                suspects.extend(unfinished)

    def _until_broken(
        self, queue: deque[Job], perform: Perform, begin: Callable[[Job], None]
    ) -> Generator[tuple[Job, Outcome], None, list[Job]]:
        """Returns the jobs that were under way when a process died."""
        before = set(multiprocessing.active_children())
        pool = ProcessPoolExecutor(self._workers, multiprocessing.get_context("spawn"), initializer=_enter_worker)
        running: dict[Future[Outcome], Job] = {}
        through = False
        try:
            while queue or running:
                while queue and len(running) < self._workers:
                    begin(queue[0])
                    with _sigint_held():
                        future = pool.submit(_perform, perform, queue[0])
                    running[future] = queue.popleft()
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    if not isinstance(future.exception(), BrokenProcessPool):
                        yield running.pop(future), future.result()
                    else:
                        return list(running.values())
            through = True
        except BrokenProcessPool:  # while a job was handed in, which is as suspect as the others
            return [*running.values(), queue.popleft()]
        finally:
            _close(pool, set(multiprocessing.active_children()) - before, stop=not through)
        return []


class OnRay:
    """A Ray cluster: the one that RAY_ADDRESS names or that this machine belongs to, or one that is already connected.

    cpus  of each job
    gpus  of each job, fractions too; Ray shows a job no other GPUs than its own. None: one where there are any
    """

    def __init__(self, cpus: int, gpus: float | None = None) -> None:
        self._cpus, self._gpus = cpus, gpus

    def __call__(self, jobs: Sequence[Job], perform: Perform, begin: Callable[[Job], None]) -> Ends:
        with _cluster() as ray:
            gpus = self._room(ray)
            task = ray.remote(num_cpus=self._cpus, num_gpus=gpus, max_retries=RETRIES)(perform)
            running: dict[Any, Job] = {}
            for job in jobs:
                begin(job)
                running[task.remote(job)] = job
            try:
                while running:
                    (done,), _ = ray.wait(list(running), num_returns=1)
                    try:
                        outcome = ray.get(done)
                    except ray.exceptions.WorkerCrashedError:
                        outcome = DIED
                    except ray.exceptions.RayError as error:
                        outcome = Outcome(1, f"Ray gave it up: {' '.join(str(error).split())[:300]}")
                    yield running.pop(done), outcome
            finally:
                for each in running:
                    ray.cancel(each)
                if running:
                    ray.wait(list(running), num_returns=len(running), timeout=CLEANING)

    def _room(self, ray: Any) -> float:
        """GPUs of a job. Raises LwganError for a job that no machine has room for: Ray would wait for ever."""
        alive = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        cpus, most = (max((each.get(name, 0.0) for each in alive), default=0.0) for name in ("CPU", "GPU"))
        gpus = min(1.0, most) if self._gpus is None else self._gpus
        if self._cpus > cpus or gpus > most:
            raise LwganError(
                f"no machine of the Ray cluster has {self._cpus} CPUs and {gpus:g} GPUs for a job"
                f" (at most {cpus:g} and {most:g}): give a smaller --threads or --gpus"
            )
        return gpus


@contextlib.contextmanager
def _cluster() -> Iterator[Any]:
    """The module `ray`, connected. Raises LwganError where it isn't installed, or there is no cluster."""
    try:
        import ray
    except ImportError as error:
        raise LwganError("--engine ray needs Ray: pip install 'lwgan[ray]'") from error
    if ray.is_initialized():
        yield ray
        return
    try:
        ray.init(address="auto", log_to_driver=False, logging_level=logging.ERROR)
    except ConnectionError as error:
        raise LwganError(
            "--engine ray finds no cluster: run `ray start --head` here, or set RAY_ADDRESS to one"
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()


_busy = threading.Event()  # of a worker: a job is under way


def _perform(perform: Perform, job: Job) -> Outcome:
    _busy.set()
    try:
        return perform(job)
    except KeyboardInterrupt:  # the job has cleaned up, and nobody waits for its outcome
        os._exit(INTERRUPTED)
    finally:
        _busy.clear()


def _enter_worker() -> None:
    """A worker leaves Ctrl-C to the process that started it, and ends on SIGTERM, its job's temporary files gone;
    it ends too when that process is killed."""

    def end(number: int, frame: FrameType | None) -> None:
        if _busy.is_set():
            raise KeyboardInterrupt
        os._exit(INTERRUPTED)

    def follow(parent: BaseProcess) -> None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(CLEANING)
        os._exit(INTERRUPTED)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, end)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=follow, args=(parent,), daemon=True).start()


@contextlib.contextmanager
def _sigint_held() -> Iterator[None]:
    """Ctrl-C waits meanwhile, and never reaches a process that is started within, which may still be importing."""
    if sys.platform == "win32":
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _close(pool: ProcessPoolExecutor, workers: set[BaseProcess], stop: bool) -> None:
    """Ends a pool; stop: jobs under way are ended too, and one more Ctrl-C doesn't wait for them."""
    try:
        if stop:
            for worker in workers:
                worker.terminate()
        pool.shutdown(wait=True, cancel_futures=True)
    except KeyboardInterrupt:
        for worker in workers:
            worker.kill()
        raise
