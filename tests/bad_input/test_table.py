"""Bad days: every row is a real file, what is asked of it, and what comes of it.

A row that is refused names its exit code and what the one line on stderr says; the files that were there stay as they
were, and nothing is left beside them. A row that can be used names the frames that are read from it.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lwgan_cli.cli.main import run
from lwgan_cli.frames.clip import open_clip
from tests.bad_input import files
from tests.bad_input.files import Maker
from tests.frames.media import make_video

IMITATE = "imitate {photo} {driving} -o out.mp4 --overwrite --device cpu"


@dataclass(frozen=True)
class Refused:
    """what, in words; make: its files; line: the command; code; says: what the one line on stderr matches."""

    what: str
    make: Maker
    line: str
    code: int
    says: str


def photo(what: str, make: Maker, name: str, says: str) -> Refused:
    return Refused(f"photo: {what}", make, IMITATE.format(photo=name, driving="dance.mp4") + " --dry-run", 3, says)


def driving(what: str, make: Maker, name: str, says: str) -> Refused:
    return Refused(f"driving: {what}", make, IMITATE.format(photo="me.png", driving=name) + " --dry-run", 3, says)


def option(what: str, given: str, code: int, says: str, make: Maker = files.nothing) -> Refused:
    return Refused(what, make, f"{IMITATE.format(photo='me.png', driving='dance.mp4')} {given}", code, says)


def move(what: str, says: str, **changed: object) -> Refused:
    return driving(f"motion with {what}", files.motion_file(**changed), "move.npz", says)


def jobs(what: str, make: Maker, name: str, code: int, says: str) -> Refused:
    return Refused(f"jobs: {what}", make, f"batch {name} --dry-run", code, says)


ESCAPE = b"photos,driving,output\nme.png,dance.mp4,../out.mp4"
NAN = np.full((4, 24, 3), np.nan)
CUT = "is damaged and can't be decoded"
NO_FILM = "can't be read as a picture or a video"

REFUSED = [
    photo("missing", files.nothing, "gone.jpg", r"gone\.jpg doesn't exist"),
    photo("not an image", files.content("me.jpg", b"no picture at all"), "me.jpg", "me.jpg isn't a picture, though"),
    photo("empty", files.content("me.jpg", b""), "me.jpg", r"me\.jpg is empty \(0 bytes\)"),
    photo("truncated JPEG", files.cut_picture("me.jpg"), "me.jpg", CUT),
    photo("truncated PNG", files.cut_picture("cut.png"), "cut.png", CUT),
    photo("truncated WebP", files.cut_picture("cut.webp"), "cut.webp", "cut.webp "),
    photo("corrupt middle", files.damaged_picture("hurt.png"), "hurt.png", CUT),
    photo("a bomb", files.bomb, "bomb.png", "too large: more than 178 megapixels"),
    photo("1x1", files.picture("dot.png", 1, 1), "dot.png", "1x1 px: too small to show a person"),
    photo("smaller than anybody", files.picture("dot.png", 40, 60), "dot.png", "40x60 px: too small"),
    photo("a motion file", files.motion_file(), "move.npz", "holds only motion"),
    driving("missing", files.nothing, "gone.mp4", r"gone\.mp4 doesn't exist"),
    driving("not a video", files.content("x.mp4", b"no video" * 100), "x.mp4", NO_FILM),
    driving("empty", files.content("x.mp4", b""), "x.mp4", r"x\.mp4 is empty"),
    driving("truncated, without its index", files.half_video, "half.mp4", "can't be read.*moov atom not found"),
    driving("zero frames, MP4", files.video_without_frames("x.mp4"), "x.mp4", "holds no video stream"),
    driving("zero frames, Matroska", files.video_without_frames("x.mkv"), "x.mkv", NO_FILM),
    driving("no video stream, WAV", files.sound_alone("x.wav"), "x.wav", "holds no video stream"),
    driving("no video stream, MP4", files.sound_alone("x.mp4"), "x.mp4", "holds no video stream"),
    driving("an empty folder", files.folder_of(), "frames", "holds no picture"),
    driving("a folder of other things", files.folder_of("a.txt"), "frames", "holds no picture"),
    driving(
        "a playlist that reaches out",
        files.content("x.m3u8", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n#EXT-X-ENDLIST\n"),
        "x.m3u8",
        r"x\.m3u8 can't be read",
    ),
    move("NaN", "poses holds values that aren't finite", poses=NAN),
    move("no frame", "poses has shape .* it holds no frame", poses=np.zeros((0, 24, 3))),
    move("another shape", r"poses has shape \(4, 22, 3\)", poses=np.zeros((4, 22, 3))),
    move("code in it", r"move\.npz can't be read", trap=True),
    driving("motion missing", files.nothing, "gone.npz", r"gone\.npz "),
    driving("motion that is text", files.content("move.npz", b"hello"), "move.npz", r"move\.npz can't be read"),
    driving("an array alone", files.array_alone, "a.npy", r"a\.npy can't be read"),
    driving("truncated motion", files.cut_motion, "move.npz", r"move\.npz can't be read"),
    option("existing output", "", 2, "out.mp4 exists; give --overwrite", files.nothing),
    option("output equals the photo", "-o me.png --max-frames 1", 2, "would overwrite the input"),
    option("output equals the driving", "-o dance.mp4", 2, "would overwrite the input"),
    option("output of an unknown form", "-o out.xyz", 2, r"\.xyz isn't a form that can be written"),
    option("output in no folder", "-o nowhere/out.mp4", 2, "there is no folder .*nowhere; make it first"),
    option("output beside a thesis", "-o out/", 2, "holds other things than frames", files.thesis),
    option("a picture for many frames", "-o out.png", 2, "a picture holds one frame"),
    option("unwritable folder", "-o /proc/out.mp4", 1, r"can't write to /proc \(.*\); name another folder"),
    option("--degrees abc", "--degrees abc", 2, "--degrees 'abc': give START:STOP"),
    option("--duration -1", "--duration -1", 2, "--duration -1.0 can't be used: give more than 0 s"),
    option("--start nan", "--start nan", 2, "--start nan can't be used"),
    option("--start beyond the end", "--start 100", 2, "--start 100 lies beyond the end of dance.mp4"),
    option("unknown device", "--device tpu", 2, "--device 'tpu' can't be used: give auto, cpu, cuda"),
    option("a device that isn't there", "--device cuda:99", 2, "--device cuda:99: PyTorch finds"),
    option("missing weights folder", "--weights nowhere", 4, "--weights nowhere: no such folder"),
    option("missing body", "--body smpl", 4, "SMPL_NEUTRAL"),
    option("missing generator", "--generator gone.safetensors", 4, "gone.safetensors: no such file"),
    option("wrong checksum", "--weights weights", 4, "body.npz: sha256 .* but the manifest says", files.other_body),
    option("body with code", "--body evil.pkl", 4, r"evil\.pkl: refused", files.pickled("evil.pkl")),
    option("generator with code", "--generator evil.pth", 4, "not a safetensors file", files.pickled("evil.pth")),
    jobs("missing", files.nothing, "jobs.csv", 3, r"jobs\.csv can't be read"),
    jobs("empty", files.content("jobs.csv", b""), "jobs.csv", 2, r"jobs\.csv holds no jobs"),
    jobs("not text", files.content("jobs.csv", b"\0\xff\xfe"), "jobs.csv", 3, "a job file is text in UTF-8"),
    jobs("truncated", files.content("jobs.jsonl", b'{"photos": "me'), "jobs.jsonl", 3, "line 1: not JSON"),
    jobs("of a strange command", files.content("jobs.csv", b"command\nrm"), "jobs.csv", 1, "'rm' is none of the"),
    jobs("that reach out", files.content("jobs.csv", ESCAPE), "jobs.csv", 1, "lies outside of"),
    Refused("checkpoint with code", files.pickled("a.pth"), "weights import a.pth --weights own", 4, "a.pth: "),
]  # fmt: skip


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What lies there in every row: a photo, a driving, and an output from before."""
    folder = tmp_path_factory.mktemp("usual")
    Image.fromarray(files.noise()).save(folder / "me.png")
    make_video(folder / "dance.mp4", 12)
    (folder / "out.mp4").write_bytes(b"the old file")
    return folder


