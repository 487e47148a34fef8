"""Who is in the pictures: photos and videos in, fitted and dressed people out."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch

from lwgan_cli.assets import search_path
from lwgan_cli.body.crowd import Follower
from lwgan_cli.body.face import Face, FaceModel, fit_face
from lwgan_cli.body.face_detect import head_window
from lwgan_cli.body.face_dress import lay_face, turn_head
from lwgan_cli.body.face_places import FacePlaces, load_face_places
from lwgan_cli.body.fit import STILL
from lwgan_cli.body.hand_pose import with_hands
from lwgan_cli.body.hands import relaxed_hands
from lwgan_cli.body.hmr import Hmr, find_hmr, first_rotations
from lwgan_cli.body.keypoints import cut, feet_inside, person_box, uncut
from lwgan_cli.body.landmarks import Landmarks, load_landmarks
from lwgan_cli.body.model import BodyModel, load_body
from lwgan_cli.body.recover import Dressed, Quality, recover_clip, recover_photo
from lwgan_cli.body.sighting import torso
from lwgan_cli.body.watch import Watched, watch
from lwgan_cli.cache import FitCache
from lwgan_cli.config import Choice, CommonConfig
from lwgan_cli.errors import InputError
from lwgan_cli.frames.clip import Clip, Cut, open_clip
from lwgan_cli.frames.timeline import as_rate, resample
from lwgan_cli.generator.gaps import closed_gaps
from lwgan_cli.generator.matte import head_window as portrait_window
from lwgan_cli.generator.matte import merge_head, refine_mask, segment_head
from lwgan_cli.motion import load_motion
from lwgan_cli.pipeline.choosing import choice_in, warn_of_others
from lwgan_cli.pipeline.shelf import shared
from lwgan_cli.progress import Progress
from lwgan_cli.records import Keypoints, Motion

FIT_VERSION = "9"  # counts up when fits come out differently: old cached ones are then left alone
DRESS_SIZE = 512
SMALLEST = 64  # px
VIDEO_SAMPLES = 48  # frames of a source video that are looked at
VIDEO_VIEWS = 3  # … and at most used
VIEW_APART = np.radians(50)
ACTING = 224.0  # px of a head's window, from which a face acts
LOOKS, LOOK_EVERY = 3, 24  # frames of a driving that say how large the face is
ARM_WIDTH = 0.35  # of the shoulders


@dataclass(frozen=True, eq=False)
class Bodies:
    """The body model, the same with the inside of its mouth, where the detectors' points lie on it, and what may
    begin the fit."""

    model: BodyModel
    whole: BodyModel
    landmarks: Landmarks
    places: FacePlaces
    face: FaceModel | None
    hmr: Hmr | None = None

    @classmethod
    def load(cls, config: CommonConfig) -> Bodies:
        """Raises WeightsError where a file is missing or wrong."""
        depends_on = (config.body, *search_path(config.weights), config.face, config.fitter == "hmr", config.device)
        return shared("bodies", depends_on, lambda: cls._load(config))

    @classmethod
    def _load(cls, config: CommonConfig) -> Bodies:
        whole, places = load_body(config.body, config.weights, hidden=True), load_face_places(config.weights)
        face = FaceModel.of(whole, places) if config.face else None
        hmr = find_hmr(config.weights).to(config.device) if config.fitter == "hmr" else None
        return cls(whole.shown(), whole, load_landmarks(config.weights), places, face, hmr)

    def begun(self, watched: Watched) -> torch.Tensor | None:
        """Rotations (T, 24, 3, 3) for the fit to begin with, where HMR gives them."""
        return None if self.hmr is None else first_rotations(self.hmr, self.model, watched.crops)

    def refine(self, watched: Watched, face: Face | None, motion: Motion) -> Motion:
        """A fitted motion with the head as the face shows it, its actions, and wrists and fingers as the hands do."""
        if self.face is not None and face is not None:
            poses = turn_head(self.model, self.places, self.face.stiff, motion, face)
            motion = replace(motion, poses=poses, face=face.strengths.astype(np.float32))
        if watched.hands is not None:
            poses, hands = with_hands(self.model, motion, watched.hands)
            motion = replace(motion, poses=poses, hands=hands)
        return motion

    def hands(self, motion: Motion, rows: Sequence[int]) -> torch.Tensor | None:
        """Finger poses (N, 30, 3) in some frames of a motion, at rest where it doesn't know them; None for a body
        without fingers."""
        relaxed = relaxed_hands(self.model)
        if relaxed is None or motion.hands is None:
            return None if relaxed is None else relaxed.expand(len(rows), -1, -1)
        return torch.from_numpy(motion.hands[np.asarray(rows)])


@dataclass(frozen=True, eq=False)
class Person:
    """One photo of the source: picture (H, W, 3) uint8, alpha (H, W) float32 [0, 1], body and clothes;
    lids (52,) see `FaceModel.lids`, None where no face was found; others (H, W) float32 [0, 1], what other people in
    the photo cover; people: how many it shows."""

    picture: np.ndarray
    alpha: np.ndarray
    dressed: Dressed
    keypoints: Keypoints
    lids: np.ndarray | None = None
    others: np.ndarray | None = None
    people: int = 1

    def acts(self, motion: Motion, rows: Sequence[int]) -> torch.Tensor | None:
        """Strengths (N, 52) of this person's facial actions in some frames of a motion; the photo's expression where
        the motion knows of none; None for a photo without a face."""
        if self.lids is None or self.dressed.motion.face is None:
            return None
        own = np.repeat(self.dressed.motion.face, len(rows), 0)
        strengths = own if motion.face is None else motion.face[np.asarray(rows)]
        return torch.from_numpy((strengths * self.lids).astype(np.float32))

    @property
    def motion(self) -> Motion:
        """The photo's, with the facial actions in this body's own strengths."""
        own = self.acts(self.dressed.motion, [0])
        return replace(self.dressed.motion, face=None if own is None else own.numpy())

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the picture, px."""
        return self.picture.shape[1], self.picture.shape[0]


