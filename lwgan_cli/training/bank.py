"""Prepared people on disk: made once, by processes of their own, while training reads what is there."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lwgan_cli.errors import LwganError
from lwgan_cli.training.subject import Subject
from lwgan_cli.training.synthetic import Recipe

_PATIENCE = 0.5  # s between looks at a folder that another process fills


class Bank:
    """A folder with a file for each person."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        return self.folder / f"{name}.npz"

    def missing(self, names: Sequence[str]) -> list[str]:
        return [name for name in names if not self.path(name).is_file()]

    def load(self, name: str) -> Subject:
        """Raises InputError for a file that can't be read."""
        return Subject.load(self.path(name))

    def wait_for(self, names: Sequence[str], count: int, working: Callable[[], bool]) -> None:
        """Returns when `count` of them are there. Raises LwganError when nobody makes any more (`working`)."""
        while len(names) - len(self.missing(names)) < count:
            if not working() and self.missing(names):
                raise LwganError(
                    f"{self.missing(names)[0]} could not be made for {self.folder}: see what is said above"
                )
            time.sleep(_PATIENCE)


def named(seed: int) -> str:
    """The name of the person that a seed makes."""
    return f"{seed:09d}"


@dataclass(frozen=True)
class Casting:
    """Who is rendered: the people of some seeds, by a recipe, on a body (`load_body`'s arguments)."""

    seeds: tuple[int, ...]
    recipe: Recipe
    body: str = "open"
    weights: Path | None = None

    def missing(self, folder: Path) -> Casting:
        """Those whom the bank lacks."""
        bank = Bank(folder)
        return replace(self, seeds=tuple(seed for seed in self.seeds if not bank.path(named(seed)).is_file()))


def make_people(folder: Path, casting: Casting, done: Callable[[int], None] = lambda n: None) -> None:
    """Renders those whom the bank lacks, in this process."""
    import torch

    from lwgan_cli.body.load import load_body
    from lwgan_cli.texture.surface import Surface
    from lwgan_cli.training.synthetic import render_subject

    missing = casting.missing(folder)
    done(len(casting.seeds) - len(missing.seeds))
    if not missing.seeds:
        return
    model = load_body(casting.body, casting.weights)
    surface = Surface.of_body(model)
    for seed in missing.seeds:
        with torch.no_grad():
            render_subject(model, surface, seed, casting.recipe).save(Bank(folder).path(named(seed)))
        done(1)


@contextmanager
def makers(folder: Path, casting: Casting, processes: int) -> Iterator[Callable[[], bool]]:
    """Processes that fill a bank while the context lasts, the first seeds first.

    Yields the function that says whether any of them still works; they end with the context.
    """
    context = multiprocessing.get_context("spawn")
    waiting = casting.missing(folder).seeds
    workers = [
        context.Process(target=_make_alone, args=(folder, replace(casting, seeds=waiting[row::processes])), daemon=True)
        for row in range(min(processes, len(waiting)))
    ]
    for worker in workers:
        worker.start()
    try:
        yield lambda: any(worker.is_alive() for worker in workers)
    finally:
        for worker in workers:
            worker.terminate()
            worker.join()


def _make_alone(folder: Path, casting: Casting) -> None:
    """A process's work: one thread, and last in the queue for the processor."""
    import torch

    os.nice(10)
    torch.set_num_threads(1)
    make_people(folder, casting)
