"""Motion files: `.npz` of our own layout, written and read, and AMASS's, read.

Ours holds the fields of `records.Motion` under their names; `shots` may be missing (one shot), `face`, `features`,
`neutral`, `hands`, `drape`, `scene` and `shutter` too, and other arrays may lie beside them. AMASS: Mahmood et al.,
ICCV 2019.
"""

from __future__ import annotations

import math
import os
import secrets
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from lwgan_cli.errors import NPZ_DAMAGE, InputError, LwganError
from lwgan_cli.records import N_ACTIONS, N_BETAS, N_FACE_POINTS, N_FINGER_JOINTS, N_JOINTS, Motion

_SHAPES: dict[str, tuple[int | None, ...]] = {  # None: the number of frames
    "poses": (None, N_JOINTS, 3),
    "betas": (N_BETAS,),
    "camera": (None, 3),
    "crop": (None, 3),
    "image_size": (2,),
    "fps": (),
    "valid": (None,),
    "body": (),
}
_OPTIONAL: dict[str, tuple[int | None, ...]] = {
    "face": (None, N_ACTIONS),
    "hands": (None, N_FINGER_JOINTS, 3),
    "scene": (None, 2, 3),
    "neutral": (N_FACE_POINTS, 3),
}
AMASS = "amass:"  # what `Motion.body` says of such files
_AMASS_RATES = ("mocap_framerate", "mocap_frame_rate")
_AMASS_COLUMNS = (156, 165)  # SMPL-H: 52 joints; SMPL-X: 55, of which the first 22 are the same
_AMASS_JOINTS = 22
_AMASS_HANDS = 3 * N_FINGER_JOINTS  # the last columns of both, in the order of ours
_FIELDS: dict[str, int | None] = {"drape": None, "features": N_FACE_POINTS}  # points a frame; None: any number
_MOST = 1.0  # m that these may reach
_REACH = 1.5  # m from the pelvis; holds anybody's raised hands, whether the body's origin is pelvis or chest
_CROP_PX, _PICTURE_PX = 512, 1280


def is_motion(path: Path) -> bool:
    """Whether the name is that of a motion file."""
    return path.suffix.lower() == ".npz"


def save_motion(path: str | os.PathLike[str], motion: Motion) -> None:
    """Writes a motion file, whole or not at all; an existing one is replaced.
    Raises LwganError where it can't be written."""
    target = Path(path)
    optional = {
        name: getattr(motion, name).astype(np.float32) for name in _OPTIONAL if getattr(motion, name) is not None
    }
    for name in _FIELDS:
        if getattr(motion, name) is not None:
            optional[name] = getattr(motion, name).astype(np.float16)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        with part.open("wb") as file:
            np.savez_compressed(
                file,
                poses=motion.poses.astype(np.float32),
                betas=motion.betas.astype(np.float32),
                camera=motion.camera.astype(np.float32),
                crop=motion.crop.astype(np.float32),
                image_size=np.array(motion.image_size, np.int32),
                fps=np.float64(motion.fps),
                valid=motion.valid.astype(bool),
                body=np.array(motion.body),
                shots=motion.shots.astype(np.int32),
                shutter=np.float64(motion.shutter),
                **optional,
            )
        part.replace(target)
    except OSError as error:
        raise LwganError(f"can't write {target} ({error.strerror}): name another output") from error
    finally:
        part.unlink(missing_ok=True)


def load_motion(path: str | os.PathLike[str]) -> Motion:
    """Reads a motion file, of our layout or AMASS's.

    An AMASS file is turned from z up to y up, and so that the person faces the viewer in the first frame; its
    crop follows the person in a picture that holds the whole way (depth has no part in it). Its betas are SMPL-H's
    or SMPL-X's, and `body` says "amass:". Hands that are flat in every frame were not recorded: they are left out.

    Raises InputError for a file that can't be read, lacks an array, or holds one of another shape, with
    values that aren't finite, or out of range.
    """
    path = Path(path)
    try:
        with path.open("rb") as raw:
            if not zipfile.is_zipfile(raw):
                raise ValueError("no zip archive")
        with np.load(path, allow_pickle=False) as file:
            wanted = {*_SHAPES, *_OPTIONAL, *_FIELDS, "shots", "shutter", "trans", *_AMASS_RATES}
            arrays = {name: file[name] for name in file.files if name in wanted}
    except NPZ_DAMAGE as error:
        raise InputError(f"{path} can't be read as a motion file ({error}): is it a whole .npz?") from error
    return _from_amass(path, arrays) if "trans" in arrays else _from_ours(path, arrays)