@pytest.fixture
def folder(usual: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    shutil.copytree(usual, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def held(folder: Path) -> dict[str, bytes | None]:
    """Everything in a folder, by name; None for folders."""
    return {str(each.relative_to(folder)): each.read_bytes() if each.is_file() else None for each in folder.rglob("*")}


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: row.what)
def test_it_is_refused(row: Refused, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if "/proc" in row.line and not Path("/proc/self").exists():
        pytest.skip("no /proc")
    row.make(folder)
    before = held(folder)
    words = shlex.split(row.line)
    if row.what == "existing output":
        words.remove("--overwrite")
    code = run(words)
    out, err = capsys.readouterr()
    told = (
        out if row.line.startswith("batch ") and row.code == 1 else err
    )  # what a batch says of its jobs is its result
    assert (code, out + err) == (row.code, told)
    assert told.startswith(("lwgan: ", "can't: ")) and told.count("\n") == 1, told
    assert re.search(row.says, told), told
    assert held(folder) == before  # nothing overwritten, nothing left, no code run


@dataclass(frozen=True)
class Usable:
    """what, in words; make: the file, which returns its frames; name; fps; within: the mean difference of a frame,
    levels; share: of the frames that come as they were, the others being lost or damaged."""

    what: str
    make: Maker
    name: str
    fps: float = 25.0
    within: float = 0.0
    share: float = 1.0


VIDEO = 5.0  # levels that an encoder may change; another number in a frame changes sixteen
SLOW = pytest.mark.slow

USABLE = [
    Usable("wrong extension: PNG named .jpg", files.named("a.jpg", "PNG"), "a.jpg"),
    Usable("wrong extension: JPEG named .mp4", files.named("a.mp4", "JPEG", quality=95), "a.mp4", within=2),
    Usable("wrong extension: WebP named .png", files.named("a.png", "WEBP", lossless=True), "a.png"),
    Usable("wrong extension: MP4 named .jpg", files.video_named_jpg, "a.jpg", within=VIDEO),
    Usable("no extension: BMP", files.named("a", "BMP"), "a"),
    Usable("CMYK", files.cmyk, "a.jpg", within=4),
    Usable("16-bit grey", files.sixteen_bit_grey, "a.png", within=0.6),
    Usable("16-bit colour", files.sixteen_bit_colour, "a.png"),
    Usable("grey", files.grey, "a.png"),
    Usable("alpha, over white", files.with_alpha, "a.png"),
    Usable("EXIF-rotated", files.turned_by_exif, "a.png"),
    Usable("broken EXIF and profile", files.broken_exif, "a.png"),
    Usable("odd size", files.odd, "a.png"),
    pytest.param(Usable("8K", files.eight_k, "a.jpg", within=2), marks=SLOW),
    Usable("animated GIF", files.animated("a.gif"), "a.gif", within=1),
    Usable("animated WebP", files.animated("a.webp"), "a.webp"),
    Usable("animated PNG", files.animated("a.png"), "a.png"),
    Usable("no audio", files.plain_video(8, "-an"), "a.mp4", within=VIDEO),
    Usable("90° rotated video", files.turned_video, "a.mp4", within=VIDEO),
    Usable("variable frame rate", files.variable_rate, "a.mp4", fps=20.0, within=VIDEO),
    Usable("odd size of a video", files.odd_video, "a.mkv"),
    Usable("video that broke off", files.broken_off, "a.mp4", within=VIDEO, share=0.4),
    Usable("corrupt middle of a video", files.damaged_video, "a.mp4", within=VIDEO, share=0.9),
    pytest.param(Usable("10,000 frames", files.plain_video(10_000), "a.mp4", within=VIDEO), marks=SLOW),
]  # fmt: skip


@pytest.mark.parametrize("row", USABLE, ids=lambda row: row.what)
def test_it_is_read(row: Usable, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = row.make(folder)
    clip = open_clip(row.name)
    apart = [
        np.abs(got.astype(np.int16) - frame).mean() if got.shape == frame.shape else np.inf
        for got, frame in zip(clip, frames, strict=False)
    ]
    assert clip.count <= len(frames) and (clip.count == len(frames) or row.share < 1)
    assert np.mean([*(each <= row.within for each in apart), *[False] * (len(frames) - len(apart))]) >= row.share, apart

    line = f"imitate me.png {row.name} -o new.mp4 --max-side 0 --dry-run --json --device cpu"
    assert run(line.split()) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    about = report["inputs"][1]
    height, width = frames[0].shape[:2]
    assert (about["width"], about["height"], about["fps"], about["audio"]) == (width, height, row.fps, False)
    assert report["frames"] == clip.count and err == ""
    assert not (folder / "new.mp4").exists() and os.path.exists("out.mp4")  # noqa: PTH110
