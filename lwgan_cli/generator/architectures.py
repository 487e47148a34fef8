"""One builder for every network that `--generator` can run and `lwgan train` can train."""

from __future__ import annotations

from inspect import signature

from lwgan_cli.errors import UsageError
from lwgan_cli.generator.paper import PaperGenerator
from lwgan_cli.generator.refiner import DefaultGenerator

Generator = PaperGenerator | DefaultGenerator
_FAMILIES = {"paper": PaperGenerator, "default": DefaultGenerator}
# The paper's ablations: W_C concatenates, W_T warps the texture alone, W_F the features alone.
_VARIANTS = {"": "liquid", "-concat": "concat", "-texture": "texture", "-feature": "feature"}
ARCHITECTURES = tuple(family + variant for family in _FAMILIES for variant in _VARIANTS)


def build(name: str, **sizes: int) -> Generator:
    """An untrained network.

    name   one of ARCHITECTURES
    sizes  the network's own, where they aren't to be its usual ones: width, n_blocks, n_down, and for `default`
           background_width
    Raises UsageError for another name or other sizes.
    """
    family, dash, variant = name.partition("-")
    if name not in ARCHITECTURES:
        raise UsageError(f"there is no architecture {name!r}: choose one of {', '.join(ARCHITECTURES)}")
    try:
        return _FAMILIES[family](warping=_VARIANTS[dash + variant], **sizes)
    except TypeError as error:
        raise UsageError(f"the architecture {name} has no sizes {sizes}: {error}") from error


def all_sizes(name: str, **sizes: int) -> dict[str, int]:
    """Those that `build` would use, the usual ones among them: what is written down stays true when they change."""
    parameters = signature(_FAMILIES[name.partition("-")[0]]).parameters.values()
    return {each.name: sizes.get(each.name, each.default) for each in parameters if each.name != "warping"}
