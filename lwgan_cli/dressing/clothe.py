"""A clip's clothes: one set of T-pose offsets for all its frames, from the outlines of several (a bundle).

One outline shows a sleeve's edge on two lines only, and the pose that it was seen in is never quite right. Frames
that show the person in other poses see other lines; what they agree on are clothes, what only one of them shows, a
ball in front of the foot, is outvoted.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from torch.nn.functional import normalize

from lwgan_cli.body.hand_size import bare_hands
from lwgan_cli.body.model import BodyModel, rest_vertices, skinning_transforms
from lwgan_cli.correspondence.visibility import vertex_normals
from lwgan_cli.dressing.dress import HANDS, WRISTS, factor
from lwgan_cli.dressing.lattice import lattice
from lwgan_cli.fitting.outline import match, outline, within
from lwgan_cli.records import Fragments

REACH = 0.08  # of the crop: an outline further away belongs to something else
OUTVOTED = 5.0  # px of 256 beyond which an outline's pull fades
SMOOTH = 4.0
FRAME_TRUST = 300.0  # of a frame, whatever the length of its outline
KEEP = 0.02  # pull towards the naked body
THINNEST, THICKEST = -0.02, 0.12  # m


def swell_normals(model: BodyModel, betas: torch.Tensor) -> torch.Tensor:
    """(V, 3) unit directions in T-pose along which the surface swells, without detail finer than the lattice."""
    rest = rest_vertices(model, betas) * torch.tensor([1.0, 1.0, -1.0])  # depth away from the viewer
    normals = lattice(model).smoothed(normalize(vertex_normals(rest[None], model.faces)[0], dim=-1).numpy())
    return normalize(torch.from_numpy(normals.astype(np.float32)), dim=-1)


def swell(
    model: BodyModel,
    poses: torch.Tensor,
    betas: torch.Tensor,
    offsets: torch.Tensor,
    fragments: Fragments,
    masks: np.ndarray,
    px_per_m: np.ndarray,
    known: np.ndarray,
) -> torch.Tensor:
    """Offsets (V, 3) along `swell_normals` that bring the body's outlines onto the person's in K frames at once.

    poses (K, 24, 3); betas (10,); offsets (V, 3) m, along the same normals, that fragments (K, S, S) were drawn with;
    masks (K, S, S) bool; px_per_m (K,) of the crops; known (K, S, S) bool: where they lie in the picture.
    """
    nodes = lattice(model)
    normals = swell_normals(model, betas)
    turns = skinning_transforms(model, poses, betas)[0]
    flat = (turns @ normals[:, :, None])[..., :2, 0].numpy() * np.array([1, -1])  # (K, V, 2), y down
    scale = float(px_per_m.mean())  # thickness is solved for in px, so that smoothness weighs as it does in a photo
    now = (offsets * normals).sum(-1).numpy() * scale
    count = nodes.spread.shape[1]
    system, right = SMOOTH * nodes.bend + KEEP * sparse.identity(count), np.zeros(count)
    for k, mask in enumerate(masks):
        along, pull, trust = _pulls(fragments, k, model, mask, flat[k] * px_per_m[k] / scale, known[k])
        through = along @ nodes.spread
        trust = trust * FRAME_TRUST / max(len(trust), 1)
        system = system + through.T @ sparse.diags(trust) @ through
        right = right + through.T @ (trust * (pull + along @ now))
    thickness = nodes.spread @ factor(system)(right) / scale
    thick = torch.from_numpy(thickness.clip(THINNEST, THICKEST).astype(np.float32))
    return bare_hands(model, normals * thick[:, None])


def _pulls(
    fragments: Fragments,
    k: int,
    model: BodyModel,
    mask: np.ndarray,
    flat: np.ndarray,
    known: np.ndarray,
) -> tuple[sparse.csr_matrix, np.ndarray, np.ndarray]:
    """One frame's pulls: (N, V) how far each vertex' swelling moves outline points outwards, pull (N,) px outwards,
    trust (N,). flat (V, 2) is how the picture shows the normals, y down.

    Both ways: from each point of the body's outline to the person's, and back."""
    size = mask.shape[0]
    own, person = (within(outline(each, step=2), known) for each in (fragments.mask[k].numpy(), mask))
    if not len(own.points) or not len(person.points):
        return sparse.csr_matrix((0, len(flat))), np.zeros(0), np.zeros(0)
    columns, rows = own.points.astype(int).T
    corners = model.faces.numpy()[fragments.pix_to_face[k].numpy()[rows, columns]]
    bary = fragments.bary_coords[k].numpy()[rows, columns]
    index = np.repeat(np.arange(len(own.points)), 3)
    hands = (model.lbs_weights.numpy()[:, list(HANDS + WRISTS)].sum(1)[corners] * bary).sum(1)
    outwards = (flat[corners] * own.normals[:, None]).sum(-1) * bary
    along = sparse.coo_matrix((outwards.ravel(), (index, corners.ravel())), (len(own.points), len(flat))).tocsr()
    forward, good = match(own, person, REACH * size)
    back, back_good = match(person, own, REACH * size)
    pull = np.concatenate(
        [
            ((person.points[forward] - own.points) * own.normals).sum(1),
            ((person.points - own.points[back]) * own.normals[back]).sum(1),
        ]
    )
    keep = np.concatenate([good & (hands < 0.5), back_good & (hands[back] < 0.5)])
    every = sparse.vstack([along, along[back]]).tocsr()[keep]
    pull = pull[keep]
    return every, pull, 1 / (1 + (pull / (OUTVOTED / 256 * size)) ** 2) ** 2
