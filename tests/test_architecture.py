"""The package's rooms import to the left only, and what is slow to import is imported late."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "lwgan_cli"
# these few may use one another
BASE = (
    "records",
    "config",
    "errors",
    "motion",
    "progress",
    "ramps",
    "report",
    "threads",
)  # these few may use one another
ORDER = (
    *BASE,
    *("assets", "cache", "frames", "metrics"),
    "correspondence",
    "flow",
    "body",
    "detection",
    "fitting",
    "dressing",
    "recovery",
    "layers",
    "texture",
    "generator",
    "synthetic",
    "pipeline",
    "training",
    "evaluation",
    "weights",
    "doctor",
    *("batch", "gallery"),
    "cli",
    "api",
)
LATE = ("torch", "cv2", "mediapipe", "scipy", "numpy", "smplx", "rich", "PIL", "imageio_ffmpeg")

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or path.stem[0] != "_")


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree: ast.AST, path: Path) -> Iterator[str]:
    """Dotted names of the modules that the statements below `tree` import, relative ones made absolute."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = ["lwgan_cli", *path.relative_to(PACKAGE).parts[:-1]]
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module) if part)
            yield module
            yield from (f"{module}.{each.name}" for each in node.names)


def at_import(tree: ast.Module) -> ast.Module:
    """What runs when the module is imported: without the bodies of functions and of `if TYPE_CHECKING`."""

    class Prune(ast.NodeTransformer):
        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            return None

        def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
            return None

        def visit_If(self, node: ast.If) -> ast.AST | None:
            if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
                return None
            return self.generic_visit(node)

    return Prune().visit(tree)


def rooms_used(path: Path) -> set[str]:
    names = imported(ast.parse(path.read_text(encoding="utf-8")), path)
    parts = [name.split(".") for name in names if name.startswith("lwgan_cli.")]
    return {part[1] for part in parts if part[1] in ORDER or (PACKAGE / f"{part[1]}.py").exists()}


def test_every_module_has_a_place_in_the_order() -> None:
    assert {room_of(path) for path in MODULES} <= set(ORDER)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_rooms_import_to_the_left_only(path: Path) -> None:
    room = room_of(path)
    allowed = {room, *BASE, *ORDER[: ORDER.index(room)]} if room not in BASE else set(BASE)
    assert rooms_used(path) <= allowed


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_imports_come_late(path: Path) -> None:
    """mediapipe is imported inside functions everywhere; in the commands, what is slow; the first rooms get
    by with numpy."""
    late: tuple[str, ...] = ("mediapipe", "smplx", "anny")
    if room_of(path) == "cli":
        late = LATE
    elif room_of(path) in BASE:
        late = tuple(name for name in LATE if name != "numpy")
    tree = at_import(ast.parse(path.read_text(encoding="utf-8")))
    found = {name.split(".")[0] for name in imported(tree, path)}
    assert not found & set(late)


def test_the_checks_see_what_they_look_for(tmp_path: Path) -> None:
    path = PACKAGE / "flow" / "imagined.py"
    source = """
from typing import TYPE_CHECKING
from .. import pipeline
from ..body.model import BodyModel
from . import transform
if TYPE_CHECKING:
    import torch
try:
    import mediapipe
except ImportError:
    pass
class Detector:
    import scipy.spatial
    def __init__(self):
        import cv2
"""
    names = set(imported(ast.parse(source), path))
    assert {"lwgan_cli.pipeline", "lwgan_cli.body.model", "lwgan_cli.flow.transform", "cv2", "torch"} <= names
    top = {name.split(".")[0] for name in imported(at_import(ast.parse(source)), path)}
    assert {"mediapipe", "scipy"} <= top and not top & {"cv2", "torch"}
