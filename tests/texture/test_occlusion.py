"""Arms before the body, in photos that don't show them quite where they are fitted."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.correspondence.visibility import vertex_visibility
from lwgan_cli.texture import occlusion
from lwgan_cli.texture.occlusion import arm_trust
from lwgan_cli.texture.skin_tone import Tone
from lwgan_cli.texture.source import picture_ndc, to_px
from tests.body.acting import body
from tests.texture.staging import CAMERA, SIZE, pose, surface, vertices

SKIN, SLEEVE, DRESS, WALL = (225, 175, 150), (35, 35, 40), (40, 80, 170), (120, 120, 120)


def folded(lift: float = 0.0) -> np.ndarray:
    """(24, 3) the forearms before the belly; lift, rad, raises them."""
    rows = pose()
    rows[16, 2], rows[17, 2] = -1.2, 1.2
    rows[18], rows[19] = (0, -1.2, -1.4 - lift), (0, 1.2, 1.4 + lift)
    return rows


@dataclass(frozen=True)
class Photo:
    """px (V, 2), depth (V,), visibility (V,) of a pose; group (H, W) that its photo shows, -1 for none."""

    px: np.ndarray
    depth: np.ndarray
    visibility: np.ndarray
    group: np.ndarray

    @classmethod
    def of(cls, rows: np.ndarray) -> Photo:
        ndc = picture_ndc(vertices(rows), torch.tensor([CAMERA]), SIZE)
        ndc[..., 2] += 1 - ndc[..., 2].min()
        fragments = rasterize(ndc, body().faces, (SIZE[1], SIZE[0]))
        face = fragments.pix_to_face[0].numpy()
        group = np.where(face >= 0, surface().groups[surface().faces[face, 0]], -1)
        visibility = vertex_visibility(fragments, ndc, body().faces)[0].numpy()
        return cls(to_px(ndc[0], SIZE), ndc[0, :, 2].numpy(), visibility, group)

    def painted(self, hands: tuple[int, int, int] = SKIN, sleeves: tuple[int, int, int] = SLEEVE) -> np.ndarray:
        """(H, W, 3) uint8: sleeves, hands and face on a dress, a little noise on all."""
        colours = np.array([DRESS] * len(surface().axes) + [WALL])
        colours[:-1][surface().arms], colours[:-1][surface().hands] = sleeves, hands
        colours[surface().groups[surface().skin][0]] = SKIN
        noise = np.random.default_rng(0).normal(0, 3, (*self.group.shape, 3))
        return np.clip(colours[self.group] + noise, 0, 255).astype(np.uint8)

    def shows(self, which: np.ndarray, px: np.ndarray) -> np.ndarray:
        """(N,) bool: groups (G,) bool are what the photo shows at places (N, 2) px."""
        x, y = np.clip(px.astype(int), 0, np.array(SIZE) - 1).T
        group = self.group[y, x]
        return (group >= 0) & which[group]


def trusted(fit: Photo, photo: Photo, colours: np.ndarray) -> np.ndarray:
    tone = Tone.of(np.random.default_rng(1).normal(SKIN, 4, (100, 3)))
    alpha = (photo.group >= 0).astype(np.float32)
    return arm_trust(surface(), colours, alpha, fit.px, fit.depth, CAMERA[0], tone)


@pytest.fixture(scope="module")
def fitted() -> Photo:
    return Photo.of(folded())


@pytest.fixture(scope="module")
def shown() -> Photo:
    """Some centimetres above the fit."""
    return Photo.of(folded(0.15))


def test_arms_are_not_painted_onto_what_is_behind(fitted: Photo, shown: Photo) -> None:
    trust = trusted(fitted, shown, shown.painted())
    rest = ~surface().arms[surface().groups] & (fitted.visibility > 0.5)
    covered = rest & shown.shows(surface().arms, fitted.px) & (surface().vertices[:, 1] < 0.25)  # below the shoulders
    assert covered.sum() > 15  # the fit alone would paint as much
    assert trust[covered].mean() < 0.03
    clear = rest & (np.abs(fitted.px[:, 1] - fitted.px[surface().hands[surface().groups], 1].mean()) > 40)
    assert clear.sum() > 1000 and (trust[clear] > 0.9).mean() > 0.98


def test_no_dress_is_painted_onto_hands(fitted: Photo, shown: Photo) -> None:
    trust = trusted(fitted, shown, shown.painted())
    hands = surface().hands[surface().groups] & (fitted.visibility > 0.5)
    bare = shown.shows(surface().hands, fitted.px)
    assert (hands & ~bare).sum() > 50 and (hands & bare).sum() > 50
    assert trust[hands & bare].mean() > 0.9
    assert trust[hands & ~bare].mean() < 0.3


def test_where_all_cloth_is_of_one_colour_the_fit_is_believed(fitted: Photo) -> None:
    trust = trusted(fitted, fitted, fitted.painted(sleeves=DRESS))
    seen = fitted.visibility > 0.95
    assert trust[seen & surface().arms[surface().groups]].mean() > 0.93
    assert trust[seen & ~surface().arms[surface().groups]].mean() > 0.9


@pytest.mark.parametrize("swing", [-0.12, 0.12])
def test_under_an_arm_seen_from_the_side_the_trunk_takes_nothing_of_it(swing: float) -> None:
    """Right below the armpit, where arm and trunk are near one another on the surface, too."""

    def beside(swing: float) -> Photo:
        rows = pose()
        rows[0, 1] = np.pi / 2
        for arm, side in ((16, -1), (17, 1)):
            hanging = Rotation.from_rotvec([0, 0, 1.35 * side])
            rows[arm] = (Rotation.from_rotvec([swing, 0, 0]) * hanging).as_rotvec()
        return Photo.of(rows)

    fit, photo = beside(0.0), beside(swing)
    trust = trusted(fit, photo, photo.painted(sleeves=SKIN))
    of_arm = surface().arms[surface().groups]
    mixed = of_arm[surface().faces].any(1) & ~of_arm[surface().faces].all(1)
    below = surface().vertices[surface().faces[mixed].ravel(), 1].min() - surface().vertices[:, 1]
    covered = ~of_arm & (fit.visibility > 0.5) & photo.shows(surface().arms, fit.px) & (below > 0.01) & (below < 0.1)
    assert covered.sum() > 3 and trust[covered].max() < 0.1


def test_seen_from_the_front_what_falls_beside_an_armpit_may_be_seen(fitted: Photo) -> None:
    aside = occlusion._from_aside(surface(), fitted.px, fitted.depth, CAMERA[0])
    assert not aside.any()


def test_hands_in_pockets_are_not_seen(fitted: Photo) -> None:
    trust = trusted(fitted, fitted, fitted.painted(hands=DRESS))
    assert trust[surface().hands[surface().groups]].max() < 0.05
    sleeves = (fitted.visibility > 0.95) & surface().arms[surface().groups] & ~surface().hands[surface().groups]
    assert trust[sleeves].mean() > 0.9


def test_a_forearm_that_is_behind_the_back_is_not_cut_from_the_dress(fitted: Photo) -> None:
    """The fit has it before the belly, where the photo shows the dress alone; the other one is where it is fitted."""
    groups, sides = surface().groups, np.sign(surface().vertices[:, 0])
    left = np.isin(fitted.group, np.unique(groups[surface().arms[groups] & (sides > 0)]))
    below = left & (np.arange(SIZE[1])[:, None] > fitted.px[groups == np.flatnonzero(surface().hands)[0], 1].min() - 30)
    colours = fitted.painted()
    colours[below] = np.clip(np.random.default_rng(3).normal(DRESS, 3, (below.sum(), 3)), 0, 255)
    trust = trusted(fitted, fitted, colours)
    x, y = np.clip(fitted.px.astype(int), 0, np.array(SIZE) - 1).T
    sleeves = (fitted.visibility > 0.95) & surface().arms[groups] & ~surface().hands[groups]
    hidden, other = sleeves & below[y, x] & (sides > 0), sleeves & ~below[y, x] & (sides < 0)
    assert hidden.sum() > 100 and other.sum() > 100
    forearm = np.abs(surface().vertices[:, 0]) > 0.45
    assert (hidden & forearm).sum() > 50 and trust[hidden & forearm].mean() < 0.2
    assert trust[other].mean() > 0.85


def test_a_fist_is_not_painted_onto_an_open_hand(fitted: Photo) -> None:
    """Where fingers are fitted, and the most of the palm, the photo shows the dress."""
    colours = fitted.painted()
    x, y = np.clip(fitted.px.astype(int), 0, np.array(SIZE) - 1).T
    for sign in (1, -1):
        far = (surface().beyond_wrists > 0.05) & (sign * surface().vertices[:, 0] > 0)
        covered = np.zeros(fitted.group.shape, np.uint8)
        cv2.fillConvexPoly(covered, cv2.convexHull(np.stack([x[far], y[far]], 1).astype(np.int32)), 1)
        colours[(covered > 0) & (fitted.group >= 0)] = DRESS
    trust = trusted(fitted, fitted, colours)
    assert trust[surface().hands[surface().groups]].max() < 0.05


def test_a_hand_before_the_chest_is_told_from_the_dress_and_from_the_neck(monkeypatch: pytest.MonkeyPatch) -> None:
    """Held towards the camera, it looks larger than the fit has it. The dress is cut low: that skin goes on to the
    face, of which so much is near that it would count as cloth of the skin's colour."""
    monkeypatch.setattr(occlusion, "MOST_BARE", 0.1)
    rows = pose()
    rows[16] = 0, -1.8, -0.15
    fit = Photo.of(rows)
    colours = fit.painted()
    place = fit.px[surface().hands[surface().groups] & (surface().vertices[:, 0] > 0)].mean(0)
    away = np.linalg.norm(np.stack(np.meshgrid(*map(np.arange, SIZE)), -1) - place, axis=-1) / CAMERA[0]
    head = fit.group == surface().groups[surface().skin][0]
    chin, middle = int(np.flatnonzero(head.any(1))[-1]), int(fit.px[:, 0].mean())
    low = np.zeros(head.shape, bool)
    low[chin - 5 : chin + 45, middle - 3 : middle + 4] = True
    fist, low = away < 0.1, low & (away > 0.11)
    noise = np.random.default_rng(2).normal(0, 3, colours.shape)
    for part in (fist, low):
        colours[part & (fit.group >= 0)] = np.clip(np.array(SKIN) + noise, 0, 255)[part & (fit.group >= 0)]
    trust = trusted(fit, fit, colours)
    x, y = np.clip(fit.px.astype(int), 0, np.array(SIZE) - 1).T
    dress = (fit.visibility > 0.95) & ~surface().arms[surface().groups] & ~head[y, x]
    covered, chest = dress & (away[y, x] < 0.09), dress & low[y, x]
    assert covered.sum() > 50 and chest.sum() > 20
    assert trust[covered].mean() < 0.2 and trust[chest].mean() > 0.85


