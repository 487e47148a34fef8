"""Measures by networks whose weights the user brings: LPIPS, face distance, Inception score, Fréchet distances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from lwgan_cli.assets import find_file
from lwgan_cli.detection.keypoints import LEFT_EAR, NOSE, RIGHT_EAR
from lwgan_cli.errors import WeightsError
from lwgan_cli.evaluation.config import JUDGES
from lwgan_cli.metrics.distribution import cosine_distance, frechet_distance, inception_score
from lwgan_cli.metrics.inception import load_inception
from lwgan_cli.metrics.lpips import load_lpips
from lwgan_cli.metrics.reid import load_reid
from lwgan_cli.training.sphereface import SPHEREFACE_FILE, crop_heads, head_boxes, load_sphereface

# Names under which the files may lie in the weights folder.
_FILES = {
    "lpips": ("alex.pth", "alexnet-owt-7be5be79.pth"),
    "face": (SPHEREFACE_FILE,),
    "is": ("pt_inception-2015-12-05-6726825d.pth",),
    "fid": ("pt_inception-2015-12-05-6726825d.pth",),
    "freid": ("pcb.pth",),
}
_HEAD = slice(0, 11)  # BlazePose's points of the face
_CROWN = 0.8  # of the way from the neck to the ears, how far the top of the head lies beyond them


@dataclass
class Features:
    """What the networks make of a set of pictures, one row each."""

    inception: list[np.ndarray] = field(default_factory=list)
    logits: list[np.ndarray] = field(default_factory=list)
    reid: list[np.ndarray] = field(default_factory=list)

    def extend(self, other: Features) -> None:
        for name in ("inception", "logits", "reid"):
            getattr(self, name).extend(getattr(other, name))


class Judges:
    """The networks of some measures.

    wanted   names of JUDGES and their files; none: those of the weights folder
    weights  `--weights`
    Raises WeightsError where a file is missing, damaged or of another layout.
    """

    def __init__(self, wanted: Mapping[str, tuple[Path, ...]], weights: Path | None, device: str) -> None:
        files = {name: _found(name, paths, weights) for name, paths in wanted.items()}
        self.names, self._device = tuple(files), device
        self._lpips = self._ready(load_lpips(files["lpips"])) if "lpips" in files else None
        self._face = self._ready(load_sphereface(files["face"][0])) if "face" in files else None
        inception = files.get("fid") or files.get("is")
        self._inception = self._ready(load_inception(inception[0])) if inception else None
        self._reid = self._ready(load_reid(files["freid"][0])) if "freid" in files else None

    @property
    def compares(self) -> bool:
        """Some measure is of whole sets."""
        return self._inception is not None or self._reid is not None

    def _ready(self, network: nn.Module) -> nn.Module:
        return network.to(self._device)

    @torch.no_grad()
    def pair(self, result: np.ndarray, real: np.ndarray, ours: np.ndarray, theirs: np.ndarray) -> dict[str, float]:
        """LPIPS and face distance of pictures (h, w, 3) uint8 whose points are `ours` and `theirs`, (33, 2) px; face
        distance is NaN where either face isn't seen."""
        values = {}
        if self._lpips is not None:
            a, b = (self._tensor(each) * 2 - 1 for each in (result, real))
            values["lpips"] = float(self._lpips(a, b)[0])
        if self._face is not None:
            values["face"] = float("nan")
            if faces(ours) and faces(theirs):
                one, other = (self._identity(*each) for each in ((result, ours), (real, theirs)))
                values["face"] = float(cosine_distance(one, other)[0])
        return values

    @torch.no_grad()
    def features(self, picture: np.ndarray, mask: np.ndarray) -> Features:
        """Of one picture (h, w, 3) uint8 and its person, by mask (h, w) bool."""
        made = Features()
        if self._inception is not None:
            deep, logits = self._inception(self._tensor(picture))
            made.inception.append(deep[0].cpu().numpy())
            made.logits.append(logits[0].cpu().numpy())
        if self._reid is not None:
            made.reid.append(self._reid(self._tensor(cut_close(picture, mask)))[0].cpu().numpy())
        return made

    def compare(self, ours: Features, theirs: Features) -> dict[str, float]:
        """Inception score of our pictures, and Fréchet distances from theirs."""
        values = {}
        if "is" in self.names:
            values["is"] = inception_score(np.array(ours.logits))[0] if ours.logits else float("nan")
        if "fid" in self.names:
            values["fid"] = _distance(ours.inception, theirs.inception)
        if "freid" in self.names:
            values["freid"] = _distance(ours.reid, theirs.reid)
        return values

    def _tensor(self, picture: np.ndarray) -> torch.Tensor:
        """(1, 3, h, w) in [0, 1], on the device."""
        planes = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1))).to(self._device)
        return planes.float()[None] / 255

    def _identity(self, picture: np.ndarray, points: np.ndarray) -> np.ndarray:
        """(1, 512): whose face SphereFace sees."""
        assert self._face is not None
        height, width = picture.shape[:2]
        boxes = head_boxes(torch.from_numpy(head_points(points)[None].astype(np.float32)), (height, width))
        identity: torch.Tensor = self._face(crop_heads(self._tensor(picture) * 2 - 1, boxes.to(self._device)))[-1]
        return identity.cpu().numpy()


def faces(points: np.ndarray) -> bool:
    """Somebody of points (33, 2) px faces the viewer: the nose lies between the ears, left on the viewer's right."""
    return bool(points[RIGHT_EAR, 0] < points[NOSE, 0] < points[LEFT_EAR, 0])


def head_points(points: np.ndarray) -> np.ndarray:
    """(13, 2) px around the head, as `head_boxes` wants them: the face's, the neck, the top."""
    neck, ears = points[[11, 12]].mean(0), points[[LEFT_EAR, RIGHT_EAR]].mean(0)
    return np.concatenate([points[_HEAD], [neck, ears + _CROWN * (ears - neck)]])


def cut_close(picture: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The part of a picture that holds the mask; all of it where that is empty."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    return picture[y : y + height, x : x + width] if width and height else picture


def _distance(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    return frechet_distance(np.array(ours), np.array(theirs)) if ours and theirs else float("nan")


def _found(name: str, paths: tuple[Path, ...], weights: Path | None) -> tuple[Path, ...]:
    """The files of a measure."""
    if paths:
        return paths
    found = [find_file(file, weights) for file in _FILES[name]]
    if missing := [file for file, path in zip(_FILES[name], found, strict=True) if path is None]:
        raise WeightsError(f"--metric {name}: {missing[0]} doesn't lie in the weights folder; give {JUDGES[name]}")
    return tuple(path for path in found if path is not None)