@dataclass(frozen=True)
class Role:
    """What one person gives to the one that is drawn.

    name    for the report
    photos  the best first
    gives   garments (`wardrobe.GARMENTS`); empty for the one who is drawn, and wears all that nobody else gives
    """

    name: str
    photos: tuple[Person, ...]
    gives: tuple[str, ...] = ()

    @property
    def best(self) -> Person:
        return self.photos[0]


def recover_role(
    name: str, paths: Sequence[Path], gives: tuple[str, ...], bodies: Bodies, config: CommonConfig, progress: Progress,
    strict: bool = False,
) -> Role:  # fmt: skip
    """One person in each of their photos and videos; strict: see `sighting.choose`. Raises InputError where one can't
    be used."""
    people: list[Person] = []
    with progress.stage("source", len(paths)) as done:
        for path in paths:
            with progress.clock("decode"):
                views = source_views(path, config, progress)
            for view in views:
                people.append(recover_person(view.picture, str(path), bodies, progress, view.choice, strict))
                warn_of_others(path, people[-1].people, config, progress)
            done(1)
    return Role(name, tuple(people), gives)


def open_photo(path: Path, config: CommonConfig) -> Clip:
    """A photo of a source, or a video of it. Raises InputError for what is neither, or too small to show anybody."""
    if is_motion(path):
        raise InputError(f"{path} holds only motion: name the photo first, and the driving last")
    clip = open_clip(path, max_side=config.max_side or None)
    if min(clip.width, clip.height) < SMALLEST:
        raise InputError(f"{path} is {clip.width}x{clip.height} px: too small to show a person; use a larger picture")
    return clip


@dataclass(frozen=True, eq=False)
class SourceView:
    """picture (H, W, 3) uint8, and who is meant in it."""

    picture: np.ndarray
    choice: Choice | None = None


