"""`lwgan train`: set up, then step by step until the steps or the time are used up."""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from lwgan_cli.body.load import load_body
from lwgan_cli.errors import InputError, UsageError
from lwgan_cli.generator.architectures import Generator, all_sizes, build
from lwgan_cli.generator.checkpoints import About, find_generator, load_generator, save_generator
from lwgan_cli.progress import Progress, Silent
from lwgan_cli.training import checkpoint
from lwgan_cli.training.bank import Bank, Casting, make_people, makers, named
from lwgan_cli.training.config import TrainConfig
from lwgan_cli.training.data import Plan, batches
from lwgan_cli.training.sample import Sample, moved
from lwgan_cli.training.sheet import write_sheet
from lwgan_cli.training.step import Judges, Painter, State, Step
from lwgan_cli.training.subject import whole_file
from lwgan_cli.training.synthetic import Recipe, training_seed
from lwgan_cli.training.validate import Scores, score, scored_samples, scored_seeds
from lwgan_cli.training.world import World, joined

GENERATOR, METRICS, SHEETS, CHECKPOINTS = "generator.safetensors", "metrics.jsonl", "sheets", "checkpoints"
TOLD_EVERY = 20  # steps between lines of metrics
TESTED = 6  # people of the test set that a run is scored on as it goes
ENOUGH = 8  # people that training begins with, while more are made


@dataclass(frozen=True, kw_only=True)
class TrainReport:
    """What a run has come to.

    output       the generator's weights
    steps        all told, and of this run
    seconds      of this run
    loss         means over the last steps
    scores       on the test set, with the generator and without it
    """

    output: Path
    steps: int
    steps_now: int
    seconds: float
    device: str
    architecture: str
    people: int
    loss: dict[str, float]
    scores: dict[str, dict[str, float]]
    warnings: tuple[str, ...]
    dry_run: bool = False

    def to_json(self) -> str:
        """One JSON object on one line."""
        return json.dumps({**asdict(self), "output": str(self.output)}, ensure_ascii=False)


