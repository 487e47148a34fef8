"""Fingers and face: what moves in T-pose, before the body's joints move everything.

The solver, and most bodies, know 24 joints. The open body's fingers (SMPL-H's 30 joints, Romero et al., 2017) and
its 52 facial actions (ARKit's names) change the T-posed surface instead, and skinning carries that along: the hands
hang from the wrists alone, and the face from the head, so that two steps come within half a millimetre of one.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, TypeVar

import torch

from lwgan_cli.body.rotations import axis_angle_to_matrix
from lwgan_cli.records import N_JOINTS

Self = TypeVar("Self", "Fingers", "Actions")


def _moved(item: Self, device: torch.device | str) -> Self:
    tensors: dict[str, Any] = {
        f.name: value.to(device) for f in fields(item) if isinstance(value := getattr(item, f.name), torch.Tensor)
    }
    return replace(item, **tensors)


@dataclass(frozen=True, eq=False)
class Fingers:
    """30 finger joints: index, middle, pinky, ring and thumb, from the palm to the tip, left hand first (SMPL-H).

    names      of the joints
    parents    (30,) joint that each hangs from: below 24 one of the body's (a wrist), else 24 + the finger's row
    template   (30, 3) m, places on the mean shape in T-pose; shapedirs (30, 3, 10) their displacement per beta
    vertices   (N,) int64, what they move; weights (N, 30) float32, the share of each joint, at most 1 in all
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    template: torch.Tensor
    shapedirs: torch.Tensor
    vertices: torch.Tensor
    weights: torch.Tensor

    def to(self, device: torch.device | str) -> Fingers:
        return _moved(self, device)

    def rest(self, betas: torch.Tensor) -> torch.Tensor:
        """Joints (30, 3) m of one shape (10,) in T-pose."""
        return self.template + self.shapedirs @ betas

    def chains(self, hands: torch.Tensor, joints: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Rotations (B, 30, 3, 3) from T-pose, and where the joints come to lie (B, 30, 3) m, the wrists unmoved.

        hands (B, 30, 3) axis-angle rad; joints (30, 3) m in T-pose.
        """
        local = axis_angle_to_matrix(hands)
        turns: list[torch.Tensor] = []
        places: list[torch.Tensor] = []
        for row, parent in enumerate(self.parents):
            above = parent - N_JOINTS
            if above < 0:
                turns.append(local[:, row])
                places.append(joints[row].expand(len(hands), 3))
            else:
                turns.append(turns[above] @ local[:, row])
                places.append(places[above] + turns[above] @ (joints[row] - joints[above]))
        return torch.stack(turns, 1), torch.stack(places, 1)

    def bend(self, rest: torch.Tensor, hands: torch.Tensor, betas: torch.Tensor) -> torch.Tensor:
        """T-posed vertices (V, 3) or (B, V, 3) m with the fingers of hands (B, 30, 3) bent: (B, V, 3)."""
        joints = self.rest(betas)
        turns, places = self.chains(hands, joints)
        affine = torch.cat([turns, (places - (turns @ joints[..., None])[..., 0])[..., None]], -1)
        blended = (self.weights @ affine.flatten(2)).unflatten(-1, (3, 4))  # (B, N, 3, 4)
        bent = rest.expand(len(hands), -1, -1).clone()
        still = bent[:, self.vertices]
        share = self.weights.sum(1, keepdim=True)
        moved = (blended[..., :3] @ still[..., None])[..., 0] + blended[..., 3]
        bent[:, self.vertices] = moved + (1 - share) * still
        return bent


@dataclass(frozen=True, eq=False)
class Actions:
    """Facial actions, additive in T-pose.

    names     ARKit's, "jawOpen", …
    vertices  (N,) int64, what they move; offsets (A, N, 3) float32 m at full strength
    """

    names: tuple[str, ...]
    vertices: torch.Tensor
    offsets: torch.Tensor

    def to(self, device: torch.device | str) -> Actions:
        return _moved(self, device)

    def add(self, rest: torch.Tensor, face: torch.Tensor) -> torch.Tensor:
        """T-posed vertices (V, 3) or (B, V, 3) m with strengths (B, A) of the actions: (B, V, 3)."""
        moved = rest.expand(len(face), -1, -1).clone()
        moved[:, self.vertices] += torch.einsum("ba,anc->bnc", face, self.offsets)
        return moved
