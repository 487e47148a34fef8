"""Body recovery: photos and clips in, bodies out.

The paper uses HMR here (section 3.1). Bodies are instead optimised to keypoints, outlines and colours
(`fit`, `align`, `dress`), which HMR may begin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch

from lwgan_cli.body.kinematics import State
from lwgan_cli.body.landmarks import Landmarks
from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.dressing.drape import draped
from lwgan_cli.dressing.dress import dress
from lwgan_cli.fitting.fit import STILL, Fit, fit_keypoints, landmark_places, reprojection
from lwgan_cli.fitting.window import CropView, Window, in_picture
from lwgan_cli.records import Keypoints, Motion
from lwgan_cli.recovery.align import align, poses_of, settle
from lwgan_cli.recovery.watch import Watched

AT_ONCE = 8  # frames drawn together


@dataclass(frozen=True)
class Quality:
    """How well bodies lie on the person.

    reprojection  mean distance of landmarks from detections, % of the person's height
    iou           silhouette against the person mask: dressed for a photo, draped for an aligned clip, else naked
    jitter        mean second difference of the landmarks over time, % of the height; NaN for a photo
    """

    reprojection: float
    iou: float
    jitter: float


@dataclass(frozen=True)
class Dressed:
    """The person of one photo: motion (1 frame), T-pose offsets (V, 3) m of hair and clothes, quality."""

    motion: Motion
    offsets: torch.Tensor
    quality: Quality


def to_motion(fit: Fit, crop: np.ndarray, image_size: tuple[int, int], fps: float, body: str) -> Motion:
    """The record of a fit; crop (T, 3) px is what its cameras are written for."""
    px = fit.plane.camera_to_px(fit.state.camera)
    cx, cy, side = crop.astype(np.float64).T
    camera = np.stack([px[:, 0], px[:, 1] - cx, cy - px[:, 2]], 1) / (side[:, None] / 2)
    return Motion(
        poses=poses_of(fit.state).numpy().astype(np.float32),
        betas=fit.betas.numpy().astype(np.float32),
        camera=camera.astype(np.float32),
        crop=crop.astype(np.float32),
        image_size=image_size,
        fps=fps,
        valid=fit.valid,
        body=body,
        shots=fit.shots.astype(np.int32),
    )


def recover_photo(
    model: BodyModel,
    landmarks: Landmarks,
    keypoints: Keypoints,
    alpha: np.ndarray,
    refine: Callable[[Motion], Motion] | None = None,
    given: torch.Tensor | None = None,
) -> Dressed:
    """The body of one photo and its clothes.

    keypoints of the photo (T = 1); alpha (S, S) float32 [0, 1], the refined person mask of keypoints.crop[0];
    refine: turns the fitted motion into a better one, before it is dressed; given (1, 24, 3, 3): see `fit_keypoints`.
    Raises InputError where nobody was found.
    """
    shots = np.zeros(1, np.int32)
    fit = fit_keypoints(model, landmarks, keypoints, shots, STILL, given)
    view = CropView.of(keypoints.crop[:1], len(alpha), fit.plane)
    known = in_picture(keypoints.crop[:1], len(alpha), keypoints.image_size)
    blank = np.zeros((1, len(alpha), len(alpha), 3), np.uint8)
    window = Window(blank, alpha[None].astype(np.float32), known, view)
    fit = replace(fit, state=settle(model, landmarks, fit, keypoints, 0, window))
    motion = to_motion(fit, keypoints.crop[:1], keypoints.image_size, STILL, model.identity)
    if refine is not None:
        motion = refine(motion)
    camera = view.camera(fit.state.camera)[0]
    dressed = dress(model, torch.from_numpy(motion.poses[0]), fit.betas, camera, alpha, known=known[0])
    quality = Quality(reprojection(fit, model, landmarks, keypoints), dressed.iou, float("nan"))
    return Dressed(motion, dressed.offsets, quality)


def recover_clip(
    model: BodyModel,
    landmarks: Landmarks,
    watched: Watched,
    fps: float,
    dense: bool,
    done: Callable[[int], None] = lambda n: None,
    given: torch.Tensor | None = None,
) -> tuple[Motion, Quality]:
    """The body's motion over a clip. dense: align it to the pictures, not to keypoints alone; given (T, 24, 3, 3):
    see `fit_keypoints`.

    `done` is told of finished frames. Raises InputError where nobody was found in any frame.
    """
    keypoints = watched.keypoints
    fit = fit_keypoints(model, landmarks, keypoints, watched.shots, fps, given)
    if dense:
        aligned = align(model, landmarks, fit, watched, fps, done=done)
        fit, offsets, drape, shutter = aligned.fit, aligned.offsets, aligned.drape, aligned.shutter
    else:
        offsets, drape, shutter = None, None, 0.0
        done(len(keypoints))
    motion = to_motion(fit, keypoints.crop, keypoints.image_size, fps, model.identity)
    motion = replace(motion, shutter=shutter, drape=drape, scene=watched.scene)
    quality = Quality(
        reprojection(fit, model, landmarks, keypoints),
        float(overlap(model, fit, keypoints, offsets, drape).mean()),
        jitter(landmark_places(fit, model, landmarks), fit.valid, fit.shots, keypoints),
    )
    return motion, quality


def jitter(places: np.ndarray, valid: np.ndarray, shots: np.ndarray, keypoints: Keypoints) -> float:
    """Mean second difference of the landmarks (T, 33, 2) px, % of the person's height, over three frames of one
    shot in which somebody was found; NaN where there are none."""
    whole = (shots[2:] == shots[:-2]) & valid[2:] & valid[1:-1] & valid[:-2]
    if not whole.any():
        return float("nan")
    height = np.median(keypoints.crop[keypoints.found, 2]) / 1.24
    return float(100 * np.linalg.norm(np.diff(places, 2, axis=0), axis=-1)[whole].mean() / height)


def overlap(
    model: BodyModel, fit: Fit, keypoints: Keypoints, offsets: torch.Tensor | None = None,
    drape: np.ndarray | None = None, most: int = 32,
) -> np.ndarray:  # fmt: skip
    """Silhouette overlap with the person masks of the body in its clothes, offsets (V, 3), and drape (T, K, 3), on at
    most `most` frames."""
    rows = np.flatnonzero(keypoints.found)
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, most).astype(int))]
    values: list[float] = []
    for some in np.array_split(rows, -(-len(rows) // AT_ONCE)):
        masks = np.stack([keypoints.masks[int(row)] for row in some]) > 127
        view = CropView.of(keypoints.crop[some], masks.shape[1], fit.plane)
        state = State(fit.state.rotations[some], fit.state.camera[some])
        poses = poses_of(state)
        vertices, _ = skin(model, poses, fit.betas, offsets)
        if drape is not None:
            vertices = draped(model, vertices, poses, torch.from_numpy(drape[some].astype(np.float32)))
        bodies = rasterize(project(vertices, view.camera(state.camera)), model.faces, view.size).mask.numpy()
        both, either = (each.sum((1, 2)) for each in (bodies & masks, bodies | masks))
        values += (both / np.maximum(either, 1)).tolist()
    return np.array(values)
