"""Who wears whose skirt."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from lwgan_cli.body.skirt import COLUMNS, ROWS
from lwgan_cli.config import DrawConfig
from lwgan_cli.generator.compositor import TextureWarp
from lwgan_cli.pipeline.driving import Driving
from lwgan_cli.pipeline.outfit import put_on
from lwgan_cli.pipeline.people import Person, Role, with_skirt
from lwgan_cli.pipeline.posing import pose
from lwgan_cli.pipeline.stage import make_warp
from lwgan_cli.records import Keypoints
from lwgan_cli.recovery.recover import Dressed, Quality
from lwgan_cli.texture.texture import Atlas, complete_views
from tests.body.acting import body
from tests.texture.skirted import painted, standing, worn_offsets
from tests.texture.staging import CAMERA, SIZE, motion
from tests.texture.test_skirts import reddish, skirt

MORE = 2 * ROWS * COLUMNS


@cache
def person(garment: str) -> Person:
    """A painted one, as if recovered."""
    photo = painted(standing(), garment, -0.85 if garment == "trousers" else -0.4, 0)
    dressed = Dressed(motion(photo.rows), worn_offsets(), Quality(0.0, 1.0, float("nan")))
    alpha = photo.person.astype(np.float32)
    return Person(photo.picture, alpha, dressed, cast(Keypoints, None), skirt=skirt() if garment == "skirt" else None)


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """An atlas of a size that takes no time."""
    monkeypatch.setattr("lwgan_cli.pipeline.outfit.complete_views", partial(complete_views, size=96))


@pytest.fixture
def unpainted(monkeypatch: pytest.MonkeyPatch) -> None:
    """No atlas, of whose colours nothing is asked."""
    nothing = Atlas(np.zeros((96, 96, 3), np.float32), np.zeros((96, 96), np.float32))
    monkeypatch.setattr("lwgan_cli.pipeline.outfit.complete_views", lambda *_: nothing)


@pytest.fixture(scope="module")
def config() -> DrawConfig:
    return DrawConfig(output=Path("out.mp4"))


def test_who_has_a_skirt_is_drawn_in_it_and_who_has_none_is_not(config: DrawConfig, unpainted: None) -> None:
    worn = put_on(body(), [Role("photo", (person("skirt"),))], config)
    assert worn.model.skirt is not None and worn.model.n_vertices == len(worn.offsets) == body().n_vertices + MORE
    assert isinstance(make_warp(worn.model, worn, config), TextureWarp)
    plain = put_on(body(), [Role("photo", (person("trousers"),))], config)
    assert plain.model is not None and plain.model.skirt is None and len(plain.offsets) == body().n_vertices


@pytest.mark.parametrize(("wearer", "giver", "gives", "wears"), [
    pytest.param("trousers", "skirt", ("lower",), True, marks=pytest.mark.slow),
    ("skirt", "trousers", ("lower",), False),
    pytest.param("skirt", "trousers", ("upper",), True, marks=pytest.mark.slow),
])  # fmt: skip
def test_a_skirt_goes_with_what_is_worn_below(
    wearer: str, giver: str, gives: tuple[str, ...], wears: bool, config: DrawConfig, request: pytest.FixtureRequest
) -> None:
    if not wears:
        request.getfixturevalue("unpainted")
    roles = [Role("head", (person(wearer),)), Role("clothes", (person(giver),), gives)]
    outfit = put_on(body(), roles, config)
    model = outfit.model
    assert (model.skirt is not None) == wears
    assert {len(source.ndc) for source in outfit.sources} == {model.n_vertices}
    assert {len(source.score) for source in outfit.sources} == {len(model.faces)}
    assert outfit.parts is not None
    if wears:
        cloth = slice(body().n_vertices, None)
        row = 0 if wearer == "skirt" else 1
        assert torch.equal(outfit.parts[row, cloth], torch.ones(MORE))
        assert not outfit.sources[1 - row].visibility[cloth].any()
        size = outfit.atlas.shape[1]
        chart = outfit.atlas[:, round(0.85 * size) : round(0.95 * size), 5 : size // 2 - 5].permute(1, 2, 0).numpy()
        assert reddish(chart * 255).mean() > 0.98


def test_a_second_photo_goes_with_the_skirt_of_the_first(config: DrawConfig, unpainted: None) -> None:
    first = person("skirt")
    behind = painted(standing(0.1, 180), "skirt")
    second = replace(
        first, picture=behind.picture, alpha=behind.person.astype(np.float32), skirt=None,
        dressed=replace(first.dressed, motion=motion(behind.rows)),
    )  # fmt: skip
    outfit = put_on(body(), [Role("photo", (first, second))], config)
    cloth = slice(body().n_vertices, body().n_vertices + ROWS * COLUMNS)
    seen = torch.stack([source.visibility[cloth] for source in outfit.sources]).view(2, ROWS, COLUMNS) > 0.5
    front, back = seen[0, 2:-2, 0], seen[1, 2:-2, COLUMNS // 2]
    assert front.all() and back.all() and not (seen[0] & seen[1])[2:-2].any(0)[[0, COLUMNS // 2]].any()


def half_body() -> Person:
    """Somebody painted down to above the knees, in a wide skirt to whose sides the legs were fitted."""
    photo = painted(standing(0.25), "skirt", -0.55, 0.15)
    row = round(CAMERA[2] + 0.45 * CAMERA[0])
    whole, alpha = person("trousers"), photo.person[:row].astype(np.float32)
    dressed = replace(whole.dressed, motion=motion(photo.rows))
    return replace(whole, picture=photo.picture[:row], alpha=alpha, dressed=dressed)


def test_legs_below_a_skirt_that_the_picture_cuts_off_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.pad(half_body().alpha, ((0, SIZE[1] - len(half_body().alpha)), (50, 50)), mode="edge")
    monkeypatch.setattr("lwgan_cli.pipeline.people.crop_alpha", lambda alpha, keypoints: mask)
    worn = with_skirt(body(), half_body())
    assert worn.skirt is not None and worn.guess is not None
    np.testing.assert_array_equal(worn.guess, half_body().dressed.motion.poses[0])
    assert np.abs(worn.guess[[1, 2], 2]).min() > 0.2
    assert np.abs(worn.dressed.motion.poses[0, [1, 2]]).max() < 1e-6
    bottom, scale = worn.skirt[0].places[-1], CAMERA[0]
    assert (bottom[:, 1] < -0.5).all()
    last = np.flatnonzero(half_body().alpha[-1] > 0.5)
    assert np.ptp(bottom[:, 0]) > (last[-1] - last[0]) / scale


class AimedError(Exception):
    """Raised with the motion that the body is aimed by."""


def test_who_moves_in_such_a_skirt_has_legs_fitted_as_badly_straightened(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(bodies: object, person: Person, driven: Driving, config: object) -> None:
        raise AimedError(driven.motion)

    monkeypatch.setattr("lwgan_cli.pipeline.posing.aim", stop)
    spread = standing(0.25)
    whole, nothing = motion(spread), cast(Any, None)
    cut = replace(whole, image_size=(SIZE[0], round(CAMERA[2] + 0.3 * CAMERA[0])))
    bodies = cast(Any, SimpleNamespace(model=body()))
    for shown, guess, left in (
        (whole, None, spread), (whole, spread, standing(0.0)), (cut, standing(0.1), standing(0.0)),
    ):  # fmt: skip
        with pytest.raises(AimedError) as aimed:
            driven = Driving(shown, None, None)
            pose(bodies, replace(half_body(), guess=guess), nothing, driven, nothing, nothing)
        np.testing.assert_allclose(aimed.value.args[0].poses[0], left, atol=1e-6)


def test_a_photo_of_trousers_has_none() -> None:
    shown = person("trousers")
    assert SIZE[0] == shown.picture.shape[1]
    assert with_skirt(body(), shown) is shown
