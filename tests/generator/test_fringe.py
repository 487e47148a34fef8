"""What is carried along around the head, against motions whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from lwgan_cli.generator import fringe as fringe_room
from lwgan_cli.generator.compositor import TextureWarp
from lwgan_cli.generator.fringe import BEYOND, COLLARS, HEAD, JOINTS, Fringe, metres, ownership
from lwgan_cli.generator.window import Window
from lwgan_cli.texture.crown import crowned
from lwgan_cli.texture.hairline import HeadHair
from lwgan_cli.texture.source import Source, picture_ndc
from lwgan_cli.texture.surface import Surface
from tests.body.acting import body
from tests.texture.staging import CAMERA, SIZE, mask, pattern, pose, source, vertices
from tests.texture.test_crown import cut_off

ATLAS = torch.tensor([1.0, 0.0, 1.0])[:, None, None].expand(3, 64, 64).contiguous()
HAIR = 8  # px that hair stands off
WIDE = (*SIZE, SIZE[0])


@lru_cache(maxsize=1)
def hairy() -> np.ndarray:
    """(H, W) float32 alpha of the body in a mop of hair with soft edges."""
    person = mask(pose()).astype(np.uint8)
    head = person.copy()
    head[int(in_picture("chin")[1]) :] = 0
    mop = cv2.dilate(head, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * HAIR + 1, 2 * HAIR + 1)))
    return np.maximum(person, cv2.GaussianBlur(mop.astype(np.float32), (0, 0), 1.5))


def in_picture(name: str) -> np.ndarray:
    """(2,) px of a landmark."""
    x, y, _ = vertices(pose())[0, body().landmarks[name]].tolist()
    return np.array([CAMERA[1] + CAMERA[0] * x, CAMERA[2] - CAMERA[0] * y])


@lru_cache(maxsize=1)
def photo() -> Source:
    return source(pose(), pattern(), hairy())


@lru_cache(maxsize=1)
def fringe() -> Fringe:
    found = Fringe.of(body(), photo())
    assert found is not None
    return found


def around_head() -> np.ndarray:
    """(H, W) bool: beside the body, above the chin, and not further off than the sheet counts."""
    off = distance_transform_edt(~mask(pose()))
    near = (off > 1) & (off < HAIR + 6)
    near[int(in_picture("chin")[1]) :] = False
    return near


def drawn(turn: float, of: Source | None = None) -> np.ndarray:
    """(H, W, 4) of the whole picture."""
    warp, cameras = TextureWarp(body(), [of or photo()], ATLAS, 256), torch.tensor([CAMERA])
    shape = warp.rasterize(vertices(pose(turn)), cameras, Window((0, 0), SIZE))
    return warp(shape).rgba[0].permute(1, 2, 0).numpy()


def placed(rows: np.ndarray, camera: tuple[float, float, float] = CAMERA) -> torch.Tensor:
    """(1, V, 3) m, as `Fringe.moved` takes it."""
    ndc = picture_ndc(vertices(rows), torch.tensor([camera]), SIZE)
    return metres(ndc, WIDE, camera[0])


def test_in_the_same_pose_hair_beyond_the_body_is_the_photos() -> None:
    rgba, near = drawn(0), around_head()
    assert near.sum() > 300
    assert np.abs(rgba[..., 3] - hairy())[near].mean() < 0.03
    solid = near & (hairy() > 0.9)
    assert np.abs(rgba[..., :3] - pattern() / 255)[solid].mean() < 0.01


def test_hair_fades_when_the_head_turns_away() -> None:
    bald = source(pose(), pattern())
    more = [(drawn(turn)[..., 3] - drawn(turn, bald)[..., 3]).clip(0).sum() for turn in (0, 20, 60)]
    assert more[0] > 300  # px
    assert more[1] > 0.7 * more[0]
    assert more[2] < 0.05 * more[0]


def test_it_draws_hair_before_a_cheek_until_the_head_turns_away() -> None:
    """Where it is known that the photo shows hair there, and no cheek."""
    surface, shown = Surface.of_body(body()), photo()
    cheek = surface.skin & (surface.vertices[:, 0] > 0.04)
    beside = HeadHair(np.zeros_like(cheek), cheek.astype(np.float32))
    cheekless = replace(shown, visibility=shown.visibility * torch.from_numpy(~cheek))
    there = np.zeros(SIZE[::-1], bool)
    x, y = shown.vertices_px()[cheek & (shown.visibility.numpy() > 0.9)].astype(int).T
    there[y, x] = True
    with_hair = replace(cheekless, head=beside)
    off = [np.abs(drawn(0, of)[..., :3] - pattern() / 255)[there].mean() for of in (cheekless, with_hair)]
    assert there.sum() > 10 and off[0] > 0.1 and off[1] < 0.5 * off[0]
    assert np.abs(drawn(60, with_hair) - drawn(60, cheekless)).max() < 0.02


def test_in_the_picture_plane_it_moves_as_one_with_the_body() -> None:
    angle = 0.5
    own = placed(pose())
    way = torch.tensor([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], dtype=torch.float32)
    target = torch.cat([own[..., :2] @ way.T + torch.tensor([0.2, -0.1]), own[..., 2:]], -1)
    places, alike = fringe().moved(target)
    expected = fringe().places[:, :2] @ way.T + torch.tensor([0.2, -0.1])
    assert torch.allclose(places[0], expected, atol=1e-4)
    assert torch.allclose(alike, torch.ones_like(alike), atol=1e-4)


def test_a_head_that_turns_keeps_its_breadth_and_what_lies_in_front_moves_sideways() -> None:
    head = fringe().share[:, JOINTS.index(HEAD)] > 0.999
    middle = fringe().pull[JOINTS.index(HEAD)] @ fringe().body
    angle = np.radians(20)
    own = placed(pose()) - middle
    turn = torch.tensor([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]).float()
    places, _ = fringe().moved(own @ turn.T + middle)
    before = fringe().places[head]
    sideways = np.sin(angle) * (before[:, 2] - middle[2])
    assert head.sum() > 20
    assert torch.allclose(places[0, head], before[:, :2] + torch.stack([sideways, 0 * sideways], 1), atol=2e-4)


def test_beside_an_arm_that_is_lifted_otherwise_it_fades_and_around_the_head_it_stays() -> None:
    rows = pose()
    rows[16, 2] += 1.4
    _, alike = fringe().moved(placed(rows))
    beside = fringe().lifted[:, 0] > 0.99
    far = (fringe().lifted < 0.01).all(1)
    assert beside.sum() > 20 and far.sum() > 100
    assert float(alike[0, beside].max()) < 0.05
    assert float(alike[0, far].min()) > 0.9


def test_sleeves_raised_beside_the_head_do_not_stay_there_as_hair() -> None:
    rows, hangs = pose(), pose()
    for side, shoulder in ((1, 16), (-1, 17)):
        rows[shoulder] = (0, 0, side * 1.5)
        hangs[shoulder] = (0, 0, -side * 1.2)
    raised = Fringe.of(body(), source(rows, pattern()))
    assert raised is not None
    arms = raised.body[torch.isin(body().parts, torch.tensor([16, 17, 18, 19])), :2]
    near = torch.cdist(raised.places[:, :2], arms).amin(1) < 0.04
    near &= raised.places[:, 1] > raised.body[body().landmarks["chin"], 1]
    assert near.sum() > 50
    kept, left = ((raised.moved(placed(each))[1] * raised.reach)[0, near] > 0.05 for each in (rows, hangs))
    assert int(kept.sum()) > 50 and int(left.sum()) < 0.2 * int(kept.sum())


def test_hands_beside_the_head_leave_it_at_the_heads_depth() -> None:
    """They are behind it: as deep as they are, it would be torn sideways when the head turns."""
    rows = pose()
    rows[16], rows[17], rows[18], rows[19] = (0, 1.0, 0.2), (0, -1.0, -0.2), (0, 0, 2.0), (0, 0, -2.0)
    beside = Fringe.of(body(), source(rows, pattern()))
    assert beside is not None

    def depths(sheet: Fringe) -> torch.Tensor:
        """m, of what counts and moves with the head."""
        return sheet.places[(sheet.share[:, JOINTS.index(HEAD)] > 0.9) & (sheet.reach > 0.1), 2]

    hands = beside.body[torch.isin(body().parts, torch.tensor([22, 23])), 2]
    assert len(depths(beside)) > 500 and float(hands.max()) < float(depths(fringe()).min()) - 0.03
    assert float(depths(beside).min()) > float(depths(fringe()).min()) - 0.005


def test_it_counts_around_head_and_neck_but_not_over_the_face_or_the_arms() -> None:
    (beside, head, over), marks = ownership(body()), body().landmarks
    for own in (beside, head, over):
        assert float(own[marks["head_top"]]) > 0.95
        assert max(float(own[marks[name]]) for name in ("nose", "left_eye", "right_mouth", "chin")) < 0.05
        assert float(own[marks["left_index_tip"]]) == 0
        assert float(own.min()) >= 0 and float(own.max()) <= 1
    collar = body().parts == COLLARS[0]
    assert float(beside[collar].max()) > 0.3
    assert float((over - beside).max()) <= 0 and float((head - over).max()) <= 0
    assert float(over[collar].mean()) < 0.5 * float(beside[collar].mean())


def test_a_photo_that_shows_no_head_has_none() -> None:
    below = replace(photo(), ndc=photo().ndc + torch.tensor([0.0, 10.0, 0.0]))
    assert Fringe.of(body(), below) is None


def test_the_window_has_room_for_hair() -> None:
    warp = TextureWarp(body(), [photo()], ATLAS, 256)
    bald = TextureWarp(body(), [source(pose(), pattern())], ATLAS, 256)
    places = np.stack([np.array([CAMERA[1], CAMERA[2]]) + CAMERA[0] * np.array([1, -1]) * placed_xy()])
    with_hair, without = (each.window(places, (1000, 1000)) for each in (warp, bald))
    assert with_hair is not None and without is not None
    more = without.corner[1] - with_hair.corner[1]
    assert HAIR - 2 <= more <= HAIR + 8
    assert fringe().beyond < BEYOND


def placed_xy() -> np.ndarray:
    """(V, 2) m of the body."""
    return vertices(pose())[0, :, :2].numpy()


def test_shoulders_in_somebody_elses_clothes_have_no_fringe() -> None:
    head = body().lbs_weights[:, HEAD]
    head_alone = Fringe.of(body(), photo(), (head > 0.5).float())
    assert head_alone is not None

    def reach(sheet: Fringe, below: float, above: float) -> float:
        """The most that counts between two heights, px."""
        y = (1 + sheet.grid[:, 1]) * SIZE[1] / 2
        return float(sheet.reach[(y > below) & (y < above)].max())

    chin, nose = (float(in_picture(name)[1]) for name in ("chin", "nose"))
    assert reach(fringe(), chin + 8, SIZE[1]) > 0.9 and reach(head_alone, chin + 8, SIZE[1]) < 0.5
    assert reach(head_alone, 0, nose) > 0.9


def test_hair_goes_on_above_a_picture_that_cuts_the_head_off() -> None:
    rows = int(in_picture("head_top")[1]) + 8
    cut = cut_off(photo(), rows)
    rgba, whole = drawn(0, cut), mask(pose())
    near = around_head()
    near[rows - 2 :] = False
    hair = hairy() > 0.9
    assert (near & hair).sum() > 30
    assert rgba[..., 3][near & hair].mean() > 0.7
    assert rgba[..., 3][near & (hairy() < 0.1)].mean() < 0.2
    above = whole.copy()
    above[rows - 2 :] = False
    assert (np.abs(rgba[above, :3] - [1, 0, 1]).max(1) > 0.2).mean() > 0.9  # nothing of the atlas


def test_above_a_cut_forehead_no_brow_holds_the_hair_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """What of a face stands edge-on passes for an outline, beside which no hair goes on: here all of the face does."""
    monkeypatch.setattr(fringe_room, "GRAZING", 2.0)
    rows = int(0.8 * in_picture("left_eye_outer")[1] + 0.2 * in_picture("head_top")[1])
    whole = crowned(cut_off(photo(), rows), (body().lbs_weights[:, HEAD] > 0.5).numpy())
    assert whole.size[1] > SIZE[1] - rows

    def reach(sheet: Fringe | None) -> float:
        """The least around the middle of the head, above the photo."""
        assert sheet is not None
        place = (1 + sheet.grid) / 2 * torch.tensor(whole.size)
        middle = in_picture("head_top")[0]
        near = (place[:, 1] < whole.size[1] - (SIZE[1] - rows)) & ((place[:, 0] - middle).abs() < 6) & (place[:, 1] > 4)
        return float(sheet.reach[near].min())

    assert reach(Fringe.of(body(), whole, cut=True)) > 0.9
    assert reach(Fringe.of(body(), whole)) < 0.5
