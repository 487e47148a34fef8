"""Gaps between limbs that a mask closes, on rendered bodies."""

from __future__ import annotations

import cv2
import numpy as np

from lwgan_cli.layers.gaps import closed_gaps, with_gaps
from tests.body.acting import body
from tests.texture.staging import SIZE, mask, motion, pose


def hanging() -> np.ndarray:
    """(24, 3) arms down, a little off the trunk; feet together."""
    rows = pose()
    rows[16, 2], rows[17, 2] = -1.15, 1.15
    rows[1:3, 2] = 0
    return rows


def test_what_a_mask_closes_between_limbs_is_found() -> None:
    true = mask(hanging())
    closed = cv2.morphologyEx(true.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((13, 13), np.uint8)) > 0
    gap = cv2.erode((closed & ~true).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    assert gap.sum() > 40
    found = closed_gaps(body(), motion(hanging()), closed.astype(np.float32))[0]
    assert found[gap].mean() > 0.8
    assert not (found & true).any() and not (found & ~closed).any()


def test_open_gaps_and_wide_clothes_are_no_doubt() -> None:
    true = mask(hanging())
    assert not closed_gaps(body(), motion(hanging()), true.astype(np.float32))[0].any()
    # half a centimetre of cloth all round
    thick = cv2.dilate(true.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert not closed_gaps(body(), motion(hanging()), thick.astype(np.float32))[0].any()
    # outside the limbs, what the mask has more than the body may be a coat or a bag
    beside = true.copy()
    beside[150:220, :90] = True
    assert not closed_gaps(body(), motion(hanging()), beside.astype(np.float32))[0][:, :90].any()


def test_an_empty_mask_has_no_gaps() -> None:
    assert not np.any(closed_gaps(body(), motion(hanging()), np.zeros((SIZE[1], SIZE[0]), np.float32)))


def test_a_gap_between_legs_that_the_fit_closes_is_doubted_too() -> None:
    """The photo's legs are a little apart, the fitted ones touch."""
    fitted, true = hanging(), hanging()
    fitted[1, 2], fitted[2, 2] = -0.14, 0.14
    true[1, 2], true[2, 2] = -0.11, 0.11
    shown = mask(true)
    closed = cv2.morphologyEx(shown.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((13, 13), np.uint8)) > 0
    lower = np.arange(SIZE[1])[:, None] > 200
    gap = closed & ~shown & lower & (np.abs(np.arange(SIZE[0]) - 150) < 12)
    assert gap.sum() > 40
    assert closed_gaps(body(), motion(fitted), closed.astype(np.float32))[0][gap].mean() > 0.8


def test_a_mask_that_is_refined_anew_closes_no_gap() -> None:
    alpha, opened, gaps = np.ones((3, 40, 40), np.float32)
    alpha[10:30, 20] = 0  # was open, and would be closed
    opened[30:34, 20] = 0  # opens further
    alpha[:, 35:] = 0
    opened[5, 35] = 0.4  # elsewhere the later look is better
    alpha[15:25, 8] = 0  # but for what is narrow, too
    gaps = np.zeros((40, 40), bool)
    gaps[8:35, 18:23] = True
    mended = with_gaps(alpha, opened, gaps, np.zeros_like(gaps), 100.0)
    assert not mended[10:34, 20].any() and not mended[15:25, 8].any()
    assert mended[5, 35] == np.float32(0.4) and np.count_nonzero(mended < 1) == 24 + 10 + 1


def test_a_gap_beside_a_forearm_that_the_fit_closes_is_doubted_too() -> None:
    """The photo's arms are a little off the hips, the fitted ones touch them."""
    fitted, true = hanging(), hanging()
    fitted[16, 2], fitted[17, 2] = -1.45, 1.45
    true[16, 2], true[17, 2] = -1.38, 1.38
    shown = mask(true)
    closed = cv2.morphologyEx(shown.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((13, 13), np.uint8)) > 0
    hands = (np.arange(SIZE[1])[:, None] > 170) & (np.abs(np.arange(SIZE[0]) - 150) > 20)
    gap = closed & ~shown & hands
    assert gap.sum() > 400
    gaps, beside_arms = closed_gaps(body(), motion(fitted), closed.astype(np.float32))
    assert beside_arms[gap].mean() > 0.5 and gaps[gap].mean() < 0.2


def test_what_is_doubted_beside_arms_alone_changes_nothing_elsewhere() -> None:
    alpha, opened = np.ones((2, 40, 40), np.float32)
    opened[10:20, 20] = opened[5, 35] = 0
    beside_arms = np.zeros((40, 40), bool)
    beside_arms[8:22, 19:22] = True
    mended = with_gaps(alpha, opened, np.zeros_like(beside_arms), beside_arms, 100.0)
    assert not mended[10:20, 20].any() and mended[5, 35] == 1
