"""Dense alignment: the body laid on the person to the pixel.

The keypoint fit is good to some px. Here the person mask's outline and the driving clip's own colours say the
rest: the body is dressed and painted from the clip's frames, rendered in every frame's pose, and optical flow
from the rendering to the real frame tells where each piece of surface ought to lie; pose and camera follow
(analysis by synthesis). Colours gather over the frames, so that sides that one frame hides are known from others.
Flow from each frame to the next, carried along by the body, says how the surface moves in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from lwgan_cli.body.kinematics import Skeleton, State, log_so3
from lwgan_cli.body.landmarks import Landmarks
from lwgan_cli.body.model import BodyModel, joints_rest, rest_vertices, skin
from lwgan_cli.correspondence.maps import interpolate
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.correspondence.visibility import vertex_visibility
from lwgan_cli.dressing.clothe import swell
from lwgan_cli.dressing.drape import Sightings
from lwgan_cli.dressing.dress import HANDS
from lwgan_cli.fitting.contact import contact_evidence, sole_places, soles_in_view, standing
from lwgan_cli.fitting.evidence import flow_evidence, outline_evidence, part, track_evidence
from lwgan_cli.fitting.fit import STILL, Fit, keypoint_evidence, priors
from lwgan_cli.fitting.plane import Plane
from lwgan_cli.fitting.shutter import open_share
from lwgan_cli.fitting.solver import optimise
from lwgan_cli.fitting.window import CropView, Window, in_picture
from lwgan_cli.records import Fragments, Keypoints
from lwgan_cli.recovery.watch import Watched

WINDOW, OVERLAP = 48, 4
COMPANIONS = 9  # frames beside the reference that the clothes are taken from
CLOTHING_ROUNDS = 3
GOOD_VIEW = 0.85  # of the best frame's score, for an early one to be the reference
OUTLINE_SPREAD = 0.012  # of the person's height
FLOW_SPREAD = 0.010
TRACK_SPREAD = 0.012  # of the flow between neighbouring frames
SEEN = 0.3  # visibility above which a frame's own pixels show the surface
LINE = 1024
SHUTTER_FRAMES = 12  # that the shutter is told from
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
class Look:
    """What one frame shows of the surface, pixel by pixel: picture (S, S, 3) uint8; px (V, 2), where the vertices lie
    in it; seen (V,) in [0, 1]."""

    picture: np.ndarray
    px: torch.Tensor
    seen: torch.Tensor


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
    inside = _sample(window.seen, ndc)[..., 0]
    seen = vertex_visibility(fragments, ndc, model.faces) * ((inside - 0.5) * 2).clamp(0, 1)
    return paint.add(_sample(window.pictures, ndc), seen**2)


def _px(ndc: torch.Tensor, size: int) -> torch.Tensor:
    """NDC (…, 3) → crop px (…, 2)."""
    return (ndc[..., :2] * torch.tensor([1.0, -1.0]) + 1) * (size / 2)


def _painted(model: BodyModel, paint: Paint, look: Look, fragments: Fragments) -> tuple[np.ndarray, np.ndarray]:
    """Pictures of the painted body, (T, S, S, 3) uint8, and where its colours are known, (T, S, S) bool: pixel by
    pixel from the reference frame where that shows the surface, else by the vertices' colours."""
    values = torch.cat([paint.colour, paint.weight[:, None], look.px, look.seen[:, None]], 1)
    inside = fragments.mask.numpy()
    drawn = interpolate(fragments, model.faces, values).numpy()[inside]
    blurred, weight, px, seen = np.split(drawn, [3, 4, 6], -1)
    made, known = np.zeros((*inside.shape, 3), np.uint8), np.zeros_like(inside)
    made[inside] = np.where(seen > SEEN, _read(look.picture, px), blurred.clip(0, 255))
    known[inside] = weight[:, 0] > 0.02
    return made, known


