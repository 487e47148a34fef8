"""smplx as the oracle of our skinning."""

from __future__ import annotations

import numpy as np
import smplx
import torch
from smplx.utils import Struct

from lwgan_cli.body.model import BodyModel, skin


def random_poses(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 24, 3, generator=torch.Generator().manual_seed(seed)) * 0.5


def random_betas(count: int, seed: int = 1) -> torch.Tensor:
    return torch.randn(count, 10, generator=torch.Generator().manual_seed(seed))


def smplx_model(body: BodyModel) -> smplx.SMPL:
    """The same arrays run by smplx."""
    count = body.n_vertices
    posedirs = np.zeros((count, 3, 207)) if body.posedirs is None else body.posedirs.numpy()
    struct = Struct(
        v_template=body.v_template.numpy(),
        shapedirs=body.shapedirs.numpy(),
        posedirs=posedirs,
        J_regressor=body.J_regressor.numpy(),
        weights=body.lbs_weights.numpy(),
        kintree_table=np.stack([np.array(body.parents), np.arange(24)]),
        f=body.faces.numpy(),
    )
    points = ("nose", "reye", "leye", "rear", "lear", "LBigToe", "LSmallToe", "LHeel", "RBigToe", "RSmallToe")
    fingers = [side + finger for side in "rl" for finger in ("thumb", "index", "middle", "ring", "pinky")]
    vertex_ids = dict.fromkeys([*points, "RHeel", *fingers], 0)
    return smplx.SMPL(model_path="", data_struct=struct, vertex_ids=vertex_ids)


def assert_equals_smplx(body: BodyModel) -> None:
    poses, betas = random_poses(4), random_betas(4)
    with torch.no_grad():
        theirs = smplx_model(body)(global_orient=poses[:, 0], body_pose=poses[:, 1:].flatten(1), betas=betas)
    vertices, joints = skin(body, poses, betas)
    assert (vertices - theirs.vertices).abs().max() < 1e-5
    assert (joints - theirs.joints[:, :24]).abs().max() < 1e-5
