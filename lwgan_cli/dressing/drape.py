"""Drape: how a clip's person lies off the posed and dressed body, frame by frame.

A skeleton in one set of clothes leaves something over: flesh that bulges where joints bend, cloth that hangs and
swings, shoulders that rise, limbs that are larger because they come nearer to the camera. Outlines and optical flow
show it once the body lies on the person. It is kept as a smooth field over the surface, in the frame of the body's
root, so that somebody else's body can take it over.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
import torch
from scipy import sparse
from scipy.linalg import solveh_banded
from scipy.sparse.linalg import LinearOperator, cg

from lwgan_cli.body.model import BodyModel, Worn
from lwgan_cli.body.rotations import axis_angle_to_matrix
from lwgan_cli.dressing.dress import HANDS, WRISTS
from lwgan_cli.dressing.lattice import Lattice
from lwgan_cli.fitting.evidence import Followed, follow_body
from lwgan_cli.fitting.likeness import Likeness, leg_length
from lwgan_cli.fitting.outline import match, outline, within
from lwgan_cli.fitting.window import Window
from lwgan_cli.records import Fragments, Motion

NECK, HEAD = 12, 15
NODES = 500  # some 6 cm apart
FOLLOWED = 1000  # pixels a frame
BEND, STEP, KEEP = 0.5, 0.5, 0.3  # of second and first differences over the surface, and of the field itself
REACH = 0.04  # of the crop: an outline further away belongs to something else
EDGE = 8.0  # trust in a point of the outline, where a well followed pixel has 1
DOUBT = 0.012  # of the crop: what evidence disagrees by when it is half believed
ROUNDS = 2  # of doubting
CLOSE = 1e-3  # of the right side, the residual at which a solution is good enough
HOLD = 0.2  # of differences from frame to frame, at 30 frames a second, against evidence of a whole frame
LEAST = 1e-3  # of that evidence, where a frame shows nothing


@dataclass(frozen=True)
class Nodes:
    """What carries the field over a body's surface: its lattice; joints (K, 24), the nodes' skinning weights; index and
    weight (V, M) of the nodes that each vertex hangs from, padded with weight 0."""

    lattice: Lattice
    joints: np.ndarray
    index: torch.Tensor
    weight: torch.Tensor
    _held: dict[torch.device, tuple[torch.Tensor, torch.Tensor]] = field(init=False, default_factory=dict, repr=False)

    def __len__(self) -> int:
        return int(self.lattice.spread.shape[1])

    @cached_property
    def quiet(self) -> sparse.csr_matrix:
        """(K, K) sparse: energy of the field itself and of its differences over the surface."""
        return BEND * self.lattice.bend + STEP * self.lattice.step + KEEP * sparse.identity(len(self), format="csr")

    @classmethod
    def of(cls, model: BodyModel) -> Nodes:
        spread = (lattice := Lattice.of(model.shown(), NODES)).spread
        counts = np.diff(spread.indptr)
        rows = np.repeat(np.arange(len(counts)), counts)
        columns = np.arange(len(spread.data)) - np.repeat(spread.indptr[:-1], counts)
        index = np.zeros((len(counts), counts.max()), np.int64)
        weight = np.zeros(index.shape, np.float32)
        index[rows, columns], weight[rows, columns] = spread.indices, spread.data
        joints = lattice.mean(model.lbs_weights.cpu().numpy())
        return cls(lattice, joints, torch.from_numpy(index), torch.from_numpy(weight))

    def held(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """`index` and `weight` on a device, brought there once."""
        if device not in self._held:
            self._held[device] = self.index.to(device), self.weight.to(device)
        return self._held[device]


_nodes: dict[str, Nodes] = {}
_skirted: WeakKeyDictionary[Worn, Nodes] = WeakKeyDictionary()


def nodes_of(model: BodyModel) -> Nodes:
    """The body's nodes, made once."""
    if model.skirt is not None:
        if model.skirt not in _skirted:
            _skirted[model.skirt] = _with_skirt(nodes_of(model.skirt.body), model.skirt)
        return _skirted[model.skirt]
    key = f"{model.identity}:{model.n_vertices}"
    if key not in _nodes:
        _nodes[key] = Nodes.of(model)
    return _nodes[key]


def _with_skirt(nodes: Nodes, skirt: Worn) -> Nodes:
    """A skirt goes with the legs that it hangs around."""
    index = torch.cat([nodes.index, torch.zeros_like(nodes.index)], 1)
    weight = torch.cat([nodes.weight, torch.zeros_like(nodes.weight)], 1)
    hooks, share = skirt.hooks.cpu(), skirt.share.cpu()
    held = (nodes.weight[hooks] * share[..., None]).flatten(1)
    return replace(nodes, index=torch.cat([index, nodes.index[hooks].flatten(1)]), weight=torch.cat([weight, held]))


