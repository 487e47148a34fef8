"""What is asked of every method: photos, motion, and the pictures that should come out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from lwgan_cli.body.model import BodyModel
from lwgan_cli.config import Turn
from lwgan_cli.errors import InputError
from lwgan_cli.evaluation.config import EvaluateConfig
from lwgan_cli.evaluation.views import sides, standing
from lwgan_cli.frames.clip import Clip, open_clip, picture_files
from lwgan_cli.frames.output import VIDEO_SUFFIXES
from lwgan_cli.pipeline.job import Job, Wearing
from lwgan_cli.synthetic.motion import KINDS
from lwgan_cli.synthetic.person import make_person
from lwgan_cli.synthetic.truth import Film, random_film, shoot
from lwgan_cli.training.synthetic import held_out_seed

PEOPLE, FRAMES, FPS, SIZE = 4, 24, 25.0, (384, 512)  # of the rendered films
TURN = Turn(30.0, 330.0, 30.0)  # of novel views
BEHIND = (120.0, 240.0)  # degrees of the further photos of rendered people
PAPER_SOURCES = 3  # photos that iPER's protocol names for each clip, taken one at a time


@dataclass(frozen=True)
class Case:
    """One thing to do.

    name    for tables and reports
    job     photos, driving, clothes
    real    the pictures that should come out, (H, W, 3) uint8, or 4 with alpha, one for each of the job's; of the
            driver instead where `cross`; None where nobody knows
    first   how many of the job's pictures come before the first that counts
    cross   the motion is somebody else's
    turn    the sides that are seen, for novel views
    own     where `cross`: pictures of the person themselves, (H, W, 3) uint8, that the results are compared with as
            a set (paper, section 4.1)
    """

    name: str
    job: Job
    real: Iterable[np.ndarray] | None
    first: int = 0
    cross: bool = False
    turn: Turn | None = None
    own: Iterable[np.ndarray] | None = None


def make_cases(config: EvaluateConfig, model: BodyModel, folder: Path) -> Iterator[Case]:
    """One by one; `folder` holds their files. Raises InputError where there are none."""
    if config.data.folder is None:
        yield from _synthetic(config, model, folder)
    elif config.protocol in ("transfer", "novelview"):
        yield from _still(config, folder)
    elif config.data.kind == "iper":
        yield from _iper(config, config.data.folder, folder)
    else:
        yield from _clips(config, config.data.folder, folder)


def _synthetic(config: EvaluateConfig, model: BodyModel, folder: Path) -> Iterator[Case]:
    seeds = [held_out_seed(config.data.seed + row) for row in range(config.people or PEOPLE)]
    others = seeds[1:] + seeds[:1] if len(seeds) > 1 else [held_out_seed(config.data.seed + 1)]
    for number, (seed, other) in enumerate(zip(seeds, others, strict=True)):
        name = f"person {config.data.seed + number}"
        if config.protocol in ("transfer", "novelview"):
            film = standing(model, seed, SIZE)
            photo = save(folder / f"{number}.png", shoot(film).pictures[0])
            if config.protocol == "novelview":
                yield Case(name, Job((photo,)), sides(film, film.person, TURN.angles(1)), turn=TURN)
                continue
            giver = standing(model, other, SIZE)
            worn = save(folder / f"{number}-clothes.png", shoot(giver).pictures[0])
            theirs = giver.person.look
            look = replace(film.person.look, top=theirs.top, bottom=theirs.bottom, shoes=theirs.shoes)
            job = Job((photo,), None, (Wearing("body", (worn,), ("upper", "lower", "shoes")),))
            yield Case(name, job, sides(film, make_person(model, look), [0.0]))
            continue
        kind = KINDS[(config.data.seed + number) % len(KINDS)]
        film = _film(config, model, seed, kind)
        own = pictures = list(shoot(film).pictures)
        photo = save(folder / f"{number}.png", pictures[0])
        photos = (photo, *(save(folder / f"{number}-{row}.png", each) for row, each in enumerate(further(film))))
        if config.protocol == "cross":
            kind = KINDS[(config.data.seed + number + 1) % len(KINDS)]
            pictures = list(shoot(_film(config, model, other, kind)).pictures)
        driving = frames_folder(folder / f"{number}-motion", pictures)
        cross = config.protocol == "cross"
        yield Case(f"{name}, {kind}", Job(photos, driving), pictures, 0 if cross else 1, cross, None, own)


def _film(config: EvaluateConfig, model: BodyModel, seed: int, kind: str) -> Film:
    return random_film(model, seed, config.max_frames or FRAMES, SIZE, kind=kind, fps=config.fps or FPS)


def further(film: Film) -> list[np.ndarray]:
    """The film's person in its first pose from behind, left and right, in front of its background."""
    background = film.scene.background.permute(1, 2, 0).cpu().numpy()
    pictures = []
    for side in sides(film, film.person, BEHIND):
        alpha = side[..., 3:] / 255
        pictures.append((side[..., :3] * alpha + 255 * background * (1 - alpha)).round().astype(np.uint8))
    return pictures


