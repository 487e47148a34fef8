"""What every test gets: few threads, so that tests can run beside one another, and folders of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "2")
# as in lwgan_cli.cli, and for its reason
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What runs beside one another (`-n 2 --dist loadgroup`) are files, whose tests share fixtures, and the whole of
    tests/pipeline, whose fixtures take seconds."""
    for item in items:
        group = item.path.parent if item.path.parent.name == "pipeline" else item.path
        item.add_marker(pytest.mark.xdist_group(str(group.name)))


@pytest.fixture(autouse=True)
def _own_folders(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read from or written to the user's cache and weights folders."""
    monkeypatch.setenv("LWGAN_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
    monkeypatch.setenv("LWGAN_WEIGHTS", str(tmp_path_factory.getbasetemp() / "weights"))


@pytest.fixture(scope="session")
def project() -> Path:
    """The checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared(project: Path) -> Path:
    """Folder of real photos and clips beside the checkout; a test that wants it skips where there is none."""
    folder = project.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"{folder} isn't there")
    return folder
