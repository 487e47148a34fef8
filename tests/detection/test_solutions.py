"""mediapipe's detectors come without matplotlib, which still is there for whoever wants it."""

from __future__ import annotations

import subprocess
import sys
from types import ModuleType

import pytest

from lwgan_cli.detection.solutions import solution
from lwgan_cli.errors import LwganError

USES = """
import sys
from lwgan_cli.detection.solutions import solution
assert solution("face_mesh").FaceMesh and solution("pose").Pose
assert not [name for name in sys.modules if name.startswith("matplotlib")]
from mediapipe.python.solutions import drawing_utils
figure = drawing_utils.plt.Figure  # what its helper would ask for first
import matplotlib.pyplot
assert figure is matplotlib.pyplot.Figure and hasattr(matplotlib, "rcParams")
"""


def test_plots_are_imported_when_asked_for() -> None:
    subprocess.run([sys.executable, "-c", USES], check=True, timeout=60)


def test_plots_that_are_there_already_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    present, plots = ModuleType("matplotlib"), ModuleType("matplotlib.pyplot")
    monkeypatch.setattr(present, "pyplot", plots, raising=False)
    for each in (present, plots):
        monkeypatch.setitem(sys.modules, each.__name__, each)
    assert solution("pose").Pose
    assert sys.modules["matplotlib"] is present and sys.modules["matplotlib.pyplot"] is plots


def test_a_missing_detector_is_told_of() -> None:
    with pytest.raises(LwganError, match="pip install mediapipe"):
        solution("nothing_of_the_kind")
