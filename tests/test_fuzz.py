"""The readers against files that chance has damaged: whatever comes, it is a result or an error of ours, soon and
without filling the memory."""

from __future__ import annotations

import io
import json
import pickle
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from lwgan_cli.assets import read_npz, read_pickle, read_tensors
from lwgan_cli.batch.jobs import read_rows
from lwgan_cli.errors import LwganError
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.generator.checkpoints import load_generator, save_generator
from lwgan_cli.motion import load_motion, save_motion
from tests.bad_input.files import motion, noise
from tests.frames.media import make_video
from tests.generator.test_checkpoints import ABOUT, state

MEMORY = 1 << 30  # bytes that a test may add to what the process ever held
LIMIT = timedelta(seconds=30)  # for one file, on a machine busy with other work
QUICK = dict(derandomize=True, database=None, deadline=LIMIT, suppress_health_check=list(HealthCheck))


def read_frames(path: Path) -> None:
    """A damaged header may promise a clip without end: a few frames are enough."""
    for number, frame in enumerate(open_clip(path, max_side=256)):
        assert frame.dtype == np.uint8 and frame.ndim == 3
        if number == 20:
            break


def save_picture(form: str, **options: Any) -> Callable[[Path], object]:
    return lambda path: Image.fromarray(noise(48, 40)).save(path, form, **options)


