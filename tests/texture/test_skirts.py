"""A painted photo of a skirt, warped to parted legs: with the skirt as one, and as trousers."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch

from lwgan_cli.body.model import BodyModel, rest_vertices, skin
from lwgan_cli.body.skirt import Skirt, put_around, settled, with_skirt_offsets
from lwgan_cli.dressing.skirt_fit import NARROWED, beneath, fitted, within
from lwgan_cli.generator.compositor import TextureWarp
from lwgan_cli.generator.window import Window, paste
from lwgan_cli.layers.matte import extend_colours
from lwgan_cli.texture.bare import bare_stretches
from lwgan_cli.texture.gone_on import gone_on
from lwgan_cli.texture.hem import find_skirt
from lwgan_cli.texture.pieces import Pieces
from lwgan_cli.texture.skin_tone import Tone
from lwgan_cli.texture.skirts import LINING_LIGHT, for_model, lined
from lwgan_cli.texture.source import Source, prepare_source
from lwgan_cli.texture.surface import Surface
from lwgan_cli.texture.texels import Texels
from lwgan_cli.texture.texture import View, complete_views
from tests.body.acting import body
from tests.texture.skirted import BACKGROUND, CLOTH, SHIRT, SKIN, Painted, painted, standing, worn_offsets
from tests.texture.staging import CAMERA, SIZE, flat, motion

STRIPE = 5  # px


@lru_cache(maxsize=1)
def photo() -> Painted:
    return painted(standing(), "skirt")


@lru_cache(maxsize=1)
def skirt() -> tuple[Skirt, torch.Tensor]:
    """The photo's, and the body's offsets below it."""
    shown = motion(photo().rows)
    outline = find_skirt(body(), shown, photo().picture, photo().person.astype(np.float32))
    assert outline is not None
    found = fitted(body(), shown, worn_offsets(), outline)
    mask = np.pad(photo().person.astype(np.float32), ((0, 0), (50, 50)))
    return found, beneath(body(), found, shown, worn_offsets(), mask)


@lru_cache(maxsize=1)
def striped() -> np.ndarray:
    """(H, W, 3) uint8 the photo's picture, with stripes from the chest down to the hem."""
    out = photo().picture.copy()
    dark = np.arange(SIZE[0]) // STRIPE % 2 == 0
    chest = np.arange(SIZE[1])[:, None] > CAMERA[2] - 0.2 * CAMERA[0]
    cloth = photo().skirt | (photo().picture == SHIRT).all(-1) & chest
    out[cloth & dark] = out[cloth & dark] // 3
    return out


@lru_cache(maxsize=3)
def dressed(with_skirt: bool, with_stripes: bool = False) -> tuple[BodyModel, torch.Tensor, Source, np.ndarray]:
    """Model, offsets, source and atlas (A, A, 3) of the photo."""
    model = put_around(body(), skirt()[0]) if with_skirt else body()
    offsets = with_skirt_offsets(model, skirt()[1] if with_skirt else worn_offsets())
    surface, alpha = Surface.of_body(model), photo().person.astype(np.float32)
    colours = extend_colours(striped() if with_stripes else photo().picture, alpha)
    source = prepare_source(model, motion(photo().rows), offsets, colours, alpha, surface)
    view = View(colours, source.vertices_px(), source.visibility.numpy(), source.sleeves)
    return model, offsets, source, lined(surface, model, complete_views([view], surface, 256).colours)


