"""The texture warp against photos whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import binary_dilation, binary_erosion

from lwgan_cli.body.model import skin
from lwgan_cli.correspondence.maps import interpolate
from lwgan_cli.correspondence.visibility import directions, vertex_normals
from lwgan_cli.generator import compositor, outline
from lwgan_cli.generator.compositor import TextureWarp
from lwgan_cli.generator.window import Window, project_px
from lwgan_cli.layers.softness import edge_softness
from lwgan_cli.records import Flow, Fragments
from lwgan_cli.texture.skin_tone import GAMMA
from lwgan_cli.texture.source import Source
from tests.body.acting import body
from tests.texture.staging import CAMERA, SIZE, flat, mask, pattern, pose, source, surface, vertices
from tests.texture.test_underlay import STRIPES, before_the_belly

MAGENTA = torch.tensor([1.0, 0.0, 1.0])
ATLAS = MAGENTA[:, None, None].expand(3, 64, 64).contiguous()
SQUARE = np.ones((3, 3), bool)
WHOLE = Window((0, 0), SIZE)


def drawn(
    sources: list[Source],
    rows: np.ndarray,
    camera: tuple[float, float, float] = CAMERA,
    size: int = 256,
    window: Window | None = None,
    atlas: torch.Tensor = ATLAS,
) -> tuple[np.ndarray, Fragments, Window, tuple[Flow, ...]]:
    """rgba (h, w, 4) of the window that holds the body, and what it was drawn from."""
    warp = TextureWarp(body(), sources, atlas, size)
    cameras = torch.tensor([camera])
    window = window or Window.around(project_px(vertices(rows), cameras))
    shape = warp.rasterize(vertices(rows), cameras, window)
    warped = warp(shape)
    return warped.rgba[0].permute(1, 2, 0).numpy(), shape.fragments, window, warped.flows


def inner(shape: np.ndarray, by: int = 4) -> np.ndarray:
    return binary_erosion(shape, SQUARE, iterations=by)


def cut(picture: np.ndarray, window: Window) -> np.ndarray:
    """What of a picture the window shows; the window must lie inside."""
    (x, y), (width, height) = window.corner, window.size
    return picture[y : y + height, x : x + width]


@pytest.fixture(scope="module")
def photo() -> Source:
    return source(pose(), pattern())


def outline_softness(rgba: np.ndarray) -> float:
    """px"""
    picture = np.rint(rgba[..., 3:] * [200, 200, 200]).astype(np.uint8)
    return edge_softness(picture, rgba[..., 3])


# -- the warp ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("zoom", [1.0, 1.6])
def test_the_outline_is_as_soft_as_the_photos(zoom: float) -> None:
    colour = torch.tensor([120, 90, 60]) / 255
    photo = replace(source(pose(), flat((120, 90, 60))), softness=1.4, light=None)
    camera = (CAMERA[0] * zoom, *CAMERA[1:])
    rgba, *_ = drawn([photo], pose(), camera, size=512, atlas=colour[:, None, None].expand(3, 64, 64))
    assert outline_softness(rgba) == pytest.approx(1.4 * zoom, rel=0.15)
    assert np.abs(rgba[rgba[..., 3] > 0.02][:, :3] - colour.numpy()).max() < 0.02  # nothing goes dark or bright


def test_an_arm_before_the_body_is_as_soft_as_the_outline() -> None:
    rows, colours = pose(), pattern()
    rows[16] = [0, -1.2, -1.2]  # across the chest
    hard, soft = (
        drawn([replace(source(rows, colours), softness=softness)], rows, size=512)[0] for softness in (0.5, 2.0)
    )
    inside = inner(soft[..., 3] > 0.9, 8)
    changed = np.abs(hard - soft)[..., :3].max(-1)
    edges = np.abs(cv2.Laplacian(hard[..., :3], cv2.CV_32F)).max(-1)
    assert (changed[inside] > 0.02).sum() > 50
    assert edges[inside & (changed > 0.02)].mean() > 5 * edges[inside & (changed < 1e-3)].mean()


@pytest.mark.parametrize("size", [256, 100])  # drawn pixel by pixel, and enlarged
def test_the_same_pose_and_camera_give_the_photo_back(photo: Source, size: int) -> None:
    rgba, fragments, window, _ = drawn([photo], pose(), size=size)
    assert (fragments.mask.shape[1] < window.size[1]) == (size == 100)
    person, colours = cut(mask(pose()), window), cut(pattern(), window) / 255
    inside = inner(person)
    difference = np.abs(rgba[..., :3] - colours).mean(-1)[inside]
    assert difference.mean() < 0.004
    assert np.quantile(difference, 0.98) < 1e-3  # all but hidden spots between limbs
    assert (rgba[..., 3][inside] > 0.99).mean() > 0.995
    assert rgba[..., 3][~binary_dilation(person, SQUARE, iterations=4)].max() == 0
    assert np.abs(rgba[..., 3] - person).mean() < 0.01


def test_a_moved_camera_moves_the_person(photo: Source) -> None:
    first, _, window, _ = drawn([photo], pose())
    moved, _, there, _ = drawn([photo], pose(), (CAMERA[0], CAMERA[1] + 37, CAMERA[2] - 21))
    assert there.corner == (window.corner[0] + 37, window.corner[1] - 21) and there.size == window.size
    assert np.quantile(np.abs(first - moved), 0.999) < 0.02
    assert np.abs(first - moved).mean() < 1e-3


def test_twice_as_near_is_twice_as_large(photo: Source) -> None:
    rgba, _, window, _ = drawn([photo], pose(), (2 * CAMERA[0], 2 * CAMERA[1], 2 * CAMERA[2]), size=400)
    person = mask(pose())
    inside = inner(person, 3)
    rows, columns = np.nonzero(inside)
    at = rgba[2 * rows - window.corner[1], 2 * columns - window.corner[0]]  # a quarter px from the photo's centre
    assert np.abs(at[:, :3] - pattern()[rows, columns] / 255).mean() < 0.02
    assert (at[:, 3] > 0.99).mean() > 0.99


def test_what_the_photo_does_not_show_comes_from_the_atlas(photo: Source) -> None:
    rgba, fragments, _, flows = drawn([photo], pose(180))
    inside = inner(fragments.mask[0].numpy())
    assert np.abs(rgba[..., :3][inside] - MAGENTA.numpy()).max(-1).mean() < 0.02
    assert (rgba[..., 3][inside] > 0.99).mean() > 0.99  # no holes
    assert flows[0].visible[0].numpy()[inside].mean() < 0.05


def test_a_turned_person_is_half_photo_half_atlas(photo: Source) -> None:
    """At 60 degrees, what faces both the photo and the new view is the photo's."""
    green = source(pose(), flat((0, 255, 0)))
    rgba, fragments, _, _ = drawn([green], pose(60))
    surface = vertices(pose())[0]
    a, b, c = surface[body().faces].unbind(1)
    normals = torch.nn.functional.normalize(torch.linalg.cross(b - a, c - a, dim=-1), dim=-1)
    face = fragments.pix_to_face[0]
    towards = torch.where(face >= 0, normals[face.clamp_min(0), 2], 0.0).numpy()
    trunk = torch.isin(body().parts[body().faces[face.clamp_min(0)][..., 0]], torch.tensor([3, 6, 9, 1, 2, 4, 5]))
    inside = inner(fragments.mask[0].numpy()) & trunk.numpy()
    shown, hidden = inside & (towards > 0.6), inside & (towards < -0.1)
    assert shown.sum() > 300 and hidden.sum() > 300
    assert np.abs(rgba[shown][:, :3] - (0, 1, 0)).max(-1).mean() < 0.05
    assert np.abs(rgba[hidden][:, :3] - MAGENTA.numpy()).max(-1).mean() < 0.05