def save_animation(form: str) -> Callable[[Path], object]:
    pictures = [Image.fromarray(noise(24, 20) // (1 + number)) for number in range(4)]
    return lambda path: pictures[0].save(path, form, save_all=True, append_images=pictures[1:], duration=40)


def save_video(path: Path) -> None:
    make_video(path, 12)


def save_body(path: Path) -> None:
    content = {"v_template": np.zeros((5, 3)), "f": np.zeros((2, 3), np.uint32), "names": ["a", b"b", 1.5, None]}
    path.write_bytes(pickle.dumps(content, 2))


def save_jobs_csv(path: Path) -> None:
    path.write_text('photo,driving,output\na.jpg|b.jpg,dance.mp4,"out, 1.mp4"\n,"x.npz",é.mp4\n', encoding="utf-8")


def save_jobs_jsonl(path: Path) -> None:
    rows = [{"photo": ["a.jpg"], "driving": "dance.mp4", "size": 512}, {"command": "fit", "input": "x.mp4"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@dataclass(frozen=True)
class Kind:
    """name of a file; save: writes a whole one; read: what reads it; slow: it takes other processes."""

    name: str
    save: Callable[[Path], object]
    read: Callable[[Path], object]
    slow: bool = False


KINDS = [
    *(Kind(f"{form}.x", save_picture(form), read_frames) for form in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "PPM")),
    *(Kind(f"{form}.x", save_picture(form), read_frames) for form in ("TIFF", "AVIF", "HEIF", "JPEG2000")),
    *(Kind(f"animated.{form}", save_animation(form), read_frames) for form in ("PNG", "WEBP", "GIF")),
    *(
        Kind(f"video.{form}", lambda path: make_video(path, 12), read_frames, slow=True)
        for form in ("mp4", "mkv", "avi")
    ),
    Kind("motion.npz", lambda path: save_motion(path, motion()), load_motion),
    Kind("body.npz", lambda path: np.savez(path, v_template=np.zeros((5, 3)), f=np.zeros((2, 3), int)), read_npz),
    Kind("body.pkl", save_body, read_pickle),
    Kind("generator.safetensors", lambda path: save_generator(path, state(), ABOUT), load_generator),
    Kind("checkpoint.pth", lambda path: torch.save({"a.weight": torch.zeros(3, 4)}, path), read_tensors),
    Kind("jobs.csv", save_jobs_csv, read_rows),
    Kind("jobs.jsonl", save_jobs_jsonl, read_rows),
]

Damage = Callable[[bytes], bytes]


@st.composite
def damages(draw: st.DrawFn) -> Damage:
    """A few bytes changed, then perhaps a piece left out, doubled, or the end cut off. Files say what they are at
    their beginnings and ends: that is where most of it goes."""
    near = st.integers(0, 200)
    places = st.one_of(near, near.map(lambda at: -1 - at), st.integers(0, 1 << 20))
    values = st.one_of(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]), st.integers(0, 255))
    flips = draw(st.lists(st.tuples(places, values), max_size=6))
    cut = draw(st.one_of(st.none(), st.floats(0, 1)))
    piece = draw(st.one_of(st.none(), st.tuples(places, st.integers(1, 64), st.booleans())))

    def damage(data: bytes) -> bytes:
        changed = bytearray(data)
        for at, value in flips:
            changed[at % len(changed)] = value
        if piece is not None:
            at, length, doubled = piece[0] % len(changed), piece[1], piece[2]
            changed[at : at + length] = bytes(changed[at : at + length]) * (2 if doubled else 0)
        return bytes(changed if cut is None else changed[: int(cut * len(changed))])

    return damage


def peak() -> int:
    """Bytes, the most that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if sys.platform == "linux" else 1)


def attack(kind: Kind, folder: Path, examples: int) -> None:
    path = folder / kind.name
    kind.save(path)
    whole = path.read_bytes()
    kind.read(path)  # undamaged
    before = peak()

    @settings(max_examples=examples, **QUICK)
    @given(damages())
    def every(damage: Damage) -> None:
        path.write_bytes(damage(whole))
        try:
            kind.read(path)
        except LwganError as error:
            assert "\n" not in str(error)

    every()
    assert peak() - before < MEMORY
    assert {each.name for each in folder.iterdir()} == {kind.name}  # nothing was written


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_damaged_files_end_in_an_error_of_ours(kind: Kind, tmp_path: Path) -> None:
    attack(kind, tmp_path, 3 if kind.slow else 30)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_many_damaged_files(kind: Kind, tmp_path: Path) -> None:
    attack(kind, tmp_path, 60 if kind.slow else 600)


NAMES = ["poses", "betas", "camera", "crop", "image_size", "fps", "valid", "body", "shots", "face", "hands", "drape"]
NAMES += ["features", "neutral", "trans", "mocap_framerate", "mocap_frame_rate"]
TYPES = [arrays.floating_dtypes(), arrays.integer_dtypes(), arrays.boolean_dtypes(), arrays.complex_number_dtypes()]
SHAPES = [arrays.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4), st.just((4, 24, 3)), st.just((4, 156))]
CONTENTS = st.one_of(
    arrays.arrays(st.one_of(TYPES), st.one_of(SHAPES)),
    st.text(max_size=5).map(np.array),
    st.dates().map(np.datetime64),
)


def attack_motion(folder: Path, examples: int) -> None:
    """Some arrays of a whole file replaced by others, or missing."""
    save_motion(folder / "whole.npz", motion())
    with np.load(folder / "whole.npz") as file:
        whole = dict(file)

    @settings(max_examples=examples, **QUICK)
    @given(st.dictionaries(st.sampled_from(NAMES), st.one_of(st.none(), CONTENTS), min_size=1, max_size=4))
    def every(changes: dict[str, np.ndarray | None]) -> None:
        changed = {name: array for name, array in (whole | changes).items() if array is not None}
        stream = io.BytesIO()
        np.savez(stream, **changed)
        (folder / "move.npz").write_bytes(stream.getvalue())
        try:
            read = load_motion(folder / "move.npz")
        except LwganError as error:
            assert "\n" not in str(error)
        else:
            for name in ("poses", "betas", "camera", "crop"):
                assert np.isfinite(getattr(read, name)).all(), name
            assert len(read) == len(read.poses) == len(read.valid) == len(read.camera) > 0

    every()


def test_motions_of_other_contents(tmp_path: Path) -> None:
    attack_motion(tmp_path, 60)


@pytest.mark.slow
def test_many_motions_of_other_contents(tmp_path: Path) -> None:
    attack_motion(tmp_path, 1500)
