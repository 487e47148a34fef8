"""Body models from their files: the open one and the official ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from lwgan_cli.assets import find_file, read_npz, verify
from lwgan_cli.body.articulation import Actions, Fingers
from lwgan_cli.body.hand_size import with_human_hands
from lwgan_cli.body.leg_length import with_leg_length
from lwgan_cli.body.model import BodyModel, make_body
from lwgan_cli.body.official import FILES, MAP_FILE, read_map, read_official, transfer_landmarks
from lwgan_cli.body.teeth import add_teeth
from lwgan_cli.errors import WeightsError
from lwgan_cli.records import N_JOINTS

OPEN_FILE = "body.npz"
OPEN_FORMAT = 1


def load_body(which: str | Path = "open", weights_dir: Path | str | None = None, hidden: bool = False) -> BodyModel:
    """A body by name or file.

    which        "open" (the bundled body), "smpl" (the official file that lies in the weights folder:
                 neutral, else male, else female), or a path to a file of either layout
    weights_dir  the user's weights folder, searched before the bundled one
    hidden       keep the faces that are out of sight while the mouth is shut (mouth, eye sockets), after all others

    Raises: WeightsError when the file is missing, damaged or of another layout.
    """
    if which == "open":
        path = find_file(OPEN_FILE, weights_dir)
        if path is None:
            raise WeightsError(f"{OPEN_FILE} is in no weights folder; install lwgan again or run `make body`")
        return _load_open(path, hidden)
    if which == "smpl":
        for name, files in FILES.items():
            path = find_file(files + tuple(f"smpl/{file}" for file in files), weights_dir)
            if path is not None:
                return _load_official(path, name, weights_dir)
        raise WeightsError(
            "no official SMPL file: download SMPL_NEUTRAL.pkl from https://smpl.is.tue.mpg.de (its licence "
            "allows research only) into a folder and name that with --weights, or name the file with --body"
        )
    path = Path(which)
    if not path.is_file():
        raise WeightsError(f"--body {which}: neither open, smpl nor a file")
    if path.suffix == ".npz" and "meta" in read_npz(path):
        return _load_open(path, hidden)
    known = next((name for name, files in FILES.items() if path.name in files), f"smpl-{path.stem}")
    return _load_official(path, known, weights_dir)


def _load_open(path: Path, hidden: bool) -> BodyModel:
    sha256 = verify(path)
    stored = read_npz(path)
    try:
        meta = json.loads(np.asarray(stored["meta"]).tobytes())
        if meta["format"] != OPEN_FORMAT:
            raise WeightsError(f"{path}: body format {meta['format']}, this lwgan reads {OPEN_FORMAT}; run `make body`")
        stored = add_teeth(stored) if "action_names" in stored else stored
        stored = with_human_hands(stored) if "finger_names" in stored else stored
        stored = with_leg_length(stored) if "finger_names" in stored else stored
        count = len(stored["v_template"])
        regressor = np.zeros((N_JOINTS, count), np.float32)
        regressor[stored["J_regressor_joint"], stored["J_regressor_vertex"]] = stored["J_regressor_value"]
        within = stored["group_hidden"][stored["face_group"]]
        shown = np.flatnonzero(~within)
        n_shown = len(shown)
        if hidden:
            shown = np.concatenate([shown, np.flatnonzero(within)])
        arrays = {
            "v_template": stored["v_template"],
            "shapedirs": stored["shapedirs"],
            "J_regressor": regressor,
            "weights": stored["weights"],
            "parents": stored["kintree_table"][0],
            "f": stored["f"][shown],
            "vt": stored["vt"],
            "ft": stored["ft"][shown],
            "mirror": stored["mirror"],
            "landmarks": dict(
                zip(stored["landmark_names"].tolist(), stored["landmark_vertices"].tolist(), strict=True)
            ),
        }
        fingers = _fingers(stored) if "finger_names" in stored else None
        actions = _actions(stored) if "action_names" in stored else None
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise WeightsError(f"{path}: not a body file of this project ({error!r}); run `make body`") from error
    return replace(
        make_body(arrays, meta["name"], sha256),
        fingers=fingers,
        actions=actions,
        n_shown=n_shown,
        groups=torch.from_numpy(stored["face_group"][shown].astype(np.int64)),
        group_names=tuple(stored["group_names"].tolist()),
    )


def _fingers(stored: Mapping[str, np.ndarray]) -> Fingers:
    vertices, rows = np.unique(stored["finger_weight_vertex"], return_inverse=True)
    weights = np.zeros((len(vertices), len(stored["finger_names"])), np.float32)
    weights[rows, stored["finger_weight_joint"]] = stored["finger_weight_value"]
    weights /= np.maximum(weights.sum(1, keepdims=True), 1)  # stored as float16, they may pass 1 by 3e-4
    return Fingers(
        names=tuple(stored["finger_names"].tolist()),
        parents=tuple(stored["finger_parents"].tolist()),
        template=torch.from_numpy(stored["finger_template"].astype(np.float32)),
        shapedirs=torch.from_numpy(stored["finger_shapedirs"].astype(np.float32)),
        vertices=torch.from_numpy(vertices.astype(np.int64)),
        weights=torch.from_numpy(weights),
    )


def _actions(stored: Mapping[str, np.ndarray]) -> Actions:
    vertices, rows = np.unique(stored["action_vertex"], return_inverse=True)
    offsets = np.zeros((len(stored["action_names"]), len(vertices), 3), np.float32)
    offsets[stored["action_index"], rows] = stored["action_offset"]
    return Actions(
        names=tuple(stored["action_names"].tolist()),
        vertices=torch.from_numpy(vertices.astype(np.int64)),
        offsets=torch.from_numpy(offsets),
    )


def _load_official(path: Path, name: str, weights_dir: Path | str | None) -> BodyModel:
    sha256 = verify(path)
    arrays = read_official(path)
    map_file = find_file(MAP_FILE, weights_dir)
    if map_file is not None:
        verify(map_file)
        arrays["map_uv"] = read_map(map_file, len(arrays["f"]))
    like = load_body("open")
    vertices = np.asarray(arrays["v_template"], np.float64)
    landmarks = transfer_landmarks(
        vertices,
        np.asarray(arrays["J_regressor"], np.float64) @ vertices,
        like.landmarks,
        like.v_template.double().numpy(),
        like.parts.numpy(),
        like.joint_template.double().numpy(),
    )
    return make_body({**arrays, "landmarks": landmarks}, name, sha256)