class Sightings:
    """What the frames of a clip say of the field, gathered window by window.

    shift (T, K, 2) px of the crops, y down; trust (T, K), of which 1 is a pixel followed well; px_per_m (T,).
    """

    def __init__(self, model: BodyModel, frames: int) -> None:
        count = len(nodes_of(model))
        self.shift, self.trust = np.zeros((frames, count, 2), np.float32), np.zeros((frames, count), np.float32)
        self.px_per_m = np.ones(frames, np.float32)
        self._model = model

    def look(
        self, row: int, fragments: Fragments, made: np.ndarray, known: np.ndarray, window: Window,
        px_per_m: float,
    ) -> None:  # fmt: skip
        """See frame `row` of the clip, all of window: fragments (1, S, S) of the body as it was fitted; made (S, S, 3)
        uint8, its picture, and where that is known, (S, S) bool."""
        picture, mask, inside = window.pictures[0], window.masks[0], window.inside[0]
        followed = follow_body(made, known, fragments.mask[0].numpy(), picture, mask, inside, FOLLOWED)
        self.shift[row], self.trust[row] = shifted(self._model, fragments, followed, mask, inside)
        self.px_per_m[row] = px_per_m

    def drape(self, turns: torch.Tensor, shots: np.ndarray, fps: float) -> np.ndarray:
        """(T, K, 3) float16 m, see `records.Motion`; turns (T, 3, 3) of the root, shots (T,) int."""
        steadied = steady(self.shift / self.px_per_m[:, None, None], self.trust, np.diff(shots) == 0, HOLD * fps / 30)
        # the picture's x and y, y down, are the body's x and -y; frame by frame, as long clips fill the memory
        axes = turns.numpy()[:, :2] * np.array([[1], [-1]], np.float32)
        return np.stack([(flat @ each).astype(np.float16) for flat, each in zip(steadied, axes, strict=True)])