def train(config: TrainConfig, progress: Progress) -> TrainReport:
    """Trains, and writes weights, checkpoints, metrics and contact sheets into `config.output`.

    Raises UsageError, InputError and WeightsError for what can't be used.
    """
    if config.output is None:
        raise UsageError("no output folder named: give --output DIR")
    with joined(config.device) as world:
        return _Run(config, config.output, world, progress if world.leads else Silent()).go()


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """While it lasts, the first interrupt or termination waits for the step to end; a second one doesn't.

    Yields the function that says whether there was one. Outside the main thread nothing changes.
    """
    came = False

    def note(signum: int, frame: FrameType | None) -> None:
        nonlocal came
        if came:
            raise KeyboardInterrupt
        came = True

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    before = {signum: signal.signal(signum, note) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: came
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


class _Run:
    def __init__(self, config: TrainConfig, output: Path, world: World, progress: Progress) -> None:
        self.config, self.output, self.world, self.progress = config, output, world, progress
        self.began = time.monotonic()
        self.bank = config.bank or output / "people"
        self.seeds = [training_seed(index) for index in range(*config.people)]

    def go(self) -> TrainReport:
        config, world = self.config, self.world
        torch.manual_seed(config.seed)
        judges = Judges.of(config).to(world.device)
        generator = self._generator()
        state = State.new(generator.to(world.device), judges, config.lr)
        self._resume(state)
        if config.dry_run:
            return self._report(state, state.step, {}, {})
        self._forget_after(state.step)
        first = state.step
        with ExitStack() as stack:
            names, own = self._make_people(stack)
            samples = self._samples(state.step, names, own)
            painter = world.wrapped(state.painter)
            critic = world.wrapped(state.critic) if state.critic is not None else None
            step = Step(state, judges, config.losses, config, painter, critic)
            recent = self._learn(state, step, samples)
        scores = self._finish(state)
        return self._report(state, first, recent, scores)

    def _generator(self) -> Generator:
        """The network to train; `self.about` says which one it is."""
        config = self.config
        began = config.start_from
        if began is None and config.personalize:
            began = find_generator("default", config.weights)
        if began is None:
            generator = build(config.architecture, **config.sizes)
            self.about = About(config.architecture, all_sizes(config.architecture, **config.sizes))
            return generator
        generator, self.about = load_generator(began)
        return generator.train()

    def _resume(self, state: State) -> None:
        last = checkpoint.checkpoints(self.output / CHECKPOINTS)[-1:]
        if self.config.resume:
            if not last:
                raise InputError(f"--resume: {self.output} holds no checkpoint; leave --resume out to start")
            checkpoint.restore(last[0], state, self._kind())
        elif last and not self.config.overwrite:
            raise UsageError(f"--output {self.output} holds a run: --resume goes on, --overwrite starts anew")

    def _kind(self) -> dict[str, Any]:
        """What a checkpoint must agree with."""
        critic = any(name in self.config.losses for name in ("adversarial", "matching"))
        return {"architecture": self.about.architecture, "sizes": self.about.sizes, "critic": critic}

    def _make_people(self, stack: ExitStack) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The bank's names of those to train on, and of the user's own person. Those who are tested on and enough of
        the others to begin with are there; processes of their own make the rest."""
        if self.world.leads:
            tested = self._casting(scored_seeds(TESTED))
            if tested.missing(self.bank).seeds:
                with self.progress.stage("test set", TESTED) as done:
                    make_people(self.bank, tested, done)
            if self.config.data.kind == "synthetic":
                self._make_rendered(stack)
            found = self._given()
            self.world.agreed(True)
            return found
        self.world.agreed(True)  # waits for the leading process, and finds made what that one made
        return self._given()

    def _given(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """As `_make_people`; what is missing of the user's clips and photos is prepared."""
        config = self.config
        names, own = [named(seed) for seed in self.seeds], []
        # what reads and fits photos and films may be missing where only rendered people are trained on
        if config.data.kind != "synthetic":
            from lwgan_cli.training.filmed import prepare_filmed

            names = prepare_filmed(config, self.bank, self.progress)
        if config.personalize:
            from lwgan_cli.training.personal import prepare_own

            own = prepare_own(config, self.bank, self.progress)
        return tuple(names), tuple(own)

    def _make_rendered(self, stack: ExitStack) -> None:
        casting, names = self._casting(self.seeds), [named(seed) for seed in self.seeds]
        if self.config.workers:
            working = stack.enter_context(makers(self.bank, casting, self.config.workers))
            with self.progress.stage("people", None):
                Bank(self.bank).wait_for(names, min(ENOUGH, len(names)), working)
        elif casting.missing(self.bank).seeds:
            with self.progress.stage("people", len(names)) as done:
                make_people(self.bank, casting, done)

    def _casting(self, seeds: list[int]) -> Casting:
        config = self.config
        return Casting(tuple(seeds), Recipe(size=2 * config.size), config.body, config.weights)

    def _samples(self, first: int, names: tuple[str, ...], own: tuple[str, ...]) -> Iterator[Sample]:
        config, world = self.config, self.world
        plan = Plan(
            bank=self.bank,
            names=names,
            body=config.body,
            weights=config.weights,
            batch=config.batch,
            window=config.window,
            seed=config.seed,
            rank=world.rank,
            own=own,
        )
        on_cuda = world.device.startswith("cuda")
        for sample in batches(plan, first, config.workers, pin=on_cuda):
            yield moved(sample, world.device)

    def _learn(self, state: State, step: Step, samples: Iterator[Sample]) -> dict[str, float]:
        """Steps until the end; returns the last means of the losses."""
        config = self.config
        saved = time.monotonic()
        sums: dict[str, float] = {}
        recent: dict[str, float] = {}
        counted, since = 0, time.monotonic()
        with interruptible() as interrupted, self.progress.stage("train", config.steps - state.step) as done:
            for sample in self.progress.timed("data", samples):
                numbers = step(sample)
                done(1)
                counted += 1
                for name, value in numbers.items():
                    sums[name] = sums.get(name, 0.0) + value
                if counted == TOLD_EVERY:
                    recent = {name: value / counted for name, value in sums.items()}
                    self._tell(state.step, seconds=(time.monotonic() - since) / counted, **recent)
                    sums, counted, since = {}, 0, time.monotonic()
                if interrupted():
                    self._save(state)
                    raise KeyboardInterrupt
                if state.step % config.sheet_every == 0:
                    self._look(state, sample)
                if time.monotonic() - saved > config.save_every:
                    self._save(state)
                    saved = time.monotonic()
                if self.world.agreed(self._over(state)):
                    break
        return recent or {name: value / max(counted, 1) for name, value in sums.items()}

    def _over(self, state: State) -> bool:
        limit = self.config.time_limit
        return state.step >= self.config.steps or (limit is not None and time.monotonic() - self.began > limit)

    def _finish(self, state: State) -> dict[str, dict[str, float]]:
        self._save(state)
        return self._scores(state)

    def _save(self, state: State) -> None:
        """Checkpoint and weights."""
        if not self.world.leads:
            return
        with self.progress.clock("save"):
            checkpoint.save(self.output / CHECKPOINTS, state, self._kind())
            self._export(state)

    def _export(self, state: State) -> None:
        config = self.config
        told = {name: getattr(config, name) for name in ("batch", "size", "crop", "lr", "ema", "seed", "losses")}
        told |= {"steps": state.step, "data": config.data.kind, "people": list(config.people)}
        save_generator(self.output / GENERATOR, state.averaged.state_dict(), replace(self.about, training=told))

    def _look(self, state: State, sample: Sample) -> None:
        """A contact sheet of the batch and of the test set, and scores."""
        if not self.world.leads:
            return
        with self.progress.clock("look"), torch.no_grad():
            painter = Painter(state.averaged)
            shown = [*self._tests()[::3], moved(sample, "cpu")]
            pairs = [(each, moved(painter(moved(each, self.world.device)), "cpu")) for each in shown]
            write_sheet(self.output / SHEETS / f"step-{state.step:08d}.png", pairs)
            self._tell(state.step, test=asdict(score(painter, self._tests(), self.world.device)))

    def _scores(self, state: State) -> dict[str, dict[str, float]]:
        if not self.world.leads:
            return {}
        with self.progress.clock("look"):
            tests = self._tests()
            results: dict[str, Scores] = {
                "generator": score(Painter(state.averaged), tests, self.world.device),
                "none": score(None, tests),
            }
        return {name: asdict(each) for name, each in results.items()}

    def _tests(self) -> list[Sample]:
        if not hasattr(self, "_test_set"):
            model = load_body(self.config.body, self.config.weights)
            with torch.no_grad():
                self._test_set = scored_samples(model, self.bank, scored_seeds(TESTED))
        return self._test_set

    def _tell(self, step: int, **numbers: Any) -> None:
        """A line of metrics."""
        if not self.world.leads:
            return
        line = {"step": step, "time": round(time.monotonic() - self.began, 1), **_rounded(numbers)}
        with (self.output / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _forget_after(self, step: int) -> None:
        """Drops checkpoints and lines of metrics about steps that will be done again."""
        if not self.world.leads:
            return
        for old in checkpoint.checkpoints(self.output / CHECKPOINTS):
            if checkpoint.step_of(old) > step:
                old.unlink()
        path = self.output / METRICS
        self.output.mkdir(parents=True, exist_ok=True)
        if path.exists():
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
            with whole_file(path) as temporary:
                temporary.write_text("".join(kept), encoding="utf-8")

    def _report(
        self, state: State, first: int, recent: dict[str, float], scores: dict[str, dict[str, float]]
    ) -> TrainReport:
        names = [named(seed) for seed in self.seeds]
        return TrainReport(
            output=self.output / GENERATOR,
            steps=state.step,
            steps_now=state.step - first,
            seconds=round(time.monotonic() - self.began, 1),
            device=self.world.device,
            architecture=self.about.architecture,
            people=len(names) - len(Bank(self.bank).missing(names)),
            loss=_rounded(recent),
            scores=_rounded(scores),
            warnings=self.progress.warnings,
            dry_run=self.config.dry_run,
        )


def _rounded(numbers: Any) -> Any:
    if isinstance(numbers, dict):
        return {name: _rounded(value) for name, value in numbers.items()}
    return round(numbers, 5) if isinstance(numbers, float) else numbers
