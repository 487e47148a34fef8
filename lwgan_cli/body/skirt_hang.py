"""How a skirt hangs: as in its photo, but where a leg pushes it out, and down from there.

Skinning takes each piece of cloth along with a leg, as trousers go. Cloth hangs: it stays where it hung, and goes
outwards only where a leg comes nearer than it was. What is pushed out is lifted, as its length stays; behind a thigh
that is raised it hangs straight. Nothing here looks at the frame before, so that a pose has one shape of the skirt.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch

from lwgan_cli.body.rotations import axis_angle_to_matrix

SHEAR = 0.25  # how much a step aside lifts the cloth, against one outwards
FLATTEST = 0.15  # of its length that cloth goes down at least
TOUCH = 0.03  # m of being pushed out from which on the cloth lies on the leg
ACROSS = 3  # columns on either side over which what moves the cloth is evened out
UPRIGHT = (0.3, 0.7)  # cosines between trunk and vertical over which cloth comes to hang rather than go with the legs


@dataclass(frozen=True, eq=False)
class Rest:
    """A skirt of R rows and C columns as its photo shows it. Coordinates are outwards in the column's own direction,
    along the ring, and up, m, from the middle of its upper edge, the pelvis' turn about the vertical taken out.

    cloth   (R, C, 3) coordinates of the cloth in the photo
    close   (R, C, 3) of a tube that lies close around the legs there
    narrow  (R, C) outwards, of such a tube in T-pose
    slack   (R, C, 3) m, T-pose, from that tube to the cloth
    """

    cloth: torch.Tensor
    close: torch.Tensor
    narrow: torch.Tensor
    slack: torch.Tensor

    def to(self, device: torch.device | str) -> Rest:
        return Rest(*(getattr(self, each.name).to(device) for each in fields(self)))

    def hanging(self, posed: torch.Tensor, close: torch.Tensor, root: torch.Tensor) -> torch.Tensor:
        """Cloth (B, R, C, 3) m that hangs, from cloth that was skinned: posed (B, R, C, 3) m; close (B, R, C, 3) the
        tube close around the legs, likewise; root (B, 3) rad, the pose's first row."""
        turn = axis_angle_to_matrix(root)
        middle = posed[:, :1].mean(2, keepdim=True)
        frame = column_axes(turn, posed.shape[2])
        own, near = ((each - middle)[..., None, :] @ frame[:, None] for each in (posed, close))
        cloth, tight = self.cloth - self.cloth[:1], self.close - self.cloth[:1]
        # what differs from the photo is smooth: cloth follows no detail of what lies below it
        edge = self.cloth[:1] + _around(own[..., 0, :][:, :1] - self.cloth[:1])
        moved = _even(near[..., 0, :] - edge - tight)
        near = edge + tight + moved
        narrow = (self.narrow - self.narrow[:1] - tight[..., 0]).clamp(max=0)
        falls = torch.maximum(moved[..., 0].clamp(max=0), narrow)
        hangs = edge[..., 0] + cloth[..., 0] + falls
        pushed = near[..., 0] + (cloth - tight)[..., 0].clamp(max=0)
        # cloth that a leg pushes out is taut from there up to its edge
        down_to = torch.arange(posed.shape[1], dtype=posed.dtype, device=posed.device)[:, None]
        slope = (pushed - hangs).clamp(min=0) / down_to.clamp(min=1)
        taut = slope.flip(1).cummax(1).values.flip(1) * down_to
        out = hangs + _around(taut[..., None])[..., 0]
        along = edge[..., 1] + cloth[..., 1] + moved[..., 1]
        touches = ((pushed - hangs) / TOUCH).clamp(0, 1)
        lying = near[..., 2] + (self.cloth - self.close)[..., 2]

        steps = (cloth[1:] - cloth[:-1]) ** 2
        length = steps.sum(-1)
        room = steps[..., 0] + SHEAR * steps[..., 1] + steps[..., 2]
        aside = out.diff(dim=1) ** 2 + SHEAR * along.diff(dim=1) ** 2
        down = torch.maximum(room - aside, FLATTEST**2 * length).sqrt()
        up = [edge[:, 0, :, 2]]
        for row in range(1, posed.shape[1]):
            low = up[-1] - down[:, row - 1]
            up.append(torch.lerp(low, torch.maximum(low, lying[:, row]), touches[:, row]))
        found = torch.stack([out, along, torch.stack(up, 1)], -1)
        found = (found[..., None, :] @ frame[:, None].transpose(-1, -2))[..., 0, :] + middle
        share = ((turn[:, 1, 1] - UPRIGHT[0]) / (UPRIGHT[1] - UPRIGHT[0])).clamp(0, 1)
        return torch.lerp(posed, found, share[:, None, None, None])


def _even(moved: torch.Tensor) -> torch.Tensor:
    """What moves cloth (B, R, C, 3), evened out: down from its upper edge a cubic, around the ring the mean over a few
    columns. Turns of the legs pass; what is uneven in a drape, or where the body is, doesn't show."""
    rows = torch.linspace(0, 1, moved.shape[1], dtype=moved.dtype, device=moved.device)
    basis = torch.stack([rows, rows**2, rows**3], 1)
    fit = basis @ torch.linalg.pinv(basis)
    return torch.einsum("qr,brck->bqck", fit, _around(moved))


def _around(values: torch.Tensor) -> torch.Tensor:
    """Values (B, R, C, K), each the mean over the columns beside it."""
    return torch.stack([values.roll(by, 2) for by in range(-ACROSS, ACROSS + 1)]).mean(0)


def column_axes(turn: torch.Tensor, columns: int) -> torch.Tensor:
    """(B, C, 3, 3) whose columns are the directions outwards, along the ring and up of each of a tube's columns, for
    bodies turned by (B, 3, 3); only their turn about the vertical counts."""
    across = turn[:, :, 0]
    yaw = torch.atan2(-across[:, 2], across[:, 0])[:, None]
    angle = yaw + 2 * torch.pi * torch.arange(columns, device=turn.device) / columns
    sin, cos, zero, one = angle.sin(), angle.cos(), torch.zeros_like(angle), torch.ones_like(angle)
    return torch.stack(
        [torch.stack([sin, cos, zero], -1), torch.stack([zero, zero, one], -1), torch.stack([cos, -sin, zero], -1)], -2
    )
