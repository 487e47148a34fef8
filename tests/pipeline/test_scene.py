"""What runs of one process need not do twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

from lwgan_cli.config import DrawConfig
from lwgan_cli.pipeline import scene
from lwgan_cli.pipeline.outfit import put_on
from lwgan_cli.pipeline.people import Role
from lwgan_cli.pipeline.shelf import Shelf, sharing
from tests.pipeline.runner import SIDE, Lwgan

DRESSED = "lwgan_cli.pipeline.scene.put_on"


def test_who_dances_again_is_not_dressed_again(lwgan: Lwgan, photo: Path, steps: Path, tmp_path: Path) -> None:
    cut = ("--max-frames", "2", "--max-side", str(SIDE))
    first = lwgan(tmp_path, "imitate", photo, steps, *cut, "-o", "first/")
    with mock.patch(DRESSED, wraps=put_on) as dressed:
        again = lwgan(tmp_path, "imitate", photo, steps, *cut, "-o", "again/")
        dressed.assert_not_called()
    assert first.code == again.code == 0
    for one, other in zip(first.pictures(), again.pictures(), strict=True):
        assert np.array_equal(one, other)


def test_who_wears_something_else_or_makes_another_face_is_dressed_for_it() -> None:
    one, other = (mock.Mock(lids=None) for _ in range(2))
    bodies, config = mock.MagicMock(), DrawConfig(device="cpu")
    roles = [Role("one", (one,)), Role("other", (other,), ("upper",))]
    asked = [
        (roles, config),
        ([replace(roles[0], name="renamed"), roles[1]], config),  # as before
        ([roles[0], replace(roles[1], gives=("lower",))], config),
        ([roles[0]], config),
        ([replace(roles[0], photos=(other,))], config),
        ([roles[0]], replace(config, weights=Path("others"))),
    ]
    with sharing(Shelf(most=9)), mock.patch(DRESSED, side_effect=lambda *_: object()):
        worn = [scene._dressed(bodies, *each) for each in asked]
        assert scene._dressed(bodies, *asked[-1]) is worn[-1]
    assert worn[0] is worn[1] and len(set(map(id, worn))) == len(worn) - 1

    with sharing(Shelf()), mock.patch("lwgan_cli.pipeline.scene.with_face", side_effect=lambda *_: object()):
        calm, smile = np.zeros(52), np.ones(52)
        assert scene._understood(bodies, one, calm) is scene._understood(bodies, one, calm.copy())
        assert scene._understood(bodies, one, smile) is not scene._understood(bodies, one, calm)
