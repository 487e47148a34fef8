"""Tones: what is of them, and how one becomes another, against known light and known skins."""

from __future__ import annotations

import numpy as np
import pytest

from lwgan_cli.texture.skin_tone import CONTRAST, GAMMA, STEADY, Tone, from_log, recolour, to_log, transfer

LIGHT_SKIN, DARK_SKIN = np.array([0.62, 0.40, 0.29]), np.array([0.22, 0.11, 0.065])  # linear
CLOTHS = {"white": (0.9, 0.9, 0.88), "red": (0.6, 0.03, 0.05), "yellow": (0.75, 0.42, 0.02), "navy": (0.02, 0.03, 0.1)}


def lit(albedo: np.ndarray, count: int = 400, seed: int = 0) -> np.ndarray:
    """(count, 3) RGB 0 … 255 of a surface under light from a third to full, with some noise."""
    rng = np.random.default_rng(seed)
    linear = np.outer(rng.uniform(0.35, 1, count), albedo) * rng.normal(1, 0.03, (count, 3))
    return 255 * linear.clip(0, 1) ** (1 / GAMMA)


@pytest.mark.parametrize("albedo", [LIGHT_SKIN, DARK_SKIN])
def test_a_tone_knows_its_skin_in_light_and_shade_and_no_cloth(albedo: np.ndarray) -> None:
    tone = Tone.of(lit(albedo))
    assert tone is not None
    assert (tone.likeness(lit(albedo, seed=1)) > 0.9).mean() > 0.99
    assert tone.likeness(lit(0.35 * albedo, seed=2)).mean() > 0.5
    for cloth in CLOTHS.values():
        assert tone.likeness(lit(np.array(cloth))).mean() < 0.1


def test_skin_in_the_shade_may_be_redder_and_no_paler() -> None:
    tone = Tone.of(lit(LIGHT_SKIN))
    assert tone is not None
    shade = 0.25 * LIGHT_SKIN
    red, grey = shade * (LIGHT_SKIN / LIGHT_SKIN[1]) ** 0.6, shade * (LIGHT_SKIN / LIGHT_SKIN[1]) ** -0.6
    assert tone.distance(lit(red)).mean() < tone.distance(lit(red), 0.0).mean() - 0.3
    assert tone.distance(lit(grey)) == pytest.approx(tone.distance(lit(grey), 0.0))


def test_lips_and_brows_don_t_colour_a_tone() -> None:
    face = lit(LIGHT_SKIN)
    marked = np.concatenate([face, lit(np.array([0.5, 0.05, 0.07]), 60), lit(np.array([0.02, 0.015, 0.01]), 80)])
    plain, other = Tone.of(face), Tone.of(marked)
    assert plain is not None and other is not None
    assert plain.mean == pytest.approx(other.mean, abs=0.15)


def test_too_few_samples_make_no_tone() -> None:
    assert Tone.of(lit(LIGHT_SKIN, 19)) is None


def test_logs_and_back() -> None:
    colours = np.random.default_rng(0).uniform(0, 255, (50, 3))
    assert from_log(to_log(colours)) == pytest.approx(colours, abs=1e-6)


def test_the_map_takes_mean_and_covariance_to_the_other_s() -> None:
    rng = np.random.default_rng(3)
    spread = np.cov(rng.normal(0, 0.4, (3, 40)))
    one, other = (Tone(rng.normal(0, 1, 3), share * spread) for share in (1.0, 0.8))
    matrix, shift = transfer(one, other)
    widened = STEADY**2 * np.eye(3)
    assert matrix @ one.mean + shift == pytest.approx(other.mean)
    assert matrix @ (one.covariance + widened) @ matrix.T == pytest.approx(other.covariance + widened)
    assert matrix == pytest.approx(matrix.T)  # of all such maps, the one that moves colours least
    for flat in (0.01, 100.0):  # another photo's harsh light isn't this one's, nor a flat one
        contrasts = np.linalg.eigvalsh(transfer(one, Tone(other.mean, flat * spread))[0])
        assert contrasts == pytest.approx(np.clip(contrasts, *CONTRAST))
    matrix, shift = transfer(one, one)
    assert matrix == pytest.approx(np.eye(3)) and shift == pytest.approx(np.zeros(3))


def test_another_s_skin_under_the_same_light() -> None:
    """A shaded arm of light skin becomes the arm that dark skin would be."""
    light = np.tile(np.linspace(0.3, 1, 120), (40, 1))
    arm, wanted = (
        (255 * (light[..., None] * albedo) ** (1 / GAMMA)).round().astype(np.uint8)
        for albedo in (LIGHT_SKIN, DARK_SKIN)
    )
    one, other = Tone.of(lit(LIGHT_SKIN)), Tone.of(lit(DARK_SKIN))
    assert one is not None and other is not None
    mask = np.ones(light.shape, np.float32)
    mask[:, :20] = 0
    made = recolour(arm, mask, one, other)
    assert (made[:, :20] == arm[:, :20]).all()
    assert np.abs(made[:, 20:].astype(int) - wanted[:, 20:]).max() <= 6
    assert np.abs(arm[:, 20:].astype(int) - wanted[:, 20:]).mean() > 50


def test_a_colour_in_another_s_light() -> None:
    one, other = Tone.of(lit(0.4 * LIGHT_SKIN)), Tone.of(lit(DARK_SKIN))
    assert one is not None and other is not None
    mixed = one.as_bright_as(other)
    assert mixed.mean.mean() == pytest.approx(other.mean.mean())
    assert mixed.mean - mixed.mean.mean() == pytest.approx(one.mean - one.mean.mean())
