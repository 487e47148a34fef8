"""What many tests of the surface share."""

from __future__ import annotations

import pytest

from lwgan_cli.texture.surface_graph import Cloth
from tests.texture.staging import surface


@pytest.fixture(scope="session")
def cloth() -> Cloth:
    return Cloth.of(surface())
