"""Hair above the picture's edge, on a head whose hair is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lwgan_cli.body.model import JOINT_NAMES
from lwgan_cli.texture.crown import FOREHEAD, crowned
from lwgan_cli.texture.source import Source, inside_picture
from tests.body.acting import body
from tests.texture.staging import SIZE, mask, pose, source

HAIR, SKIN = np.array([60, 40, 30], np.uint8), np.array([225, 175, 150], np.uint8)
LOCK = 5  # px of hair at either side
HEAD = (body().lbs_weights[:, JOINT_NAMES.index("head")] > 0.5).numpy()


def cut_off(shown: Source, rows: int) -> Source:
    """A photo without its first rows."""
    height = shown.size[1]
    ndc = shown.ndc.clone()
    ndc[:, 1] = (ndc[:, 1] * height + rows) / (height - rows)
    return replace(shown, pixels=shown.pixels[:, rows:], ndc=ndc, visibility=shown.visibility * inside_picture(ndc))


def photo() -> Source:
    """Skin with a lock of hair at each side of every row."""
    alpha = mask(pose())
    picture = np.tile(SKIN, (SIZE[1], SIZE[0], 1))
    for row in np.flatnonzero(alpha.any(1)):
        at = np.flatnonzero(alpha[row])
        picture[row, : at[0] + LOCK] = picture[row, at[-1] + 1 - LOCK :] = HAIR
    return source(pose(), picture, alpha.astype(np.float32))


def top_of_head(shown: Source) -> int:
    """px, of the picture's row."""
    return int(shown.vertices_px()[HEAD, 1].min())


def test_a_whole_head_has_the_photo_s_own_hair() -> None:
    shown = photo()
    assert crowned(shown, HEAD) is shown
    assert crowned(shown, np.zeros_like(HEAD)) is shown


@pytest.mark.parametrize("rows", [10, 18])
def test_hair_goes_on_over_a_head_that_is_cut_off(rows: int) -> None:
    shown = cut_off(photo(), top_of_head(photo()) + rows)
    whole = crowned(shown, HEAD)
    added = whole.size[1] - shown.size[1]
    assert rows <= added < 2 * rows
    assert torch.equal(whole.pixels[:, added:], shown.pixels)
    assert np.abs(whole.vertices_px() - shown.vertices_px() - [0, added]).max() < 1e-3

    alpha = whole.pixels[3].numpy()
    ends = np.flatnonzero(alpha[added] > 0.5)
    wide = [np.count_nonzero(row > 0.5) for row in alpha[:added]]
    assert (np.diff(wide) >= 0).all() and wide[0] == 0 and wide[-1] == pytest.approx(len(ends), abs=2)
    top = int(np.argmax(np.array(wide) > 0))
    assert abs(top - (added - rows)) <= 3  # as high as the head
    drawn = np.column_stack([alpha[:added] > 0.5, np.zeros((added, 1), bool)])
    assert not drawn[:, : ends[0] - 1].any() and not drawn[:, ends[-1] + 2 :].any()

    above = alpha[:added] > 0.9
    above[int(added - FOREHEAD * rows) :] = False  # where the forehead may still show
    colours = whole.pixels[:3, :added].numpy()[:, above].T * 255
    assert above.sum() > 20
    assert np.abs(colours - HAIR).max() < 30


def test_what_lies_beside_the_head_doesn_t_go_on() -> None:
    shown = cut_off(photo(), top_of_head(photo()) + 12)
    pixels = shown.pixels.clone()
    pixels[3, :, :20] = 1  # somebody else at the picture's side
    whole = crowned(replace(shown, pixels=pixels), HEAD)
    added = whole.size[1] - shown.size[1]
    assert added > 0 and float(whole.pixels[3, :added, :20].max()) == 0
