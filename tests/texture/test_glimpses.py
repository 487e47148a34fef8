"""What is seen of a limb in a slit tells nothing of it."""

from __future__ import annotations

import numpy as np
import pytest

from lwgan_cli.texture.glimpses import glimpse_trust
from tests.texture.staging import surface

SCALE = 100.0
PX = surface().vertices[:, :2] * [SCALE, -SCALE]  # in T-pose, from in front
HIGH, ASIDE = surface().vertices[:, 1], surface().vertices[:, 0]
LEG = surface().of_limbs[1] & (ASIDE > 0)
FRONT = surface().vertices[:, 2] > surface().vertices[LEG, 2].mean()


@pytest.mark.parametrize(("larger", "trusted"), [(1, True), (6, False)])
def test_a_leg_seen_in_a_slit_is_no_leg_that_is_seen(larger: int, trusted: bool) -> None:
    """A whole shank, and as much of the picture where the person is larger: that is a slit."""
    seen = LEG & FRONT & (HIGH < -0.2) & (HIGH > -0.8)
    head = HIGH > 0.35
    assert np.count_nonzero(seen) > 20
    trust = glimpse_trust(surface(), (seen | head).astype(np.float32), PX, larger * SCALE)
    assert (trust[seen] == trusted).all() and (trust[~seen] == 1).all()


def test_a_slit_that_hangs_together_with_more_is_trusted_and_fingers_are_narrow() -> None:
    hand = surface().hands[surface().groups]
    fingers = hand & (np.abs(ASIDE) > np.quantile(np.abs(ASIDE[hand]), 0.8))
    assert (glimpse_trust(surface(), fingers.astype(np.float32), PX, SCALE) == 1).all()
    whole = (FRONT & ~hand).astype(np.float32)
    assert glimpse_trust(surface(), whole, PX, SCALE)[LEG & FRONT].mean() > 0.98
    assert (glimpse_trust(surface(), np.ones(len(PX), np.float32), PX, SCALE) == 1).all()
