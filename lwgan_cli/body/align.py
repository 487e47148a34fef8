"""Dense alignment: the body laid on the person to the pixel.

The keypoint fit is good to some px. Here the person mask's outline and the driving clip's own colours say the
rest: the body is dressed and painted from the clip's frames, rendered in every frame's pose, and optical flow
from the rendering to the real frame tells where each piece of surface ought to lie; pose and camera follow
(analysis by synthesis). Colours gather over the frames, so that sides that one frame hides are known from others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from lwgan_cli.body.dress import HANDS, dress
from lwgan_cli.body.evidence import CropView, flow_evidence, outline_evidence
from lwgan_cli.body.fit import STILL, Fit, Plane, keypoint_evidence, priors
from lwgan_cli.body.landmarks import Landmarks
from lwgan_cli.body.model import BodyModel, joints_rest, rest_vertices, skin
from lwgan_cli.body.solver import Skeleton, State, log_so3, optimise
from lwgan_cli.body.watch import Watched
from lwgan_cli.correspondence.maps import interpolate
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.correspondence.visibility import vertex_visibility
from lwgan_cli.records import Fragments, Keypoints

WINDOW, OVERLAP = 48, 4
COMPANIONS = 2
GOOD_VIEW = 0.85  # of the best frame's score, for an early one to be the reference
OUTLINE_SPREAD = 0.012  # of the person's height
FLOW_SPREAD = 0.010
KEYPOINT_SHARE = 0.3  # of their trust that keypoints keep beside dense evidence


@dataclass(frozen=True)
class Paint:
    """Colours of the surface: colour (V, 3) float 0…255, weight (V,) how much was seen of each vertex."""

    colour: torch.Tensor
    weight: torch.Tensor

    def add(self, colour: torch.Tensor, weight: torch.Tensor) -> Paint:
        """Blend in what some frames saw: colour (T, V, 3), weight (T, V). What is known well stays as it is: a mean
        over frames is blurred, and would drift with them."""
        weight = weight * (1 - self.weight).clamp_min(0)
        total = self.weight + weight.sum(0)
        mixed = self.colour * self.weight[:, None] + (colour * weight[..., None]).sum(0)
        return Paint(torch.where(total[:, None] > 0, mixed / total.clamp_min(1e-6)[:, None], self.colour), total)


@dataclass(frozen=True)
class Window:
    """T frames under work: pictures (T, S, S, 3) uint8, masks (T, S, S) float32 [0, 1], their view."""

    pictures: np.ndarray
    masks: np.ndarray
    view: CropView


def poses_of(state: State) -> torch.Tensor:
    """(T, 24, 3) axis-angle."""
    return log_so3(state.rotations)


def _render(
    model: BodyModel, state: State, betas: torch.Tensor, offsets: torch.Tensor, view: CropView
) -> tuple[torch.Tensor, Fragments]:
    vertices, _ = skin(model, poses_of(state), betas, offsets)
    ndc = project(vertices, view.camera(state.camera))
    return ndc, rasterize(ndc, model.faces, view.size)


def _sample(pictures: np.ndarray, ndc: torch.Tensor) -> torch.Tensor:
    """Colours (T, V, 3) of pictures (T, S, S, 3) or (T, S, S) at projected vertices."""
    size = pictures.shape[1]
    px = ((ndc[..., :2] * torch.tensor([1.0, -1.0]) + 1) / 2 * size - 0.5).numpy()
    rows = [
        cv2.remap(picture, at[:, None].astype(np.float32), None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        for picture, at in zip(pictures, px, strict=True)
    ]
    return torch.from_numpy(np.stack(rows)[:, :, 0].astype(np.float32)).reshape(*px.shape[:2], -1)


def _paint(paint: Paint, model: BodyModel, ndc: torch.Tensor, fragments: Fragments, window: Window) -> Paint:
    inside = _sample(window.masks, ndc)[..., 0]
    seen = vertex_visibility(fragments, ndc, model.faces) * ((inside - 0.5) * 2).clamp(0, 1)
    return paint.add(_sample(window.pictures, ndc), seen**2)


def _lazy(model: BodyModel) -> torch.Tensor:
    """(V,) hands, whose outline is the fingers' more than the wrist's."""
    return model.lbs_weights[:, list(HANDS)].sum(1).clamp(0, 1)


def window_of(watched: Watched, rows: np.ndarray, plane: Plane) -> Window:
    """The person in the frames `rows` of a clip."""
    masks = np.stack([watched.keypoints.masks[int(t)] for t in rows]).astype(np.float32) / 255
    pictures = np.stack([watched.crops[int(t)] for t in rows])
    return Window(pictures, masks, CropView.of(watched.keypoints.crop[rows], masks.shape[1], plane))


def settle(
    model: BodyModel, landmarks: Landmarks, fit: Fit, keypoints: Keypoints, row: int, window: Window, rounds: int = 3
) -> State:
    """One frame's pose with the naked body's outline inside the person's: limbs come to lie mid-way between the
    edges of sleeves and trouser legs. Returns a state of one frame."""
    state = fit.state[row : row + 1]
    skeleton = Skeleton.of(joints_rest(model, fit.betas), tuple(model.parents))
    rest = rest_vertices(model, fit.betas)
    nothing = torch.zeros_like(model.v_template)
    points, depths = keypoint_evidence(landmarks, skeleton, keypoints, fit.plane, slice(row, row + 1))
    for _ in range(rounds):
        _, fragments = _render(model, state, fit.betas, nothing, window.view)
        edges = outline_evidence(
            model, rest, fragments, window.masks > 0.5, window.view, 2 * OUTLINE_SPREAD, _lazy(model)
        )
        state = optimise(state, skeleton, priors(STILL), [*points, edges], depths, np.zeros(1, int), iterations=4)
    return state


@dataclass(frozen=True)
class Aligned:
    """fit with refined states; offsets (V, 3) of the driver's own clothes; iou (T,) of the dressed driver with the
    person mask, NaN where nobody was found."""

    fit: Fit
    offsets: torch.Tensor
    iou: np.ndarray


def view_scores(keypoints: Keypoints) -> np.ndarray:
    """(T,) how much of the person a frame shows: points well seen, seen from the front or the back, near the
    camera; -1 where nobody was found."""
    points, seen = np.nan_to_num(keypoints.points), keypoints.visibility
    across = np.linalg.norm(points[:, 11] - points[:, 12], axis=1)
    across = across + np.linalg.norm(points[:, 23] - points[:, 24], axis=1)
    share = np.minimum(across / keypoints.crop[:, 2], 0.4)
    score = seen[:, [0, 7, 8, *range(11, 17), *range(23, 29)]].mean(1) + share
    return np.where(keypoints.found, score, -1.0)


def reference_frame(keypoints: Keypoints, fps: float) -> int:
    """The frame whose pose the others are measured from: within the first second, where the person's path starts
    from too; a later one only where the beginning shows much less of the person."""
    score = view_scores(keypoints)
    early = int(score[: max(1, round(fps))].argmax())
    first = np.flatnonzero(score[: early + 1] > GOOD_VIEW * score.max())
    return int(first[0]) if len(first) else int(score.argmax())


def companions(keypoints: Keypoints, reference: int, count: int) -> list[int]:
    """Frames that show much of the person, apart in time from the reference and from one another."""
    score = view_scores(keypoints)
    chosen = [reference]
    apart = max(1, len(keypoints) // (2 * count + 2))
    for row in np.argsort(-score):
        if len(chosen) <= count and score[row] >= 0 and all(abs(row - other) >= apart for other in chosen):
            chosen.append(int(row))
    return chosen[1:]


def clothe(
    model: BodyModel, landmarks: Landmarks, fit: Fit, watched: Watched, reference: int
) -> tuple[State, torch.Tensor, Paint]:
    """The reference frame's settled state, the driver's own clothes, offsets (V, 3), and first colours.

    Clothes are what several frames agree on: what only one of them shows, a ball in front of the foot, is outvoted.
    """
    states, windows, offsets = [], [], []
    for row in (reference, *companions(watched.keypoints, reference, COMPANIONS)):
        window = window_of(watched, np.array([row]), fit.plane)
        settled = settle(model, landmarks, fit, watched.keypoints, row, window)
        camera = window.view.camera(settled.camera)[0]
        dressed = dress(model, poses_of(settled)[0], fit.betas, camera, window.masks[0], swells=1, moves=2)
        offsets.append(dressed.offsets)
        states.append(settled)
        windows.append(window)
    middle = torch.stack(offsets).median(0).values
    paint = Paint(torch.zeros_like(middle), torch.zeros(len(middle)))
    ndc, fragments = _render(model, states[0], fit.betas, middle, windows[0].view)
    return states[0], middle, _paint(paint, model, ndc, fragments, windows[0])


def align(
    model: BodyModel,
    landmarks: Landmarks,
    fit: Fit,
    watched: Watched,
    fps: float,
    rounds: int = 2,
    done: Callable[[int], None] = lambda n: None,
) -> Aligned:
    """Refine a keypoint fit by outlines and colours, window by window.

    rounds of rendering and following; `done` is told how many more frames are finished.
    """
    keypoints = watched.keypoints
    state = State(fit.state.rotations.clone(), fit.state.camera.clone())
    fit = replace(fit, state=state)
    skeleton = Skeleton.of(joints_rest(model, fit.betas), tuple(model.parents))
    reference = reference_frame(keypoints, fps)
    settled, offsets, paint = clothe(model, landmarks, fit, watched, reference)
    state.rotations[reference], state.camera[reference] = settled.rotations[0], settled.camera[0]
    rest = rest_vertices(model, fit.betas, offsets=offsets)
    lazy = _lazy(model)
    iou = np.full(len(state), np.nan)
    for start in range(0, len(state), WINDOW):
        low, high = max(start - OVERLAP, 0), min(start + WINDOW, len(state))
        rows = np.arange(low, high)
        window = window_of(watched, rows, fit.plane)
        found = torch.from_numpy(keypoints.found[low:high].astype(np.float32))[:, None]
        points, depths = keypoint_evidence(landmarks, skeleton, keypoints, fit.plane, slice(low, high))
        points = [replace(term, trust=term.trust * KEYPOINT_SHARE) for term in points]
        now = state[slice(low, high)]
        held = (rows < start) | (rows == reference)
        for step in range(rounds):
            ndc, fragments = _render(model, now, fit.betas, offsets, window.view)
            if step > 0:
                paint = _paint(paint, model, ndc, fragments, window)
            colour = interpolate(fragments, model.faces, torch.cat([paint.colour, paint.weight[:, None]], 1))
            known = (colour[..., 3] > 0.02).numpy() & fragments.mask.numpy()
            flow = flow_evidence(
                model, rest, fragments, colour[..., :3].numpy(), known, window.pictures, window.masks,
                window.view, FLOW_SPREAD,
            )  # fmt: skip
            edges = outline_evidence(model, rest, fragments, window.masks > 0.5, window.view, OUTLINE_SPREAD, lazy)
            dense = [replace(term, trust=term.trust * found) for term in (flow, edges)]
            now = optimise(
                now,
                skeleton,
                priors(fps),
                [*points, *dense],
                depths,
                fit.shots[low:high],
                held=held,
                iterations=4,
            )
        _, fragments = _render(model, now, fit.betas, offsets, window.view)
        iou[start:high] = _iou(fragments, window, keypoints.found[low:high])[start - low :]
        state.rotations[start:high] = now.rotations[start - low :]
        state.camera[start:high] = now.camera[start - low :]
        done(high - start)
    return Aligned(fit, offsets, iou)


def _iou(fragments: Fragments, window: Window, found: np.ndarray) -> np.ndarray:
    body, person = fragments.mask.numpy(), window.masks > 0.5
    both, either = (body & person).sum((1, 2)), (body | person).sum((1, 2))
    return np.where(found, both / np.maximum(either, 1), np.nan)
