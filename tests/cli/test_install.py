"""The project as somebody gets it who has no checkout: a wheel, in an environment of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow


def shell(*argv: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    done = subprocess.run([str(arg) for arg in argv], cwd=cwd, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    shell(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", folder, project, cwd=folder)
    return next(folder.glob("lwgan-*.whl"))


def test_the_wheel_carries_weights_and_examples(wheel: Path, project: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {info.filename: info.file_size for info in archive.infolist()}
    tracked = shell("git", "ls-files", "weights", "examples/*.jpg", "examples/*.mp4", cwd=project).splitlines()
    assert "weights/body.npz" in tracked and "examples/person.jpg" in tracked
    assert "examples/dance.mp4" in tracked
    for name in tracked:
        assert packed[f"lwgan_cli/_{name}"] == (project / name).stat().st_size
    assert not any(name.split("/")[0] in ("tests", "weights", "examples") for name in packed)
    assert "lwgan_cli/py.typed" in packed


def test_the_sdist_makes_the_same_wheel(wheel: Path, project: Path, tmp_path: Path) -> None:
    shell(sys.executable, "-m", "build", "--sdist", "-o", tmp_path, project, cwd=tmp_path)
    archive = next(tmp_path.glob("lwgan-*.tar.gz"))
    with tarfile.open(archive) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    tracked = shell("git", "ls-files", "lwgan_cli", "weights", "tests", "examples", "docs", cwd=project).splitlines()
    assert {name for name in tracked if name.endswith((".py", ".npz", ".sh", ".typed"))} <= names
    assert {"README.md", "LICENSE", "constraints.txt", "Makefile", "Dockerfile"} <= names
    shell(sys.executable, "-m", "pip", "wheel", "--no-deps", "-w", tmp_path, archive, cwd=tmp_path)
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as other:
        assert {info.filename: info.CRC for info in one.infolist() if "dist-info" not in info.filename} == {
            info.filename: info.CRC for info in other.infolist() if "dist-info" not in info.filename
        }


def test_the_wheel_works_in_a_clean_environment_without_a_network(wheel: Path, project: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "env", with_pip=True)
    binaries = tmp_path / "env" / ("Scripts" if os.name == "nt" else "bin")
    index = ["--extra-index-url", os.environ["TORCH_INDEX"]] if os.environ.get("TORCH_INDEX") else []
    shell(
        binaries / "python",
        *("-m", "pip", "install", "-q", "-c", project / "constraints.txt", *index, wheel),
        cwd=tmp_path,
    )
    shell(binaries / "python", "-m", "pip", "check", cwd=tmp_path)

    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env |= {"LWGAN_CACHE": str(tmp_path / "cache")}
    env |= {f"{scheme}_proxy": "http://127.0.0.1:9" for scheme in ("http", "https", "all")}  # nobody answers
    where = "from pathlib import Path; import lwgan_cli; print(Path(lwgan_cli.__file__).parent)"
    package = Path(shell(binaries / "python", "-c", where, cwd=tmp_path, env=env).strip())
    assert package.is_relative_to(tmp_path / "env")

    examples = package / "_examples"
    out = shell(
        binaries / "lwgan",
        *("imitate", examples / "person.jpg", examples / "dance.mp4"),
        *("--max-frames", "6", "--max-side", "320", "--json"),
        cwd=tmp_path,
        env=env,
    )
    result = json.loads(out)
    assert (result["output"], result["frames"]) == ("person--dance.mp4", 6)
    assert (tmp_path / "person--dance.mp4").stat().st_size > 1000
    left = {entry.name for entry in tmp_path.iterdir()}
    assert left == {"env", "cache", "person--dance.mp4"}
