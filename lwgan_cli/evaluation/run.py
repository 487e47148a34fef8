"""`lwgan evaluate`: every method does the same things, and the same pictures are measured of each."""

from __future__ import annotations

import itertools
import platform
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from lwgan_cli import __version__
from lwgan_cli.config import Background, DrawConfig
from lwgan_cli.errors import InputError
from lwgan_cli.evaluation.cases import TURN, Case, make_cases
from lwgan_cli.evaluation.config import EvaluateConfig
from lwgan_cli.evaluation.judges import Features, Judges
from lwgan_cli.evaluation.measure import Measured, Reference, look, measure, show, thumbnail, watch_cross
from lwgan_cli.evaluation.methods import Method, parse_methods
from lwgan_cli.evaluation.results import ClipScore, MethodScore, Results, mean
from lwgan_cli.frames.output import even_size
from lwgan_cli.generator.architectures import Generator
from lwgan_cli.pipeline.bodies import Bodies
from lwgan_cli.pipeline.draw import draw
from lwgan_cli.pipeline.job import Play
from lwgan_cli.pipeline.scene import Cast, Scene
from lwgan_cli.progress import Progress


@dataclass(frozen=True)
class Shown:
    """A case for the report: JPEGs of the photo, of the real pictures (none where nobody knows them) and of each
    method's."""

    case: str
    photo: bytes
    real: list[bytes]
    results: dict[str, list[bytes]]


@dataclass(frozen=True)
class Evaluation:
    """The numbers, and what the report shows."""

    results: Results
    shown: list[Shown]


@dataclass
class _Tally:
    """What one method has been measured at so far, and what its set is compared with."""

    clips: list[ClipScore] = field(default_factory=list)
    ours: Features = field(default_factory=Features)
    theirs: Features = field(default_factory=Features)
    frames: int = 0


