from __future__ import annotations

from lwgan_cli.config import CommonConfig
from lwgan_cli.pipeline.bodies import Bodies
from lwgan_cli.pipeline.shelf import MOST, Shelf, shared, sharing


def test_the_last_few_of_a_kind_are_kept() -> None:
    shelf, made = Shelf(), list[int]()

    def get(key: int) -> int:
        def make() -> int:
            made.append(key)
            return key

        return shelf.get("numbers", key, make)

    assert [get(key) for key in (0, 0, 1)] == [0, 0, 1] and made == [0, 1]
    for key in range(2, MOST + 1):
        get(0)
        get(key)
    assert made == list(range(MOST + 1))
    get(0)  # used last but one
    get(1)  # the least recently used has gone
    assert made == [*range(MOST + 1), 1]
    assert shelf.get("words", 0, lambda: "another kind") == "another kind"


def test_runs_share_within_the_block_alone() -> None:
    def new() -> object:
        return shared("things", "key", object)

    shelf = Shelf()
    assert new() is not new()
    with sharing(shelf):
        first = new()
        assert new() is first
        with sharing(Shelf()):
            assert new() is not first
        assert new() is first
    assert new() is not first
    with sharing(shelf):
        assert new() is first


def test_bodies_are_loaded_once_for_each_kind() -> None:
    with sharing(Shelf()):
        one = Bodies.load(CommonConfig(device="cpu"))
        assert Bodies.load(CommonConfig(device="cpu", seed=3)) is one
        assert Bodies.load(CommonConfig(device="cpu", face=False)) is not one
    assert Bodies.load(CommonConfig(device="cpu")) is not one
