"""The calls for Python, and what is written about them."""

from __future__ import annotations

import ast
import html
import inspect
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import lwgan_cli
from lwgan_cli import api
from lwgan_cli.api import DrawConfig, FitConfig, LwganError, Silent
from lwgan_cli.frames.clip import open_clip

PACKAGE = Path(lwgan_cli.__file__).parent


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Any, ...]]:
    """What the pipeline is asked for, by command."""
    asked: dict[str, tuple[Any, ...]] = {}
    pipeline = ModuleType("lwgan_cli.pipeline")
    for name in ("imitate", "transfer", "novelview", "fit"):
        setattr(pipeline, name, lambda *given, name=name: asked.update({name: given}))
    monkeypatch.setitem(sys.modules, "lwgan_cli.pipeline", pipeline)
    monkeypatch.setattr(lwgan_cli, "pipeline", pipeline, raising=False)
    return asked


def test_paths_may_be_text_and_the_device_is_chosen(asked: dict[str, tuple[Any, ...]]) -> None:
    config = DrawConfig(output=Path("out.mp4"))
    api.imitate("a.jpg", "b.mp4", config)
    photos, driving, used, progress = asked["imitate"]
    assert (photos, driving) == ([Path("a.jpg")], Path("b.mp4")) and type(progress) is Silent
    assert used.output == config.output and used.device in ("cpu", "cuda:0")
    api.imitate(["a.jpg", Path("c.jpg")], Path("b.mp4"), config, mine := Silent())
    assert asked["imitate"][0] == [Path("a.jpg"), Path("c.jpg")] and asked["imitate"][3] is mine
    api.transfer("a.jpg", {"upper": "b.jpg", "lower": ["c.jpg"]}, config, driving="m.npz")
    assert asked["transfer"][:3] == (
        [Path("a.jpg")],
        {"upper": [Path("b.jpg")], "lower": [Path("c.jpg")]},
        Path("m.npz"),
    )
    api.novelview(Path("a.jpg"), config)
    assert asked["novelview"][0] == [Path("a.jpg")]
    api.fit("a.mp4", FitConfig(output=Path("a.npz")))
    assert asked["fit"][0] == Path("a.mp4")


def test_what_cannot_be_used_raises(tmp_path: Path) -> None:
    with pytest.raises(LwganError, match=r"gone\.mp4 doesn't exist"):
        api.imitate("gone.jpg", tmp_path / "gone.mp4", DrawConfig(output=tmp_path / "out.mp4"))


@pytest.mark.slow
def test_the_example_runs(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(project / "examples" / "api.py"), run_name="__main__")
    assert len(list(open_clip("api.mp4"))) == 25


MODULES = sorted(path for path in PACKAGE.rglob("*.py") if not path.stem.startswith("_") or path.stem == "__init__")


def unexplained(module: ast.Module) -> Iterator[str]:
    """Its public functions and classes without a docstring; a script's `main` is explained by its module."""
    for node in module.body:
        if not isinstance(node, (ast.FunctionDef, ast.ClassDef)) or node.name.startswith("_") or node.name == "main":
            continue
        if not ast.get_docstring(node):
            yield node.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_public_names_are_explained(path: Path) -> None:
    module = ast.parse(path.read_text(encoding="utf-8"))
    assert ast.get_docstring(module) or not module.body
    assert not [*unexplained(module)]


def test_the_package_says_that_it_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()
    for name in ("imitate", "transfer", "novelview", "fit"):
        signature = inspect.signature(getattr(api, name), eval_str=True)
        assert signature.return_annotation is api.Report
        assert all(each.annotation is not inspect.Parameter.empty for each in signature.parameters.values())


@pytest.mark.slow
def test_the_pages_build(project: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, project / "docs" / "api.py", tmp_path], check=True, capture_output=True)
    page = (tmp_path / "lwgan_cli" / "api.html").read_text(encoding="utf-8")
    for name in ("imitate", "transfer", "novelview", "fit"):
        first = inspect.getdoc(getattr(api, name)).split("\n")[0]  # type: ignore[union-attr]
        assert f'id="{name}"' in page and html.escape(first) in page
