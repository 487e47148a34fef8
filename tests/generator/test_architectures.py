"""One builder for all networks."""

from __future__ import annotations

import pytest

from lwgan_cli.errors import UsageError
from lwgan_cli.generator.architectures import ARCHITECTURES, all_sizes, build
from lwgan_cli.generator.paper import PaperGenerator
from lwgan_cli.generator.refiner import DefaultGenerator


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_name_is_a_network_of_the_sizes_given(name: str) -> None:
    net = build(name, width=8, n_blocks=1)
    family, _, variant = name.partition("-")
    assert isinstance(net, {"paper": PaperGenerator, "default": DefaultGenerator}[family])
    assert net.warping == (variant or "liquid")
    assert sum(p.numel() for p in net.parameters()) < 1e6


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_all_sizes_are_those_that_it_is_built_with(name: str) -> None:
    sizes = all_sizes(name, n_blocks=1)
    assert sizes["n_blocks"] == 1 and all(type(size) is int for size in sizes.values())
    ours, written = build(name, n_blocks=1).state_dict(), build(name, **sizes).state_dict()
    assert {key: value.shape for key, value in ours.items()} == {key: value.shape for key, value in written.items()}
    assert ("background_width" in sizes) == name.startswith("default")


def test_the_names_are_the_papers_and_ours() -> None:
    assert len(ARCHITECTURES) == 8 and {"paper", "default", "paper-concat", "default-feature"} <= set(ARCHITECTURES)


@pytest.mark.parametrize("name", ["", "sum", "default-", "default-melting", "paper-liquid"])
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="default-texture"):
        build(name)


def test_sizes_that_a_network_has_not_are_refused() -> None:
    with pytest.raises(UsageError, match="height"):
        build("default", height=3)
