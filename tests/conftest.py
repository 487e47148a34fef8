"""What every test gets: few threads, so that tests can run beside one another, and folders of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "2")
# as in lwgan_cli.cli, and for its reason
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """With `-n 2`, what runs beside one another are files, whose tests share fixtures, and the whole of tests/pipeline,
    whose fixtures take seconds."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFile(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = Path(nodeid.split("::")[0])
            return str(path.parent if path.parent.name == "pipeline" else path)

    return ByFile(config, log)


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