def _read(picture: np.ndarray, px: np.ndarray) -> np.ndarray:
    """Colours (N, 3) uint8 of a picture (S, S, 3) uint8 at px (N, 2), between its pixels."""
    at = np.zeros((-(-len(px) // LINE), LINE, 2), np.float32)  # OpenCV takes no longer lines than it can count
    at.reshape(-1, 2)[: len(px)] = px - np.float32(0.5)
    return cv2.remap(picture, at, None, cv2.INTER_LINEAR).reshape(-1, 3)[: len(px)]


def _before(model: BodyModel, ndc: torch.Tensor, fragments: Fragments, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """Where the surface at each pixel of frames 1… was one frame before, (T - 1, S, S, 2) px, and whether that
    frame saw it, (T - 1, S, S) bool."""
    seen = vertex_visibility(part(fragments, slice(None, -1)), ndc[:-1], model.faces)
    inside = _sample(window.seen[:-1], ndc[:-1])[..., 0] > 0.5
    values = torch.cat([_px(ndc[:-1], window.view.size), (seen * inside)[..., None]], -1)
    drawn = interpolate(part(fragments, slice(1, None)), model.faces, values).numpy()
    return drawn[..., :2], (drawn[..., 2] > SEEN) & fragments.mask[1:].numpy()


def _lazy(model: BodyModel) -> torch.Tensor:
    """(V,) hands, whose outline is the fingers' more than the wrist's."""
    return model.lbs_weights[:, list(HANDS)].sum(1).clamp(0, 1)


def window_of(watched: Watched, rows: np.ndarray, plane: Plane) -> Window:
    """The person in the frames `rows` of a clip."""
    masks = np.stack([watched.keypoints.masks[int(t)] for t in rows]).astype(np.float32) / 255
    pictures = np.stack([watched.crops[int(t)] for t in rows])
    crop, size = watched.keypoints.crop[rows], masks.shape[1]
    inside = in_picture(crop, size, watched.keypoints.image_size)
    return Window(pictures, masks, inside, CropView.of(crop, size, plane))


def settle(
    model: BodyModel, landmarks: Landmarks, fit: Fit, keypoints: Keypoints, rows: int | np.ndarray, window: Window,
    offsets: torch.Tensor | None = None, rounds: int = 3,
) -> State:  # fmt: skip
    """Poses of one or several unrelated frames `rows`, their body's outline inside the person's.

    A naked body's limbs come to lie mid-way between the edges of sleeves and trouser legs; one with offsets (V, 3) is
    clothed and lies on the edges. Returns a state of these frames.
    """
    rows = np.atleast_1d(rows)
    state = State(fit.state.rotations[rows], fit.state.camera[rows])
    skeleton = Skeleton.of(joints_rest(model, fit.betas), tuple(model.parents))
    rest = rest_vertices(model, fit.betas, offsets=offsets)
    worn = torch.zeros_like(model.v_template) if offsets is None else offsets
    spread = 2 * OUTLINE_SPREAD if offsets is None else OUTLINE_SPREAD
    points, depths = keypoint_evidence(landmarks, skeleton, keypoints, fit.plane, rows)
    for _ in range(rounds):
        _, fragments = _render(model, state, fit.betas, worn, window.view)
        edges = outline_evidence(model, rest, fragments, window, spread, _lazy(model))
        state = optimise(state, skeleton, priors(STILL), [*points, edges], depths, np.arange(len(rows)), iterations=4)
    return state


@dataclass(frozen=True)
class Aligned:
    """fit with refined states; offsets (V, 3) of the driver's own clothes; drape and shutter, see `records.Motion`."""

    fit: Fit
    offsets: torch.Tensor
    drape: np.ndarray
    shutter: float


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
) -> tuple[State, torch.Tensor, Look, Paint]:
    """The reference frame's settled state, the driver's own clothes, offsets (V, 3), what the frame shows of them,
    and first colours.

    Several frames are dressed together: their poses settle in the clothes, and the clothes on the poses.
    """
    rows = np.array([reference, *companions(watched.keypoints, reference, COMPANIONS)])
    window = window_of(watched, rows, fit.plane)
    masks = window.masks > 0.5
    state = settled = settle(model, landmarks, fit, watched.keypoints, rows, window)
    offsets = torch.zeros_like(model.v_template)
    for step in range(CLOTHING_ROUNDS):
        if step > 0:
            dressed = replace(fit, state=_with(fit.state, rows, state))
            state = settle(model, landmarks, dressed, watched.keypoints, rows, window, offsets, rounds=1)
        camera = window.view.camera(state.camera)
        _, fragments = _render(model, state, fit.betas, offsets, window.view)
        px_per_m = camera[:, 0].double().numpy() * window.view.size / 2
        offsets = swell(model, poses_of(state), fit.betas, offsets, fragments, masks, px_per_m, window.inside)
    first = window[:1]
    # a photo's pose is settled naked as well: errors that both make alike don't show in what is made of both
    ndc, fragments = _render(model, settled[:1], fit.betas, offsets, first.view)
    inside = _sample(first.seen, ndc)[0, :, 0] > 0.5
    seen = vertex_visibility(fragments, ndc, model.faces)[0] * inside
    look = Look(first.pictures[0], _px(ndc[0], first.view.size), seen)
    blank = Paint(torch.zeros_like(offsets), torch.zeros(len(offsets)))
    return settled[:1], offsets, look, _paint(blank, model, ndc, fragments, first)


def _with(state: State, rows: np.ndarray, part: State) -> State:
    """The state with some of its frames replaced."""
    rotations, camera = state.rotations.clone(), state.camera.clone()
    rotations[rows], camera[rows] = part.rotations, part.camera
    return State(rotations, camera)


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
    settled, offsets, look, paint = clothe(model, landmarks, fit, watched, reference)
    state.rotations[reference], state.camera[reference] = settled.rotations[0], settled.camera[0]
    rest = rest_vertices(model, fit.betas, offsets=offsets)
    lazy = _lazy(model)
    stands = standing(sole_places(landmarks, skeleton, fit.state), fps, fit.shots) * soles_in_view(keypoints)
    loose = Sightings(model, len(state))
    for start in range(0, len(state), WINDOW):
        low, high = max(start - OVERLAP, 0), min(start + WINDOW, len(state))
        rows = np.arange(low, high)
        window = window_of(watched, rows, fit.plane)
        found = torch.from_numpy(keypoints.found[low:high].astype(np.float32))[:, None]
        same = torch.from_numpy((np.diff(fit.shots[low:high]) == 0).astype(np.float32))[:, None]
        joined = found[1:] * found[:-1] * same
        points, depths = keypoint_evidence(landmarks, skeleton, keypoints, fit.plane, slice(low, high))
        points = [replace(term, trust=term.trust * KEYPOINT_SHARE) for term in points]
        now = state[slice(low, high)]
        held = (rows < start) | (rows == reference)
        for step in range(rounds):
            ndc, fragments = _render(model, now, fit.betas, offsets, window.view)
            if step > 0:
                paint = _paint(paint, model, ndc, fragments, window)
            made, known = _painted(model, paint, look, fragments)
            flow = flow_evidence(model, rest, fragments, made, known, window, FLOW_SPREAD)
            edges = outline_evidence(model, rest, fragments, window, OUTLINE_SPREAD, lazy)
            dense = [replace(term, trust=term.trust * found) for term in (flow, edges)]
            if step == rounds - 1:
                dense.append(contact_evidence(landmarks, skeleton, now, stands[low:high]))
            tracks = None  # in the last round alone: they cost, and before it they hold frames back
            if step == rounds - 1 and len(rows) > 1:
                before, still_seen = _before(model, ndc, fragments, window)
                tracks = track_evidence(model, rest, fragments, before, still_seen, window, TRACK_SPREAD)
                tracks = replace(tracks, trust=tracks.trust * joined)
            now = optimise(
                now,
                skeleton,
                priors(fps),
                [*points, *dense],
                depths,
                fit.shots[low:high],
                tracks=tracks,
                held=held,
                iterations=4,
            )
        _, fragments = _render(model, now, fit.betas, offsets, window.view)
        made, known = _painted(model, paint, look, fragments)
        px_per_m = window.view.camera(now.camera)[:, 0].numpy() * window.view.size / 2
        for t in np.flatnonzero(keypoints.found[low:high] & (rows >= start)):
            shows = part(fragments, slice(t, t + 1))
            loose.look(low + t, shows, made[t], known[t], window[t : t + 1], px_per_m[t])
        state.rotations[start:high] = now.rotations[start - low :]
        state.camera[start:high] = now.camera[start - low :]
        done(high - start)
    drape = loose.drape(state.rotations[:, 0], fit.shots, fps)
    return Aligned(fit, offsets, drape, _shutter(model, fit, offsets, watched, paint, look))


def _shutter(model: BodyModel, fit: Fit, offsets: torch.Tensor, watched: Watched, paint: Paint, look: Look) -> float:
    """`open_share` of the clip, from the frames in which the person moves fastest."""
    keypoints, shots = watched.keypoints, fit.shots
    inner = np.arange(1, len(keypoints) - 1)
    whole = (shots[inner - 1] == shots[inner + 1]) & keypoints.found[inner]
    inner = inner[whole]
    if not len(inner):
        return 0.0
    speed = np.linalg.norm(keypoints.points[inner + 1] - keypoints.points[inner - 1], axis=-1).mean(1)
    rows = np.sort(inner[np.argsort(-np.nan_to_num(speed))[:SHUTTER_FRAMES]])
    window = window_of(watched, rows, fit.plane)
    camera = window.view.camera

    def moment(step: int) -> State:
        return State(fit.state.rotations[rows + step], fit.state.camera[rows + step])

    _, fragments = _render(model, moment(0), fit.betas, offsets, window.view)
    before, after = (
        _px(project(skin(model, poses_of(each), fit.betas, offsets)[0], camera(each.camera)), window.view.size)
        for each in (moment(-1), moment(1))
    )
    velocity = interpolate(fragments, model.faces, (after - before) / 2).numpy()
    made, known = _painted(model, paint, look, fragments)
    return open_share(made, known, window.pictures, velocity)
