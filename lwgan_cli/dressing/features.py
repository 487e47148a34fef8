"""Features on the surface: what a face's points leave over, see `records.Motion.features`, as offsets of the body."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve

from lwgan_cli.body.model import BodyModel
from lwgan_cli.detection.face_places import FacePlaces, eyeballs
from lwgan_cli.fitting.face import IRISES

NECK, HEAD = 12, 15
REACHES = ((0.004, 0.025), (0.002, 0.007))  # m: how far features move, and over which distance alike
NOISE = 0.0010  # m of a point
OPENER, OPENED = "jawOpen", 0.5  # the action, and its strength, with which lips that touch lie apart
RIGID = ("teeth",)


@dataclass(frozen=True, eq=False)
class Spread:
    """vertices (N,) int64 of the body that features move; weight (N, 478) of each point's move in theirs."""

    vertices: torch.Tensor
    weight: torch.Tensor
    _held: dict[torch.device, tuple[torch.Tensor, torch.Tensor]] = field(init=False, default_factory=dict, repr=False)

    @classmethod
    def of(cls, model: BodyModel, places: FacePlaces) -> Spread:
        """For a body with facial actions, with or without the inside of its mouth.

        A Gaussian process' mean over the head with its mouth open; each eyeball as a whole, with its iris.
        """
        rest = mouth_opened(model)
        at, noise = places.of(rest).double().numpy(), np.hypot(places.spread.double().numpy(), NOISE)
        near = model.lbs_weights[:, [NECK, HEAD]].sum(1).cpu() > 0.05
        near[model.faces[model.of_group(*RIGID)].flatten().cpu()] = False
        rows = near.nonzero()[:, 0]
        solve = cho_factor(_kernel(at, at) + np.diag(noise**2))
        weight = cho_solve(solve, _kernel(at, rest[rows].double().numpy())).T
        for eye, iris in zip(eyeballs(model), IRISES, strict=True):
            weight[eye[rows.numpy()]] = 0
            weight[np.ix_(eye[rows.numpy()], range(iris.start, iris.stop))] = 1 / (iris.stop - iris.start)
        return cls(rows, torch.from_numpy(weight.astype(np.float32)))

    def add(self, offsets: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Offsets (V, 3) or (B, V, 3) m, T-pose, with features (B, 478, 3) m, of half precision or not: (B, V, 3)."""
        vertices, weight = self.held(offsets.device)
        moved = offsets.expand(len(features), -1, -1).clone()
        moved[:, vertices] += weight @ features.to(offsets.dtype)
        return moved

    def held(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """`vertices` and `weight` on a device, brought there once."""
        if device not in self._held:
            self._held[device] = self.vertices.to(device), self.weight.to(device)
        return self._held[device]


def mouth_opened(model: BodyModel) -> torch.Tensor:
    """(V, 3) m: the mean body in T-pose, with the mouth open where it has one: lips that touch move each for itself."""
    rest = model.v_template.cpu().clone()
    if model.actions is not None:
        rest[model.actions.vertices.cpu()] += OPENED * model.actions.offsets[model.actions.names.index(OPENER)].cpu()
    return rest


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(N, M) covariance m² of the moves at places (N, 3) and (M, 3) m."""
    squared = ((a[:, None] - b[None]) ** 2).sum(-1)
    return sum((move**2 * np.exp(-squared / (2 * reach**2)) for move, reach in REACHES), np.zeros_like(squared))