def test_bare_legs_leave_a_hand_beside_them_to_be_told_by_its_skin() -> None:
    """Where hands are fitted, the photo shows a wide dress; the legs beside them are bare, and known to be so."""
    rows = pose()
    rows[16, 2], rows[17, 2] = -1.35, 1.35
    fit, legs = Photo.of(rows), surface().with_bare(np.array([[np.nan, np.nan], [-0.1, 0.9]]))
    colours = fit.painted()
    colours[(fit.group >= 0) & (surface().limbs & ~surface().arms)[fit.group]] = SKIN
    colours[(fit.group >= 0) & surface().hands[fit.group]] = DRESS
    tone = Tone.of(np.random.default_rng(1).normal(SKIN, 4, (100, 3)))
    alpha = (fit.group >= 0).astype(np.float32)
    hands, seen = surface().hands[surface().groups], fit.visibility > 0.95
    trust = arm_trust(legs, colours, alpha, fit.px, fit.depth, CAMERA[0], tone)
    assert trust[hands].max() < 0.05
    assert (trust[seen & legs.bare] > 0.9).mean() > 0.9


def test_a_face_between_hands_in_long_sleeves_is_no_hand() -> None:
    rows = pose()
    rows[16, 2], rows[17, 2], rows[18, 2], rows[19, 2] = 0.6, -0.6, 2.4, -2.4  # hands at the ears
    fit = Photo.of(rows)
    colours, head = fit.painted(hands=SLEEVE), surface().groups[surface().skin][0]
    above = np.arange(SIZE[1])[:, None] < fit.px[surface().skin, 1].min()
    colours[above & (fit.group == head)] = SLEEVE  # hair
    trust = trusted(fit, fit, colours)
    face = (fit.visibility > 0.95) & surface().skin & fit.shows(~surface().arms, fit.px)
    assert face.sum() > 100 and trust[face].mean() > 0.9