def _from_ours(path: Path, arrays: Mapping[str, np.ndarray]) -> Motion:
    _require(path, arrays, tuple(_SHAPES))
    frames = _frames(path, arrays["poses"])
    for name, shape in _SHAPES.items():
        _hold_shape(path, name, arrays[name], tuple(frames if side is None else side for side in shape))
    poses, betas, camera, crop, image_size, fps = (
        _numbers(path, name, arrays[name]) for name in ("poses", "betas", "camera", "crop", "image_size", "fps")
    )
    shots = arrays.get("shots", np.zeros(frames, np.int32))
    _hold_shape(path, "shots", shots, (frames,))
    shutter = _numbers(path, "shutter", arrays.get("shutter", np.zeros(())))
    _hold_shape(path, "shutter", shutter, ())
    if not 0 <= shutter <= 1:
        raise InputError(f"{path}: shutter is {shutter}, and has to be from 0 to 1")
    optional = {name: _numbers(path, name, arrays[name]).astype(np.float32) for name in _OPTIONAL if name in arrays}
    for name, array in optional.items():
        _hold_shape(path, name, array, tuple(frames if side is None else side for side in _OPTIONAL[name]))
    for name, points in _FIELDS.items():
        if name in arrays:
            field = _numbers(path, name, arrays[name])
            count = points or (field.shape[1] if field.ndim == 3 else 0)
            _hold_shape(path, name, field, (frames, count, 3))
            if np.abs(field).max(initial=0) > _MOST:
                raise InputError(f"{path}: {name} reaches {np.abs(field).max()} m, and has to stay within {_MOST}")
            optional[name] = field.astype(np.float16)
    if "scene" in optional and not (np.linalg.det(optional["scene"][:, :, :2]) > 0).all():
        raise InputError(f"{path}: scene holds a motion that leaves nothing of the picture")
    if arrays["valid"].dtype.kind not in "bui":
        raise InputError(f"{path}: valid holds {arrays['valid'].dtype}, not truth values")
    if arrays["body"].dtype.kind not in "US":
        raise InputError(f"{path}: body holds {arrays['body'].dtype}, not text")
    _above_zero(path, "fps", fps)
    _above_zero(path, "image_size", image_size)
    _above_zero(path, "camera's scale", camera[:, 0])
    _above_zero(path, "crop's side", crop[:, 2])
    return Motion(
        poses=poses.astype(np.float32),
        betas=betas.astype(np.float32),
        camera=camera.astype(np.float32),
        crop=crop.astype(np.float32),
        image_size=(int(image_size[0]), int(image_size[1])),
        fps=float(fps),
        valid=arrays["valid"].astype(bool),
        body=str(arrays["body"].astype(str)),
        shots=_numbers(path, "shots", shots).astype(np.int32),
        shutter=float(shutter),
        **optional,
    )


