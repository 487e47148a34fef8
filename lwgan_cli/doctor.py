"""What is here and whether it works: versions, devices, back-ends, weights, ffmpeg, folders, and a run in miniature.

Everything is imported where it is looked at, and what fails there is a finding, so that a broken installation is told
piece by piece.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from lwgan_cli import __version__
from lwgan_cli.config import Background, CommonConfig, DrawConfig
from lwgan_cli.errors import LwganError
from lwgan_cli.progress import Silent

State = Literal["good", "absent", "broken"]

REINSTALL = "pip install --force-reinstall -c constraints.txt ."
LIBRARIES = {  # of the system, which OpenCV wants and slim images lack
    "libGL.so": "apt-get install libgl1",
    "libgthread": "apt-get install libglib2.0-0",
    "libglib": "apt-get install libglib2.0-0",
}
ENCODERS = ("libx264", "aac", "libvpx-vp9", "prores_ks")  # for .mp4 and its sound, .webm, .mov with alpha
ROOM = 2**30  # bytes that a longer clip wants of the temporary folder
FRAMES, SIDE, SIZE = 2, 160, 128  # of the run in miniature: frames, longest side and crop in px
AGREEMENT = 0.8  # IoU of the fitted bodies' silhouettes with the people's, at least; a sound run has over 0.9


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    part    versions, devices, back-ends, weights, ffmpeg, folders or self-test
    state   good; absent: it is optional; broken: it is needed
    detail  what was found
    remedy  what to do where it isn't good: a command, or where to get it; may be empty
    """

    part: str
    name: str
    state: State
    detail: str
    remedy: str = ""


def examine(config: CommonConfig, self_test: bool = True) -> Iterator[Finding]:
    """All findings, as they are made. `config` names the device, one that this machine has, and a weights folder."""
    checks: dict[str, Callable[[CommonConfig], Iterator[Finding]]] = {
        "versions": versions, "devices": devices, "back-ends": back_ends, "weights": weights, "ffmpeg": ffmpeg,
        "folders": folders,
    }  # fmt: skip
    if self_test:
        checks["self-test"] = run_in_miniature
    for part, check in checks.items():
        try:
            yield from check(config)
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the finding
            yield Finding(part, part, "broken", *_failure(error))


def _failure(error: Exception) -> tuple[str, str]:
    """What an error says, and what to do about it."""
    kind = "" if isinstance(error, LwganError) else f"{type(error).__name__}: "
    remedy = next((remedy for library, remedy in LIBRARIES.items() if library in str(error)), REINSTALL)
    return kind + " ".join(str(error).split()), remedy


def versions(config: CommonConfig) -> Iterator[Finding]:
    """Python, and the packages that lwgan requires."""
    system = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}"
    fits = (3, 10) <= sys.version_info[:2] <= (3, 12)
    remedy = "" if fits else "python3.12 -m venv .venv && .venv/bin/pip install -c constraints.txt ."
    yield Finding("versions", f"lwgan {__version__}", "good" if fits else "broken", system, remedy)
    try:
        required = importlib.metadata.requires("lwgan") or []
    except importlib.metadata.PackageNotFoundError:
        yield Finding("versions", "lwgan", "absent", "runs from its folder and isn't installed", "pip install -e .")
        return
    from packaging.requirements import Requirement

    for wanted in map(Requirement, required):
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": ""}):
            continue
        remedy = f"pip install '{wanted.name}{wanted.specifier}'"
        try:
            version = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding("versions", wanted.name, "broken", f"missing, {wanted.specifier} is wanted", remedy)
            continue
        if wanted.specifier.contains(version, prereleases=True):
            yield Finding("versions", wanted.name, "good", version)
        else:
            yield Finding("versions", wanted.name, "broken", f"{version}, but {wanted.specifier} is wanted", remedy)


def devices(config: CommonConfig) -> Iterator[Finding]:
    """What can compute."""
    import torch

    threads = f"{os.cpu_count()} cores, PyTorch takes {torch.get_num_threads()} threads"
    yield Finding("devices", "cpu", "good", threads)
    for index in range(torch.cuda.device_count()):
        about = torch.cuda.get_device_properties(index)
        detail = f"{about.name}, {about.total_memory / 2**30:.0f} GiB, CUDA {torch.version.cuda}"
        yield Finding("devices", f"cuda:{index}", "good", detail)
    if not torch.cuda.device_count():
        detail, remedy = "none: everything runs on the CPU", ""
        if shutil.which("nvidia-smi"):
            detail = "there is a driver, but PyTorch finds no device" + ("" if torch.version.cuda else " (a CPU build)")
            remedy = "install PyTorch with CUDA: https://pytorch.org/get-started/locally"
        yield Finding("devices", "cuda", "absent", detail, remedy)
    if torch.backends.mps.is_available():
        yield Finding("devices", "mps", "good", "Metal")
    yield Finding("devices", "chosen", "good", config.device)


def back_ends(config: CommonConfig) -> Iterator[Finding]:
    """What does the work where there is a choice."""
    import cv2
    import torch

    from lwgan_cli.correspondence.rasterizer import choose_backend
    from lwgan_cli.generator.checkpoints import find_generator

    yield Finding("back-ends", "rasterizer", "good", choose_backend("auto", torch.device(config.device)))
    generator = find_generator("auto", config.weights)
    yield Finding("back-ends", "generator", "good", str(generator or "none: the photo is warped and composited"))
    if not hasattr(cv2, "xphoto"):
        contrib = "pip install --force-reinstall --no-deps 'opencv-contrib-python==4.11.*'"
        remedy = f"pip uninstall -y opencv-python && {contrib}"
        yield Finding("back-ends", "OpenCV", "broken", "another build has overwritten the contrib one", remedy)
    for module, use, remedy in (
        ("pytorch3d", "a rasterizer for CUDA", "see PyTorch3D in the README"),
        ("ray", "batches on many machines", "pip install 'lwgan[ray]'"),
    ):
        found = importlib.util.find_spec(module) is not None
        yield Finding("back-ends", module, "good" if found else "absent", use, "" if found else remedy)


