from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel
from lwgan_cli.errors import LwganError
from lwgan_cli.metrics.mask import iou
from lwgan_cli.texture.surface import Surface
from lwgan_cli.training.bank import Bank, Casting, make_people, makers, named
from lwgan_cli.training.sample import Staged, draw_batch
from lwgan_cli.training.subject import Subject
from lwgan_cli.training.synthetic import Recipe, render_subject

SMALL = Recipe(size=160, targets=4, atlas=128)


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return load_body("open")


def rendered(model: BodyModel, seed: int) -> Subject:
    with torch.no_grad():
        return render_subject(model, Surface.of_body(model), seed, SMALL)


@pytest.mark.slow
def test_people_are_rendered_and_prepared(model: BodyModel) -> None:
    """The body as it was fitted and dressed lies on the person: in the photo, and as well in the targets."""
    overlaps = []
    for seed in (0, 2, 3):
        subject = rendered(model, seed)
        assert subject.exact and len(subject) == 4 and subject.background is not None
        staged = Staged(model, subject)
        with torch.no_grad():
            sample = draw_batch([staged], 4, (64, 96), np.random.default_rng(0))
        overlaps.append(iou((sample.rgba[:, 3] > 0.5).numpy(), (sample.alpha[:, 0] > 0.5).numpy()))
        still = subject.stills[0]
        person = still.pixels[..., 3] > 127
        vertices = staged.sources[0].vertices_px()[staged.sources[0].visibility.numpy() > 0.5]
        inside = (vertices >= 0).all(1) & (vertices < subject.size).all(1)
        at = vertices[inside].astype(int)
        assert person[at[:, 1], at[:, 0]].mean() > 0.8
        outside = ~subject.hole
        assert np.abs(subject.plate.astype(int) - subject.background)[outside].mean() < 6  # noise, light, JPEG
    assert np.mean(overlaps) > 0.75


@pytest.mark.slow
def test_a_seed_makes_one_person(model: BodyModel, tmp_path: Path) -> None:
    one, same, other = rendered(model, 1), rendered(model, 1), rendered(model, 2)
    assert one.pictures == same.pictures and np.array_equal(one.atlas, same.atlas)
    assert one.pictures != other.pictures


@pytest.mark.slow
def test_processes_fill_a_bank(model: BodyModel, tmp_path: Path) -> None:
    casting = Casting((1, 2, 5), SMALL)
    bank = Bank(tmp_path)
    rendered(model, 1).save(bank.path(named(1)))
    assert casting.missing(tmp_path).seeds == (2, 5)
    with makers(tmp_path, casting, 2) as working:
        bank.wait_for([named(seed) for seed in casting.seeds], 3, working)
    assert not casting.missing(tmp_path).seeds
    done = []
    make_people(tmp_path, casting, done.append)  # nothing is left to do
    assert done == [3]
    made, own = bank.load(named(2)), rendered(model, 2)
    assert len(made) == len(own)
    for row in range(len(own)):  # processes may add up in another order, which turns some pixels
        assert np.abs(np.int32(made.picture(row)) - own.picture(row)).mean() < 0.1


def test_waiting_for_people_whom_nobody_makes_ends(tmp_path: Path) -> None:
    with pytest.raises(LwganError, match="000000007 could not be made"):
        Bank(tmp_path).wait_for([named(7)], 1, lambda: False)
    Bank(tmp_path).wait_for([named(7)], 0, lambda: False)
