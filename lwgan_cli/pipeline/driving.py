"""Whose motion it is: a video fitted, or a motion file read."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lwgan_cli.cache import FitCache
from lwgan_cli.config import CommonConfig
from lwgan_cli.detection.crowd import Follower
from lwgan_cli.detection.face_detect import FINE, head_window
from lwgan_cli.dressing.drape import is_headless
from lwgan_cli.errors import InputError
from lwgan_cli.fitting.face import fit_face
from lwgan_cli.frames.bars import without_bars
from lwgan_cli.frames.clip import Clip, Cut, open_clip
from lwgan_cli.frames.timeline import as_rate, resample
from lwgan_cli.motion import is_motion, load_motion
from lwgan_cli.pipeline.bodies import TURNING, Bodies
from lwgan_cli.pipeline.choosing import choice_in, warn_of_others
from lwgan_cli.pipeline.shelf import shared
from lwgan_cli.progress import Progress
from lwgan_cli.records import Motion
from lwgan_cli.recovery.recover import Quality, recover_clip
from lwgan_cli.recovery.watch import Watched, watch

FIT_VERSION = "34"  # counts up when fits come out differently: old cached ones are then left alone
ACTING = FINE  # px of a head's window, from which a face acts; a smaller one only turns the head, see `TURNING`
LOOKS, LOOK_EVERY = 3, 24  # frames of a driving that say how large the face is


@dataclass(frozen=True)
class Driving:
    """Who moves: the motion, how well it was fitted (None for a motion file), and the clip (None likewise)."""

    motion: Motion
    quality: Quality | None
    clip: Clip | None


def open_driving(path: Path, config: CommonConfig) -> Clip | None:
    """The clip that DRIVING names, without its bars; None for a motion file."""
    if is_motion(path):
        return None
    clip = open_clip(
        path,
        start=config.start,
        duration=config.duration,
        fps=config.fps,
        max_frames=config.max_frames,
        max_side=config.max_side or None,
    )
    return without_bars(clip)


def read_motion(path: Path, config: CommonConfig) -> Motion:
    """A motion file, cut by the options exactly as the video that it was fitted to would be.

    Raises UsageError for a start beyond the end.
    """
    motion = load_motion(path)
    part = Cut(config.start, config.duration, config.fps, config.max_frames)
    times, end = np.arange(len(motion)) / motion.fps, len(motion) / motion.fps
    first = int(np.searchsorted(times, part.start - 1e-6))
    if first >= len(times):
        raise part.beyond(path, end)
    rate = as_rate(config.fps or motion.fps)
    count = part.frames(end - times[first], rate)
    rows = first + resample(times[first:], end, rate)[:count]
    fps = config.fps or motion.fps
    return replace(motion[rows].at(fps), shutter=motion.shutter * min(1.0, fps / motion.fps))


def acting(bodies: Bodies, path: Path, clip: Clip | None, config: CommonConfig, progress: Progress) -> Bodies:
    """The bodies as the driving's face (of its clip; None for a motion file) allows: one that is too small to act only
    turns the head, and a still smaller one leaves it to the body's points how far that nods.

    For both sides alike, so that what is read wrong in either falls away in what is made of both.
    """
    if bodies.face is None:
        return bodies
    if clip is None:
        motion = load_motion(path)
        size = ACTING if motion.face is not None else TURNING if is_headless(bodies.model, motion) else 0.0
    else:
        depends_on = (clip.key(), config.person, bodies)
        size = shared("size of faces", depends_on, lambda: _face_size(path, clip, config, progress))
    if size >= ACTING:
        return bodies
    nods = size >= TURNING
    return shared("bodies that turn heads", (bodies, nods), lambda: replace(bodies, acts=False, nods=nods))


def _face_size(path: Path, clip: Clip, config: CommonConfig, progress: Progress) -> float:
    """Side of the largest window of the person's head, px, in one of a clip's first frames; 0 where none is seen."""
    follower = Follower(choice_in(clip, config), static=True, what=str(path), strict=False)
    with progress.clock("detect"):
        watched = watch(itertools.islice(clip, 0, LOOKS * LOOK_EVERY, LOOK_EVERY), static=True, follower=follower)
    seen = zip(watched.keypoints.points, watched.keypoints.visibility, strict=True)
    windows = [head_window(points, visibility) for points, visibility in seen]
    return max((float(window[2]) for window in windows if window is not None), default=0.0)


def drive(
    path: Path, clip: Clip | None, bodies: Bodies, config: CommonConfig, progress: Progress, strict: bool = False
) -> Driving:
    """The motion of DRIVING: read, taken from the cache, or fitted; strict: see `sighting.choose`.

    Raises InputError where nobody, or not the one who is meant, is found.
    """
    if clip is None:
        motion = read_motion(path, config)
        if (
            motion.body != bodies.model.identity
        ):  # another body's shape means nothing on this one: the average stands in
            motion = replace(motion, betas=np.zeros_like(motion.betas))
        return Driving(motion, None, None)
    cache = FitCache(config.cache)
    fitter = config.fitter if bodies.hmr is None else bodies.hmr.sha256
    who, face = f"person {config.person}, {strict}", f"face {bodies.face is not None} {bodies.acts} {bodies.nods}"
    key = cache.key(FIT_VERSION, clip.key(), bodies.model.sha256, fitter, face, who)
    kept = cache.get(key)
    if kept is not None:
        motion, numbers = kept
        warn_of_others(path, int(numbers.pop("people", 1) or 1), config, progress)
        return Driving(motion, Quality(**{k: float("nan") if v is None else v for k, v in numbers.items()}), clip)
    follower = Follower(choice_in(clip, config), what=str(path), strict=strict)
    with progress.stage("detect", clip.count) as done:
        shown, hands = bodies.face is not None, config.fitter == "best"
        watched = watch(progress.timed("decode", clip), done, face=shown, hands=hands, follower=follower, scene=True)
    warn_of_others(path, watched.people, config, progress)
    motion, quality = fit_watched(watched, path, clip.fps, bodies, config, progress)
    cache.put(key, motion, {**vars(quality), "people": watched.people})
    return Driving(motion, quality, clip)


def fit_watched(
    watched: Watched, path: Path, fps: float, bodies: Bodies, config: CommonConfig, progress: Progress
) -> tuple[Motion, Quality]:
    """Fit a watched clip, and warn of what was not seen."""
    found = watched.keypoints.found
    if not found.any():
        raise InputError(f"{path}: nobody was found in any frame; use a video that shows a person, head to hips")
    if not found.all():
        lost = "nobody was found" if watched.people < 2 else "the person isn't seen"
        progress.warn(f"{path}: {lost} in {int((~found).sum())} of {len(found)} frames; they are bridged")
    with progress.stage("fit", len(found)) as done:
        dense, given = config.fitter != "fast", bodies.begun(watched)
        motion, quality = recover_clip(bodies.model, bodies.landmarks, watched, fps, dense, done, given)
        face = fit_face(bodies.face, watched.face, watched.shots, fps) if bodies.face and watched.face else None
        return bodies.refine(watched, face, motion), quality
