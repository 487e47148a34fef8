"""The fringe: what a photo's mask has around the head beyond the body's outline, and how it moves with the head.

Loose hair has no surface that a mesh could be pulled onto without tearing. Around the head the photo itself is carried
along instead, as a sheet with the photo's own soft edges: behind the body, and over the rim of the head, of which the
photo shows nothing but its narrow, foreshortened surface. A head is about as broad from wherever it is seen: when it
turns about an upright axis the sheet keeps its width, and only what lies in front of or behind its middle moves
sideways. Beyond a few dozen degrees hair looks too different, and the fringe fades.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import torch
from scipy.spatial import cKDTree

from lwgan_cli.body.model import BodyModel
from lwgan_cli.correspondence.maps import interpolate
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.correspondence.visibility import facing, vertex_normals
from lwgan_cli.flow.parts import Part, extent, reached, widened
from lwgan_cli.flow.resize import bilinear, resize_flow
from lwgan_cli.layers.neighbours import gaussian, mean
from lwgan_cli.layers.reading import detailed, photographed
from lwgan_cli.layers.softness import edge_softness
from lwgan_cli.ramps import smoothstep
from lwgan_cli.records import Flow, Fragments
from lwgan_cli.texture.crown import crowned
from lwgan_cli.texture.source import Source

HEAD, NECK, CHEST, COLLARS, ARMS = 15, 12, 9, (13, 14), (16, 17)
LOWER_ARMS = (18, 20, 22), (19, 21, 23)
JOINTS = (HEAD, NECK, CHEST, *COLLARS)  # with which hair moves
AROUND = (0.16, 0.26)  # m from the neck's joint within which trunk and shoulders have a fringe, less and less
CELL = 0.008  # m between the sheet's vertices
FULL, BEYOND = 0.08, 0.12  # m beyond the body's outline over which the sheet ends
NEAREST = 32  # vertices at the outline that a place of the sheet moves with …
SOFT = 0.02  # … and m of distance that make no difference between them
GRAZING = 0.4  # cosine to the viewer up to which surface counts as the outline's
# Cosine between a joint's directions in photo and target, over which the fringe fades in with what it moves: heads are
# about round, necks and trunks aren't.
TURNED = ((0.64, 0.9), *[(0.9, 0.98)] * (len(JOINTS) - 1))
LIFTED = (0.8, 0.95)  # cosine between an arm's directions in photo and target, as seen from the chest, likewise …
PULLED = 0.08  # … and the arm's share in the outline nearby from which on all of it fades
SLEEVES = (0.1, 0.05)  # m from an arm that is raised beside the head over which what moves with it begins
MINE = (0.3, 0.8)  # share of the outline nearby that must have a fringe
SOLID = 0.02  # of alpha, from which on there is something
MOST = 4e4  # cells
CUT = (-0.04, -0.02)  # m above the picture's upper edge, over which the fringe may cover the face too
BESIDE = 4  # px of the fragments beside a part that reading between its pixels may reach
RIM = 0.012  # m inside the head's outline over which the fringe ends


@dataclass(frozen=True)
class Fringe:
    """The sheet of one photo; N places of a grid over it.

    body    (V, 3) m, the body in the photo: x right, y up, z to the viewer
    pull    (J + 2, V) each joint's share in the vertices, and each arm's, rows sum to 1
    places  (N, 3) m in the photo, z as of the outline nearby
    grid    (N, 2) the same in the photo's [-1, 1], y down
    share   (N, J) how far each joint moves each place, rows sum to 1
    lifted  (N, 2) in [0, 1]: how far it fades where the left or right arm is lifted otherwise
    reach   (N,) in [0, 1]: how far the sheet counts there
    faces   (F, 3) rows of places
    beyond  m that the sheet's visible part exceeds the body's bounding box
    """

    body: torch.Tensor
    pull: torch.Tensor
    places: torch.Tensor
    grid: torch.Tensor
    share: torch.Tensor
    lifted: torch.Tensor
    reach: torch.Tensor
    faces: torch.Tensor
    beyond: float

    @classmethod
    def of(
        cls, model: BodyModel, source: Source, theirs: torch.Tensor | None = None, cut: bool = False
    ) -> Fringe | None:
        """None for a photo that shows no head. theirs (V,) in [0, 1]: how much of each vertex is of the photo's person,
        whose shoulders don't come along where somebody else's clothes are worn; None: all. cut: the head was cut off,
        and a forehead may be the fringe's."""
        width, height = source.size
        px = torch.from_numpy(source.vertices_px()).to(source.ndc)
        body = metres(source.ndc, (width, height, width), source.scale)
        own, *_ = ownership(model)
        own = own if theirs is None else own * theirs
        cosine = facing(vertex_normals(body[None] * body.new_tensor([1, 1, -1]), model.faces))[0]
        grazing = cosine.abs() < GRAZING
        if cut:  # brows and lids, which stand edge-on too, are no outline of it
            grazing &= (own > 0.5) | (model.lbs_weights[:, HEAD] < 0.5)
        edge = grazing.nonzero().squeeze(1).cpu().numpy()
        at, margin = px.cpu().numpy(), BEYOND * source.scale
        of_head = at[(own > 0.5).cpu().numpy()]
        if not len(of_head) or not len(edge):
            return None
        low = np.maximum(of_head.min(0) - margin, 0)
        high = np.minimum(of_head.max(0) + margin, [width, np.inf])  # what hangs goes on below the picture
        if (high - low < CELL * source.scale).any():
            return None
        step = max(CELL * source.scale, float(np.sqrt(np.prod(high - low) / MOST)))
        columns, rows = (int(np.ceil(size / step)) + 1 for size in high - low)
        x, y = np.meshgrid(np.linspace(low[0], high[0], columns), np.linspace(low[1], high[1], rows))
        grid = np.stack([x.ravel(), y.ravel()], 1)
        nearby = _Nearby.of(at, edge, grid, source.scale, body)
        of_hand = (model.lbs_weights[:, list(sum(LOWER_ARMS, ()))].sum(1) > 0.5).cpu().numpy()
        # a hand beside the head is at another depth, and moves on its own
        still = _Nearby.of(at, edge[~of_hand[edge]], grid, source.scale, body) if of_hand[edge].any() else nearby
        share = model.lbs_weights[:, list(JOINTS)]
        arms = model.lbs_weights[:, list(ARMS)]
        pull = torch.cat([share, arms], 1).T * vertex_areas(model)
        pull = pull / pull.sum(1, keepdim=True)
        arms = arms + torch.stack([model.lbs_weights[:, list(lower)].sum(1) for lower in LOWER_ARMS], 1)
        place = torch.from_numpy(grid / [width / 2, height / 2] - 1).to(body)
        shown = (source.pixels[3] > SOLID).nonzero().flip(1).cpu().numpy() + 0.5
        shown = shown[((shown > low) & (shown < high)).all(1)]
        beyond = max(0.0, float(np.max([at.min(0) - shown.min(0), shown.max(0) - at.max(0)]))) if len(shown) else 0.0
        moved = still.mean(share)
        moved[:, JOINTS.index(CHEST)] += 1e-6  # beyond the shoulders, where nothing counts
        lifted = (nearby.mean(arms) / PULLED).clamp_max(1)
        for side in (0, 1):  # sleeves beside a head are none of its hair
            beside = (arms[:, side] > 0.5).cpu().numpy()
            if pull[len(JOINTS) + side] @ body[:, 1] > pull[JOINTS.index(NECK)] @ body[:, 1] and beside[edge].any():
                away = _Nearby.of(at, edge[beside[edge]], grid, source.scale, body).away
                lifted[:, side] = torch.maximum(lifted[:, side], smoothstep(away, *SLEEVES))
        reach = smoothstep(nearby.mean(own[:, None])[:, 0], *MINE) * smoothstep(nearby.away, BEYOND, FULL)
        faces = _cells(rows, columns).to(model.faces.device)
        return cls(
            body=body,
            pull=pull,
            places=torch.cat(
                [place * body.new_tensor([width, -height]) / 2 / source.scale, still.mean(body[:, 2:])], 1
            ),
            grid=place,
            share=moved / moved.sum(1, keepdim=True),
            lifted=lifted,
            reach=reach,
            faces=faces[(reach[faces] > 0).any(1)],
            beyond=beyond / source.scale,
        )

    @cached_property
    def _pulled(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """What `moved` takes of the photo, float64: pull (J + 2, V), the middle of what each holds of the body,
        (J + 2, 3), and pull times the body, (3 · (J + 2), V)."""
        pull, body = self.pull.double(), self.body.double()
        return pull, pull @ body, (pull[:, None] * body.T).flatten(0, 1)

    def moved(self, target: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Where the sheet lies when the body (B, V, 3) m is the target's: (B, N, 2) m, x right, y up; and how far what
        moves each place is turned as in the photo, (B, N) in [0, 1]."""
        # in double precision, so that frames come out the same whatever others are drawn with them
        (pull, middle, held), target = self._pulled, target.double()
        there = pull @ target  # (B, J, 3)
        spread = (held @ target).unflatten(1, (-1, 3)) - middle[:, :, None] * there[:, :, None]
        u, _, v = torch.linalg.svd(spread)
        mirrored = torch.linalg.det(u @ v).sign()
        v = torch.cat([v[..., :2, :], v[..., 2:, :] * mirrored[..., None, None]], -2)
        turn = (u @ v).transpose(-1, -2)  # (B, J, 3, 3), takes the photo's directions to the target's
        turn, arms = turn.split([len(JOINTS), len(ARMS)], 1)
        middle, there = middle[: len(JOINTS)], there[:, : len(JOINTS)]
        angle = torch.atan2(turn[..., 1, 0] - turn[..., 0, 1], turn[..., 0, 0] + turn[..., 1, 1])
        cos, sin = angle.cos(), angle.sin()
        ways = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2)
        ways = torch.cat([ways, turn[..., :2, 2:]], -1)  # (B, J, 2, 3)
        begin = there[..., :2] - torch.einsum("bjxy,jy->bjx", ways, middle)
        share, places = self.share.double(), self.places.double()
        moved = torch.einsum("nj,bjxy,ny->bnx", share, ways, places) + share @ begin
        alike = torch.stack([smoothstep(turn[:, j, 2, 2].float(), *ends) for j, ends in enumerate(TURNED)], -1)
        # shoulders stand up beside a lifted arm, wherever it is lifted to
        kept = torch.einsum("bxy,bjxy->bj", turn[:, JOINTS.index(CHEST)], arms).float() / 2 - 0.5
        settled = 1 - self.lifted * (1 - smoothstep(kept, *LIFTED))[:, None]  # (B, N, 2)
        return moved.float(), alike @ self.share.T * alike[:, :1] * settled.prod(2)


@dataclass(frozen=True)
class _Nearby:
    """The outline's vertices next to each of N places: rows (N, K) of the body's, weight (N, K), rows sum to 1; away
    (N,) m to the nearest."""

    rows: torch.Tensor
    weight: torch.Tensor
    away: torch.Tensor

    @classmethod
    def of(cls, at: np.ndarray, edge: np.ndarray, grid: np.ndarray, scale: float, like: torch.Tensor) -> _Nearby:
        """Of the vertices edge (E,), at places at (V, 2) px, next to places grid (N, 2) px; scale px per m; tensors on
        the device of one `like` them."""
        far, near = cKDTree(at[edge]).query(grid, k=min(NEAREST, len(edge)))
        away = torch.from_numpy(far.reshape(len(grid), -1) / scale).to(like)
        weight = 1 / (away.square() + SOFT**2).square()
        rows = torch.from_numpy(edge[near.reshape(len(grid), -1)]).to(like.device)
        return cls(rows, weight / weight.sum(1, keepdim=True), away[:, 0])

    def mean(self, values: torch.Tensor) -> torch.Tensor:
        """(V, C) → (N, C)"""
        return torch.einsum("nk,nkc->nc", self.weight, values[self.rows])


class Fringes:
    """What is laid around the heads of drawn bodies.

    sources  the photos that may show the head
    theirs   see `Fringe.of`
    """

    def __init__(
        self,
        model: BodyModel,
        sources: Sequence[Source],
        backend: str = "auto",
        theirs: torch.Tensor | None = None,
    ) -> None:
        head, found = (model.lbs_weights[:, HEAD] > 0.5).cpu().numpy(), []
        for source in sources:
            whole = crowned(source, head)
            found.append((Fringe.of(model, whole, theirs, whole is not source), detailed(softened(whole))))
        self._fringes = [(fringe, picture) for fringe, picture in found if fringe is not None]
        _, rim, own = ownership(model)
        if len(sources):  # above the picture, where nobody knows of a face, all of the head may be the fringe's
            beyond = torch.stack([(each.ndc[:, 1] - 1) * (each.size[1] / 2 / each.scale) for each in sources]).amin(0)
            own = torch.maximum(own, model.lbs_weights[:, HEAD] * smoothstep(beyond, *CUT))
        for photo in (source.head for source in sources if source.head is not None):
            own = torch.maximum(own, torch.from_numpy(photo.beside).to(own))
        outside = torch.zeros_like(own)
        outside[model.faces[: model.n_shown].flatten()] = 1  # between the lips nothing hangs
        own = torch.stack([rim, own], 1) * outside[:, None]
        self._faces, self._backend, self._own = model.faces, backend, own

    def beyond(self, places: np.ndarray) -> int:
        """px that fringes may exceed the bounding box of bodies at places (B, V, 2) px."""
        margin = 0.0
        for fringe, _ in self._fringes:
            own, there = (
                _size(fringe.pull[0].cpu().numpy(), each) for each in (fringe.body.cpu().numpy()[None, :, :2], places)
            )
            margin = max(margin, fringe.beyond * float(there.max() / own.max()))
        return math.ceil(margin)

    def lay(
        self, rgba: torch.Tensor, trust: torch.Tensor, vertices: torch.Tensor, fragments: Fragments, scale: torch.Tensor
    ) -> None:
        """Lays the fringe of the photo whose head is turned most alike behind the person, rgba (B, 4, h, w), and over
        the head's rim; trust (B, 1, h, w), how far the colours are a photo's, grows with it.

        vertices (B, V, 3) NDC of the window, fragments (B, H, W), scale (B,) px per m: see `compositor.Drawn`
        """
        if not self._fringes:
            return
        height, width = size = (rgba.shape[2], rgba.shape[3])
        cube = (width, height, height)
        body = metres(vertices, cube, scale[:, None, None])
        moved = [fringe.moved(body) for fringe, _ in self._fringes]
        alike = torch.stack([share.amax(1) for _, share in moved])
        best = alike.argmax(0)
        zoom = height / fragments.mask.shape[1]
        for index, ((fringe, picture), (places, share)) in enumerate(zip(self._fringes, moved, strict=True)):
            rows = ((best == index) & (alike[index] > 0)).nonzero().squeeze(1)
            if not len(rows):
                continue
            ndc = places[rows] * scale[rows, None, None] * (2 / places.new_tensor([width, height]))
            depth = (2 - fringe.reach)[:, None].expand(len(rows), -1, 1)  # where it folds, what counts most is shown
            sheet = rasterize(
                torch.cat([ndc, depth], -1), fringe.faces,
                (fragments.mask.shape[1], fragments.mask.shape[2]), self._backend,
            )  # fmt: skip
            values = torch.cat([fringe.grid.expand(len(rows), -1, -1), (share[rows] * fringe.reach)[..., None]], -1)
            drawn = interpolate(sheet, fringe.faces, values)
            shows = drawn[..., 2] > 0
            box, part = reached(shows, size), extent(shows)
            if box is None or part is None:
                continue
            flow = resize_flow(Flow(drawn[..., :2], drawn[..., 2], sheet.mask), size, 0.0, box)
            held = (rows, slice(None), *box)
            under, seen = rgba[held], trust[held]
            covers = self._covers(fragments, scale / zoom, widened(part, BESIDE, (shows.shape[1], shows.shape[2]))[0])
            at_rim, mine = bilinear(covers[rows], size, box).split(1, 1)
            # more than what is unseen: of that the atlas already gave the colour
            share_of = torch.maximum(at_rim, mine * (1 - seen**3)) * flow.visible[:, None]
            shown = photographed(picture, flow.grid, flow.mask & (share_of[:, 0] > 0))
            alpha = torch.lerp(under[:, 3:], shown[:, 3:], share_of)
            alpha = torch.maximum(alpha, under[:, 3:] * (1 - at_rim))  # only a head's outline is the photo's
            colour = torch.lerp(under[:, :3], shown[:, :3], share_of * shown[:, 3:] / alpha.clamp_min(1e-6))
            rgba[held] = torch.cat([colour, alpha], 1)
            trust[held] = torch.lerp(seen, torch.ones_like(seen), share_of)

    def _covers(self, fragments: Fragments, scale: torch.Tensor, part: Part) -> torch.Tensor:
        """(B, 2, h, w) in [0, 1], in a part of the fragments: how far the fringe lies before whatever is drawn there, 1
        beside the body and at the head's outline, and before what no photo shows; scale (B,) px of the fragments per
        m."""
        mask = fragments.mask
        wanted = torch.zeros_like(mask)
        held = (..., *part)
        wanted[held] = mask[held]
        covers = torch.where(
            wanted[:, None], interpolate(fragments, self._faces, self._own, wanted).permute(0, 3, 1, 2), 1.0
        )
        for cover, whole, px in zip(covers, mask, scale.tolist(), strict=True):
            reach = max(1, round(RIM * px))
            wide, within = widened(part, reach, (mask.shape[1], mask.shape[2]))
            near = mean(whole[wide][None].float(), reach)[0][within]
            rim = torch.where(whole[part], smoothstep(near, 1.0, 0.6), 1.0)
            cover[0][part] *= rim
        return covers


def softened(source: Source) -> torch.Tensor:
    """A photo's pixels (4, H, W), alpha blurred where it is harder than the photo's own edges: masks follow those, but
    seldom are as soft."""
    alpha = source.pixels[3:]
    plane = alpha[0].cpu().numpy()
    drawn = cv2.cvtColor(np.rint(plane * 255).astype(np.uint8), cv2.COLOR_GRAY2RGB)
    harder = source.softness**2 - edge_softness(drawn, plane) ** 2
    return source.pixels if harder <= 0 else torch.cat([source.pixels[:3], gaussian(alpha, math.sqrt(harder))])


def _size(weights: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(B,) standard deviation of places (B, V, 2), of weights (V,) that sum to 1."""
    middle = np.einsum("v,bvx->bx", weights, places)
    size: np.ndarray = np.sqrt(np.einsum("v,bvx->b", weights, (places - middle[:, None]) ** 2))
    return size


def ownership(model: BodyModel) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """(V,) in [0, 1] each: vertices beside which the photo's fringe goes on, the head but for the face, the neck, and
    the shoulders beside it; those whose outline is the fringe's, which are the head's; those that it may cover where no
    photo shows them, the neck's too."""
    weights, places, marks = model.lbs_weights, model.v_template, model.landmarks
    around = smoothstep((places - model.joint_template[NECK]).norm(dim=1), AROUND[1], AROUND[0])
    head = weights[:, HEAD]
    inner = head + weights[:, NECK]
    beside = weights[:, [CHEST, *COLLARS]].sum(1) * around
    eye, ear = ((places[marks[f"left_{part}"]] + places[marks[f"right_{part}"]]) / 2 for part in ("eye", "ear"))
    top, wide = places[marks["head_top"], 1], float(places[marks["left_eye_outer"], 0].abs())
    front = smoothstep(places[:, 2], float(ear[2] + 0.3 * (eye[2] - ear[2])), float(ear[2] + 0.6 * (eye[2] - ear[2])))
    front *= smoothstep(places[:, 1], float(eye[1] + 0.8 * (top - eye[1])), float(eye[1] + 0.5 * (top - eye[1])))
    front *= smoothstep(places[:, 0].abs(), 1.4 * wide, 1.1 * wide)
    beside, head, inner = (own * (1 - weights[:, HEAD] * front) for own in (inner + beside, head, inner))
    return beside.clamp(0, 1), head.clamp(0, 1), inner.clamp(0, 1)


def vertex_areas(model: BodyModel) -> torch.Tensor:
    """(V,) m² of the surface that each vertex stands for: without, a face of many small triangles would count most."""
    a, b, c = model.v_template[model.faces].unbind(1)
    area = torch.linalg.cross(b - a, c - a, dim=1).norm(dim=1) / 6
    sums = torch.zeros_like(model.v_template[:, 0])
    return sums.index_add_(0, model.faces.T.reshape(-1), area.repeat(3))


def metres(ndc: torch.Tensor, size: tuple[int, int, int], scale: torch.Tensor | float) -> torch.Tensor:
    """(…, V, 3) NDC, whose [-1, 1] stand for size (width, height, depth) px, → m up to a translation, x right, y up, z
    to the viewer."""
    return ndc * (ndc.new_tensor(size) * ndc.new_tensor([1, 1, -1]) / 2) / scale


def _cells(rows: int, columns: int) -> torch.Tensor:
    """(F, 3): two triangles for each cell of a grid of rows × columns vertices, row by row."""
    corner = (torch.arange(rows - 1)[:, None] * columns + torch.arange(columns - 1)).reshape(-1)
    a, b, c, d = corner, corner + 1, corner + columns, corner + columns + 1
    return torch.cat([torch.stack([a, c, b], 1), torch.stack([b, c, d], 1)])