@dataclass(frozen=True)
class Even:
    """Pictures as a video has them: within `max_side` px (0: no limit), without a last odd row and column."""

    pictures: Iterable[np.ndarray]
    max_side: int = 0

    def __iter__(self) -> Iterator[np.ndarray]:
        for picture in self.pictures:
            height, width = picture.shape[:2]
            if self.max_side and max(height, width) > self.max_side:
                size = even_size(width, height, self.max_side)
                yield cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
            else:
                yield np.ascontiguousarray(picture[: height // 2 * 2, : width // 2 * 2])


def evaluate(config: EvaluateConfig, progress: Progress) -> Evaluation:
    """Measures `config.methods`; `config.device` is one that this machine has.

    A case that can't be used is left out for all methods, with a warning. Raises InputError where none is left,
    WeightsError for missing weights, UsageError for options that contradict each other.
    """
    work = _Work.begun(config, progress)
    shown: list[Shown] = []
    with tempfile.TemporaryDirectory(prefix="lwgan-") as folder, torch.no_grad():
        model = work.bodies(_draws(config, work.methods[0], None)).model
        for case in make_cases(config, model, Path(folder)):
            try:
                with progress.stage(case.name, len(work.methods)) as done:
                    shown.append(work.case(case, done))
            except InputError as error:
                progress.warn(f"{case.name} is left out: {error}")
    if not shown:
        raise InputError(f"{config.data}: nothing in it can be measured; see the warnings")
    clips = [clip for tally in work.tallies.values() for clip in tally.clips]
    return Evaluation(Results(_about(config, shown), clips, work.scores(), progress.warnings), shown)


@dataclass
class _Work:
    """What is at hand for every case: the methods and their networks, the judges, bodies by fitter and face."""

    config: EvaluateConfig
    progress: Progress
    methods: list[Method]
    networks: dict[str, tuple[Generator | None, Mapping[str, Any]]]
    judges: Judges
    tallies: dict[str, _Tally]
    _bodies: dict[tuple[str, bool], Bodies] = field(default_factory=dict)

    @classmethod
    def begun(cls, config: EvaluateConfig, progress: Progress) -> _Work:
        """Raises WeightsError for missing weights."""
        methods = parse_methods(config.methods, config.weights)
        judges = Judges(config.metrics, config.weights, config.device)
        networks = {method.name: method.network(config.weights, config.device) for method in methods}
        return cls(config, progress, methods, networks, judges, {method.name: _Tally() for method in methods})

    def bodies(self, draws: DrawConfig) -> Bodies:
        """What a way of fitting needs, loaded once."""
        key = draws.fitter, draws.face
        if key not in self._bodies:
            self._bodies[key] = Bodies.load(draws)
        return self._bodies[key]

    def case(self, case: Case, done: Callable[[int], None]) -> Shown:
        """All methods on one case; nothing is counted unless all of them can do it."""
        reference = None
        if case.real is not None:
            with self.progress.clock("measure"):
                reference = Reference.of(Even(case.real, self.config.max_side), case.first)
        casts: dict[object, Cast] = {}
        made: dict[str, Measured] = {}
        for method in self.methods:
            draws = _draws(self.config, method, case)
            job = case.job if method.photos else replace(case.job, photos=case.job.photos[:1])
            play = Play.of(job, draws)
            key = draws.fitter, draws.face, job.photos
            if key not in casts:
                casts[key] = Cast.of(job, play, self.bodies(draws), draws, self.progress)
            cast = method.altered(casts[key], self.config.size)
            scene = Scene.of(cast, play, self.networks[method.name][0], draws, self.progress)
            pictures = self.progress.timed("composite", draw(scene, scene.body.targets[0], self.progress))
            counted = itertools.islice(pictures, case.first, None)
            with self.progress.clock("measure"):
                made[method.name] = self.measured(case, counted, reference)
            done(1)
        self.count(case, made, self.real_features(case, reference))
        photo = thumbnail(next(iter(casts.values())).roles[0].best.picture)
        real = [] if reference is None else [thumbnail(reference[row]) for row in range(len(reference))]
        return Shown(case.name, photo, real, {name: each.thumbnails for name, each in made.items()})

    def measured(self, case: Case, pictures: Iterable[np.ndarray], reference: Reference | None) -> Measured:
        """By what is known of how the pictures should look."""
        if reference is None:
            return show(pictures, self.judges)
        return (watch_cross if case.cross else measure)(pictures, reference, self.judges)

    def real_features(self, case: Case, reference: Reference | None) -> Features:
        """What a method's pictures are compared with as a set: the real ones, or the person's own where the motion is
        somebody else's; nothing where nobody has those."""
        features = Features()
        if not self.judges.compares:
            return features
        if case.cross:
            for glance in look(case.own or ()):
                features.extend(self.judges.features(glance.picture, glance.mask > 0.5))
        elif reference is not None:
            for row in range(len(reference)):
                features.extend(self.judges.features(reference[row], reference.masks[row]))
        return features

    def count(self, case: Case, made: Mapping[str, Measured], theirs: Features) -> None:
        """Adds a case to every method's tally."""
        for name, each in made.items():
            tally = self.tallies[name]
            values = {key: mean(numbers) for key, numbers in each.frames.items()} | each.clip
            tally.clips.append(ClipScore(name, case.name, values, each.frames))
            tally.ours.extend(each.features)
            tally.theirs.extend(theirs)
            tally.frames += len(each.thumbnails)

    def scores(self) -> list[MethodScore]:
        """Means over all frames for what each frame has, over the clips for the rest."""
        scores = []
        for name, tally in self.tallies.items():
            values = {}
            for key in {key: None for clip in tally.clips for key in clip.values}:
                frames = [value for clip in tally.clips for value in clip.frames.get(key, ())]
                values[key] = mean(frames or (clip.values.get(key, float("nan")) for clip in tally.clips))
            values |= self.judges.compare(tally.ours, tally.theirs)
            scores.append(MethodScore(name, values, dict(self.networks[name][1]), tally.frames))
        return scores


def _draws(config: EvaluateConfig, method: Method, case: Case | None) -> DrawConfig:
    """How a method draws a case."""
    seen_through = case is not None and case.real is not None and config.protocol in ("transfer", "novelview")
    return DrawConfig(
        generator=method.generator, face=config.face and method.face,
        fitter=config.fitter if method.alignment else "fast", size=config.size, max_side=config.max_side,
        background=Background("transparent") if seen_through else Background(),
        degrees=None if case is None else case.turn, device=config.device, threads=config.threads, seed=config.seed,
        weights=config.weights, body=config.body, rasterizer=config.rasterizer, start=config.start,
        duration=config.duration, fps=config.fps, max_frames=config.max_frames, cache=config.cache,
    )  # fmt: skip


def _about(config: EvaluateConfig, shown: list[Shown]) -> dict[str, Any]:
    names = ("people", "max_frames", "fps", "start", "duration")
    asked = {name: value for name in names if (value := getattr(config, name))}
    degrees = TURN.angles(1) if config.protocol == "novelview" else []
    return dict(
        version=__version__, protocol=config.protocol, data=str(config.data), cases=[each.case for each in shown],
        frames=sum(max((len(v) for v in each.results.values()), default=0) for each in shown), size=config.size,
        max_side=config.max_side, body=config.body, fitter=config.fitter, seed=config.seed, device=config.device,
        metrics=list(config.metrics), asked=asked, degrees=degrees, torch=torch.__version__, machine=platform.machine(),
    )  # fmt: skip
