"""Who is in the photos: found, fitted and dressed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from lwgan_cli.body.model import BodyModel, axis_angle_to_matrix
from lwgan_cli.body.skirt import Skirt
from lwgan_cli.config import Choice, CommonConfig
from lwgan_cli.detection.crowd import Follower
from lwgan_cli.detection.keypoints import person_box
from lwgan_cli.detection.sighting import torso
from lwgan_cli.dressing.face_dress import lay_face
from lwgan_cli.dressing.skirt_fit import beneath, fitted, straightened
from lwgan_cli.errors import InputError
from lwgan_cli.fitting.face import fit_face
from lwgan_cli.fitting.fit import STILL
from lwgan_cli.fitting.likeness import folded
from lwgan_cli.frames.bars import Around, around, without_bars
from lwgan_cli.frames.clip import Clip, open_clip
from lwgan_cli.layers.gaps import closed_gaps, with_gaps
from lwgan_cli.motion import is_motion
from lwgan_cli.pipeline.bodies import Bodies
from lwgan_cli.pipeline.choosing import choice_in, warn_of_others, warn_of_poor_fit
from lwgan_cli.pipeline.cut_out import crop_alpha, others_alpha, person_alpha, refined
from lwgan_cli.pipeline.shelf import shared
from lwgan_cli.progress import Progress
from lwgan_cli.records import Keypoints, Motion
from lwgan_cli.recovery.recover import Dressed, recover_photo
from lwgan_cli.recovery.watch import watch
from lwgan_cli.texture.hem import find_skirt

SMALLEST = 64  # px
WORSE = 1.25  # times as far off as before
VIDEO_SAMPLES = 48  # frames of a source video that are looked at
VIDEO_VIEWS = 3  # … and at most used
VIEW_APART = np.radians(50)


@dataclass(frozen=True, eq=False)
class Person:
    """One photo of the source: picture (H, W, 3) uint8, alpha (H, W) float32 [0, 1], body and clothes;
    lids (52, 52) see `FaceModel.lids`, None where no face was found; features (478, 3) px the face's points, and bare
    (V, 3) m T-pose the body's offsets before its face was laid on them, None likewise; others (H, W) float32 [0, 1],
    what other people in the photo cover; people: how many it shows; skirt: what goes around both legs, and the body
    below it (V, 3) m as offsets; None where nothing does; guess (24, 3) rad: the pose that was fitted where nothing is
    seen of the legs, see `straightened`; None where they are seen."""

    picture: np.ndarray
    alpha: np.ndarray
    dressed: Dressed
    keypoints: Keypoints
    lids: np.ndarray | None = None
    features: np.ndarray | None = None
    bare: torch.Tensor | None = None
    others: np.ndarray | None = None
    people: int = 1
    skirt: tuple[Skirt, torch.Tensor] | None = None
    guess: np.ndarray | None = None

    def acts(self, motion: Motion, rows: Sequence[int]) -> torch.Tensor | None:
        """Strengths (N, 52) of this person's facial actions in some frames of a motion; the photo's expression where
        the motion knows of none; None for a photo without a face."""
        if self.lids is None or self.dressed.motion.face is None:
            return None
        own = np.repeat(self.dressed.motion.face, len(rows), 0)
        strengths = own if motion.face is None else motion.face[np.asarray(rows)]
        return torch.from_numpy((strengths @ self.lids).astype(np.float32))

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
    around  the best photo's bars; None where it has none
    """

    name: str
    photos: tuple[Person, ...]
    gives: tuple[str, ...] = ()
    around: Around | None = None

    @property
    def best(self) -> Person:
        return self.photos[0]

    @property
    def photo(self) -> np.ndarray:
        """(H, W, 3) uint8: the best one as it was given."""
        return self.best.picture if self.around is None else self.around.whole

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of that, px."""
        return self.photo.shape[1], self.photo.shape[0]


def recover_role(
    name: str, paths: Sequence[Path], gives: tuple[str, ...], bodies: Bodies, config: CommonConfig, progress: Progress,
    strict: bool = False,
) -> Role:  # fmt: skip
    """One person in each of their photos and videos; strict: see `sighting.choose`. Raises InputError where one can't
    be used."""
    people: list[Person] = []
    bars: list[Around | None] = []
    with progress.stage("source", len(paths)) as done:
        for path in paths:
            with progress.clock("decode"):
                views = source_views(path, config, progress)
            for view in views:
                people.append(recover_person(view.picture, str(path), bodies, progress, view.choice, strict))
                bars.append(view.around)
                warn_of_others(path, people[-1].people, config, progress)
                warn_of_poor_fit(path, people[-1].dressed.quality.iou, progress)
            done(1)
    return Role(name, tuple(people), gives, bars[0])


def open_photo(path: Path, config: CommonConfig) -> Clip:
    """A photo of a source, or a video of it, without its bars. Raises InputError for what is neither, or too small to
    show anybody."""
    if is_motion(path):
        raise InputError(f"{path} holds only motion: name the photo first, and the driving last")
    clip = without_bars(open_clip(path, max_side=config.max_side or None))
    if min(clip.width, clip.height) < SMALLEST:
        raise InputError(f"{path} is {clip.width}x{clip.height} px: too small to show a person; use a larger picture")
    return clip


@dataclass(frozen=True, eq=False)
class SourceView:
    """picture (H, W, 3) uint8, who is meant in it, and its bars."""

    picture: np.ndarray
    choice: Choice | None = None
    around: Around | None = None


def source_views(path: Path, config: CommonConfig, progress: Progress) -> list[SourceView]:
    """A photo, or the frames of a video that show its person best and from different sides.

    Raises InputError as `open_photo`, and for a video in which nobody is found.
    """
    clip = open_photo(path, config)
    choice = choice_in(clip, config)
    if clip.kind == "photo":
        return [SourceView(clip.first(), choice, around(clip))]
    step = max(1, -(-clip.count // VIDEO_SAMPLES))
    kept = [frame for index, frame in enumerate(clip) if index % step == 0]
    follower = Follower(choice, static=True, what=str(path), strict=False)
    with progress.stage("choose frames", len(kept)) as done:
        watched = watch(kept, done, static=True, follower=follower)
    keypoints = watched.keypoints
    if not keypoints.found.any():
        raise InputError(f"{path}: nobody was found in any frame; use a video that shows a person")
    places = [torso(points) for points in keypoints.points]
    several, bars = watched.people > 1, around(clip)
    return [
        SourceView(kept[row], Choice(point=(float(places[row][0]), float(places[row][1]))) if several else None, bars)
        for row in best_views(keypoints)
    ]


def best_views(keypoints: Keypoints) -> list[int]:
    """Frames that show the person best, each turned away from the others; the best first."""
    from lwgan_cli.recovery.align import view_scores

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
    pose: np.ndarray | None = None,
) -> Person:
    """Find, cut out, fit and dress the person of one photo; pose (24, 3) rad: what the fit begins with, where that is
    known. Raises InputError where nobody, or not the one who is meant, is found."""
    known = None if pose is None else pose.tobytes()
    depends_on = (picture.shape, hashlib.sha256(picture.tobytes()).digest(), bodies, choice, strict, known)
    return shared("people", depends_on, lambda: _recover_person(picture, name, bodies, progress, choice, strict, pose))


def _recover_person(
    picture: np.ndarray, name: str, bodies: Bodies, progress: Progress, choice: Choice | None, strict: bool,
    pose: np.ndarray | None = None,
) -> Person:  # fmt: skip
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
    bodies = bodies.of_photo(watched)
    crop = person_box(keypoints.points[0], keypoints.visibility[0], alpha, keypoints.image_size)
    keypoints = replace(keypoints, crop=crop[None])
    with progress.clock("dress"):
        small = crop_alpha(alpha, keypoints)
        refine = partial(bodies.refine, watched, face)
        given = bodies.begun(watched) if pose is None else axis_angle_to_matrix(torch.from_numpy(pose[None]))
        dressed = recover_photo(bodies.model, bodies.landmarks, keypoints, small, refine, given)
    with progress.clock("matte"):
        gaps = closed_gaps(bodies.model, dressed.motion, alpha)
        doubt = gaps[0] | gaps[1]
        scale = float(dressed.motion.picture_camera()[0, 0])
        opened = with_gaps(alpha, refined(picture, alpha, keypoints, doubt), *gaps, scale) if doubt.any() else alpha
    if np.any((opened < 0.5) & (alpha >= 0.5) & doubt):
        alpha = opened if others is None else opened * (1 - others)
        with progress.clock("dress"):
            small = crop_alpha(alpha, keypoints)
            dressed = recover_photo(bodies.model, bodies.landmarks, keypoints, small, refine, given)
    with progress.clock("dress"):
        person = Person(picture, alpha, dressed, keypoints, others=others, people=watched.people)
        if bodies.acts and face is not None and watched.face is not None:
            person = replace(person, features=watched.face.points[0], bare=dressed.offsets)
            person = with_face(bodies, person, face.strengths[0])
        return with_skirt(bodies.model, person)


def fitted_as(motion: Motion, person: Person, name: str, bodies: Bodies, progress: Progress) -> Person:
    """A photo's person, understood as a driving that shows the same pose is: where a limb comes towards the camera in
    one fit that goes away from it in the other, the photo is fitted again and begins with the driving's, of which more
    pictures tell. As they were where that lies on the photo worse."""
    frame = folded(bodies.model, person.dressed.motion, motion)
    if frame is None:
        return person
    x, y = (float(v) for v in torso(person.keypoints.points[0]))
    choice = Choice(point=(x, y)) if person.people > 1 else None
    again = recover_person(person.picture, name, bodies, progress, choice, False, motion.poses[frame])
    before, after = person.dressed.quality, again.dressed.quality
    better = after.reprojection < WORSE * before.reprojection and 1 - after.iou < WORSE * (1 - before.iou)
    return again if better and folded(bodies.model, again.dressed.motion, motion) is None else person


def with_face(bodies: Bodies, person: Person, strengths: np.ndarray) -> Person:
    """A person with a known face, on which the body's is laid; strengths (52,) of the actions that the photo shows."""
    if bodies.face is None or person.features is None or person.bare is None:
        return person
    dressed = person.dressed
    motion = replace(dressed.motion, face=strengths[None].astype(np.float32))
    offsets, lids = lay_face(
        bodies.model, bodies.places, bodies.face, motion, person.bare, person.features, strengths
    )  # fmt: skip
    skirt = person.skirt
    if skirt is not None:
        skirt = skirt[0], skirt[1] + (offsets - dressed.offsets)
    return replace(person, dressed=replace(dressed, motion=motion, offsets=offsets), lids=lids, skirt=skirt)


def with_skirt(model: BodyModel, person: Person) -> Person:
    """A person with what the photo shows that they wear around both legs, and the legs below it; as before in trousers
    and whatever isn't sure."""
    dressed = person.dressed
    outline = find_skirt(model, dressed.motion, person.picture, person.alpha)
    if outline is None:
        return person
    guess = None if outline.legs else dressed.motion.poses[0]
    if guess is not None:
        dressed = replace(dressed, motion=straightened(dressed.motion, guess))
    skirt = fitted(model, dressed.motion, dressed.offsets, outline)
    mask = crop_alpha(person.alpha, person.keypoints)
    legs = beneath(model, skirt, dressed.motion, dressed.offsets, mask)
    return replace(person, dressed=dressed, skirt=(skirt, legs), guess=guess)
