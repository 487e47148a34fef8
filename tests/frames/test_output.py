from __future__ import annotations

import os
from pathlib import Path

import pytest

from lwgan_cli.errors import LwganError, UsageError
from lwgan_cli.frames.output import check_output, even_size, output_form


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("a.mp4", "video"),
        ("a.MOV", "video"),
        ("dir.x/a.webm", "video"),
        ("a.png", "picture"),
        ("a.JPEG", "picture"),
        ("a.gif", "animation"),
        ("a.webp", "animation"),
        ("frames/", "folder"),
        ("frames", "folder"),
        ("v1.5/", "folder"),
    ],
)
def test_the_name_decides_the_form(name: str, form: str) -> None:
    assert output_form(name) == form


def test_unknown_suffix_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"a\.avi: \.avi isn't a form.*\.mp4.*\.png.*\.gif.*folder"):
        output_form("a.avi")
    (tmp_path / "v1.5").mkdir()
    assert output_form(tmp_path / "v1.5") == "folder"


@pytest.mark.parametrize("width", [1, 2, 3, 5, 320, 639, 1080, 1921])
@pytest.mark.parametrize("height", [1, 4, 7, 361, 1280, 4000])
@pytest.mark.parametrize("max_side", [0, 64, 301, 1280])
def test_even_size(width: int, height: int, max_side: int) -> None:
    wide, high = even_size(width, height, max_side)
    assert wide % 2 == 0 and high % 2 == 0 and min(wide, high) >= 2
    assert wide <= max(2, width) and high <= max(2, height)
    if max_side:
        assert max(wide, high) <= max_side
    scale = min(1.0, max_side / max(width, height)) if max_side else 1.0
    assert abs(wide - width * scale) <= 2 and abs(high - height * scale) <= 2


def test_even_size_examples() -> None:
    assert even_size(1920, 1080, 1280) == (1280, 720)
    assert even_size(1080, 1920, 1280) == (720, 1280)
    assert even_size(641, 481) == (640, 480)
    assert even_size(640, 480, 1280) == (640, 480)


def test_existing_output_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    assert check_output(path) == "video"
    path.write_bytes(b"old")
    with pytest.raises(UsageError, match=r"a\.mp4 exists; give --overwrite"):
        check_output(path)
    assert check_output(path, overwrite=True) == "video"
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["a.mp4"]  # noqa: PTH208


def test_folders_are_replaced_only_where_they_hold_frames(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    assert check_output(folder) == "folder"  # empty
    (folder / "000000.png").write_bytes(b"")
    with pytest.raises(UsageError, match="exists; give --overwrite"):
        check_output(folder)
    assert check_output(folder, overwrite=True) == "folder"
    (folder / "thesis.doc").write_bytes(b"")
    with pytest.raises(UsageError, match="holds other things than frames"):
        check_output(folder, overwrite=True)
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="there is a file of that name"):
        check_output(f"{tmp_path}/file/", overwrite=True)
    (tmp_path / "dir.mp4").mkdir()
    assert check_output(tmp_path / "dir.mp4") == "folder"


def test_inputs_are_never_overwritten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    driving = tmp_path / "a.mp4"
    driving.write_bytes(b"x")
    (tmp_path / "link.mp4").symlink_to(driving)
    monkeypatch.chdir(tmp_path)
    for output in (driving, Path("a.mp4"), tmp_path / "link.mp4", tmp_path / "x" / ".." / "a.mp4"):
        (tmp_path / "x").mkdir(exist_ok=True)
        with pytest.raises(UsageError, match="would overwrite the input"):
            check_output(output, [tmp_path / "photo.jpg", driving], overwrite=True)
    frames = tmp_path / "frames"
    frames.mkdir()
    (frames / "000000.png").write_bytes(b"x")
    for given in (frames, frames / "000000.png"):
        with pytest.raises(UsageError, match="would overwrite the input"):
            check_output(frames, [given], overwrite=True)


def test_missing_and_unwritable_folders(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no folder .*/nowhere; make it first"):
        check_output(tmp_path / "nowhere" / "a.mp4")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="there is no folder"):
        check_output(tmp_path / "file" / "a.mp4")
    if Path("/proc/self").exists():
        with pytest.raises(LwganError, match="can't write to /proc") as caught:
            check_output("/proc/a.mp4")
        assert caught.value.exit_code == 1


def test_a_picture_holds_one_frame(tmp_path: Path) -> None:
    assert check_output(tmp_path / "a.png", frames=1) == "picture"
    with pytest.raises(UsageError, match="a picture holds one frame, not 2"):
        check_output(tmp_path / "a.png", frames=2)