def test_a_face_takes_its_near_sides_mirror_image_when_it_turns_to_the_viewer() -> None:
    """The far side of one that looks aside is the photo's as long as it looks aside."""
    green = source(pose(50), flat((0, 255, 0)))
    far = torch.from_numpy(surface().face) & (body().v_template[:, 0] > 0.02)
    far &= (green.visibility > 0.9) & (green.visibility[body().mirror] > 0.9)
    assert green.outdone is not None and far.sum() > 20

    def share(rows: np.ndarray, photo: Source) -> float:
        """Of the far side's pixels that the atlas gives."""
        rgba, fragments, _, _ = drawn([photo], rows)
        face = fragments.pix_to_face[0]
        there = far[body().faces[face.clamp_min(0)]].all(-1).numpy() & (face >= 0).numpy()
        assert there.sum() > 9
        return float((rgba[there][:, 0] > 0.5).mean())

    assert share(pose(50), green) < 0.1
    assert share(pose(0), green) > 0.5 > share(pose(0), replace(green, outdone=None)) + 0.2


def test_of_two_photos_each_piece_comes_from_the_one_that_sees_it() -> None:
    red, blue = (230, 20, 20), (20, 20, 230)
    pair = [source(pose(), flat(red)), source(pose(180), flat(blue))]
    for turn, colour in ((0, red), (180, blue)):
        rgba, fragments, _, _ = drawn(pair, pose(turn))
        inside = inner(fragments.mask[0].numpy())
        assert np.abs(rgba[inside][:, :3] * 255 - colour).max(-1).mean() < 8
    rgba, fragments, _, flows = drawn(pair, pose(90))
    normals = interpolate(fragments, body().faces, rest_normals())[0].numpy()
    trunk = interpolate(fragments, body().faces, body().lbs_weights)[0].numpy()[..., [0, 3, 6, 9]].sum(-1) > 0.9
    inside = inner(fragments.mask[0].numpy()) & trunk
    for towards, colour in ((normals[..., 2] > 0.5, red), (normals[..., 2] < -0.5, blue)):
        assert (inside & towards).sum() > 100
        assert np.abs(rgba[inside & towards][:, :3] * 255 - colour).max(-1).mean() < 25
    assert len(flows) == 2


