"""mediapipe's ready-made detectors, imported without the plots that come with them.

They import matplotlib.pyplot, which takes longer than all the rest of mediapipe, for one helper that plots landmarks:
it is imported once that is called, which nobody here does.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from lwgan_cli.errors import LwganError


def solution(name: str) -> Any:
    """The module of that name in mediapipe.python.solutions: pose, hands, face_mesh, selfie_segmentation.

    Raises LwganError where mediapipe can't be imported.
    """
    try:
        with _plots_later():
            return import_module(f"mediapipe.python.solutions.{name}")
    except ImportError as error:
        raise LwganError(
            f"the detectors need mediapipe, which can't be imported ({error}): pip install mediapipe==0.10.21"
        ) from error


class _Later(ModuleType):
    """Stands for a module that is imported when something is asked of it."""

    def __getattr__(self, name: str) -> Any:
        _withdraw(self)
        return getattr(import_module(self.__name__), name)


@contextmanager
def _plots_later() -> Iterator[None]:
    """What is imported meanwhile gets matplotlib.pyplot `_Later`; who imports it afterwards gets the real one."""
    if "matplotlib" in sys.modules:  # so are the plots, or will be soon
        yield
        return
    package, plots = _Later("matplotlib"), _Later("matplotlib.pyplot")
    package.pyplot = plots  # type: ignore[attr-defined]
    sys.modules |= {each.__name__: each for each in (package, plots)}
    try:
        yield
    finally:
        for each in (plots, package):
            _withdraw(each)


def _withdraw(module: _Later) -> None:
    if sys.modules.get(module.__name__) is module:
        del sys.modules[module.__name__]