def source_views(path: Path, config: CommonConfig, progress: Progress) -> list[SourceView]:
    """A photo, or the frames of a video that show its person best and from different sides.

    Raises InputError as `open_photo`, and for a video in which nobody is found.
    """
    clip = open_photo(path, config)
    choice = choice_in(clip, config)
    if clip.kind == "photo":
        return [SourceView(clip.first(), choice)]
    step = max(1, -(-clip.count // VIDEO_SAMPLES))
    kept = [frame for index, frame in enumerate(clip) if index % step == 0]
    follower = Follower(choice, static=True, what=str(path), strict=False)
    with progress.stage("choose frames", len(kept)) as done:
        watched = watch(kept, done, static=True, follower=follower)
    keypoints = watched.keypoints
    if not keypoints.found.any():
        raise InputError(f"{path}: nobody was found in any frame; use a video that shows a person")
    places = [torso(points) for points in keypoints.points]
    several = watched.people > 1
    return [
        SourceView(kept[row], Choice(point=(float(places[row][0]), float(places[row][1]))) if several else None)
        for row in best_views(keypoints)
    ]


def best_views(keypoints: Keypoints) -> list[int]:
    """Frames that show the person best, each turned away from the others; the best first."""
    from lwgan_cli.body.align import view_scores

    score = view_scores(keypoints)
    across = keypoints.world[:, 11] - keypoints.world[:, 12]
    yaw = np.arctan2(across[:, 2], across[:, 0])
    chosen: list[int] = []
    for row in np.argsort(-score):
        turned = [abs((yaw[row] - yaw[other] + np.pi) % (2 * np.pi) - np.pi) for other in chosen]
        if keypoints.found[row] and len(chosen) < VIDEO_VIEWS and all(t > VIEW_APART for t in turned):
            chosen.append(int(row))
    return chosen


def recover_person(
    picture: np.ndarray,
    name: str,
    bodies: Bodies,
    progress: Progress,
    choice: Choice | None = None,
    strict: bool = False,
) -> Person:
    """Find, cut out, fit and dress the person of one photo. Raises InputError where nobody, or not the one who is
    meant, is found."""
    depends_on = (picture.shape, hashlib.sha256(picture.tobytes()).digest(), bodies, choice, strict)
    return shared("people", depends_on, lambda: _recover_person(picture, name, bodies, progress, choice, strict))


def _recover_person(
    picture: np.ndarray, name: str, bodies: Bodies, progress: Progress, choice: Choice | None, strict: bool
) -> Person:
    with progress.clock("detect"):
        follower = Follower(choice, static=True, what=name, strict=strict)
        watched = watch([picture], static=True, face=bodies.face is not None, hands=True, follower=follower)
        face = fit_face(bodies.face, watched.face, watched.shots, STILL) if bodies.face and watched.face else None
    keypoints = watched.keypoints
    if not keypoints.found[0]:
        raise InputError(f"{name}: nobody was found; use a photo that shows a person, head to hips at least")
    with progress.clock("matte"):
        others = others_alpha(watched)
        alpha = person_alpha(picture, keypoints, others)
    crop = person_box(keypoints.points[0], keypoints.visibility[0], alpha, keypoints.image_size)
    keypoints = replace(keypoints, crop=crop[None])
    with progress.clock("dress"):
        small = crop_alpha(alpha, keypoints)
        refine = partial(bodies.refine, watched, face)
        given = bodies.begun(watched)
        dressed = recover_photo(bodies.model, bodies.landmarks, keypoints, small, refine, given)
    with progress.clock("matte"):
        gaps = closed_gaps(bodies.model, dressed.motion, alpha)
        opened = refine_mask(picture, alpha, gaps) if gaps.any() else alpha
    if np.any((opened < 0.5) & gaps):
        alpha = opened if others is None else opened * (1 - others)
        with progress.clock("dress"):
            small = crop_alpha(alpha, keypoints)
            dressed = recover_photo(bodies.model, bodies.landmarks, keypoints, small, refine, given)
    with progress.clock("dress"):
        if face is not None and bodies.face is not None and watched.face is not None:
            lids = bodies.face.lids(face.neutral)
            acted = torch.from_numpy((face.strengths[0] * lids).astype(np.float32))
            points = watched.face.points[0]
            offsets = lay_face(bodies.model, bodies.places, dressed.motion, dressed.offsets, points, acted)
            dressed = replace(dressed, offsets=offsets)
            return Person(picture, alpha, dressed, keypoints, lids, others, watched.people)
    return Person(picture, alpha, dressed, keypoints, None, others, watched.people)


def crop_alpha(alpha: np.ndarray, keypoints: Keypoints) -> np.ndarray:
    """(DRESS_SIZE, DRESS_SIZE) float32: the person's mask (H, W) in the crop of keypoints (T = 1).

    Of a person who leaves the picture it goes on beyond the picture's edge; one who stands whole in it ends there.
    """
    fill = 0 if feet_inside(keypoints.points[0], keypoints.image_size) else None
    return cut((alpha * 255).astype(np.uint8), keypoints.crop[0], DRESS_SIZE, fill=fill).astype(np.float32) / 255


def arms_px(keypoints: Keypoints) -> np.ndarray:
    """(H, W) bool: shoulders and arms of a photo's person (T = 1), which a closer look at the head takes for background
    where they are raised beside it."""
    width, height = keypoints.image_size
    points, seen = np.rint(keypoints.points[0]).astype(int), keypoints.visibility[0] > 0.5
    thick = max(2, round(ARM_WIDTH * float(np.linalg.norm(points[11] - points[12]))))
    drawn = np.zeros((height, width), np.uint8)
    for start, end in ((11, 12), (11, 13), (13, 15), (12, 14), (14, 16)):
        if seen[start] and seen[end]:
            cv2.line(drawn, points[start].tolist(), points[end].tolist(), 1, thick)
    return drawn > 0


def others_alpha(watched: Watched) -> np.ndarray | None:
    """What other people cover of the crop of a watched photo, (H, W) float32 [0, 1] of the whole picture; None where
    the person is alone."""
    if watched.people < 2:
        return None
    keypoints = watched.keypoints
    return uncut(watched.others[0], keypoints.crop[0], keypoints.image_size).astype(np.float32) / 255


def person_alpha(picture: np.ndarray, keypoints: Keypoints, others: np.ndarray | None = None) -> np.ndarray:
    """The refined mask of a photo's person, (H, W) float32 [0, 1], without what `others` (H, W) cover."""
    height, width = picture.shape[:2]
    coarse = uncut(keypoints.masks[0], keypoints.crop[0], (width, height)).astype(np.float32) / 255
    window = portrait_window(keypoints.points[0], width, height)
    if window is not None:
        closer = merge_head(coarse, segment_head(picture, window), window, keypoints.points[0])
        coarse = np.where(arms_px(keypoints), np.maximum(coarse, closer), closer)
    if others is None:
        return refine_mask(picture, coarse)
    return refine_mask(picture, coarse * (others < 0.5)) * (1 - others)


@dataclass(frozen=True)
class Driving:
    """Who moves: the motion, how well it was fitted (None for a motion file), and the clip (None likewise)."""

    motion: Motion
    quality: Quality | None
    clip: Clip | None


def is_motion(path: Path) -> bool:
    """Whether the name is that of a motion file."""
    return path.suffix.lower() == ".npz"


def open_driving(path: Path, config: CommonConfig) -> Clip | None:
    """The clip that DRIVING names; None for a motion file."""
    if is_motion(path):
        return None
    return open_clip(
        path,
        start=config.start,
        duration=config.duration,
        fps=config.fps,
        max_frames=config.max_frames,
        max_side=config.max_side or None,
    )


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
    """The bodies, without their face where that of the driving (its clip; None for a motion file) is too small to act:
    what is read from few px turns heads wrongly more often than it makes them talk.

    For both sides alike, so that what is read wrong in either falls away in what is made of both.
    """
    if bodies.face is None:
        return bodies
    if clip is None:
        acts = load_motion(path).face is not None
    else:
        follower = Follower(choice_in(clip, config), static=True, what=str(path), strict=False)
        with progress.clock("detect"):
            watched = watch(itertools.islice(clip, 0, LOOKS * LOOK_EVERY, LOOK_EVERY), static=True, follower=follower)
        seen = zip(watched.keypoints.points, watched.keypoints.visibility, strict=True)
        windows = [head_window(points, visibility) for points, visibility in seen]
        acts = any(window is not None and window[2] >= ACTING for window in windows)
    return bodies if acts else shared("bodies without face", bodies, lambda: replace(bodies, face=None))


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
    who = f"person {config.person}, {strict}"
    key = cache.key(FIT_VERSION, clip.key(), bodies.model.sha256, fitter, f"face {bodies.face is not None}", who)
    kept = cache.get(key)
    if kept is not None:
        motion, numbers = kept
        warn_of_others(path, int(numbers.pop("people", 1) or 1), config, progress)
        return Driving(motion, Quality(**{k: float("nan") if v is None else v for k, v in numbers.items()}), clip)
    follower = Follower(choice_in(clip, config), what=str(path), strict=strict)
    with progress.stage("detect", clip.count) as done:
        face, hands = bodies.face is not None, config.fitter == "best"
        watched = watch(progress.timed("decode", clip), done, face=face, hands=hands, follower=follower)
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
