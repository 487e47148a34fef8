"""Filmed people for training: anyone's clips, fitted by the pipeline as a driving is, and data sets of iPER's layout.

A subject is one clip: a photo taken from it, and frames spread over it as targets. Their poses are as wrong as fits
are, so nothing is disturbed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import torch

from lwgan_cli.assets import read_pickle
from lwgan_cli.body.kinematics import log_so3
from lwgan_cli.body.model import BodyModel, joints_rest, skin
from lwgan_cli.body.rotations import axis_angle_to_matrix
from lwgan_cli.cache import FitCache
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.errors import InputError, LwganError, UsageError
from lwgan_cli.fitting.retarget import retarget
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.frames.output import VIDEO_SUFFIXES
from lwgan_cli.frames.photo import read_photo
from lwgan_cli.layers.background import plate_from_clip
from lwgan_cli.pipeline.bodies import Bodies
from lwgan_cli.pipeline.cut_out import person_alpha
from lwgan_cli.pipeline.driving import FIT_VERSION, drive
from lwgan_cli.pipeline.people import recover_person
from lwgan_cli.progress import Progress
from lwgan_cli.records import N_BETAS, N_JOINTS
from lwgan_cli.recovery.watch import watch
from lwgan_cli.texture.source import picture_ndc
from lwgan_cli.texture.surface import Surface
from lwgan_cli.training.bank import Bank
from lwgan_cli.training.config import TrainConfig
from lwgan_cli.training.prepare import Photo, dressed_offsets, make_subject
from lwgan_cli.training.subject import Subject

TARGETS = 24  # frames of a clip
CLOTHES = 0.03  # m around the naked body that its silhouette leaves for clothes and hair
PICTURES = (".jpg", ".jpeg", ".png")


def prepare_filmed(config: TrainConfig, bank: Path, progress: Progress) -> list[str]:
    """Puts the clips of `config.data` into the bank, those that aren't there, and returns their names there.

    Clips that can't be used are left out with a warning. Raises InputError where none is left, UsageError for a body
    that the data set's numbers don't belong to.
    """
    folder = config.data.folder
    assert folder is not None
    clips = _videos(folder) if config.data.kind == "videos" else _listed(folder)
    bodies = Bodies.load(config)
    if config.data.kind == "iper" and bodies.model.name == "open":
        raise UsageError("--data iper: its bodies are SMPL's: give --body smpl or the path of an official file")
    surface = Surface.of_body(bodies.model)
    names = []
    with progress.stage("clips", len(clips)) as done:
        for clip in clips:
            key = _key(clip, folder, bodies.model, config)
            path = Bank(bank).path(key)
            try:
                if not path.is_file():
                    with torch.no_grad():
                        if config.data.kind == "videos":
                            made = _of_video(clip, bodies, surface, config, progress)
                        else:
                            made = _of_iper(folder, clip, bodies.model, surface, config.size)
                    made.save(path)
                names.append(key)
            except InputError as error:
                progress.warn(f"left out: {error}")
            done(1)
    if not names:
        raise InputError(f"{folder}: no clip in it can be trained on; see the warnings")
    return names


def _videos(folder: Path) -> list[Path]:
    clips = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file())
    if not clips:
        raise InputError(f"--data videos:{folder}: no video in it ({' '.join(VIDEO_SUFFIXES)})")
    return clips


def _listed(folder: Path) -> list[Path]:
    """The training clips of a folder of iPER's layout: its train.txt names folders of images_HD and smpls."""
    try:
        lines = (folder / "train.txt").read_text(encoding="utf-8").split()
    except OSError as error:
        raise InputError(f"--data iper:{folder}: there is no train.txt that names its clips ({error})") from error
    if not lines:
        raise InputError(f"--data iper:{folder}: its train.txt names no clip")
    return [Path(line) for line in lines]


def _key(clip: Path, folder: Path, model: BodyModel, config: TrainConfig) -> str:
    where = folder / "images_HD" / clip if config.data.kind == "iper" else clip
    stamp = str(where.stat().st_mtime_ns) if where.exists() else ""
    parts = (
        config.data.kind,
        FIT_VERSION,
        str(where.resolve()),
        stamp,
        model.identity,
        config.fitter,
        str(config.size),
    )
    return f"{config.data.kind}-{FitCache.key(*parts)[:16]}"


def _of_video(path: Path, bodies: Bodies, surface: Surface, config: TrainConfig, progress: Progress) -> Subject:
    """A clip, fitted whole; its first frame with somebody in it is the photo, as in self-imitation."""
    clip = open_clip(path, max_side=config.max_side or None)
    motion = drive(path, clip, bodies, config, progress).motion
    rows = np.flatnonzero(motion.valid)
    if len(rows) < 2:
        raise InputError(f"{path}: fewer than two frames with somebody in them")
    rows = rows[np.unique(np.linspace(0, len(rows) - 1, TARGETS + 1).astype(int))]
    shrink = min(1.0, config.size / float(np.median(motion.picture_camera()[rows, 0])))
    size = (round(clip.width * shrink), round(clip.height * shrink))
    wanted = set(rows.tolist())
    pictures = [
        cv2.resize(frame, size, interpolation=cv2.INTER_AREA) for row, frame in enumerate(clip) if row in wanted
    ]
    person = recover_person(pictures[0], f"{path}, frame {rows[0]}", bodies, progress)
    part = replace(motion[rows], crop=motion.crop[rows] * shrink, image_size=size)
    target = retarget(bodies.model, person.dressed.motion, part, "smooth")
    alphas = [person.alpha, *_mattes(pictures[1:])]
    photo = Photo(
        person.picture, person.alpha, person.dressed.motion.poses[0], person.dressed.motion.picture_camera()[0]
    )
    return _subject(
        bodies.model, surface, photo, person.dressed.motion.betas, person.dressed.offsets.numpy(), pictures, alphas,
        target.poses, target.camera,
    )  # fmt: skip