def test_hands_before_a_face_leave_the_rest_of_it() -> None:
    """A hand of the face's colour covers the one half of it."""
    rows = pose()
    rows[16], rows[18] = (0, -1.2, -0.6), (0, -1.7, 1.2)
    fit = Photo.of(rows)
    face = (fit.visibility > 0.95) & surface().skin
    away = cKDTree(fit.px[surface().hands[surface().groups]]).query(fit.px)[0] / CAMERA[0]
    clear, before = face & (away > 0.045), surface().skin & (away < 0.01)
    assert clear.sum() > 30 and before.sum() > 30
    trust = trusted(fit, fit, fit.painted())
    assert trust[clear].mean() > 0.95 and (trust * fit.visibility)[before].mean() < 0.3


def test_sleeves_show_no_skin(fitted: Photo) -> None:
    """The photo's hands begin nearer to the elbow than the fitted sleeves end."""
    sleeves = surface().with_sleeves((0.04, 0.04))
    tone = Tone.of(np.random.default_rng(1).normal(SKIN, 4, (100, 3)))
    alpha = (fitted.group >= 0).astype(np.float32)
    trust = arm_trust(sleeves, fitted.painted(), alpha, fitted.px, fitted.depth, CAMERA[0], tone)
    visible = (fitted.visibility > 0.95) & surface().arms[surface().groups]
    bare = surface().hands[surface().groups] & (surface().beyond_wrists > 0.015) & (surface().beyond_wrists < 0.03)
    assert trust[visible & bare].max() < 0.2
    assert trust[visible & (surface().beyond_wrists < -0.03)].mean() > 0.9


