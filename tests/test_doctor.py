from __future__ import annotations

import importlib.metadata
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lwgan_cli import doctor
from lwgan_cli.config import CommonConfig, DrawConfig
from lwgan_cli.doctor import Finding, examine
from lwgan_cli.errors import InputError
from lwgan_cli.frames.video import VideoWriter
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report

CPU = CommonConfig(device="cpu")


def found(part: str, config: CommonConfig = CPU, self_test: bool = False) -> dict[str, Finding]:
    return {each.name: each for each in examine(config, self_test) if each.part == part}


def test_a_whole_installation_has_nothing_broken() -> None:
    findings = list(examine(CPU, self_test=False))
    assert not [each for each in findings if each.state == "broken"]
    assert all(each.remedy for each in findings if each.state == "absent" and each.name != "cuda")
    parts = dict.fromkeys(each.part for each in findings)
    assert list(parts) == ["versions", "devices", "back-ends", "weights", "ffmpeg", "folders"]


def test_packages_that_are_missing_or_of_the_wrong_version(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.metadata.version

    def version(name: str) -> str:
        if name == "tqdm":
            raise importlib.metadata.PackageNotFoundError
        return "2.1.0" if name == "numpy" else real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    versions = found("versions")
    assert versions["numpy"].state == "broken" and versions["numpy"].detail.startswith("2.1.0, but ")
    assert "<2" in versions["numpy"].remedy and "pip install 'numpy" in versions["numpy"].remedy
    assert versions["tqdm"].state == "broken" and "missing" in versions["tqdm"].detail
    assert versions["torch"].state == "good" and "pytest" not in versions


def test_what_cannot_be_imported_is_a_finding_and_the_rest_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    findings = list(examine(CPU, self_test=False))
    broken = [each for each in findings if each.state == "broken"]
    assert [each.part for each in broken] == ["back-ends"] and "cv2" in broken[0].detail and broken[0].remedy
    assert findings[-1].part == "folders"


def test_a_library_of_the_system_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def devices(config: CommonConfig) -> list[Finding]:
        raise ImportError("libGL.so.1: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(doctor, "devices", devices)
    assert found("devices")["devices"].remedy == "apt-get install libgl1"


def test_weights_are_held_against_their_checksums(project: Path, tmp_path: Path) -> None:
    for name in ("manifest.json", "face.npz"):
        shutil.copy(project / "weights" / name, tmp_path)
    whole = found("weights", CommonConfig(device="cpu", weights=tmp_path))
    listed = {row["file"]: row for row in json.loads((tmp_path / "manifest.json").read_text())["assets"]}
    assert listed["face.npz"]["sha256"][:12] in whole["face.npz"].detail
    assert listed["face.npz"]["licence"] in whole["face.npz"].detail
    assert whole["SMPL_NEUTRAL.pkl"].state == "absent" and "weights import" in whole["SMPL_NEUTRAL.pkl"].remedy
    (tmp_path / "face.npz").write_bytes(b"something else")
    torn = found("weights", CommonConfig(device="cpu", weights=tmp_path))["face.npz"]
    assert torn.state == "broken" and "sha256" in torn.detail and torn.remedy


def test_an_ffmpeg_that_lacks_encoders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    binary = tmp_path / "ffmpeg"
    binary.write_text("#!/bin/sh\necho 'ffmpeg version 4.2-small Copyright'\necho ' A....D aac  AAC'\n")
    binary.chmod(0o755)
    monkeypatch.setattr("lwgan_cli.frames.ffmpeg.ffmpeg_binary", lambda: str(binary))
    states = {name: each.state for name, each in found("ffmpeg").items()}
    assert states == {
        "ffmpeg": "good", "libx264": "broken", "aac": "good", "libvpx-vp9": "absent", "prores_ks": "absent",
    }  # fmt: skip
    assert found("ffmpeg")["ffmpeg"].detail.startswith("4.2-small, ")
    binary.unlink()
    assert found("ffmpeg")["ffmpeg"].state == "broken"


def test_the_cache_is_measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "cache" / "fits").mkdir(parents=True)
    (tmp_path / "cache" / "fits" / "a.npz").write_bytes(bytes(3 * 2**20))
    monkeypatch.setenv("LWGAN_CACHE", str(tmp_path / "cache"))
    assert "1 files, 3.0 of at most 256 MiB" in found("folders")["cache"].detail
    monkeypatch.setenv("LWGAN_CACHE", str(tmp_path / "cache" / "fits" / "a.npz" / "no folder"))
    assert found("folders")["cache"].state == "absent" and "LWGAN_CACHE" in found("folders")["cache"].remedy


@pytest.mark.parametrize("colour", [(0, 255, 0), (200, 40, 30)])
def test_a_run_that_draws_nobody_is_broken(monkeypatch: pytest.MonkeyPatch, colour: tuple[int, int, int]) -> None:
    """All background, and all person."""

    def imitate(photos: list[Path], driving: Path, config: DrawConfig, progress: Progress) -> Report:
        assert config.output is not None and not config.cache
        with VideoWriter(config.output, (120, 160), 25.0) as writer, progress.stage("composite", 2):
            for _ in range(2):
                writer.write(np.full((160, 120, 3), colour, np.uint8))
        fit = {"photo": {"iou": 0.95}, "driving": {"iou": 0.93}}
        return Report(
            output=config.output, frames=2, fps=25.0, size=(120, 160), device="cpu", backends={}, seconds={}, fit=fit
        )

    monkeypatch.setattr("lwgan_cli.pipeline.imitate", imitate)
    test = found("self-test", self_test=True)
    assert test["composite"].state == "good" and test["result"].state == "broken"
    assert "2 frames of 120×160 px, silhouettes agree by 93%" in test["result"].detail


def test_a_stage_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def imitate(photos: list[Path], driving: Path, config: DrawConfig, progress: Progress) -> Any:
        with progress.stage("source", 1), progress.clock("decode"):
            pass
        with progress.stage("detect", 2), progress.clock("wait"):
            raise InputError("nobody was found")

    monkeypatch.setattr("lwgan_cli.pipeline.imitate", imitate)
    test = found("self-test", self_test=True)
    assert {name: each.state for name, each in test.items()} == {
        "source": "good", "decode": "good", "detect": "good", "wait": "broken",
    }  # fmt: skip
    assert test["wait"].detail == "nobody was found"


@pytest.mark.slow
def test_the_run_in_miniature_goes_through_every_stage() -> None:
    test = found("self-test", self_test=True)
    assert not [each for each in test.values() if each.state != "good"]
    assert {"decode", "detect", "fit", "dress", "rasterize", "composite", "encode", "result"} <= set(test)
    assert doctor.FRAMES == 2 and "2 frames" in test["result"].detail
