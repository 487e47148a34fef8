"""Dense alignment on painted bodies that move in a known way, and the evidence that it goes by."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from lwgan_cli.body.kinematics import State, skinned_parts
from lwgan_cli.body.kinematics import kinematics as solver_kinematics
from lwgan_cli.body.kinematics import project as to_plane
from lwgan_cli.body.model import axis_angle_to_matrix, rest_vertices, skin
from lwgan_cli.correspondence.maps import interpolate
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.dressing.clothe import swell
from lwgan_cli.fitting.evidence import flow_evidence, outline_evidence, points_at, track_evidence
from lwgan_cli.fitting.fit import Fit, fit_keypoints
from lwgan_cli.fitting.plane import Plane
from lwgan_cli.fitting.terms import PointEvidence
from lwgan_cli.fitting.window import CropView, Window
from lwgan_cli.records import Fragments, Keypoints, Masks
from lwgan_cli.recovery import align as A
from lwgan_cli.recovery.recover import overlap
from lwgan_cli.recovery.watch import CropStore, Watched
from tests.body.acting import HEIGHT, Act, act, body, crop_cameras, crops, landmarks, seen, silhouettes

FRAMES, FPS, SIDE = 12, 12.0, 256


def paint(seed: int = 0) -> torch.Tensor:
    """(V, 3) 0…255: a pattern with detail of a few cm everywhere."""
    rng = np.random.default_rng(seed)
    places = body().v_template.numpy()
    waves = np.sin(places @ rng.normal(0, 60, (3, 24)) + rng.uniform(0, 2 * np.pi, 24))
    return torch.from_numpy(np.clip(128 + 15 * waves @ rng.normal(0, 1, (24, 3)), 10, 245).astype(np.float32))


def swollen(by: float = 0.02) -> torch.Tensor:
    """(V, 3) m: clothes of one thickness on the trunk and the limbs."""
    model = body()
    vertices = rest_vertices(model, torch.zeros(10))
    a, b, c = vertices[model.faces].unbind(1)
    normals = torch.zeros_like(vertices)
    for corner in model.faces.unbind(1):
        normals.index_add_(0, corner, torch.linalg.cross(b - a, c - a, dim=-1))
    bare = model.lbs_weights[:, [10, 11, 15, 20, 21, 22, 23]].sum(1)
    return by * torch.nn.functional.normalize(normals, dim=-1) * (1 - bare)[:, None]


def filmed(film: Act, crop: np.ndarray, offsets: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (T, 256, 256, 3) uint8 and masks (T, 256, 256) bool of the painted body before a blurred ground."""
    ndc = project(film.vertices(offsets), crop_cameras(film, crop))
    fragments = rasterize(ndc, body().faces, SIDE)
    ground = np.random.default_rng(5).uniform(40, 200, (12, 12, 3)).astype(np.float32)
    ground = cv2.resize(ground, (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    colour = interpolate(fragments, body().faces, paint()).numpy()
    mask = fragments.mask.numpy()
    return np.where(mask[..., None], colour, ground).clip(0, 255).astype(np.uint8), mask


def watched_film(film: Act, noise: float, bias: float, seed: int = 9) -> Watched:
    """noise and bias of the detector's points, standard deviations in the person's height; a detector's bias stays
    the same over the clip."""
    keypoints = seen(film, noise)
    rng = np.random.default_rng(seed)
    points = keypoints.points + rng.normal(0, bias * HEIGHT, (1, 33, 2))
    crop = keypoints.crop * np.array([1, 1, 1.06], np.float32)
    pictures, masks = filmed(film, crop, swollen())
    store = CropStore()
    for picture in pictures:
        store.append(picture)
    packed = Masks.pack([mask.astype(np.uint8) * 255 for mask in masks], SIDE)
    keypoints = replace(keypoints, points=points.astype(np.float32), crop=crop, masks=packed)
    nobody = Masks.pack([np.zeros((SIDE, SIDE), np.uint8)] * len(film), SIDE)
    return Watched(keypoints, store, np.zeros(len(film), np.int32), others=nobody, people=1)


def surface_px(fit: Fit) -> np.ndarray:
    """(T, V, 2) picture px of the naked surface."""
    vertices = skin(body(), A.poses_of(fit.state), fit.betas)[0].numpy()
    scale, x, y = fit.plane.camera_to_px(fit.state.camera).T[:, :, None]
    return np.stack([x + scale * vertices[..., 0], y - scale * vertices[..., 1]], -1)


def error(fit: Fit, film: Act) -> tuple[float, float]:
    """Mean distance of the surface from its true place, px, and what of it changes over the clip."""
    off = surface_px(fit) - film.px(film.vertices().numpy())
    return (
        float(np.linalg.norm(off, axis=-1).mean()),
        float(np.linalg.norm(off - np.median(off, 0), axis=-1).mean()),
    )


@pytest.fixture(scope="module")
def film() -> Act:
    return act(FRAMES, FPS, seed=7, beat=0.5)


def test_the_body_comes_to_lie_on_the_person(film: Act) -> None:
    watched = watched_film(film, noise=0.006, bias=0.008)
    fit = fit_keypoints(body(), landmarks(), watched.keypoints, watched.shots, FPS)
    told: list[int] = []
    aligned = A.align(body(), landmarks(), fit, watched, FPS, done=told.append)
    assert sum(told) == FRAMES
    (far, shaking), (near, still) = error(fit, film), error(aligned.fit, film)
    assert near < 0.93 * far
    assert still < 0.8 * shaking  # against one another, frames lie much better than keypoints put them
    # the silhouette against the mask, dressed and draped
    crop = watched.keypoints.crop
    masks = np.stack([watched.keypoints.masks[t] > 127 for t in range(FRAMES)])
    dressed, naked = silhouettes(acted(aligned.fit), crop, aligned.offsets), silhouettes(acted(fit), crop)
    iou, before = ((drawn & masks).sum((1, 2)) / (drawn | masks).sum((1, 2)) for drawn in (dressed, naked))
    assert iou.mean() > 0.88 and iou.mean() > before.mean() + 0.05
    worn = overlap(body(), aligned.fit, watched.keypoints, aligned.offsets)
    assert np.allclose(worn, iou, atol=0.01)
    draped = overlap(body(), aligned.fit, watched.keypoints, aligned.offsets, aligned.drape)
    assert 1 - draped.mean() < 0.6 * (1 - worn.mean())
    assert fit.state.rotations is not aligned.fit.state.rotations  # the given fit is left as it was


def acted(fit: Fit) -> Act:
    """What a fit says the person does."""
    return Act(A.poses_of(fit.state).numpy(), fit.betas.numpy(), fit.plane.camera_to_px(fit.state.camera))


@pytest.mark.slow
def test_frames_with_nobody_and_several_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    film = act(FRAMES, FPS, seed=3, beat=0.5)
    watched = watched_film(film, noise=0.006, bias=0.0)
    keypoints = watched.keypoints
    points, visibility, world = (getattr(keypoints, name).copy() for name in ("points", "visibility", "world"))
    points[7], visibility[7], world[7] = np.nan, 0, 0
    masks = [keypoints.masks[t] * np.uint8(t != 7) for t in range(FRAMES)]
    keypoints = replace(keypoints, points=points, visibility=visibility, world=world, masks=Masks.pack(masks, SIDE))
    watched = replace(watched, keypoints=keypoints)
    fit = fit_keypoints(body(), landmarks(), keypoints, watched.shots, FPS)
    monkeypatch.setattr(A, "WINDOW", 5)
    monkeypatch.setattr(A, "OVERLAP", 2)
    aligned = A.align(body(), landmarks(), fit, watched, FPS)
    # where nobody is found, what hangs between the neighbours
    between = (aligned.drape[6].astype(float) + aligned.drape[8]) / 2
    assert np.abs(aligned.drape[7] - between).max() < 0.01  # m
    places = surface_px(aligned.fit)
    assert np.isfinite(places).all()
    assert error(aligned.fit, film)[1] < 0.9 * error(fit, film)[1]
    steps = np.linalg.norm(np.diff(places, axis=0), axis=-1).mean(1)
    true = np.linalg.norm(np.diff(film.px(film.vertices().numpy()), axis=0), axis=-1).mean(1)
    assert (steps < true + 12).all()  # px: no jump where windows meet or nobody is found


# -- choices -----------------------------------------------------------------------------------------------


def turning(found: list[bool], widths: list[float]) -> Keypoints:
    """Somebody seen in profile where the width is small."""
    film = act(len(found), 4.0, seed=1)
    keypoints = seen(film)
    points, visibility = keypoints.points.copy(), keypoints.visibility.copy()
    for t, width in enumerate(widths):
        for left, right in ((11, 12), (23, 24)):
            points[t, left] = (240 + width, 200)
            points[t, right] = (240 - width, 200)
    points[~np.array(found)] = np.nan
    visibility[~np.array(found)] = 0
    return replace(keypoints, points=points, visibility=visibility)


def test_the_reference_is_early_and_shows_the_person() -> None:
    wide, narrow = 40.0, 2.0
    all_found = [True] * 8
    assert A.reference_frame(turning(all_found, [wide] * 8), 4.0) == 0
    assert A.reference_frame(turning([False, False] + [True] * 6, [wide] * 8), 4.0) == 2
    late = A.reference_frame(turning([False] * 6 + [True] * 2, [wide] * 8), 4.0)
    assert late in (6, 7)
    scores = A.view_scores(turning(all_found, [wide, narrow] * 4))
    assert (scores[::2] > scores[1::2]).all()
    assert A.view_scores(turning([False] + [True] * 7, [wide] * 8))[0] == -1


def test_companions_lie_apart() -> None:
    keypoints = turning([True] * 5 + [False] * 3 + [True] * 12, [40.0] * 20)
    chosen = A.companions(keypoints, 3, 2)
    assert len(chosen) == 2 and keypoints.found[chosen].all()
    everyone = [3, *chosen]
    assert min(abs(a - b) for i, a in enumerate(everyone) for b in everyone[:i]) >= 3
    assert A.companions(seen(act(1, 4.0)), 0, 2) == []


def test_paint_is_a_weighted_mean_that_settles() -> None:
    blank = A.Paint(torch.zeros(3, 3), torch.zeros(3))
    colour = torch.tensor([[[100.0] * 3] * 3, [[200.0] * 3] * 3])
    first = blank.add(colour, torch.tensor([[0.5, 1.0, 0.0], [0.5, 0.0, 0.0]]))
    assert torch.allclose(first.colour[:, 0], torch.tensor([150.0, 100.0, 0.0]))
    assert torch.allclose(first.weight, torch.tensor([1.0, 1.0, 0.0]))
    later = first.add(torch.full((1, 3, 3), 10.0), torch.ones(1, 3))
    assert torch.allclose(later.colour[:, 0], torch.tensor([150.0, 100.0, 10.0]))  # known ones don't drift


# -- evidence ----------------------------------------------------------------------------------------------

PLANE = Plane(400.0, (250.0, 310.0))
CROPS = np.array([[200.0, 300.0, 500.0], [260.5, 280.25, 333.0]])


def test_views_of_crops_agree_with_the_plane() -> None:
    view = CropView.of(CROPS, SIDE, PLANE)
    px = np.random.default_rng(0).uniform(0, SIDE, (2, 7, 2))
    picture = CROPS[:, None, :2] - CROPS[:, None, 2:] / 2 + px / SIDE * CROPS[:, None, 2:]
    assert np.allclose(view.plane(px), PLANE.points(picture), atol=1e-5)
    # a body point lands on the same picture px by way of the plane and by way of the crop
    camera = torch.tensor([[0.6, 0.05, -0.1], [0.5, -0.2, 0.3]])
    points = torch.randn(2, 9, 3, generator=torch.Generator().manual_seed(1))
    by_plane = PLANE.px(to_plane(points, camera))
    ndc = project(points, view.camera(camera))[..., :2].numpy()
    by_crop = CROPS[:, None, :2] + ndc * np.array([1, -1]) * CROPS[:, None, 2:] / 2
    assert np.allclose(by_plane, by_crop, atol=1e-2)


def drawn_body() -> tuple[Act, np.ndarray, CropView, torch.Tensor, Fragments]:
    film = act(2, 1.0, seed=2)
    crop = crops(film.px(film.places()))
    ndc = project(film.vertices(), crop_cameras(film, crop))
    return film, crop, CropView.of(crop, SIDE, PLANE), ndc, rasterize(ndc, body().faces, SIDE)


def test_spots_of_the_surface_are_where_the_picture_shows_them() -> None:
    film, crop, _, _, fragments = drawn_body()
    pixels = []
    for mask in fragments.mask.numpy():
        rows, columns = np.nonzero(mask)
        chosen = np.random.default_rng(0).permutation(len(rows))[:70]
        pixels.append(np.stack([columns[chosen], rows[chosen]], 1))
    points = points_at(fragments, pixels, 50)
    assert points.used.all() and points.px.shape == (2, 50, 2)
    rest = points.rest(body(), rest_vertices(body(), torch.from_numpy(film.betas)))
    weights = points.weights(body())
    assert torch.allclose(weights.sum(-1), torch.ones(2, 50), atol=1e-5)
    skeleton = film.skeleton()
    world, joints = solver_kinematics(axis_angle_to_matrix(torch.from_numpy(film.poses)), skeleton)
    places = skinned_parts(rest, weights, world, joints, skeleton).sum(2)
    shown = project(places, crop_cameras(film, crop))[..., :2].numpy()
    px = (shown * np.array([1, -1]) + 1) / 2 * SIDE
    off = np.linalg.norm(px - points.px, axis=-1)
    # skinning a point with interpolated weights is not quite interpolating skinned corners
    assert np.median(off) < 0.05 and off.max() < 1.0
    few = points_at(fragments, [pixels[0][:3], pixels[1][:0]], 50)
    assert few.used.sum(1).tolist() == [3, 0]


def whole(pictures: np.ndarray, masks: np.ndarray, view: CropView) -> Window:
    """Crops that lie in the picture wholly."""
    return Window(pictures, masks.astype(np.float32), np.ones(masks.shape, bool), view)


def upper(window: Window) -> Window:
    """The picture ends at half of the crops' height."""
    inside = window.inside.copy()
    inside[:, SIDE // 2 :] = False
    return replace(window, inside=inside)


@pytest.mark.parametrize("shift", [(3, -2), (-4, 5)])
def test_flow_evidence_finds_a_known_shift(shift: tuple[int, int]) -> None:
    film, crop, view, _, fragments = drawn_body()
    rendered, masks = filmed(film, crop, torch.zeros(body().n_vertices, 3))
    pictures = np.stack([np.roll(picture, shift, (1, 0)) for picture in rendered])
    moved = np.stack([np.roll(mask, shift, (1, 0)) for mask in masks]).astype(np.float32)
    rest = rest_vertices(body(), torch.from_numpy(film.betas))
    term = flow_evidence(body(), rest, fragments, rendered, masks, whole(pictures, moved, view), 0.01)
    start = points_from(view, film, crop, term.rest, term.weights)
    step = (term.targets.double() - view_plane(view, start)).numpy() / view.scale[:, None, None]
    assert term.axes is not None
    trust = term.trust.numpy() * (term.axes**2).sum(-1).amin(-1).numpy()  # where both directions are known
    assert trust.min() >= 0 and (trust > 0).sum(1).min() > 100
    good = trust > np.median(trust[trust > 0])
    assert np.abs(np.median(step[good], 0) - np.array(shift) * np.array([1, -1])).max() < 0.3


def test_nothing_is_known_of_what_lies_beyond_the_picture() -> None:
    """Crops repeat the picture's edge there: outlines and colours of it are nobody's."""
    film, crop, view, _, fragments = drawn_body()
    pictures, masks = filmed(film, crop, torch.zeros(body().n_vertices, 3))
    rest, lazy = rest_vertices(body(), torch.from_numpy(film.betas)), torch.zeros(body().n_vertices)
    window = whole(pictures, masks, view)
    before = np.stack(np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5), -1)[None].astype(np.float32)

    def evidence(window: Window) -> list[tuple[torch.Tensor, np.ndarray]]:
        """Trust, and the rows of the crops that it is put in."""
        terms = (
            outline_evidence(body(), rest, fragments, window, 0.01, lazy),
            flow_evidence(body(), rest, fragments, pictures, masks, window, 0.01),
        )
        tracks = track_evidence(body(), rest, fragments, before, masks[1:], window, 0.01)
        found = [(term.trust, points_from(view, film, crop, term.rest, term.weights)[..., 1]) for term in terms]
        last = Act(film.poses[1:], film.betas, film.camera[1:])
        return [*found, (tracks.trust, points_from(view, last, crop[1:], tracks.rest, tracks.weights)[..., 1])]

    for (trust, rows), (all_trust, all_rows) in zip(evidence(upper(window)), evidence(window), strict=True):
        assert all_rows[all_trust.numpy() > 0].max() > 0.7 * SIDE
        assert (trust > 0).sum() > 20 and rows[trust.numpy() > 0].max() < SIDE / 2 + 1


def test_flow_counts_more_in_units_of_those_of_whom_little_is_seen() -> None:
    """A crop of head and shoulders has finer pixels: its flow is known better, in heights of the whole person, but
    worse than by as many pixels, as clothes slide."""
    film, crop, view, _, fragments = drawn_body()
    pictures, masks = filmed(film, crop, torch.zeros(body().n_vertices, 3))
    rest = rest_vertices(body(), torch.from_numpy(film.betas))

    def term(share: float) -> PointEvidence:
        window = whole(pictures, masks, replace(view, share=share))
        return flow_evidence(body(), rest, fragments, pictures, masks, window, 0.01)

    torch.testing.assert_close(term(0.25).trust, 4 * term(1.0).trust)
    assert term(0.25).scale == pytest.approx(term(1.0).scale / 4)


def points_from(view: CropView, film: Act, crop: np.ndarray, rest: torch.Tensor, weights: torch.Tensor) -> np.ndarray:
    """(T, N, 2) crop px of spots of the surface."""
    skeleton = film.skeleton()
    world, joints = solver_kinematics(axis_angle_to_matrix(torch.from_numpy(film.poses)), skeleton)
    places = skinned_parts(rest, weights, world, joints, skeleton).sum(2)
    ndc = project(places, crop_cameras(film, crop))[..., :2].numpy()
    return (ndc * np.array([1, -1]) + 1) / 2 * view.size


def view_plane(view: CropView, px: np.ndarray) -> torch.Tensor:
    return view.plane(px).double()


def test_flow_evidence_distrusts_what_does_not_match() -> None:
    film, crop, view, _, fragments = drawn_body()
    rendered, masks = filmed(film, crop, torch.zeros(body().n_vertices, 3))
    rest = rest_vertices(body(), torch.from_numpy(film.betas))
    soft = masks.astype(np.float32)

    def trust(pictures: np.ndarray, person: np.ndarray) -> float:
        term = flow_evidence(body(), rest, fragments, rendered, masks, whole(pictures, person, view), 0.01)
        return float(term.trust.sum())

    same = trust(rendered, soft)
    assert same > 0
    assert trust(255 - rendered, soft) < 0.3 * same  # other colours
    assert trust(rendered, 0 * soft) == 0  # nobody there


def test_track_evidence_finds_how_the_surface_moved() -> None:
    """The person stands still, the second picture is shifted; the body is taken to have moved by something else."""
    film = act(1, 1.0, seed=2)
    film = Act(film.poses.repeat(2, 0), film.betas, film.camera.repeat(2, 0))
    crop = crops(film.px(film.places()))
    rendered, masks = filmed(film, crop, torch.zeros(body().n_vertices, 3))
    shift, guess = np.array([3, -2]), np.array([1.5, 0.5])
    pictures = np.stack([rendered[0], np.roll(rendered[1], shift, (1, 0))])
    people = np.stack([masks[0], np.roll(masks[1], shift, (1, 0))]).astype(np.float32)
    guessed = Act(film.poses, film.betas, film.camera + np.outer([0, 1], [0, *guess * crop[0, 2] / SIDE]))
    view = CropView.of(crop, SIDE, PLANE)
    ndc = project(film.vertices(), crop_cameras(guessed, crop))
    fragments = rasterize(ndc, body().faces, SIDE)
    columns, rows = np.meshgrid(np.arange(SIDE) + 0.5, np.arange(SIDE) + 0.5)
    before = (np.stack([columns, rows], -1) - guess)[None].astype(np.float32)
    known = fragments.mask[1:].numpy() & (np.roll(masks[:1], (1, 1), (1, 2)))
    rest = rest_vertices(body(), torch.from_numpy(film.betas))
    term = track_evidence(body(), rest, fragments, before, known, whole(pictures, people, view), 0.01)
    step = (term.moved.double() / view.scale[0] * torch.tensor([1.0, -1.0])).numpy()[0]
    sure = ((term.axes**2).sum(-1).amin(-1) * term.trust)[0].numpy()
    good = sure > np.median(sure[sure > 0])
    assert good.sum() > 30
    assert np.abs(np.median(step[good], 0) - shift).max() < 0.3


def test_clothes_of_several_frames_outvote_what_one_of_them_holds() -> None:
    """Three poses in the same clothes; in one of them a board stands out from the hip."""
    film = act(3, 1.0, seed=8)
    crop = crops(film.px(film.places())) * np.array([1, 1, 1.1], np.float32)
    masks = silhouettes(film, crop, swollen(0.03))
    poses, betas, cameras = torch.from_numpy(film.poses), torch.from_numpy(film.betas), crop_cameras(film, crop)
    scale = cameras[:, 0].numpy() * SIDE / 2

    def worn(seen: np.ndarray, offsets: torch.Tensor) -> torch.Tensor:
        fragments = rasterize(project(film.vertices(offsets), cameras), body().faces, SIDE)
        return swell(body(), poses, betas, offsets, fragments, seen, scale, np.ones_like(seen))

    def iou(offsets: torch.Tensor) -> float:
        drawn = silhouettes(film, crop, offsets)
        return float((drawn & masks).sum() / (drawn | masks).sum())

    naked = torch.zeros(body().n_vertices, 3)
    once = worn(masks, naked)
    twice = worn(masks, once)
    assert iou(naked) < 0.87 and iou(once) > 0.95 and iou(twice) > 0.96
    held = masks.copy()
    rows, columns = np.nonzero(masks[0])
    middle = int(rows.mean())
    right = int(columns[rows == middle].max())
    held[0, middle - 12 : middle + 12, right - 5 : right + 25] = True
    assert (worn(held, once) - twice).norm(dim=-1).max() < 0.015  # m, of more than 0.1 that the board stands out


def test_outline_evidence_pulls_along_the_normals() -> None:
    film, crop, view, _, fragments = drawn_body()
    masks = np.stack([np.roll(mask, 5, 1) for mask in fragments.mask.numpy()])  # the person stands 5 px right
    rest = rest_vertices(body(), torch.from_numpy(film.betas))
    lazy = body().lbs_weights[:, [22, 23]].sum(1)
    term = outline_evidence(
        body(), rest, fragments, whole(np.zeros((*masks.shape, 3), np.uint8), masks, view), 0.01, lazy
    )
    start = points_from(view, film, crop, term.rest, term.weights)
    step = (term.targets.double() - view_plane(view, start)).numpy() / view.scale[:, None, None]
    assert term.axes is not None
    normals, trust = term.axes[:, :, 0].numpy(), term.trust.numpy()
    sideways = (np.abs(normals[..., 0]) > 0.97) & (trust > 0)
    along = (step * normals).sum(-1)[sideways] * np.sign(normals[..., 0][sideways])
    assert sideways.sum() > 40 and abs(np.median(along) - 5) < 0.8
    level = (np.abs(normals[..., 1]) > 0.97) & (trust > 0)
    assert abs((step * normals).sum(-1)[level].mean()) < 0.8
    at_hands = (term.weights[..., [22, 23]].sum(-1) > 0.99).numpy()
    assert trust[at_hands].max(initial=0) < 0.02 * trust.max()


def test_settling_puts_a_shifted_body_inside_its_outline() -> None:
    film = act(1, FPS, seed=5)
    watched = watched_film(film, noise=0.0, bias=0.0)
    plane = Plane(HEIGHT, (240.0, 300.0))
    turned = axis_angle_to_matrix(torch.from_numpy(film.poses))
    off = film.camera + np.array([[0.0, 0.02 * HEIGHT, 0.01 * HEIGHT]])
    fit = Fit(
        State(turned, plane.camera_from_px(off)), torch.from_numpy(film.betas), plane, np.ones(1, bool), watched.shots
    )
    window = A.window_of(watched, np.zeros(1, int), plane)
    # keypoints that say nothing: only the outline is left
    blind = replace(watched.keypoints, visibility=np.full((1, 33), 1e-3, np.float32))
    settled = replace(fit, state=A.settle(body(), landmarks(), fit, blind, 0, window))
    assert error(settled, film)[0] < 0.8 * error(fit, film)[0]