def rest_normals() -> torch.Tensor:
    """(V, 3) unit normals of the untwisted pose."""
    surface = vertices(pose())[0]
    a, b, c = surface[body().faces].unbind(1)
    sums = torch.zeros_like(surface)
    for corner in body().faces.unbind(1):
        sums.index_add_(0, corner, torch.linalg.cross(b - a, c - a, dim=-1))
    return torch.nn.functional.normalize(sums, dim=-1)


def test_the_photos_soft_edge_travels() -> None:
    """Half-covered pixels of the photo stay half-covered."""
    hard = mask(pose()).astype(np.float32)
    soft = cv2.GaussianBlur(hard, (0, 0), 1.2)
    warped, _, window, _ = drawn([source(pose(), flat((200, 60, 60)), soft)], pose())
    want = cut(soft, window)
    edge = (want > 0.3) & (want < 0.7)
    assert edge.sum() > 300
    assert np.abs(warped[..., 3] - want)[edge].mean() < 0.12
    # a hard edge would be this far off; half of the soft one lies beyond the body's outline
    hard_off = np.abs(cut(hard, window) - want).sum()
    assert np.abs(warped[..., 3] - want).sum() < 0.28 * hard_off


def crossed() -> np.ndarray:
    """(24, 3) an arm before the body."""
    rows = pose()
    rows[16], rows[18] = (0.0, -1.0, -0.9), (0.0, -1.2, 0.0)
    return rows


