"""Where to paint: the texels of a body's atlas as points of its surface in T-pose.

Paint and clothes are laid out on the mean shape in T-pose, where a sleeve ends at some x and a trouser leg at
some y; every shape of the body wears them at the same places of its surface.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import torch
from scipy.ndimage import distance_transform_edt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from lwgan_cli.body.model import BodyModel
from lwgan_cli.correspondence import rasterize
from lwgan_cli.correspondence.visibility import vertex_normals

_EYEBALL_SHARE = 0.03  # of the vertices; a larger piece of mesh is no eyeball


@dataclass(frozen=True)
class Anatomy:
    """Places on the mean shape in T-pose, m.

    joints     (24, 3)
    landmarks  name → (3,), as `BodyModel.landmarks`
    crotch     y of the lowest point between the legs
    sole       y of the lowest point
    """

    joints: torch.Tensor
    landmarks: Mapping[str, torch.Tensor]
    crotch: float
    sole: float

    @classmethod
    def of(cls, model: BodyModel) -> Anatomy:
        vertices = model.v_template
        joints = model.joint_template
        knee, hip = joints[[4, 5]].mean(0), joints[[1, 2]].mean(0)
        between = (vertices[:, 0].abs() < 0.1 * joints[1, 0]) & (vertices[:, 1] > knee[1])
        crotch = float(vertices[between, 1].min()) if between.any() else float(hip[1])
        landmarks = {name: vertices[row] for name, row in model.landmarks.items()}
        return cls(joints, landmarks, crotch, float(vertices[:, 1].min()))

    def y(self, joint: int) -> float:
        return float(self.joints[joint, 1])

    def x(self, joint: int) -> float:
        return float(self.joints[joint, 0])


@dataclass(frozen=True, eq=False)
class Surface:
    """N points of the mean shape's surface in T-pose.

    position  (N, 3) m
    normal    (N, 3) unit, outwards
    eyeball   (N,) bool
    """

    position: torch.Tensor
    normal: torch.Tensor
    eyeball: torch.Tensor
    anatomy: Anatomy

    def __len__(self) -> int:
        return len(self.position)

    def __getitem__(self, rows: torch.Tensor) -> Surface:
        return Surface(self.position[rows], self.normal[rows], self.eyeball[rows], self.anatomy)


@dataclass(frozen=True, eq=False)
class Canvas:
    """An atlas of size² texels.

    surface  the texels that lie on a chart, N points
    corners  (N, 3) the vertices of the face that a texel lies on
    weights  (N, 3) barycentric coordinates within it
    fill     (size²,) int64, for each texel the nearest of those N: colours run on past the charts' borders
    texel    m, the median width of a texel on the body
    """

    size: int
    surface: Surface
    corners: torch.Tensor
    weights: torch.Tensor
    fill: torch.Tensor
    texel: float

    def interpolate(self, values: torch.Tensor) -> torch.Tensor:
        """Vertex values (V, C) at the texels, (N, C)."""
        return (values[self.corners] * self.weights[..., None]).sum(1)

    def finish(self, colours: torch.Tensor) -> torch.Tensor:
        """Colours of the N points (N, 3) → texture (3, size, size)."""
        return colours[self.fill].T.reshape(3, self.size, self.size).contiguous()


def vertex_surface(model: BodyModel) -> Surface:
    """The body's vertices as a surface."""
    vertices = model.v_template
    return Surface(vertices, unit_normals(vertices, model.faces), _eyeballs(model), Anatomy.of(model))


def unit_normals(vertices: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
    """(V, 3) or (B, V, 3) metres → unit normals outwards, body space."""
    batch = vertices if vertices.dim() == 3 else vertices[None]
    flip = batch.new_tensor([1.0, 1.0, -1.0])  # `vertex_normals` takes depth for the last coordinate
    normals = torch.nn.functional.normalize(vertex_normals(batch * flip, faces), dim=-1)
    return normals if vertices.dim() == 3 else normals[0]


@lru_cache(maxsize=2)
def make_canvas(model: BodyModel, size: int) -> Canvas:
    """The atlas of a body at a resolution; kept, because every person is painted on the same one."""
    spread = model.uv * model.uv.new_tensor([2.0, -2.0]) + model.uv.new_tensor([-1.0, 1.0])
    spread = torch.nn.functional.pad(spread, (0, 1), value=1.0)
    fragments = rasterize(spread[None], model.uv_faces, size)
    mask = fragments.mask[0]
    corners = model.faces[fragments.pix_to_face[0][mask]]
    weights = fragments.bary_coords[0][mask]
    vertices = vertex_surface(model)
    values = torch.cat([vertices.position, vertices.normal, vertices.eyeball[:, None].float()], 1)
    drawn = (values[corners] * weights[..., None]).sum(1)
    position, normal, eyeball = drawn.split([3, 3, 1], 1)
    surface = Surface(position, torch.nn.functional.normalize(normal, dim=-1), eyeball[:, 0] > 0.5, vertices.anatomy)
    rows = torch.full((size, size), -1, dtype=torch.int64, device=mask.device)
    rows[mask] = torch.arange(len(position), device=mask.device)
    nearest = distance_transform_edt(~mask.cpu().numpy(), return_distances=False, return_indices=True)
    fill = rows.view(-1)[torch.from_numpy(nearest[0] * size + nearest[1]).to(mask.device).view(-1)]
    edges = model.v_template[model.faces].diff(dim=1)[:, 0].norm(dim=1)
    drawn_edges = model.uv[model.uv_faces].diff(dim=1)[:, 0].norm(dim=1) * size
    texel = float((edges / drawn_edges.clamp(min=1e-6)).median())
    return Canvas(size, surface, corners, weights, fill, texel)


def _eyeballs(model: BodyModel) -> torch.Tensor:
    """(V,) bool: the vertices that hang together with those named left_eye and right_eye."""
    faces = model.faces.cpu().numpy()
    count = model.n_vertices
    rows, columns = faces.ravel(), faces[:, [1, 2, 0]].ravel()
    _, label = connected_components(
        coo_matrix((faces.ravel() * 0 + 1, (rows, columns)), (count, count)), directed=False
    )
    eyeball = torch.zeros(count, dtype=torch.bool)
    for name in ("left_eye", "right_eye"):
        piece = torch.from_numpy(label == label[model.landmarks[name]])
        if piece.sum() < _EYEBALL_SHARE * count:
            eyeball |= piece
    return eyeball.to(model.faces.device)
