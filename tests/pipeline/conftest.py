from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from lwgan_cli.frames.clip import open_clip
from lwgan_cli.frames.photo import read_photo
from tests.pipeline.runner import FRAMES, SIDE, Lwgan, Run, write_video


@pytest.fixture(scope="session")
def lwgan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lwgan]:
    return Lwgan(tmp_path_factory.mktemp("fits"))


@pytest.fixture(scope="session")
def photo(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample photo, as small as most tests want it: reading all of it each time takes a while."""
    path = tmp_path_factory.mktemp("photo") / "person.png"
    Image.fromarray(read_photo(project / "examples" / "person.jpg", SIDE).over()).save(path)
    return path


@pytest.fixture(scope="session")
def dance(project: Path) -> Path:
    """The sample dance, 100 frames with sound."""
    return project / "examples" / "dance.mp4"


@pytest.fixture(scope="session")
def steps(dance: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its first frames as a small clip without sound."""
    pictures = list(open_clip(dance, max_frames=FRAMES, max_side=SIDE))
    return write_video(tmp_path_factory.mktemp("steps") / "steps.mp4", pictures)


@pytest.fixture(scope="session")
def imitation(lwgan: Lwgan, photo: Path, dance: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The main job on the first frames: person--dance.mp4, and what lies between in parts/."""
    cut = ("--max-frames", str(FRAMES), "--max-side", str(SIDE))
    return lwgan(tmp_path_factory.mktemp("imitation"), "imitate", photo, dance, *cut, "--keep", "parts")


@pytest.fixture(scope="session")
def frames(lwgan: Lwgan, imitation: Run, photo: Path, dance: Path) -> Run:
    """The same once more, as a folder of pictures without loss."""
    cut = ("--max-frames", str(FRAMES), "--max-side", str(SIDE))
    return lwgan(imitation.folder, "imitate", photo, dance, *cut, "-o", "frames")
