"""From a projected body to pictures of it: rasterization, correspondence maps, visibility."""

from lwgan_cli.correspondence.maps import (
    correspondence_map,
    face_barycentres,
    face_parts,
    interpolate,
    part_map,
    silhouette,
)
from lwgan_cli.correspondence.rasterizer import BACKENDS, choose_backend, project, rasterize
from lwgan_cli.correspondence.visibility import (
    face_normals,
    facing,
    vertex_normals,
    vertex_visibility,
    visible_faces,
)

__all__ = [
    "BACKENDS",
    "choose_backend",
    "correspondence_map",
    "face_barycentres",
    "face_normals",
    "face_parts",
    "facing",
    "interpolate",
    "part_map",
    "project",
    "rasterize",
    "silhouette",
    "vertex_normals",
    "vertex_visibility",
    "visible_faces",
]
