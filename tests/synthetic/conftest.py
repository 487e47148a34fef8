from __future__ import annotations

import pytest
import torch

from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel
from lwgan_cli.synthetic.person import Person, random_person

ATLAS = 256


@pytest.fixture(scope="session")
def model() -> BodyModel:
    return load_body("open")


@pytest.fixture(scope="session")
def person(model: BodyModel) -> Person:
    return random_person(model, 3, ATLAS)


@pytest.fixture
def standing() -> torch.Tensor:
    """(1, 24, 3): arms half way down."""
    pose = torch.zeros(1, 24, 3)
    pose[0, 16, 2], pose[0, 17, 2] = -0.9, 0.9
    return pose