def _mattes(pictures: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The person's alpha in each picture; nobody where nobody is found."""
    found = []
    for picture in pictures:
        keypoints = watch([picture], static=True).keypoints
        empty = np.zeros(picture.shape[:2], np.float32)
        found.append(person_alpha(picture, keypoints) if keypoints.found[0] else empty)
    return found


def _of_iper(folder: Path, clip: Path, model: BodyModel, surface: Surface, size: int) -> Subject:
    """A clip of iPER: frames in images_HD/CLIP, their bodies in smpls/CLIP/pose_shape.pkl (cams, pose, shape)."""
    frames = sorted(p for p in (folder / "images_HD" / clip).glob("*") if p.suffix.lower() in PICTURES)
    stored = folder / "smpls" / clip / "pose_shape.pkl"
    if not stored.is_file():
        raise InputError(f"{stored} is missing")
    try:
        content = read_pickle(stored)
        cams, poses, shapes = (np.asarray(content[name], np.float32) for name in ("cams", "pose", "shape"))
        poses = poses.reshape(-1, N_JOINTS, 3)
    except (LwganError, KeyError, ValueError, TypeError) as error:
        raise InputError(f"{stored}: not iPER's bodies ({error})") from error
    if not len(frames) == len(cams) == len(poses) == len(shapes) or len(frames) < 2:
        raise InputError(f"{stored}: {len(cams)} bodies for {len(frames)} pictures")
    rows = np.unique(np.linspace(0, len(frames) - 1, TARGETS + 1).astype(int))
    betas = shapes[:, :N_BETAS].mean(0)
    pictures = [read_photo(frames[row]).over() for row in rows]
    poses, cameras = upright(model, betas, poses[rows], cams[rows], pictures[0].shape[0])
    shrink = min(1.0, size / float(np.median(cameras[:, 0])))
    sides = [(round(p.shape[1] * shrink), round(p.shape[0] * shrink)) for p in pictures]
    pictures = [cv2.resize(p, side, interpolation=cv2.INTER_AREA) for p, side in zip(pictures, sides, strict=True)]
    cameras = cameras * shrink
    alphas = [_silhouette(model, betas, pose, camera, sides[0]) for pose, camera in zip(poses, cameras, strict=True)]
    if find_spec("mediapipe") is not None:  # the data set has no masks
        alphas = [own if own.any() else body for own, body in zip(_mattes(pictures), alphas, strict=True)]
    photo = Photo(pictures[0], alphas[0], poses[0], cameras[0])
    offsets = dressed_offsets(model, photo, betas, alphas[0])
    return _subject(model, surface, photo, betas, offsets, pictures, alphas, poses, cameras)


def upright(
    model: BodyModel, betas: np.ndarray, poses: np.ndarray, cams: np.ndarray, side: int
) -> tuple[np.ndarray, np.ndarray]:
    """HMR's bodies (T, 24, 3) and cameras s·(X + t) (T, 3) of square pictures, whose y axis points down, as ours:
    poses, and cameras in px (`Motion.picture_camera`)."""
    turn = torch.tensor([1.0, -1.0, -1.0]).diag()  # π about x
    root = log_so3(turn @ axis_angle_to_matrix(torch.from_numpy(poses[:, 0])))
    turned = np.concatenate([root.numpy()[:, None], poses[:, 1:]], 1)
    pelvis = joints_rest(model, torch.from_numpy(betas))[0].numpy()  # turning the root leaves it where it is
    scale, x, y = cams.T.astype(np.float64)
    px = np.stack([scale, scale * x + 1, scale * (y + 2 * pelvis[1]) + 1], 1) * (side / 2)
    return turned.astype(np.float32), px


def _silhouette(
    model: BodyModel, betas: np.ndarray, pose: np.ndarray, camera: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
    """(H, W) float32: the fitted body, with room for clothes; the paper's S."""
    vertices, _ = skin(model, torch.from_numpy(pose[None]), torch.from_numpy(betas))
    ndc = picture_ndc(vertices, torch.from_numpy(camera[None].astype(np.float32)), size)
    ndc[..., 2] += 1 - ndc[..., 2].min()
    mask = rasterize(ndc, model.faces, (size[1], size[0])).mask[0].numpy().astype(np.uint8)
    reach = max(1, round(CLOTHES * camera[0]))
    grown = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)))
    return cv2.GaussianBlur(grown.astype(np.float32), (0, 0), 1.0)


def _subject(
    model: BodyModel, surface: Surface, photo: Photo, betas: np.ndarray, offsets: np.ndarray,
    pictures: Sequence[np.ndarray], alphas: Sequence[np.ndarray], poses: np.ndarray, cameras: np.ndarray,
) -> Subject:  # fmt: skip
    """The photo is the first picture; the others are its targets, and the scene is pieced together from all."""
    targets = [
        np.dstack([picture, np.rint(alpha * 255).astype(np.uint8)])
        for picture, alpha in zip(pictures[1:], alphas[1:], strict=True)
    ]
    scene = plate_from_clip(pictures, alphas)
    return make_subject(model, surface, [photo], betas, offsets, scene, targets, poses[1:], cameras[1:], exact=False)
