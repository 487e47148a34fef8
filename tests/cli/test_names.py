"""Files called whatever people call them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from lwgan_cli.frames.clip import open_clip
from tests.bad_input.files import noise
from tests.frames.media import ffmpeg, make_clicks, make_video, number_of, sound_of
from tests.processes import COPYING, names, start


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten numbered frames, and a click."""
    folder = tmp_path_factory.mktemp("film")
    make_video(folder / "silent.mp4", 10)
    make_clicks(folder / "click.wav", [0.1], 0.4)
    ffmpeg("-i", folder / "silent.mp4", "-i", folder / "click.wav", "-c:v", "copy", folder / "film.mp4")
    return folder / "film.mp4"


@pytest.mark.skipif(os.name == "nt", reason="some of these can't be names there")
@pytest.mark.parametrize(
    "name",
    [
        "with spaces, 'quoted' \"twice\"",
        "--output",
        "舞 é 🕺",
        "per%03dcent a:b",
        "semi;colon & $(touch ran)",
    ],
)
def test_a_file_may_be_called(name: str, film: Path, tmp_path: Path) -> None:
    """Photo, driving with sound, and output, in a folder of that name too."""
    folder = tmp_path / name
    folder.mkdir()
    Image.fromarray(noise()).save(folder / f"{name}.png")
    shutil.copy(film, folder / f"{name}.mp4")
    arguments = ("imitate", "-o", f"{name} out.mp4", "--json", "--", f"{name}.png", f"{name}.mp4")
    process = start(folder, *arguments, code=COPYING)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert json.loads(out)["output"] == f"{name} out.mp4"
    assert [number_of(frame) for frame in open_clip(folder / f"{name} out.mp4")] == list(range(10))
    assert abs(sound_of(folder / f"{name} out.mp4")).max() > 0.2
    assert names(folder) == {f"{name}.png", f"{name}.mp4", f"{name} out.mp4"}