def _from_amass(path: Path, arrays: Mapping[str, np.ndarray]) -> Motion:
    _require(path, arrays, ("poses", "betas"))
    rate = next((name for name in _AMASS_RATES if name in arrays), None)
    if rate is None:
        raise InputError(f"{path} lacks {' or '.join(_AMASS_RATES)}: is it a whole AMASS file?")
    frames = _frames(path, arrays["poses"])
    columns = math.prod(arrays["poses"].shape[1:])
    if arrays["poses"].ndim != 2 or columns not in _AMASS_COLUMNS:
        raise InputError(
            f"{path}: poses has shape {arrays['poses'].shape}, not"
            f" {' or '.join(f'(frames, {each})' for each in _AMASS_COLUMNS)} as AMASS files have"
        )
    _hold_shape(path, "trans", arrays["trans"], (frames, 3))
    _hold_shape(path, rate, arrays[rate], ())
    if arrays["betas"].ndim != 1 or len(arrays["betas"]) < N_BETAS:
        raise InputError(f"{path}: betas has shape {arrays['betas'].shape}, not (16,) as AMASS files have")
    pose, betas, trans, fps = (
        _numbers(path, name, arrays[name]).astype(np.float64) for name in ("poses", "betas", "trans", rate)
    )
    _above_zero(path, rate, fps)
    poses = np.zeros((frames, N_JOINTS, 3))
    poses[:, :_AMASS_JOINTS] = pose[:, : 3 * _AMASS_JOINTS].reshape(frames, _AMASS_JOINTS, 3)
    hands = pose[:, -_AMASS_HANDS:].reshape(frames, N_FINGER_JOINTS, 3)
    poses[:, 0], place = _face_viewer(poses[:, 0], trans)
    camera, crop, image_size = _follow(place)
    return Motion(
        poses=poses.astype(np.float32),
        betas=betas[:N_BETAS].astype(np.float32),
        camera=camera,
        crop=crop,
        image_size=image_size,
        fps=float(fps),
        valid=np.ones(frames, bool),
        body=AMASS,
        shots=np.zeros(frames, np.int32),
        hands=hands.astype(np.float32) if hands.any() else None,
    )


def _face_viewer(roots: np.ndarray, trans: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Root orientations (T, 3) axis-angle and places (T, 3) m, z up → y up, the first frame facing +z."""
    from scipy.spatial.transform import Rotation

    upright = Rotation.from_euler("x", -90, degrees=True)
    front = (upright * Rotation.from_rotvec(roots[0])).apply([0.0, 0.0, 1.0])
    lying = np.hypot(front[0], front[2]) < 0.2  # then the front says nothing of where the person looks
    turn = Rotation.from_rotvec([0.0, 0.0 if lying else -np.arctan2(front[0], front[2]), 0.0]) * upright
    return (turn * Rotation.from_rotvec(roots)).as_rotvec(), turn.apply(trans)


def _follow(place: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple[int, int]]:
    """Camera (T, 3), crop (T, 3) and (width, height) for a person at `place` (T, 3) m: a crop of constant
    side around the person, in a picture that holds all of them."""
    low, high = place[:, :2].min(0) - _REACH, place[:, :2].max(0) + _REACH
    px = min(_CROP_PX / (2 * _REACH), _PICTURE_PX / float((high - low).max()))  # per metre
    width, height = (math.ceil(side * px) for side in high - low)
    frames = len(place)
    camera = np.tile(np.array([1 / _REACH, 0.0, 0.0], np.float32), (frames, 1))
    centre = np.stack([place[:, 0] - low[0], high[1] - place[:, 1]], 1) * px
    crop = np.concatenate([centre, np.full((frames, 1), 2 * _REACH * px)], 1).astype(np.float32)
    return camera, crop, (width, height)


def _require(path: Path, arrays: Mapping[str, np.ndarray], names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in arrays]
    if missing:
        raise InputError(f"{path} lacks {', '.join(missing)}: it is neither a motion file of `lwgan fit` nor of AMASS")


def _frames(path: Path, poses: np.ndarray) -> int:
    if poses.ndim < 2 or not len(poses):
        raise InputError(f"{path}: poses has shape {poses.shape}: it holds no frame")
    return len(poses)


def _hold_shape(path: Path, name: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise InputError(f"{path}: {name} has shape {array.shape}, not {shape}")


def _numbers(path: Path, name: str, array: np.ndarray) -> np.ndarray:
    if array.dtype.kind not in "fui":
        raise InputError(f"{path}: {name} holds {array.dtype}, not numbers")
    if not np.isfinite(array).all():
        raise InputError(f"{path}: {name} holds values that aren't finite")
    return array


def _above_zero(path: Path, what: str, values: np.ndarray) -> None:
    if not (values > 0).all():
        raise InputError(f"{path}: {what} is {values.min()}, and has to be above 0")
