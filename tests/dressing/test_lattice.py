"""The lattice of the shipped body."""

from __future__ import annotations

import numpy as np

from lwgan_cli.dressing.lattice import lattice
from tests.body.acting import body


def test_the_lattice_carries_smooth_fields() -> None:
    nodes = lattice(body())
    count, carried = nodes.spread.shape
    assert count == body().n_vertices and carried < 0.4 * count
    assert np.allclose(nodes.spread.sum(1), 1)
    assert np.abs(nodes.bend @ np.ones(carried)).max() < 1e-6  # a field that is the same everywhere doesn't bend
    rng = np.random.default_rng(0)
    for _ in range(5):
        field = rng.normal(0, 1, carried)
        assert field @ (nodes.bend @ field) > 0
    assert lattice(body()) is nodes
