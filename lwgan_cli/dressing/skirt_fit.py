"""The skirt of a photo: a tube around both legs laid onto what the photo shows of one, and the legs beneath it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from scipy.spatial.transform import Rotation

from lwgan_cli.body.model import JOINT_NAMES, BodyModel, joints_rest, rest_vertices, skin, skinning_transforms
from lwgan_cli.body.rotations import axis_angle_to_matrix
from lwgan_cli.body.skirt import COLUMNS, LEGS, ROWS, Skirt, hung, joints_of, put_around
from lwgan_cli.body.skirt_hang import UPRIGHT, Rest, column_axes
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.dressing.dress import dress
from lwgan_cli.ramps import smoothstep
from lwgan_cli.records import Motion

ABOVE_HIPS = 0.0  # m over the hip joints, where the tube begins
HIGH = 0.3  # of its length, over which it comes to be so: its upper edge lies on the hips
DEEPER = 0.8  # share of the widening seen across the picture that is made in depth
SLACK = 0.001  # m within the seen outline and hem: beyond them the photo shows the background, or legs
NARROWED = 0.14  # m above the skirt's upper edge over which hips come to be no wider than it …
KEPT = 0.06  # … and above its hem, over which legs cease to be so
BAND = 0.015  # m up and down that say how wide the body is at a height
HIPS, KNEES = [1, 2], [4, 5]
AT_EDGE = (-0.05, 0.05)  # m below the picture's lower edge over which knees come to be out of it
RIM = 3  # px of a mask around the skirt that show neither legs nor anything else


@dataclass(frozen=True, eq=False)
class Outline:
    """A skirt as a photo shows it, in a strip of the picture that has the legs upright.

    matrix  (2, 3) takes picture px to px of the strip; scale: of those, per metre
    hem     (w,) row where it ends in each column
    sides   (h, 2) first and last column in each row; NaN where not known
    legs    whether legs are seen below it
    """

    matrix: np.ndarray
    scale: float
    hem: np.ndarray
    sides: np.ndarray
    legs: bool = True


def straightened(motion: Motion, guess: np.ndarray) -> Motion:
    """A motion with legs that hang, upright below the pelvis, as far as those of `guess` (24, 3) rad are bent, and as
    much less bent beyond. Where a skirt hides somebody's legs down to the picture's edge, the fit lays them along its
    sides, spread and bent, in a photo as in who moves likewise."""
    poses = motion.poses.copy()
    upright = smoothstep(Rotation.from_rotvec(poses[:, 0]).as_matrix()[:, 1, 1], *UPRIGHT)
    for joint in joints_of(*LEGS):
        of_hip = joint in joints_of("hip")
        frame, own = (_hanging(each) if of_hip else Rotation.identity(len(each)) for each in (poses, guess[None]))
        bend = (frame.inv() * Rotation.from_rotvec(poses[:, joint])).as_rotvec()
        most = (own.inv() * Rotation.from_rotvec(guess[None, joint])).as_rotvec()[0]
        size = max(float(np.linalg.norm(most)), 1e-6)
        along = (upright * (bend @ most / size)).clip(0, size)
        poses[:, joint] = (frame * Rotation.from_rotvec(bend - along[:, None] * most / size)).as_rotvec()
    return replace(motion, poses=poses)


def hanging_out_of_sight(model: BodyModel, motion: Motion) -> Motion:
    """A motion with legs that hang, upright below the pelvis, where its picture ends above the knees that they then
    have: a fit guesses how such legs are bent, and bends them into the picture."""
    turns, betas = torch.from_numpy(motion.poses), torch.from_numpy(motion.betas)
    joints = skin(model, turns, betas, vertices=torch.zeros(1, dtype=torch.int64))[1].double().numpy()
    thighs = np.linalg.norm(joints[:, KNEES] - joints[:, HIPS], axis=-1)
    scale, _, y = (each[:, None] for each in motion.picture_camera().T)
    unseen = smoothstep((y - motion.image_size[1]) / scale - joints[:, HIPS, 1] + thighs, *AT_EDGE)
    poses = motion.poses.copy()
    upright = smoothstep(Rotation.from_rotvec(poses[:, 0]).as_matrix()[:, 1, 1], *UPRIGHT)
    for joint in joints_of(*LEGS):
        share = upright * unseen[:, int(JOINT_NAMES[joint].startswith("right"))]
        frame = _hanging(poses) if joint in joints_of("hip") else Rotation.identity(len(poses))
        bend = (frame.inv() * Rotation.from_rotvec(poses[:, joint])).as_rotvec()
        poses[:, joint] = (frame * Rotation.from_rotvec((1 - share[:, None]) * bend)).as_rotvec()
    return replace(motion, poses=poses)


def _hanging(poses: np.ndarray) -> Rotation:
    """The turns of hips from which legs hang down, for poses (T, 24, 3) rad."""
    pelvis = Rotation.from_rotvec(poses[:, 0])
    across = pelvis.as_matrix()[:, :, 0]
    yaw = np.arctan2(-across[:, 2], across[:, 0])
    return pelvis.inv() * Rotation.from_rotvec(yaw[:, None] * np.array([0.0, 1.0, 0.0]))


def fitted(model: BodyModel, motion: Motion, offsets: torch.Tensor, seen: Outline) -> Skirt:
    """The skirt of a photo: motion of one frame, offsets (V, 3) m of the dressed body."""
    joints = joints_rest(model, torch.from_numpy(motion.betas)).numpy()
    top, ankle = float(joints[1:3, 1].mean()) + ABOVE_HIPS, float(joints[7:9, 1].mean())
    long = hung(model, motion.betas, offsets, top, ankle)
    down = _in_strip(motion, seen, _posed(model, long, motion)[0])[..., 1].mean(1)
    hem = float(np.interp(np.nanmedian(seen.hem), down, np.linspace(top, ankle, ROWS)))
    skirt = hung(model, motion.betas, offsets, top, hem)
    posed, turns = _posed(model, skirt, motion)
    places = _in_strip(motion, seen, posed)
    moved, wider = _laid(places, posed[..., 2], seen)
    flat = (moved - places) @ np.linalg.inv(seen.matrix[:, :2]).T / motion.picture_camera()[0, 0]
    deep = (DEEPER * smoothstep(np.linspace(0, 1, ROWS), 0, HIGH) * wider)[:, None]
    depth = deep * (posed[..., 2] - posed[..., 2].mean(1, keepdims=True))
    move = np.concatenate([flat * [1, -1], depth[..., None]], -1)
    slack = np.linalg.solve(turns, move[..., None])[..., 0]
    turn = axis_angle_to_matrix(torch.from_numpy(motion.poses[:1, 0])).double().numpy()[0]
    middle = (posed + move)[0].mean(0)
    rest = Rest(
        _coordinates(posed + move - middle, turn),
        _coordinates(posed - middle, turn),
        _coordinates(skirt.places - skirt.places[0].mean(0), np.eye(3))[..., 0],
        torch.from_numpy(slack.astype(np.float32)),
    )
    return replace(skirt, places=skirt.places + slack, rest=rest)


def _laid(places: np.ndarray, depth: np.ndarray, seen: Outline) -> tuple[np.ndarray, np.ndarray]:
    """A tube's places (R, C, 2) px of the strip, depth (R, C) m towards the viewer, moved to where sides and hem
    are seen; and by which share each row grew wider, (R,), evened out."""
    moved, drop, low = places.copy(), np.linspace(0, 1, ROWS), np.zeros(COLUMNS)
    ahead = smoothstep((depth - depth.mean(1, keepdims=True))[-1], -0.04, 0.04)
    columns, rows = np.flatnonzero(np.isfinite(seen.hem)), np.arange(len(seen.sides))
    wider = np.zeros(ROWS)
    for _ in range(2):  # how low the hem is depends on how wide it is, and the other way round
        for row, at in enumerate(places[..., 0]):
            outer = [int(at.argmin()), int(at.argmax())]
            level = (places[row, :, 1] + drop[row] * low)[outer]
            found = [np.interp(y, rows, side) for y, side in zip(level, seen.sides.T, strict=True)]
            aim = np.array(found) - SLACK * seen.scale * np.array([-1, 1])
            aim = np.where(np.isfinite(aim), aim, at[outer])
            share = (aim[1] - aim[0]) / max(np.ptp(at), 1e-6)
            moved[row, :, 0] = aim[0] + share * (at - at[outer[0]])
            wider[row] = max(share - 1, 0)
        hem = np.interp(moved[-1, :, 0], columns, seen.hem[columns]) - SLACK * seen.scale - places[-1, :, 1]
        low = ahead * hem + (1 - ahead) * (ahead * hem).sum() / ahead.sum()
        moved[..., 1] = places[..., 1] + drop[:, None] * low
    even: np.ndarray = np.polyval(np.polyfit(drop, wider, 2), drop)
    return moved, even.clip(0)


def _coordinates(places: np.ndarray, turn: np.ndarray) -> torch.Tensor:
    """Places (R, C, 3) m from the middle of the upper edge, of a body turned by (3, 3), as `Rest` has them."""
    axes = column_axes(torch.from_numpy(turn)[None], COLUMNS)[0]
    return (torch.from_numpy(places)[..., None, :] @ axes)[..., 0, :].float()


def _posed(model: BodyModel, skirt: Skirt, motion: Motion) -> tuple[np.ndarray, np.ndarray]:
    """(R, C, 3) m, the skirt in a motion's first pose, and (R, C, 3, 3) what skinning turns it by."""
    dressed = put_around(model, skirt)
    rows = torch.arange(model.n_vertices, model.n_vertices + ROWS * COLUMNS)
    pose, betas = torch.from_numpy(motion.poses[:1]), torch.from_numpy(motion.betas)
    posed = skin(dressed, pose, betas, vertices=rows)[0][0]
    turns = skinning_transforms(dressed, pose, betas, rows)[0][0]
    return posed.view(ROWS, COLUMNS, 3).double().numpy(), turns.view(ROWS, COLUMNS, 3, 3).double().numpy()