def _clips(config: EvaluateConfig, given: Path, folder: Path) -> Iterator[Case]:
    """Each video's first frame is the photo."""
    paths = sorted(path for path in given.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES)[: config.people]
    if not paths:
        raise InputError(f"clips:{given}: no video in it ({' '.join(VIDEO_SUFFIXES)})")
    cross = config.protocol == "cross"
    for path, other in zip(paths, paths[1:] + paths[:1], strict=True):
        photo = save(folder / f"{path.stem}.png", _open(config, path).first())
        driving = other if cross else path
        name = f"{path.stem}, {other.stem}" if cross else path.stem
        real, own = _open(config, driving), _open(config, path)
        yield Case(name, Job((photo,), driving), real, 0 if cross else 1, cross, None, own)


def _iper(config: EvaluateConfig, given: Path, folder: Path) -> Iterator[Case]:
    """iPER's test clips: each of three sources drives alone (paper, section 4.1), as iPER_protocol.json names them;
    without that file the first frame, and those a third and two thirds on."""
    named: dict[str, dict[str, Any]] = {}
    if (given / "iPER_protocol.json").is_file():
        named = json.loads((given / "iPER_protocol.json").read_text(encoding="utf-8")).get("val", {})
    if not named and not (given / "val.txt").is_file():
        raise InputError(f"iper:{given}: neither iPER_protocol.json nor val.txt names its test clips")
    clips = list(named) or (given / "val.txt").read_text(encoding="utf-8").split()
    clips = clips[: config.people]
    cross = config.protocol == "cross"
    for clip, after in zip(clips, clips[1:] + clips[:1], strict=True):
        about = named.get(clip, {})
        files = picture_files(given / "images_HD" / clip) if (given / "images_HD" / clip).is_dir() else []
        if not files:
            raise InputError(f"iper:{given}: {given / 'images_HD' / clip} holds no pictures")
        sources = _sources(about, files)
        part = about.get("cross_imitation" if cross else "self_imitation", {})
        driver = str(part.get("target", after if cross else clip))
        first, last = part.get("range", (0, None))
        chosen = picture_files(given / "images_HD" / driver)[first : None if last is None else last + 1]
        driving = linked(folder / f"{clip}-{driver}".replace("/", "_"), chosen[: config.max_frames])
        first, last = about.get("flag", (0, None))
        own = linked(folder / f"{clip}-own".replace("/", "_"), files[first : None if last is None else last + 1])
        for source in sources:
            name = f"{clip} from {source.stem}" + (f", {driver}" if cross else "")
            yield Case(name, Job((source,), driving), _open(config, driving), 0, cross, None, _open(config, own))


def _sources(about: dict[str, Any], files: Sequence[Path]) -> list[Path]:
    """A clip's photos."""
    if names := about.get("s_n", {}).get(str(PAPER_SOURCES)):
        by_name = {file.name: file for file in files}
        if missing := [name for name in names if name not in by_name]:
            raise InputError(f"{files[0].parent}: its source {missing[0]} is missing")
        return [by_name[name] for name in names]
    return [files[row * len(files) // PAPER_SOURCES] for row in range(PAPER_SOURCES)]


def _still(config: EvaluateConfig, folder: Path) -> Iterator[Case]:
    """Other sides, or other clothes, of whoever is in a folder's videos: nobody knows what is right."""
    given = config.data.folder or folder
    paths = sorted(path for path in given.iterdir() if path.suffix.lower() in VIDEO_SUFFIXES)
    if config.data.kind == "iper":
        paths = [given / "images_HD" / clip for clip in (given / "val.txt").read_text(encoding="utf-8").split()]
    paths = paths[: config.people]
    if not paths or (len(paths) < 2 and config.protocol == "transfer"):
        raise InputError(f"{config.data}: too few videos for --protocol {config.protocol}")
    photos = [save(folder / f"{row}.png", _open(config, path).first()) for row, path in enumerate(paths)]
    for row, photo in enumerate(photos):
        name, other = paths[row].stem, (row + 1) % len(photos)
        if config.protocol == "novelview":
            yield Case(name, Job((photo,)), None, turn=TURN)
        else:
            worn = Wearing("body", (photos[other],), ("upper", "lower", "shoes"))
            yield Case(f"{name} as {paths[other].stem}", Job((photo,), None, (worn,)), None)


def _open(config: EvaluateConfig, path: Path) -> Clip:
    return open_clip(
        path, start=config.start, duration=config.duration, fps=config.fps, max_frames=config.max_frames,
        max_side=config.max_side or None,
    )  # fmt: skip


def save(path: Path, picture: np.ndarray) -> Path:
    """A picture (H, W, 3) uint8 as a file without loss."""
    cv2.imwrite(str(path), picture[..., ::-1])
    return path


def frames_folder(folder: Path, pictures: Sequence[np.ndarray]) -> Path:
    """The pictures, (H, W, 3) uint8 each, as numbered PNGs in a new folder."""
    folder.mkdir()
    for row, picture in enumerate(pictures):
        save(folder / f"{row:06d}.png", picture)
    return folder


def linked(folder: Path, files: Sequence[Path]) -> Path:
    """A folder of some of another's pictures."""
    folder.mkdir(exist_ok=True)
    for file in files:
        if not (folder / file.name).exists():
            (folder / file.name).symlink_to(file.resolve())
    return folder