def weights(config: CommonConfig) -> Iterator[Finding]:
    """Every file that a manifest names, with its checksum and licence."""
    from lwgan_cli.assets import sha256_of
    from lwgan_cli.weights import inventory

    for row in inventory(config.weights):
        asset = row.asset
        if row.problem is not None:
            remedy = "restore it: git checkout weights, or install lwgan again" if asset.bundled else "import it again"
            yield Finding("weights", asset.file, "broken", row.problem, remedy)
        elif row.path is None:
            remedy = f"get it from {asset.source}, then lwgan weights import FILE"
            yield Finding("weights", asset.file, "absent", asset.licence, remedy)
        else:
            detail = f"{row.state}, sha256 {sha256_of(row.path)[:12]}…, {asset.licence}"
            yield Finding("weights", asset.file, "good", detail)


def ffmpeg(config: CommonConfig) -> Iterator[Finding]:
    """The binary, and whether it writes what lwgan asks of it."""
    from lwgan_cli.frames.ffmpeg import ffmpeg_binary

    binary = ffmpeg_binary()
    told = [
        subprocess.run([binary, "-hide_banner", wish], capture_output=True, text=True, check=True).stdout
        for wish in ("-version", "-encoders")
    ]
    version = re.match(r"ffmpeg version (\S+)", told[0])
    yield Finding("ffmpeg", "ffmpeg", "good", f"{version[1] if version else '?'}, {binary}")
    known = {line.split()[1] for line in told[1].splitlines() if len(line.split()) > 1}
    for encoder in ENCODERS:
        state: State = "good" if encoder in known else "broken" if encoder in ENCODERS[:2] else "absent"
        remedy = "" if state == "good" else "pip install --force-reinstall imageio-ffmpeg"
        yield Finding("ffmpeg", encoder, state, "encoder", remedy)


def folders(config: CommonConfig) -> Iterator[Finding]:
    """The cache of fits, and the temporary folder."""
    from lwgan_cli.cache import CAP_BYTES, cache_dir

    cache = cache_dir()
    files = [file for file in cache.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files) / 2**20
    detail = f"{cache}, {len(files)} files, {size:.1f} of at most {CAP_BYTES / 2**20:.0f} MiB"
    above = next(folder for folder in (cache, *cache.parents) if folder.exists())
    if above.is_dir() and os.access(above, os.W_OK):
        yield Finding("folders", "cache", "good", detail)
    else:
        remedy = "set LWGAN_CACHE to a folder of yours; without one, every dance is fitted anew"
        yield Finding("folders", "cache", "absent", f"{detail}; can't be written", remedy)
    temporary = Path(tempfile.gettempdir())
    free = shutil.disk_usage(temporary).free
    remedy = "" if free > ROOM else "free some room, or set TMPDIR to another folder"
    state: State = "good" if free > ROOM else "absent"
    yield Finding("folders", "temporary", state, f"{temporary}, {free / 2**30:.1f} GiB free", remedy)


def run_in_miniature(config: CommonConfig) -> Iterator[Finding]:
    """The sample photo does two frames of the sample dance, small and uncached: every stage with its seconds."""
    from lwgan_cli.assets import find_example
    from lwgan_cli.frames.clip import open_clip
    from lwgan_cli.pipeline import imitate

    progress = _Steps()
    with tempfile.TemporaryDirectory(prefix="lwgan-doctor-") as folder:
        small = DrawConfig(
            output=Path(folder) / "result.mp4", size=SIZE, max_side=SIDE, max_frames=FRAMES, cache=False,
            device=config.device, weights=config.weights, threads=config.threads, seed=config.seed,
            background=Background("colour", colour=(0, 255, 0)),
        )  # fmt: skip
        try:
            report = imitate([find_example("person.jpg")], find_example("dance.mp4"), small, progress)
            frames = list(open_clip(report.output))
        except Exception as error:  # noqa: BLE001  # whatever it is, it is the finding
            yield from _took(progress, good_until=progress.failed)
            yield Finding("self-test", progress.failed or "start", "broken", *_failure(error))
            return
    yield from _took(progress, good_until=None)
    agree = [float(report.fit[who]["iou"] or 0) for who in ("photo", "driving")]
    person = [float((frame.astype(int) @ (1, -2, 1) > -255).mean()) for frame in frames]  # what isn't green
    detail = (
        f"{len(frames)} frames of {report.size[0]}×{report.size[1]} px, silhouettes agree by {min(agree):.0%},"
        f" the person covers {min(person, default=0):.0%}"
    )
    sound = len(frames) == FRAMES and min(agree) > AGREEMENT and all(0.03 < share < 0.6 for share in person)
    yield Finding("self-test", "result", "good" if sound else "broken", detail, "" if sound else REINSTALL)


class _Steps(Silent):
    """Keeps in which stage an error arose."""

    failed: str | None = None

    @contextmanager
    def clock(self, name: str) -> Iterator[None]:
        try:
            with super().clock(name):
                yield
        except Exception:
            self.failed = self.failed or name
            raise


def _took(progress: Silent, good_until: str | None) -> Iterator[Finding]:
    for stage, seconds in progress.seconds.items():
        if stage == good_until:
            return
        yield Finding("self-test", stage, "good", f"{seconds:.2f} s")