def _in_strip(motion: Motion, seen: Outline, posed: np.ndarray) -> np.ndarray:
    """(…, 3) m → (…, 2) px of the strip."""
    scale, x, y = motion.picture_camera()[0]
    px = np.stack([scale * posed[..., 0] + x, y - scale * posed[..., 1]], -1)
    places: np.ndarray = px @ seen.matrix[:, :2].T + seen.matrix[:, 2]
    return places


def _as_thin(naked: np.ndarray, mask: np.ndarray, cloth: np.ndarray) -> np.ndarray:
    """A body's silhouette (S, S) bool, in a skirt's silhouette as much thinner as its legs are too thick below it."""
    last = int(np.flatnonzero(cloth.any(1))[-1])
    rows = slice(last + 1, last + 1 + max(2, len(mask) // 40))
    edges = np.diff(naked[rows].astype(np.int8), axis=1, prepend=0)
    count = np.count_nonzero(edges)
    if not count or not mask[rows].any():
        return naked
    thick = round((np.count_nonzero(naked[rows]) - np.count_nonzero(mask[rows])) / count)
    thin = cv2.erode(naked.astype(np.uint8), np.ones((1, 2 * max(0, thick) + 1), np.uint8)) > 0
    shrunk: np.ndarray = np.where(cloth, thin, naked)
    return shrunk


def beneath(model: BodyModel, skirt: Skirt, motion: Motion, offsets: torch.Tensor, mask: np.ndarray) -> torch.Tensor:
    """Offsets (V, 3) m, T-pose, of the body under a skirt: offsets (V, 3) are those of the body dressed without one, on
    whose thighs the skirt lies. motion of one frame; mask (S, S) in [0, 1], the person in its crop."""
    pose, betas, camera = (torch.from_numpy(a) for a in (motion.poses[:1], motion.betas, motion.camera[:1]))
    dressed = put_around(model, skirt)
    of_skirt = torch.arange(len(dressed.faces)) >= model.n_shown
    of_skirt[model.n_shown + len(dressed.faces) - len(model.faces) :] = False
    vertices = project(skin(dressed, pose, betas)[0], camera)
    cloth, naked = (
        rasterize(vertices, dressed.faces[faces], len(mask)).mask[0].numpy() for faces in (of_skirt, ~of_skirt)
    )
    around = np.ones((2 * RIM + 1,) * 2, np.uint8)
    cloth = cv2.dilate(cloth.astype(np.uint8), around) > 0
    naked = _as_thin(naked, mask > 0.5, cloth)
    # beside the cloth there may be more of it, sheer, or in other light, and no legs
    bare = np.where(cloth.any(1)[:, None], naked, mask > 0.5).astype(np.float32)
    legs = dress(model, pose[0], betas, camera[0], bare).offsets
    offsets = offsets + within(model, skirt, betas, offsets)
    legs = legs + within(model, skirt, betas, legs)
    height = rest_vertices(model, betas)[:, 1].numpy()
    top = skirt.places[0, :, 1].mean()
    below = smoothstep(height, top - 0.01, top - 0.06) * np.isin(model.parts.numpy(), joints_of("pelvis", *LEGS))
    return torch.lerp(offsets, legs, torch.from_numpy(below.astype(np.float32))[:, None])


def within(model: BodyModel, skirt: Skirt, betas: torch.Tensor, offsets: torch.Tensor) -> torch.Tensor:
    """(V, 3) m, T-pose, by which a body dressed in offsets (V, 3) m is to be narrower for a skirt to hold it: hands
    that hang beside hips hide how wide those are, and a fit has them as wide as all that it sees there."""
    rest = rest_vertices(model, betas, offsets=offsets).double().numpy()
    joints = joints_of("pelvis", "spine1", *LEGS)
    rows = np.flatnonzero(np.isin(model.parts.numpy(), joints))
    across, height = rest[rows, 0], rest[rows, 1]
    levels, rings = skirt.places[::-1, :, 1].mean(1), skirt.places[::-1, :, 0]
    fades = smoothstep(height, levels[0], levels[0] + KEPT) * smoothstep(height, levels[-1] + NARROWED, levels[-1])
    out = torch.zeros_like(offsets)
    for side in (-1, 1):
        near = np.abs(height - levels[:, None]) < BAND
        body = np.where(near, side * across, 0.0).max(1)
        share = np.clip((side * rings).max(1) / np.maximum(body, 1e-6), 0, 1)
        own = side * across > 0
        narrower = (np.interp(height, levels, share) - 1) * fades * across
        out[rows[own], 0] = torch.from_numpy(narrower[own]).to(out)
    return out
