"""`lwgan evaluate`: every method does the same things, and the same pictures are measured of each."""

from __future__ import annotations

import platform
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lwgan_cli import __version__
from lwgan_cli.config import Background, DrawConfig
from lwgan_cli.errors import InputError
from lwgan_cli.evaluation.cases import Case, make_cases
from lwgan_cli.evaluation.config import EvaluateConfig
from lwgan_cli.evaluation.judges import Features, Judges
from lwgan_cli.evaluation.measure import Measured, Reference, look, measure, show, thumbnail, watch_cross
from lwgan_cli.evaluation.methods import Method, parse_methods
from lwgan_cli.evaluation.results import ClipScore, MethodScore, Results, mean
from lwgan_cli.generator.architectures import Generator
from lwgan_cli.pipeline.draw import draw
from lwgan_cli.pipeline.job import Play
from lwgan_cli.pipeline.people import Bodies
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
    """Pictures without a last odd row and column, as a video has them."""

    pictures: Iterable[np.ndarray]

    def __iter__(self) -> Iterator[np.ndarray]:
        for picture in self.pictures:
            height, width = picture.shape[:2]
            yield np.ascontiguousarray(picture[: height // 2 * 2, : width // 2 * 2])


def evaluate(config: EvaluateConfig, progress: Progress) -> Evaluation:
    """Measures `config.methods`; `config.device` is one that this machine has.

    A case that can't be used is left out for all methods, with a warning. Raises InputError where none is left,
    WeightsError for missing weights, UsageError for options that contradict each other.
    """
    methods = parse_methods(config.methods, config.weights)
    judges = Judges(config.metrics, config.weights, config.device)
    networks = {method.name: method.network(config.weights, config.device) for method in methods}
    bodies = _Everybody(config)
    tallies = {method.name: _Tally() for method in methods}
    shown: list[Shown] = []
    with tempfile.TemporaryDirectory(prefix="lwgan-") as folder, torch.no_grad():
        for case in make_cases(config, bodies.of(_draws(config, methods[0], None)).model, Path(folder)):
            try:
                with progress.stage(case.name, len(methods)) as done:
                    shown.append(_case(case, methods, networks, bodies, judges, tallies, config, progress, done))
            except InputError as error:
                progress.warn(f"{case.name} is left out: {error}")
    if not shown:
        raise InputError(f"{config.data}: nothing in it can be measured; see the warnings")
    scores = [_total(name, tally, judges, networks[name][1]) for name, tally in tallies.items()]
    clips = [clip for tally in tallies.values() for clip in tally.clips]
    return Evaluation(Results(_about(config, shown), clips, scores, progress.warnings), shown)


@dataclass
class _Everybody:
    """The bodies that each way of fitting needs, loaded once."""

    config: EvaluateConfig
    _loaded: dict[tuple[str, bool], Bodies] = field(default_factory=dict)

    def of(self, config: DrawConfig) -> Bodies:
        key = config.fitter, config.face
        if key not in self._loaded:
            self._loaded[key] = Bodies.load(config)
        return self._loaded[key]


def _case(
    case: Case, methods: list[Method], networks: dict[str, tuple[Generator | None, Any]], bodies: _Everybody,
    judges: Judges, tallies: dict[str, _Tally], config: EvaluateConfig, progress: Progress, done: Any,
) -> Shown:  # fmt: skip
    """All methods on one case; nothing is counted unless all of them can do it."""
    reference = None
    if case.real is not None:
        with progress.clock("measure"):
            reference = Reference.of(Even(case.real), case.first)
    casts: dict[object, Cast] = {}
    made: dict[str, Measured] = {}
    photo = b""
    for method in methods:
        draws = _draws(config, method, case)
        job = case.job if method.photos else replace(case.job, photos=case.job.photos[:1])
        play = Play.of(job, draws)
        key = draws.fitter, draws.face, job.photos
        if key not in casts:
            casts[key] = Cast.of(job, play, bodies.of(draws), draws, progress)
        cast = method.altered(casts[key], config.size)
        photo = photo or thumbnail(casts[key].roles[0].best.picture)
        scene = Scene.of(cast, play, networks[method.name][0], draws, progress)
        pictures = draw(scene, scene.body.targets[0], progress)
        made[method.name] = _measured(case, pictures, reference, judges, progress)
        done(1)
    theirs = _real_features(case, reference, judges)
    for name, each in made.items():
        tally = tallies[name]
        values = {key: mean(numbers) for key, numbers in each.frames.items()} | each.clip
        tally.clips.append(ClipScore(name, case.name, values, each.frames))
        tally.ours.extend(each.features)
        tally.theirs.extend(theirs)
        tally.frames += len(each.thumbnails)
    real = [] if reference is None else [thumbnail(reference[row]) for row in range(len(reference))]
    return Shown(case.name, photo, real, {name: each.thumbnails for name, each in made.items()})


def _measured(
    case: Case, pictures: Iterator[np.ndarray], reference: Reference | None, judges: Judges, progress: Progress
) -> Measured:
    counted = (picture for row, picture in enumerate(progress.timed("composite", pictures)) if row >= case.first)
    with progress.clock("measure"):
        if reference is None:
            return show(counted, judges)
        return watch_cross(counted, reference, judges) if case.cross else measure(counted, reference, judges)


def _real_features(case: Case, reference: Reference | None, judges: Judges) -> Features:
    """What a method's pictures are compared with as a set: the real ones, or the person's own where the motion is
    somebody else's; nothing where nobody has those."""
    features = Features()
    if case.cross and judges.compares:
        for glance in look(case.own or ()):
            features.extend(judges.features(glance.picture, glance.mask > 0.5))
    elif reference is not None:
        for row in range(len(reference)):
            features.extend(judges.features(reference[row], reference.masks[row]))
    return features


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


def _total(name: str, tally: _Tally, judges: Judges, training: Any) -> MethodScore:
    """Means over all frames for what each frame has, over the clips for the rest."""
    measures = {key: None for clip in tally.clips for key in clip.values}
    values = {}
    for key in measures:
        frames = [value for clip in tally.clips for value in clip.frames.get(key, ())]
        values[key] = mean(frames or (clip.values.get(key, float("nan")) for clip in tally.clips))
    values |= judges.compare(tally.ours, tally.theirs)
    return MethodScore(name, values, dict(training), tally.frames)


def _about(config: EvaluateConfig, shown: list[Shown]) -> dict[str, Any]:
    names = ("people", "max_frames", "fps", "start", "duration")
    asked = {name: value for name in names if (value := getattr(config, name))}
    return dict(
        version=__version__, protocol=config.protocol, data=str(config.data), cases=[each.case for each in shown],
        frames=sum(max((len(v) for v in each.results.values()), default=0) for each in shown), size=config.size,
        max_side=config.max_side, body=config.body, fitter=config.fitter, seed=config.seed, device=config.device,
        metrics=list(config.metrics), asked=asked, torch=torch.__version__, machine=platform.machine(),
    )  # fmt: skip