def test_gloves_are_hands(fitted: Photo) -> None:
    trust = trusted(fitted, fitted, fitted.painted(hands=(200, 30, 30)))
    gloves = (fitted.visibility > 0.95) & surface().hands[surface().groups]
    assert trust[gloves].mean() > 0.9


def test_what_is_held_is_neither_arm_nor_dress(fitted: Photo) -> None:
    """A yellow thing below the hands."""
    colours = fitted.painted()
    x, y = fitted.px[surface().hands[surface().groups]].mean(0).astype(int)
    thing = np.zeros(fitted.group.shape, bool)
    thing[y + 9 : y + 20, x - 10 : x + 10] = True
    colours[thing & (fitted.group >= 0)] = (240, 220, 30)
    trust = trusted(fitted, fitted, colours)
    column, row = np.clip(fitted.px.astype(int), 0, np.array(SIZE) - 1).T
    on = thing[row, column] & (fitted.visibility > 0.5)
    assert on.sum() > 10 and trust[on].max() < 0.5


@pytest.mark.parametrize("gap", [0, 12])
def test_fingers_in_motion_are_no_part_of_the_dress(fitted: Photo, gap: int) -> None:
    """A smear of skin and dress goes on upwards from a hand; one `gap` px off, a print, stays."""
    colours = fitted.painted()
    hands = surface().hands[fitted.group] & (fitted.group >= 0)
    x = int(np.flatnonzero(hands.any(0)).mean())
    top = int(np.flatnonzero(hands[:, x - 12 : x + 12].any(1))[0]) - gap
    smear = np.zeros(hands.shape, bool)
    smear[top - 10 : top + (3 if gap == 0 else 0), x - 12 : x + 12] = True
    smear &= (fitted.group >= 0) & ~surface().arms[fitted.group]
    colours[smear] = (0.3 * np.array(SKIN) + 0.7 * np.array(DRESS)).astype(np.uint8)
    trust = trusted(fitted, fitted, colours)
    column, row = np.clip(fitted.px.astype(int), 0, np.array(SIZE) - 1).T
    on = smear[row, column] & (row < top - 6) & (fitted.visibility > 0.95)
    assert on.sum() > 5
    assert trust[on].max() < 0.2 if gap == 0 else trust[on].mean() > 0.5


def test_nobody_in_the_photo(fitted: Photo) -> None:
    away = Photo(fitted.px + 5000, fitted.depth, fitted.visibility, fitted.group)
    assert (trusted(away, fitted, fitted.painted()) == 1).all()
