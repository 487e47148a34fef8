"""Batches without end, each a function of the seed and the step's number: a run that goes on where it stopped sees
what it would have seen."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel
from lwgan_cli.errors import InputError
from lwgan_cli.training.bank import Bank
from lwgan_cli.training.sample import Sample, Staged, draw_batch

_KEPT = 64  # prepared people held in memory by each process
OWN_SHARE = 0.7
_TRIES = 20  # draws of a person with as many photos as the batch's first


@dataclass(frozen=True)
class Plan:
    """What batches are drawn from.

    bank     folder of prepared people; names of those that may be used, whether they are there yet or not
    own      names of people who are drawn in a share OWN_SHARE of the batches, where there are any
    body     as `load_body` takes it
    batch    targets of a batch; window (width, height) of the part that is looked at, px at the network's resolution
    seed     where random numbers start; rank: number of the process among several that train together
    """

    bank: Path
    names: tuple[str, ...]
    body: str
    weights: Path | None
    batch: int
    window: tuple[int, int]
    seed: int
    rank: int = 0
    own: tuple[str, ...] = ()


class Batches(Dataset[Sample]):
    """The batch of each step."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._bank = Bank(plan.bank)
        self._staged: OrderedDict[str, Staged] = OrderedDict()
        self._ready: list[str] = []

    @cached_property
    def _model(self) -> BodyModel:
        return load_body(self.plan.body, self.plan.weights)

    def __getitem__(self, step: int) -> Sample:
        """Drawn on the CPU. Raises InputError where nobody is ready."""
        plan = self.plan
        rng = np.random.default_rng([plan.seed, plan.rank, step])
        each = 2 - plan.batch % 2  # targets of one person
        with torch.no_grad():
            names = plan.own if plan.own and rng.random() < OWN_SHARE else self._names()
            people = [self._person(rng, names)]
            photos = len(people[0].sources)
            while len(people) < plan.batch // each:
                people.append(next(self._alike(rng, names, photos), people[0]))
            return draw_batch(people, each, plan.window, rng)

    def _alike(self, rng: np.random.Generator, names: Sequence[str], photos: int) -> Iterator[Staged]:
        """People with so many photos, as long as that doesn't take too many draws."""
        for _ in range(_TRIES):
            person = self._person(rng, names)
            if len(person.sources) == photos:
                yield person

    def _person(self, rng: np.random.Generator, names: Sequence[str]) -> Staged:
        name = names[int(rng.integers(len(names)))]
        if name in self._staged:
            self._staged.move_to_end(name)
        else:
            self._staged[name] = Staged(self._model, self._bank.load(name))
            if len(self._staged) > _KEPT:
                self._staged.popitem(last=False)
        return self._staged[name]

    def _names(self) -> list[str]:
        """Those that are there. While some are missing the folder is looked at again and again."""
        if len(self._ready) < len(self.plan.names):
            self._ready = [name for name in self.plan.names if self._bank.path(name).is_file()]
        if not self._ready:
            raise InputError(f"{self.plan.bank} holds nobody to train on: make people first")
        return self._ready


class _Steps(torch.utils.data.Sampler[int]):
    """first, first + 1, … for ever."""

    def __init__(self, first: int) -> None:
        self._first = first

    def __iter__(self) -> Iterator[int]:
        step = self._first
        while True:
            yield step
            step += 1


def batches(plan: Plan, first: int, workers: int, pin: bool) -> Iterator[Sample]:
    """The batches from a step on, in order. workers: processes that draw them ahead; 0 draws here."""
    loader = DataLoader(
        Batches(plan),
        batch_size=None,
        sampler=_Steps(first),
        num_workers=workers,
        multiprocessing_context="spawn" if workers else None,
        worker_init_fn=_alone,
        prefetch_factor=4 if workers else None,
        pin_memory=pin,
    )
    yield from loader


def _alone(worker: int) -> None:
    """A process that draws batches: one thread, and behind the training in the queue for the processor."""
    os.nice(5)
    torch.set_num_threads(1)
