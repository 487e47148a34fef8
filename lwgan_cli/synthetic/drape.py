"""Cloth, hair and shoes as T-pose offsets: how far a surface stands off the body.

Cloth hangs round a tube (trunk, leg, arm): taken round the tube's axis, the body's outline is spanned where
it is hollow, and falls from where it is widest. Hair and shoes are solids of their own, that the surface is
pushed out to along rays from inside.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from scipy.sparse import csr_matrix, identity
from scipy.sparse.linalg import splu

from lwgan_cli.body.model import BodyModel

_ROUND, _ALONG = 60, 56  # cells of a tube's outline
_SPAN = 7  # cells to either side that cloth spans at most


@lru_cache(maxsize=2)
def neighbours(model: BodyModel) -> torch.Tensor:
    """(V, V) sparse: the mean over each vertex's neighbours."""
    faces = model.faces
    edges = torch.cat([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = torch.cat([edges, edges.flip(1)]).unique(dim=0)
    alone = torch.ones(model.n_vertices, dtype=torch.bool, device=faces.device)
    alone[edges[:, 0]] = False
    alone_rows = alone.nonzero().expand(-1, 2)
    edges = torch.cat([edges, alone_rows])
    count = torch.bincount(edges[:, 0], minlength=model.n_vertices)
    values = 1 / count[edges[:, 0]].float()
    size = (model.n_vertices, model.n_vertices)
    return torch.sparse_coo_tensor(edges.T, values, size, check_invariants=True).coalesce()


def smooth(
    model: BodyModel,
    points: torch.Tensor,
    weight: torch.Tensor,
    steps: int,
    normal: torch.Tensor | None = None,
) -> torch.Tensor:
    """points (V, 3) drawn `steps` times towards their neighbours' mean, by weight (V, 1) in [0, 1]; with
    `normal` (V, 3) only along it, so that patterns keep straight where the mesh is uneven."""
    mean = neighbours(model)
    for _ in range(steps):
        step = torch.sparse.mm(mean, points) - points
        if normal is not None:
            step = (step * normal).sum(1, keepdim=True) * normal
        points = points + weight * step
    return points


def fill_in(model: BodyModel, values: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
    """values (V, C) replaced where `inside` (V,) by the harmonic interpolation of the rest: ears and toes
    fold out into a smooth membrane."""
    mean = neighbours(model).cpu()
    rows, columns = mean.indices().numpy()
    matrix = csr_matrix((mean.values().double().numpy(), (rows, columns)), mean.shape)
    within = inside.cpu().numpy()
    known = values.cpu().double().numpy()
    system = identity(int(within.sum())) - matrix[within][:, within]
    filled = values.clone()
    solved = splu(system.tocsc()).solve(matrix[within][:, ~within] @ known[~within])
    filled[inside] = torch.from_numpy(solved).to(values)
    return filled


@dataclass(frozen=True, eq=False)
class Tube:
    """Cylinder coordinates of points round an axis from `start` to `end`.

    along   (V,) m from start
    angle   (V,) rad from the front (+z, or +y for a tube along z), towards the left of the body or down
    radius  (V,) m
    out     (V, 3) unit, away from the axis
    """

    along: torch.Tensor
    angle: torch.Tensor
    radius: torch.Tensor
    out: torch.Tensor

    @classmethod
    def of(cls, points: torch.Tensor, start: torch.Tensor, end: torch.Tensor) -> Tube:
        axis = F.normalize(end - start, dim=0)
        front = points.new_tensor([0.0, 0.0, 1.0] if abs(float(axis[2])) < 0.7 else [0.0, 1.0, 0.0])
        front = F.normalize(front - (front @ axis) * axis, dim=0)
        side = torch.linalg.cross(front, axis)
        from_start = points - start
        along = from_start @ axis
        flat = from_start - along[:, None] * axis
        radius = flat.norm(dim=1)
        angle = torch.atan2(flat @ side, flat @ front)
        return cls(along, angle, radius, flat / radius.clamp(min=1e-6)[:, None])


def hang(tube: Tube, members: torch.Tensor, flare: float) -> torch.Tensor:
    """The radius (V,) of cloth round a tube, where it lies on the body's `members` (V,) bool.

    Cloth spans hollows round the tube, and along it hangs from the widest place above (towards `start`),
    widening by `flare` m per m from there; negative narrows.
    """
    low, high = float(tube.along[members].min()), float(tube.along[members].max())
    step = max(high - low, 1e-3) / _ALONG
    row = ((tube.along - low) / step).clamp(0, _ALONG - 1e-3)
    column = (tube.angle / (2 * torch.pi) + 0.5) * _ROUND
    cell = row.long() * _ROUND + column.long().clamp(max=_ROUND - 1)
    outline = tube.radius.new_zeros(_ALONG * _ROUND)
    outline.scatter_reduce_(0, cell[members], tube.radius[members], "amax")
    outline = outline.view(_ALONG, _ROUND)
    for _ in range(max(_ALONG, _ROUND)):  # cells without a vertex take their neighbours' radius
        if (outline > 0).all():
            break
        wide = _round_pad(outline, 1)
        outline = torch.where(outline > 0, outline, F.max_pool2d(wide[None], 3, 1)[0])
    spanned = outline
    for k in range(1, _SPAN + 1):
        chord = (outline.roll(k, 1) + outline.roll(-k, 1)) / 2
        spanned = torch.maximum(spanned, chord * float(torch.cos(torch.tensor(2 * torch.pi * k / _ROUND))))
    rows = [spanned[0]]
    for k in range(1, _ALONG):
        rows.append(torch.maximum(spanned[k], rows[-1] + flare * step))
    fallen = torch.stack(rows)
    for _ in range(3):
        fallen = F.avg_pool2d(_round_pad(fallen, 1)[None], 3, 1)[0]
    grid = torch.stack([(column + 1) / (_ROUND + 2) * 2 - 1, (row + 1) / (_ALONG + 2) * 2 - 1], -1)
    padded = _round_pad(fallen, 1)
    return F.grid_sample(padded[None, None], grid[None, None], align_corners=False)[0, 0, 0]


def _round_pad(outline: torch.Tensor, by: int) -> torch.Tensor:
    """Padded by wrapping round the tube, and by repeating along it."""
    wide = torch.cat([outline[:, -by:], outline, outline[:, :by]], 1)
    return torch.cat([wide[:1].expand(by, -1), wide, wide[-1:].expand(by, -1)])


def ellipsoid_exit(
    origin: torch.Tensor, direction: torch.Tensor, centre: torch.Tensor, radii: torch.Tensor
) -> torch.Tensor:
    """(V,) how far rays from `origin` (V, 3) run until they leave an ellipsoid for good, 0 if they miss."""
    o, d = (origin - centre) / radii, direction / radii
    a, b, c = (d * d).sum(1), (o * d).sum(1), (o * o).sum(1) - 1
    root = b * b - a * c
    return torch.where(root > 0, (-b + root.clamp(min=0).sqrt()) / a, 0.0).clamp(min=0)