def test_an_arm_before_the_body_has_no_jagged_edge(photo: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    def at(zoom: int) -> np.ndarray:
        """Drawn so many times as large, brought back to the picture's size."""
        large = Window((zoom * WHOLE.corner[0], zoom * WHOLE.corner[1]), (zoom * WHOLE.size[0], zoom * WHOLE.size[1]))
        rgba = drawn([photo], crossed(), tuple(zoom * c for c in CAMERA), 2048, large)[0]  # type: ignore[arg-type]
        return cv2.resize(rgba, WHOLE.size, interpolation=cv2.INTER_AREA)[..., :3]

    shape = drawn([photo], crossed(), window=WHOLE)[1]
    depth = shape.zbuf[0].numpy() * (WHOLE.size[1] / 2 / CAMERA[0])  # m
    step = cv2.dilate(depth, np.ones((3, 3))) - cv2.erode(np.where(depth < 0, 100, depth), np.ones((3, 3)))
    before = (step > 0.1) & (step < 1) & inner(shape.mask[0].numpy(), 3)
    assert before.sum() > 40
    wanted = at(4)
    soft = (at(1) - wanted) ** 2
    monkeypatch.setattr(compositor, "DEPTH_STEP", 1e3)
    hard = (at(1) - wanted) ** 2
    assert soft[before].mean() < 0.65 * hard[before].mean()
    flat_surface = inner(shape.mask[0].numpy()) & (step < 0.02)
    assert np.array_equal(soft[flat_surface], hard[flat_surface])


def test_no_slits_where_surface_lay_beside_the_person(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow = source(pose(), pattern(), binary_erosion(mask(pose()), SQUARE, iterations=2).astype(np.float32))

    def slits() -> int:
        """Pixels well covered by the body that a closing of alpha would fill."""
        rgba, shape, *_ = drawn([narrow], pose(25), window=WHOLE)
        alpha, covered = rgba[..., 3], inner(shape.mask[0].numpy(), 1)
        closed = cv2.morphologyEx(alpha, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        return int(((closed - alpha > 0.3) & covered).sum())

    assert slits() == 0
    monkeypatch.setattr(outline, "SLIT", 0)
    assert slits() > 20


def test_what_arms_hid_takes_the_underlays_colours_and_not_the_atlas() -> None:
    shown = before_the_belly()
    beneath = shown.with_underlays(surface())
    hidden = beneath.underlays[0].visibility * (shown.visibility < 0.1)
    share = []
    for each in (shown, beneath):
        rgba, fragments, window, _ = drawn([each], pose(), size=256)
        there = interpolate(fragments, body().faces, hidden[:, None])[0, ..., 0].numpy() > 0.9
        there = inner(cv2.resize(there.astype(np.uint8), window.size) > 0, 1)
        colours = rgba[there][:, :3] * 255
        assert len(colours) > 50
        share.append((np.abs(colours[:, None] - STRIPES).sum(-1).min(1) < 60).mean())
    assert share[0] < 0.2 < 0.6 < share[1]


def test_frames_of_a_chunk_do_not_mix(photo: Source) -> None:
    warp, cameras = TextureWarp(body(), [photo], ATLAS, 256), torch.tensor([CAMERA, (150.0, 120.0, 200.0)])
    both = torch.cat([vertices(pose()), vertices(pose(40))])
    window = Window.around(project_px(both, cameras))
    together = warp(warp.rasterize(both, cameras, window))
    for row in range(2):
        one = slice(row, row + 1)
        alone = warp(warp.rasterize(both[one], cameras[one], window))
        assert torch.allclose(together.rgba[one], alone.rgba, atol=1e-5)
        assert torch.allclose(together.seen[one], alone.seen, atol=1e-5)


# -- windows -----------------------------------------------------------------------------------------------


# -- T beyond the outline ----------------------------------------------------------------------------------


# -- pasting -----------------------------------------------------------------------------------------------


def test_bare_limbs_are_lit_anew_when_they_turn() -> None:
    """In light from the right: what the photo shows of them gains what it had too little there, and so it goes on."""
    slope, grey = torch.tensor([0.4, 0.0, 0.0]), replace(source(pose(), flat((120, 120, 120))), light=None)
    arm = torch.from_numpy(surface().of_limbs[0])[:, None].float()
    there = directions(grey.ndc[None], (*SIZE, SIZE[0]), body().faces)[0]
    lit = replace(grey, light=arm * torch.cat([slope.expand(len(arm), 3), (there @ slope)[:, None]], 1))
    atlas = torch.full((3, 64, 64), 120 / 255)
    was, fragments, *_ = drawn([grey], pose(60), atlas=atlas)
    rgba, *_ = drawn([lit], pose(60), atlas=atlas)
    gain = GAMMA * np.log(np.maximum(rgba[..., :3], 1e-3) / np.maximum(was[..., :3], 1e-3)).mean(2)
    now, _ = skin(body(), torch.from_numpy(pose(60)[None]), torch.zeros(10))
    normals = F.normalize(vertex_normals(now * torch.tensor([1, 1, -1]), body().faces), dim=-1)[0]
    values = torch.cat([arm, (normals @ slope)[:, None], (there @ slope)[:, None], lit.visibility[:, None]], 1)
    of_arm, here, before, seen = interpolate(fragments, body().faces, values)[0].permute(2, 0, 1).numpy()
    rest, limb = (inner(fragments.mask[0].numpy() & (of_arm == share), 3) for share in (0, 1))
    assert rest.sum() > 1000 and np.abs(gain[rest]).max() < 1e-3
    for rows, light in ((limb & (seen == 1), here - before), (limb & (seen == 0), here)):
        assert rows.sum() > 30 and np.abs(gain - light)[rows].mean() < 0.03