def shifted(
    model: BodyModel, fragments: Fragments, followed: Followed, mask: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Where one frame's nodes ought to lie: shift (K, 2) px from where they do, y down, and trust (K,).

    fragments (1, S, S); mask (S, S) float [0, 1]; inside (S, S) bool: where the crop lies in the picture. Least squares
    over pixels that optical flow follows and points of the body's outline that slide along the person's, robust by
    iterated weights; hands, whose outline is the fingers', count nothing, and heads move as a whole.
    """
    nodes, size = nodes_of(model), len(mask)
    count = len(nodes)
    corners_of, face = model.faces.numpy(), fragments.pix_to_face[0].numpy()
    hooks, hang = nodes.index.numpy(), nodes.weight.numpy()
    bary, lazy = fragments.bary_coords[0].numpy(), model.lbs_weights[:, list(HANDS + WRISTS)].sum(1).numpy()

    def hung(at: np.ndarray) -> tuple[sparse.csr_matrix, np.ndarray]:
        corners, share = corners_of[face[at[:, 1], at[:, 0]]], bary[at[:, 1], at[:, 0]]
        held = (hang[corners] * share[..., None]).reshape(len(at), -1)
        ends = np.arange(len(at) + 1) * held.shape[1]
        onto = sparse.csr_matrix((held.ravel(), hooks[corners].ravel(), ends), (len(at), count))
        return onto, 1 - (lazy[corners] * share).sum(1).clip(0, 1)

    own, person = within(outline(fragments.mask[0].numpy(), step=2), inside), within(outline(mask > 0.5), inside)
    index, good = match(own, person, REACH * size)
    rows = np.flatnonzero(good)
    inner, trust = hung(followed.at)
    edge, edge_trust = hung((own.points[rows] - 0.5).astype(int))
    basis = sparse.vstack([inner, edge]).tocsr()
    basis.sum_duplicates()
    # each followed pixel speaks along two axes, each point of the outline along one
    normals = person.normals[index[rows]]
    axes = np.concatenate([followed.axes, np.stack([normals, np.zeros_like(normals)], 1)])
    moved = np.concatenate([followed.moved, person.points[index[rows]] - own.points[rows]])
    aim = (axes @ moved[..., None])[..., 0]
    trust = np.concatenate([followed.weight * trust, EDGE * edge_trust])[:, None]

    weight, shift = np.broadcast_to(trust, aim.shape), np.zeros((count, 2))
    for _ in range(ROUNDS):
        shift, believed = pulled(basis, nodes.quiet, axes, aim, weight, shift)
        left = aim - (axes @ (basis @ shift)[..., None])[..., 0]
        weight = trust / (1 + (left / (DOUBT * size)) ** 2) ** 2
    # heads are rigid: an outline that hair or a blurred picture has pushed in somewhere moves all of it or nothing
    head = nodes.joints[:, HEAD]
    weight = head * believed + 1e-9
    return shift + head[:, None] * (weight @ shift / weight.sum() - shift), believed


def pulled(
    basis: sparse.csr_matrix, quiet: sparse.csr_matrix, axes: np.ndarray, aim: np.ndarray, weight: np.ndarray,
    begun: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The field (K, 2) px of least squares, and how much speaks for each node's place, (K,).

    basis (P, K) what each of the points hangs from; quiet (K, K) holds the field; along axes (P, 2, 2) each point ought
    to move by aim (P, 2) px, with weight (P, 2); begun (K, 2): a field to begin with. The system itself is never made:
    its products with fields, of which some dozen are needed, cost a fraction of that.
    """
    back, shape = basis.T.tocsr(), begun.shape
    weighted = axes * weight[..., None]
    pull = weighted.transpose(0, 2, 1) @ axes  # (P, 2, 2)

    def product(flat: np.ndarray) -> np.ndarray:
        field = flat.reshape(shape)
        out: np.ndarray = back @ (pull @ (basis @ field)[..., None])[..., 0] + quiet @ field
        return out.ravel()

    believed = back.power(2) @ pull[:, [0, 1], [0, 1]]
    diagonal = (believed + quiet.diagonal()[:, None]).ravel()
    square = (diagonal.size, diagonal.size)
    system, easier = LinearOperator(square, product), LinearOperator(square, lambda flat: flat / diagonal)
    field, _ = cg(system, (back @ (weighted * aim[..., None]).sum(1)).ravel(), begun.ravel(), rtol=CLOSE, M=easier)
    return field.reshape(shape), believed.sum(1)


def steady(shift: np.ndarray, trust: np.ndarray, joined: np.ndarray, hold: float) -> np.ndarray:
    """The field (T, K, 2) over time, each node for itself: least squares of what the frames say, shift (T, K, 2)
    with trust (T, K), and of the differences between neighbouring frames that are joined, (T - 1,) bool."""
    if len(shift) == 1:
        return shift
    between = hold * joined
    upper = np.concatenate([[0.0], -between])
    sides = np.concatenate([between, [0.0]]) + np.concatenate([[0.0], between])
    believed = trust / (1 + trust) + LEAST
    out = np.empty_like(shift)
    for node, said in enumerate(believed.T):
        out[:, node] = solveh_banded(np.stack([upper, said + sides]), said[:, None] * shift[:, node])
    return out


def draped(model: BodyModel, vertices: torch.Tensor, poses: torch.Tensor, drape: torch.Tensor) -> torch.Tensor:
    """Vertices (B, V, 3) m of a body in poses (B, 24, 3), moved by its drape (B, K, 3) m, of half precision or not."""
    nodes = nodes_of(model)
    turned = drape.to(vertices.dtype) @ axis_angle_to_matrix(poses[:, 0]).transpose(1, 2)
    side_by_side = turned.transpose(0, 1).flatten(1)  # (K, 3 B)
    index, weight = nodes.held(turned.device)
    moved = weight[:, :1] * side_by_side[index[:, 0]]
    for column in range(1, index.shape[1]):  # ten times as fast as all at once
        moved = torch.addcmul(moved, weight[:, column, None], side_by_side[index[:, column]])
    return vertices + moved.unflatten(1, (-1, 3)).transpose(0, 1)


def headless(model: BodyModel, drape: np.ndarray) -> np.ndarray:
    """The drape (T, K, 3) without that of head and neck, for a motion whose head and face are known better."""
    share = nodes_of(model).joints[:, [NECK, HEAD]].sum(1).clip(0, 1)
    return (drape * (1 - share)[:, None]).astype(drape.dtype)


def is_headless(model: BodyModel, motion: Motion) -> bool:
    """Whether a motion has a drape, and that keeps out of the head (`headless`): the face turned it."""
    if motion.drape is None or motion.drape.shape[1] != len(nodes_of(model)):
        return False
    head = nodes_of(model).joints[:, [NECK, HEAD]].sum(1) >= 1
    return bool(motion.drape.any() and not motion.drape[:, head].any())


def carried(model: BodyModel, source: Motion, driving: Motion) -> np.ndarray | None:
    """The driving's drape (T, K, 3) float16 m on the body of the source (one frame); None where it isn't known, or was
    found on another body.

    It grows with the legs, and is measured from how the driver lies in poses like the photo's: what the model lacks in
    those, the photo's own clothes make up for.
    """
    if driving.drape is None or driving.drape.shape[1] != len(nodes_of(model)) or driving.body != model.identity:
        return None
    like = Likeness.of(model, source, driving)
    usual = like.sure * sum(share * each for share, each in zip(like.share, driving.drape, strict=True))
    grown = leg_length(model, source.betas) / leg_length(model, driving.betas)
    return np.stack([(grown * (each - usual)).astype(np.float16) for each in driving.drape])