def drawn(with_skirt: bool, rows: np.ndarray, with_stripes: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """The person in another pose: picture (H, W, 3) uint8, and alpha (H, W)."""
    model, offsets, source, atlas = dressed(with_skirt, with_stripes)
    warp = TextureWarp(model, [source], torch.from_numpy(atlas.transpose(2, 0, 1).astype(np.float32).copy()), 400)
    poses = torch.from_numpy(rows[None])
    vertices = skin(model, poses, torch.zeros(10), offsets)[0]
    vertices = settled(model, vertices, poses, torch.zeros(10), offsets)
    shape = warp.rasterize(vertices, torch.tensor([CAMERA]), Window((0, 0), SIZE))
    rgba = warp(shape).rgba[0]
    return paste(flat(BACKGROUND), rgba, (0, 0)), rgba[3].numpy()


def reddish(picture: np.ndarray) -> np.ndarray:
    """(...,) bool: the cloth's colour, in light or shade."""
    return (picture[..., 0] > 70) & (picture[..., 0] > 2 * picture[..., 1].astype(int))


def psnr(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    return float(-10 * np.log10(((a[where] / 255.0 - b[where] / 255.0) ** 2).mean()))


@pytest.mark.parametrize("apart", [0.12, 0.25])
def test_when_legs_part_there_is_cloth_between_them(apart: float) -> None:
    truth = painted(standing(apart), "skirt", flare=0.04 - 0.12 * apart)  # cloth that is drawn wide stands off less
    scores = []
    for with_skirt in (True, False):
        picture, alpha = drawn(with_skirt, truth.rows)
        person, cloth = alpha > 0.5, reddish(picture) & (alpha > 0.5)
        iou = (person & truth.person).sum() / (person | truth.person).sum()
        of_cloth = (cloth & truth.skirt).sum() / (cloth | truth.skirt).sum()
        middle = truth.skirt[:, 150] & (np.arange(SIZE[1]) < 252)
        scores.append((iou, of_cloth, psnr(picture, truth.picture, truth.person), cloth[middle, 150].mean()))
    (iou, of_cloth, sharp, between), (less, less_cloth, worse, split) = scores
    assert between > 0.97 and split < 0.8
    assert of_cloth > 0.9 and of_cloth > less_cloth + 0.04
    assert iou > less and iou > 0.9
    assert sharp > worse + 0.5


def test_in_its_own_pose_the_photo_comes_back() -> None:
    picture, alpha = drawn(True, photo().rows)
    assert ((alpha > 0.5) == photo().person).mean() > 0.995
    assert psnr(picture, photo().picture, photo().skirt) > 27


def test_from_behind_the_skirt_is_the_garment_and_the_legs_are_bare() -> None:
    rows = standing(0.1, 180)
    picture, alpha = drawn(True, rows)
    truth = painted(rows, "skirt", flare=0.03)
    inside = truth.skirt & (alpha > 0.9) & (np.arange(SIZE[1])[:, None] > CAMERA[2] + 0.09 * CAMERA[0])
    assert reddish(picture)[inside].mean() > 0.97
    legs = truth.person & ~truth.skirt & (np.arange(SIZE[1])[:, None] > 270) & (alpha > 0.9)
    assert np.abs(picture[legs].astype(int) - SKIN).mean() < 15


def contrast(picture: np.ndarray, inside: np.ndarray) -> float:
    """How much stripes stand out: mean step between neighbours across them, where both (H, W) bool lie inside."""
    grey, pairs = picture.mean(-1), inside[:, 1:] & inside[:, :-1]
    return float(np.abs(np.diff(grey, axis=1))[pairs].mean())


def test_from_behind_a_pattern_goes_on_over_trunk_and_skirt() -> None:
    picture, alpha = drawn(True, standing(0.0, 180), True)
    hips = (
        CAMERA[2] - float(dressed(True)[0].v_template[Surface.of_body(dressed(True)[0]).of_skirt, 1].max()) * CAMERA[0]
    )
    row, core = np.arange(SIZE[1])[:, None], np.abs(np.arange(SIZE[0]) - CAMERA[1]) < 0.12 * CAMERA[0]
    for low, high in ((-0.06, -0.01), (0.01, 0.06), (0.08, 0.25)):
        at = (row > hips + low * CAMERA[0]) & (row < hips + high * CAMERA[0]) & core
        assert contrast(picture, at & (alpha > 0.9)) > 0.6 * contrast(striped(), at & photo().person)


def test_trunk_and_skirt_are_made_up_from_each_other_and_no_leg_from_a_skirt() -> None:
    surface = Surface.of_body(dressed(True)[0])
    skirt = int(surface.groups[surface.of_skirt][0])
    trunk = int(np.flatnonzero(surface.hips & ~surface.limbs)[0])
    thigh = int(np.flatnonzero(surface.hips & surface.limbs & (np.arange(len(surface.hips)) != skirt))[0])
    assert surface.dressed_with(trunk)[[trunk, thigh, skirt]].all()
    assert surface.dressed_with(skirt)[[trunk, skirt]].all() and not surface.dressed_with(skirt)[thigh]
    assert not surface.dressed_with(thigh)[skirt]


def test_a_thigh_that_a_skirt_hides_is_skin_but_along_the_skirts_upper_edge() -> None:
    """Between trunk and skirt there may be a gap."""
    model, _, source, atlas = dressed(True)
    assert model.skirt is not None
    hidden = (model.skirt.covered > 0.9).numpy() & np.isin(body().parts.numpy(), [1, 2])
    assert (source.visibility[: len(hidden)][hidden] < 0.05).all()
    depth = (model.v_template[len(hidden) :, 1].max() - model.v_template[: len(hidden), 1]).numpy()
    for where, bare in ((hidden & (depth > 0.1), True), (hidden & (depth < 0.08), False)):
        faces = where[body().faces.numpy()].all(1)
        assert np.count_nonzero(faces) > 5
        uv = model.uv[model.uv_faces[: body().n_shown][faces]].mean(1).numpy()
        column, row = (uv * len(atlas)).astype(int).T
        if bare:
            assert np.abs(atlas[row, column] * 255 - SKIN).mean() < 25
            assert reddish(atlas[row, column] * 255).mean() < 0.01
        else:
            assert np.abs(atlas[row, column] * 255 - SKIN).mean() > 50


def test_what_a_skirts_top_covers_is_of_its_cloth() -> None:
    """Hips may stand out of it, and were never seen."""
    model = dressed(True)[0]
    assert model.skirt is not None
    surface = Surface.of_body(model)
    pieces = Pieces.of(surface, Texels.of(surface.uv, surface.uv_faces, 256))
    vertex = pieces.texels.vertex(surface.faces)
    covered = np.append((model.skirt.covered > 0.9).numpy(), np.zeros(len(surface.vertices) - body().n_vertices, bool))
    trunk = (surface.hips & ~surface.limbs)[pieces.groups] & ~surface.of_skirt[vertex]
    normals = pieces.normals[vertex]
    seen = surface.hips[pieces.groups] & ~covered[vertex] & (normals[:, 2] > 0.2)
    even = np.full((len(vertex), 3), 127.0, np.float32)
    own = np.column_stack([np.tile(np.float32(CLOTH), (len(vertex), 1)), seen]).astype(np.float32)
    made = gone_on(pieces, own, np.zeros_like(own), even, even)
    top = surface.vertices[surface.of_skirt, 1].max()
    hidden = trunk & covered[vertex] & (pieces.places[:, 1] > top - 0.1)
    assert np.count_nonzero(hidden) > 20
    assert np.median(np.abs(made[hidden] - CLOTH).max(1)) < 60  # of 97 where nothing tells


def test_the_lining_is_the_garment_in_the_shade() -> None:
    atlas = dressed(True)[3]
    bottom = atlas[round(0.83 * len(atlas)) : round(0.97 * len(atlas))] * 255
    half = len(atlas) // 2
    outside, inside = bottom[:, 12 : half - 12].mean((0, 1)), bottom[:, half + 12 : -12].mean((0, 1))
    assert np.abs(outside - np.array(CLOTH) * 0.93).max() < 25
    assert np.abs(inside / outside - LINING_LIGHT).max() < 0.1


def test_sources_with_and_without_fit_one_model() -> None:
    with_skirt, _, source, _ = dressed(True)
    naked, _, plain, _ = dressed(False)
    more = for_model(plain, naked, with_skirt)
    assert len(more.ndc) == len(more.visibility) == with_skirt.n_vertices and len(more.score) == len(with_skirt.faces)
    assert not more.visibility[naked.n_vertices :].any() and torch.equal(more.ndc[: naked.n_vertices], plain.ndc)
    back = for_model(more, with_skirt, naked)
    assert all(torch.equal(getattr(back, name), getattr(plain, name)) for name in ("ndc", "visibility", "score"))
    lit = replace(plain, light=torch.ones(naked.n_vertices, 4))
    light = for_model(lit, naked, with_skirt).light
    assert light is not None and light[: naked.n_vertices].all() and not light[naked.n_vertices :].any()
    back = for_model(for_model(lit, naked, with_skirt), with_skirt, naked)
    assert back.light is not None and torch.equal(back.light, torch.ones(naked.n_vertices, 4))
    assert for_model(source, with_skirt, with_skirt) is source and for_model(plain, naked, naked) is plain


def test_hips_are_no_wider_than_the_skirt_that_a_photo_shows() -> None:
    """Hands beside them had the fit make them wide."""
    found, offsets = skirt()[0], worn_offsets()
    narrow = replace(found, places=found.places * [0.8, 1, 1])
    betas = torch.zeros(10)
    dressed = rest_vertices(body(), betas, offsets=offsets)
    held = dressed + within(body(), narrow, betas, offsets)
    top = narrow.places[0, :, 1].mean()
    hips = (dressed[:, 1] < top) & (dressed[:, 1] > top - 0.1) & (dressed[:, 0].abs() < 0.3)
    assert dressed[hips, 0].max() > 1.1 * narrow.places[:8, :, 0].max()
    assert held[hips, 0].max() < 1.02 * narrow.places[:8, :, 0].max()
    assert held[hips, 0].min() > 1.02 * narrow.places[:8, :, 0].min()
    rest = (dressed[:, 1] > top + NARROWED) | (dressed[:, 1] < narrow.places[-1, :, 1].mean())
    assert torch.equal(held[rest], dressed[rest])


def test_the_body_below_is_dressed_above_the_skirt_and_bare_in_it() -> None:
    found, below = skirt()
    height = body().v_template[:, 1]
    above = height > found.places[0, 0, 1]
    assert (below - worn_offsets())[above].norm(dim=1).max() < 0.01
    far = height > found.places[0, 0, 1] + NARROWED
    assert torch.equal(below[far], worn_offsets()[far])
    thigh = (height < -0.2) & (height > -0.36)
    assert below[thigh].norm(dim=1).mean() < 0.4 * worn_offsets()[thigh].norm(dim=1).mean()


def test_sheer_cloth_beside_a_skirt_is_no_leg() -> None:
    """The mask goes on beside the lower half of the skirt."""
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    low = (rows > CAMERA[2] + 0.25 * CAMERA[0]) & (rows < CAMERA[2] + 0.4 * CAMERA[0])
    beside = low & (columns > CAMERA[1]) & (columns < np.nonzero(photo().skirt[low.any(1)].any(0))[0][-1] + 18)
    mask = np.pad((photo().person | beside).astype(np.float32), ((0, 0), (50, 50)))
    legs = beneath(body(), skirt()[0], motion(photo().rows), worn_offsets(), mask)
    assert float((legs - skirt()[1]).abs().max()) < 0.01


@pytest.mark.parametrize(("socks", "bare"), [(False, True), (True, False)])
def test_legs_below_a_skirt_are_bare_unless_they_are_seen_to_be_covered(socks: bool, bare: bool) -> None:
    worn, naked = Surface.of_body(put_around(body(), skirt()[0])), Surface.of_body(body())
    tone = Tone.of(np.random.default_rng(1).normal(SKIN, 4, (100, 3)))
    shown = worn.of_limbs[1] & (worn.along > 0.5) if socks else ~worn.of_limbs[1]
    legs = bare_stretches(worn, np.where(worn.of_limbs[1][:, None], CLOTH, SKIN), shown, tone)[1]
    assert np.isinf(legs).all() if bare else np.isnan(legs).all()
    unseen = ~naked.of_limbs[1]
    assert np.isnan(bare_stretches(naked, np.tile(SKIN, (len(unseen), 1)), unseen, tone)[1]).all()
