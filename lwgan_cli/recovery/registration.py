"""Registration: photo and driving fitted to much the same pose are made to agree on it to the pixel.

Two fits never agree wholly. Each has its own shape and scale, and joints that are off by some degrees, most of all in
depth, which no picture shows. Where the driving takes the photo's own pose, what the two differ by is no motion: the
body that is drawn then lies in the photo where the photo's does. Where that pose is taken elsewhere, the way there is
motion.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from lwgan_cli.body.model import BodyModel, skin, skinning_transforms
from lwgan_cli.body.skirt import settled
from lwgan_cli.dressing.drape import draped
from lwgan_cli.dressing.dress import HANDS, WRISTS
from lwgan_cli.dressing.lattice import rings
from lwgan_cli.fitting.likeness import Likeness, figure, leg_length
from lwgan_cli.fitting.retarget import Target, joint_px
from lwgan_cli.records import Motion

SAME = 0.05  # leg lengths, root mean square over the joints, that fits of one pose may differ by
AWAY = 0.1  # leg lengths from the photo's place, from which a body counts as having moved there
FAR = 0.05  # m: what differs by more was moved
ROUNDS = 3


def registered(
    model: BodyModel, source: Motion, target: Target, offsets: torch.Tensor, drape: torch.Tensor | None, like: Likeness
) -> tuple[Target, torch.Tensor]:
    """The target and the offsets (V, 3) m, T-pose, with which its first frame, or if that is unlike the photo the frame
    most like it in pose and place, lies where the photo has it, the more the liker that is.

    source: one frame, in whose picture the target is; drape (T, K, 3) m of the target's frames. Size and place go into
    the camera; the rest moves the surface in the picture plane, and in depth where limbs and trunk are turned about
    their own length, and then goes with the limbs. Hands, whose turn is known worst, stay, and so do legs in a skirt.
    """
    away = _away(model, source, target)
    sures = np.exp(-((like.apart / SAME) ** 4))
    first = int(np.isfinite(like.apart).argmax())  # the one that was laid where the photo has the body
    best = first if sures[first] > 0.5 else int((like.apart**2 + np.minimum(away, AWAY) ** 2).argmin())
    sure = float(sures[best])
    betas, here = torch.from_numpy(source.betas), torch.from_numpy(target.poses[best : best + 1].astype(np.float32))
    vertices = skin(model, here, betas, offsets)[0]
    if drape is not None:
        vertices = draped(model, vertices, here, drape[best : best + 1])
    vertices = settled(model, vertices, here, betas, offsets)
    own = skin(model, pose := torch.from_numpy(source.poses), betas, offsets)[0]
    own = settled(model, own, pose, betas, offsets)
    ours, theirs = _places(own[0], source.picture_camera()[0]), _places(vertices[0], target.camera[best])
    still = 1 - model.lbs_weights[:, list(HANDS + WRISTS)].sum(1).clamp(0, 1).numpy()
    if model.skirt is not None:  # which is laid on its own: legs that go elsewhere would come out of it
        still[: len(model.skirt.covered)] *= 1 - model.skirt.covered.cpu().numpy()
    inside = ((ours > 0) & (ours < np.array(source.image_size))).all(1)
    if not inside.any():
        return target, offsets
    zoom, shift, trust = _similarity(theirs, ours, inside * still, FAR * target.camera[best, 0])
    if zoom <= 0:  # one stands on its head in the other: nothing of the two agrees
        return target, offsets
    camera, same = target.camera.copy(), sure * float(np.exp(-((away[best] / AWAY) ** 2)))
    camera[:, 1:] += same * (zoom * camera[best, 1:] + shift - camera[best, 1:])
    camera[:, 0] *= zoom**same

    # in metres of the body's own axes, and from there back into the T-pose
    lacks = (ours - zoom * theirs - shift) / (zoom * target.camera[best, 0]) * np.array([1, -1])
    zoomed = zoom * target.camera[best, 0] / source.picture_camera()[0, 0]
    turned = _about(model, own[0, :, 2].double().numpy() / zoomed - vertices[0, :, 2].double().numpy())
    move = torch.from_numpy((sure * still * trust)[:, None] * np.column_stack([lacks, turned])).to(offsets)
    turns = skinning_transforms(model, here, betas)[0][0]
    return replace(target, camera=camera), offsets + torch.linalg.solve(turns, move)


def _about(model: BodyModel, depth: np.ndarray) -> np.ndarray:
    """(V,) m of differences in depth (V,) m that are of a limb's, or the trunk's, turn about its own length: those
    around each ring. How far away a limb is, no picture shows; but the picture plane's share of a turn alone would
    flatten it."""
    around: np.ndarray = rings(model.v_template.cpu().numpy().astype(np.float64), model.parts.cpu().numpy())[0] @ depth
    return around


def _away(model: BodyModel, source: Motion, target: Target) -> np.ndarray:
    """(T,) leg lengths from where the photo shows the body, one frame of motion, to where the target has it: the mean
    way of the joints that it shows."""
    shown = figure(model, source)
    joints = joint_px(model, target.poses, source.betas, target.camera)
    own = joint_px(model, source.poses, source.betas, source.picture_camera())
    counted = shown.seen[0] if shown.seen.any() else np.ones(joints.shape[1], bool)
    way = np.linalg.norm((joints - own)[:, counted].mean(1), axis=1)
    return np.asarray(way / (target.camera[:, 0] * leg_length(model, source.betas)))


def _places(vertices: torch.Tensor, camera: np.ndarray) -> np.ndarray:
    """(V, 3) m under a camera (3,) px (`Motion.picture_camera`) → (V, 2) picture px."""
    scale, x, y = camera
    flat: np.ndarray = vertices[:, :2].double().numpy() * np.array([scale, -scale]) + np.array([x, y])
    return flat


def _similarity(
    points: np.ndarray, targets: np.ndarray, weight: np.ndarray, far: float
) -> tuple[float, np.ndarray, np.ndarray]:
    """Scale and shift (2,) that take points (N, 2) to targets, robust by iterated weights, and how far each is believed
    in then, (N,) in [0, 1]: less, the further it stays apart beyond `far`."""
    zoom, shift, trust = 1.0, np.zeros(2), np.ones(len(points))
    for step in range(ROUNDS + 1):
        share = weight * trust / (weight * trust).sum()
        if step:
            centre, aim = share @ points, share @ targets
            spread = share @ ((points - centre) ** 2).sum(1)
            zoom = float(share @ ((points - centre) * (targets - aim)).sum(1) / spread)
            shift = aim - zoom * centre
        apart = ((zoom * points + shift - targets) ** 2).sum(1)
        trust = 1 / (1 + (apart / far**2) ** 2) ** 2
    return zoom, shift, trust
