"""What stands behind a synthetic person: painted walls, floors and gardens, and the person's shadow on them.

The world's floor is y = 0 and the viewer stands towards +z, looking a little down. The camera is a weak
perspective one: the floor's points near the person go to the picture as the person's do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F

from lwgan_cli.correspondence import rasterize
from lwgan_cli.ramps import smoothstep
from lwgan_cli.synthetic.noise import fractal_noise, value_noise
from lwgan_cli.synthetic.render import Light

_CAST, _CONTACT = 0.42, 0.68  # how much of the floor's light the two shadows take
_NEAR_FLOOR = 0.22  # m, faces below darken the floor under them
_SHRINK = 2  # the shadows are soft: they are computed on a smaller picture


@dataclass(frozen=True)
class View:
    """A camera that doesn't move: world (m, floor at y = 0) to picture (px).

    size   (width, height) px
    scale  px per metre
    pitch  degrees that the camera looks down
    centre x px of the world's origin
    floor  y px of the world's origin, which lies on the floor
    """

    size: tuple[int, int]
    scale: float
    pitch: float
    centre: float
    floor: float

    @classmethod
    def framing(cls, size: tuple[int, int], stature: float, fill: float = 0.78, pitch: float = 6.0) -> View:
        """Shows a person of `stature` m on `fill` of the picture's height, more room above than below."""
        width, height = size
        rest = height * (1 - fill)
        return cls(size, fill * height / stature, pitch, width / 2, height - 0.40 * rest)

    @property
    def turn(self) -> np.ndarray:
        """(3, 3) world's axes to the camera's (x right, y up, z towards the viewer)."""
        c, s = np.cos(np.radians(self.pitch)), np.sin(np.radians(self.pitch))
        return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])

    def project(self, points: torch.Tensor) -> torch.Tensor:
        """World points (..., 3) m → picture px (..., 2), y down."""
        seen = points @ points.new_tensor(self.turn).T
        return torch.stack([self.centre + self.scale * seen[..., 0], self.floor - self.scale * seen[..., 1]], -1)


@dataclass(frozen=True)
class Scene:
    """kind: one of KINDS; background (3, H, W) float32 in [0, 1]; the light that fits it; wall: y px where
    the floor ends."""

    kind: str
    background: torch.Tensor
    light: Light
    view: View
    wall: float


class _Board:
    """The picture as coordinates to paint with. u, v (H, W): px right and down in units of the height; x, y:
    m on the wall, from the person's axis and from the floor's end up; fx, fz: m on the floor, drawn in
    perspective.
    """

    def __init__(self, view: View, depth: float, device: torch.device) -> None:
        width, height = view.size
        rows, columns = torch.meshgrid(
            torch.arange(height, device=device) + 0.5, torch.arange(width, device=device) + 0.5, indexing="ij"
        )
        self.view, self.seed = view, 0
        self.u, self.v = columns / height, rows / height
        self.wall = view.floor - view.scale * depth * np.sin(np.radians(view.pitch))
        self.x, self.y = (columns - view.centre) / view.scale, (self.wall - rows) / view.scale
        self.is_floor = smoothstep(rows - self.wall, -0.75, 0.75)
        # The vanishing line lies well above the floor's end, so that the floor looks as flat as it is.
        vanish = self.wall - 0.9 * view.scale
        below = (rows - vanish).clamp(min=1.0)
        ground = view.floor - vanish
        self.fx = (columns - view.centre) / below * ground / view.scale
        self.fz = (ground / below - 1) * 4.2

    def paint(self, colour: tuple[float, float, float] | np.ndarray) -> torch.Tensor:
        """(H, W, 3) of one colour."""
        return self.u.new_tensor(colour).expand(*self.u.shape, 3)


def _mix(under: torch.Tensor, over: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    return under + share[..., None] * (over - under)


def _box(x: torch.Tensor, y: torch.Tensor, left: float, right: float, low: float, high: float) -> torch.Tensor:
    """1 inside a rectangle, 0 outside, soft over a few mm."""
    soft = 0.004
    inside = smoothstep(x - left, -soft, soft) * smoothstep(right - x, -soft, soft)
    return inside * smoothstep(y - low, -soft, soft) * smoothstep(high - y, -soft, soft)


def _planks(board: _Board, colour: np.ndarray, seed: int) -> torch.Tensor:
    along, across = board.fz, board.fx / 0.14
    row = across.floor()
    shift = value_noise(torch.stack([row * 1.7, row * 0 + 3], -1), seed) * 7
    piece = ((along + shift) / 1.4).floor()
    tone = value_noise(torch.stack([row * 1.31, piece * 2.7], -1), seed + 1)
    grain = fractal_noise(torch.stack([board.fx * 70, along * 3 + row * 5], -1), seed + 2, 3)
    gap = torch.minimum(torch.remainder(across, 1), 1 - torch.remainder(across, 1))
    joint = torch.remainder((along + shift) / 1.4, 1)
    dark = smoothstep(gap, 0.05, 0.02) + smoothstep(joint, 0.012, 0.004)
    return board.paint(colour) * (0.75 + 0.3 * tone + 0.22 * grain - 0.35 * dark.clamp(0, 1))[..., None]


def _tiles(board: _Board, x: torch.Tensor, y: torch.Tensor, side: float, colour: np.ndarray, seed: int) -> torch.Tensor:
    i, j = (x / side).floor(), (y / side).floor()
    tone = value_noise(torch.stack([i * 1.37, j * 2.11], -1), seed)
    u, v = torch.remainder(x / side, 1), torch.remainder(y / side, 1)
    gap = torch.minimum(torch.minimum(u, 1 - u), torch.minimum(v, 1 - v))
    cloud = fractal_noise(torch.stack([x * 9, y * 9], -1), seed + 1, 3)
    face = board.paint(colour) * (0.85 + 0.18 * tone + 0.12 * (cloud - 0.5))[..., None]
    return _mix(face, board.paint(np.asarray(colour) * 0.6), smoothstep(gap, 0.03, 0.012))


def _bricks(board: _Board, colour: np.ndarray, seed: int) -> torch.Tensor:
    high, wide = 0.075, 0.23
    row = (board.y / high).floor()
    along = board.x / wide + 0.5 * torch.remainder(row, 2)
    u, v = torch.remainder(along, 1), torch.remainder(board.y / high, 1)
    tone = value_noise(torch.stack([along.floor() * 1.7, row * 2.3], -1), seed)
    rough = fractal_noise(torch.stack([board.x * 40, board.y * 40], -1), seed + 1, 3)
    gap = torch.minimum(torch.minimum(u, 1 - u) * wide, torch.minimum(v, 1 - v) * high)
    face = board.paint(colour) * (0.7 + 0.4 * tone + 0.3 * (rough - 0.5))[..., None]
    mortar = board.paint((0.66, 0.63, 0.59)) * (0.9 + 0.2 * rough)[..., None]
    return _mix(mortar, face, smoothstep(gap, 0.004, 0.008))


def _studio(board: _Board, rng: np.random.Generator) -> tuple[torch.Tensor, Light]:
    """Paper that curves from wall to floor, lit from one side."""
    grey = rng.uniform(0.62, 0.88)
    colour = np.clip(grey * (1 + rng.normal(0, 0.05, 3)), 0, 1)
    side = float(rng.choice([-1, 1]))
    glow = torch.exp(-((board.x - 0.3 * side) ** 2 + (board.y - 0.9) ** 2) / 1.7)
    floor = 0.5 + 0.5 * torch.tanh((board.y + 0.08) * 5)  # the curve has no edge
    shade = 0.74 + 0.30 * glow + 0.06 * side * board.x - 0.07 * (1 - floor) * smoothstep(board.y, 0.6, -0.6)
    return board.paint(colour) * shade[..., None], Light((0.55 * side, 0.75, 0.9))


def _gradient(board: _Board, rng: np.random.Generator) -> tuple[torch.Tensor, Light]:
    """A painted backdrop, two colours, on a plain floor."""
    one, other = rng.uniform(0.25, 0.9, 3), rng.uniform(0.25, 0.9, 3)
    turn = rng.uniform(0, np.pi)
    t = (np.cos(turn) * board.u + np.sin(turn) * board.v) * 0.9
    cloud = fractal_noise(torch.stack([board.u * 4, board.v * 4], -1), board.seed, 4)
    wall = _mix(board.paint(one), board.paint(other), smoothstep(t + 0.5 * (cloud - 0.5), 0.0, 1.0))
    floor = board.paint(0.45 * one + 0.45 * other) * (0.9 + 0.12 * cloud)[..., None]
    return _mix(wall, floor, board.is_floor), Light((0.5 * float(rng.choice([-1, 1])), 0.8, 0.9))


def _room(board: _Board, rng: np.random.Generator) -> tuple[torch.Tensor, Light]:
    """A painted wall with skirting, a window, a picture, a sideboard and a plant, on wooden planks."""
    colour = np.array([(0.86, 0.83, 0.76), (0.70, 0.77, 0.76), (0.84, 0.72, 0.66), (0.66, 0.71, 0.80),
                       (0.78, 0.80, 0.70)][int(rng.integers(5))])  # fmt: skip
    x, y = board.x, board.y
    plaster = fractal_noise(torch.stack([x * 30, y * 30], -1), board.seed, 3) - 0.5
    side = float(rng.choice([-1, 1]))
    wall = board.paint(colour) * (0.92 + 0.05 * plaster - 0.05 * side * x + 0.03 * y)[..., None]
    # window on the lamp's side
    at, low = side * rng.uniform(0.62, 0.8), rng.uniform(0.85, 1.0)
    wide, tall = 0.30, 0.52
    mx, my = x - at, y - low - tall
    frame = _box(mx, my, -wide - 0.05, wide + 0.05, -tall - 0.05, tall + 0.05)
    sky = _mix(board.paint((0.93, 0.96, 0.98)), board.paint((0.60, 0.76, 0.90)), smoothstep(my, -0.5, 0.6))
    leaves = smoothstep(fractal_noise(torch.stack([x * 11, y * 11], -1), board.seed + 3, 4) - 0.5 * my, 0.45, 0.6)
    sky = _mix(sky, board.paint((0.42, 0.55, 0.36)), 0.7 * leaves)
    panes = _box(mx, my, -wide, wide, -tall, tall) * (1 - _box(mx, my, -0.015, 0.015, -tall, tall))
    panes = panes * (1 - _box(mx, my, -wide, wide, 0.10, 0.13))
    wall = _mix(_mix(wall, board.paint((0.95, 0.94, 0.92)), frame), sky, panes)
    # picture and sideboard opposite
    px, py = x + side * rng.uniform(0.62, 0.72), y - 1.35
    wall = _mix(wall, board.paint((0.22, 0.18, 0.15)), _box(px, py, -0.23, 0.23, -0.18, 0.18))
    art = fractal_noise(torch.stack([x * 6, y * 9], -1), board.seed + 9, 3)
    paint = _mix(
        board.paint(rng.uniform(0.3, 0.9, 3)),
        board.paint(rng.uniform(0.2, 0.9, 3)),
        smoothstep(art, 0.4, 0.6),
    )
    wall = _mix(wall, paint, _box(px, py, -0.20, 0.20, -0.15, 0.15))
    wood = np.array((0.52, 0.37, 0.24)) * rng.uniform(0.7, 1.2)
    skirting = _box(x, y, -9, 9, -0.01, 0.09)
    wall = _mix(wall, board.paint(np.clip(colour * 1.12, 0, 1)), skirting)
    wall = wall * (1 - 0.18 * _box(x, y, -9, 9, 0.088, 0.098))[..., None]
    bx, tall_box = x + side * 0.80, rng.uniform(0.55, 0.75)
    grain = fractal_noise(torch.stack([x * 5, y * 60], -1), board.seed + 5, 3)
    box = _box(bx, y, -0.42, 0.42, -0.10, tall_box)
    front = board.paint(wood) * (0.85 + 0.3 * grain)[..., None]
    lines = _box((bx.abs() - 0.14).abs(), y, -1, 0.004, -0.04, tall_box - 0.06) + _box(
        bx, y, -9, 9, tall_box - 0.05, tall_box - 0.045
    )
    front = front * (1 - 0.35 * lines.clamp(0, 1))[..., None] * (1 - 0.5 * _box(bx, y, -9, 9, -0.10, -0.03))[..., None]
    floor = _planks(board, np.array((0.60, 0.45, 0.31)) * rng.uniform(0.8, 1.15), board.seed + 20)
    near_wall = smoothstep(y, 0.0, -0.25)
    floor = floor * (0.80 + 0.20 * near_wall)[..., None]
    scene = _mix(wall, floor, board.is_floor)
    beside = _box(bx + 0.03 * side, y, -0.48, 0.48, -0.16, tall_box - 0.02)
    scene = _mix(scene * (1 - 0.22 * beside)[..., None], front, box)
    pot_x = side * 0.78
    leaf = fractal_noise(torch.stack([x * 16, y * 16], -1), board.seed + 7, 3)
    bush = ((x - pot_x) ** 2 / 0.22**2 + (y - 0.62) ** 2 / 0.38**2).sqrt() + 0.9 * (leaf - 0.5)
    green = board.paint((0.20, 0.36, 0.20)) * (0.45 + 1.2 * leaf)[..., None]
    scene = _mix(scene, green, smoothstep(bush, 1.0, 0.93))
    taper = 0.13 + 0.12 * (y + 0.1)
    pot = smoothstep(taper - (x - pot_x).abs(), 0.0, 0.004) * _box(x, y, -9, 9, -0.12, 0.26)
    scene = _mix(scene, board.paint((0.72, 0.66, 0.60)) * (1 - 0.8 * (x - pot_x).abs())[..., None], pot)
    return scene, Light((0.7 * side, 0.7, 0.8), sky=(0.40, 0.41, 0.43), ground=(0.24, 0.20, 0.16))


def _street(board: _Board, rng: np.random.Generator) -> tuple[torch.Tensor, Light]:
    """A brick wall over paving."""
    colour = np.array(
        [(0.60, 0.33, 0.25), (0.70, 0.52, 0.40), (0.50, 0.45, 0.43), (0.80, 0.77, 0.72)][int(rng.integers(4))]
    )
    wall = _bricks(board, colour, board.seed)
    stain = fractal_noise(torch.stack([board.x * 2, board.y * 1.2], -1), board.seed + 5, 4)
    wall = wall * (0.82 + 0.3 * stain)[..., None] * (0.8 + 0.2 * smoothstep(board.y, 0.0, 0.3))[..., None]
    floor = _tiles(
        board, board.fx, board.fz, 0.42, np.array((0.56, 0.55, 0.53)) * rng.uniform(0.8, 1.15), board.seed + 9
    )
    floor = floor * (0.75 + 0.25 * smoothstep(board.y, 0.0, -0.2))[..., None]
    side = float(rng.choice([-1, 1]))
    return _mix(wall, floor, board.is_floor), Light(
        (0.6 * side, 0.75, 1.0), sky=(0.48, 0.50, 0.54), ground=(0.30, 0.28, 0.26)
    )


def _tiled(board: _Board, rng: np.random.Generator) -> tuple[torch.Tensor, Light]:
    """A hall: tiled dado, plain wall above, large floor tiles."""
    wall = _tiles(board, board.x, board.y, 0.15, rng.uniform(0.45, 0.9, 3), board.seed)
    above = board.paint(np.array((0.87, 0.86, 0.83)) * rng.uniform(0.85, 1.05)) * (0.95 + 0.03 * board.y)[..., None]
    wall = _mix(wall, above, smoothstep(board.y, 1.195, 1.205))
    wall = _mix(wall, board.paint(rng.uniform(0.2, 0.6, 3)), _box(board.x, board.y, -9, 9, 1.15, 1.20))
    floor = _tiles(board, board.fx, board.fz, 0.6, np.array((0.70, 0.68, 0.64)) * rng.uniform(0.7, 1.2), board.seed + 9)
    return _mix(wall, floor, board.is_floor), Light((0.3 * float(rng.choice([-1, 1])), 1.0, 0.9))


def _park(board: _Board, rng: np.random.Generator) -> tuple[torch.Tensor, Light]:
    """Sky, trees and a lawn, out of focus."""
    x, y = board.x, board.y
    cloud = fractal_noise(torch.stack([x * 1.2, y * 2.4], -1), board.seed, 4)
    sky = _mix(board.paint((0.88, 0.91, 0.93)), board.paint((0.50, 0.68, 0.88)), smoothstep(y, 0.3, 2.2))
    scene = _mix(sky, board.paint((0.97, 0.97, 0.97)), smoothstep(cloud, 0.5, 0.75))
    for layer, (top, tone) in enumerate(
        ((1.35, (0.45, 0.56, 0.47)), (1.0, (0.30, 0.44, 0.28)), (0.55, (0.22, 0.35, 0.18)))
    ):
        crest = top + 0.7 * (
            fractal_noise(torch.stack([x * 1.6 + 9 * layer, x * 0], -1), board.seed + 3 + layer, 3) - 0.5
        )
        leaf = fractal_noise(torch.stack([x * (7 + 4 * layer), y * (7 + 4 * layer)], -1), board.seed + 11 + layer, 4)
        light = fractal_noise(torch.stack([x * 3, y * 3], -1), board.seed + 21 + layer, 2)
        tree = board.paint(tone) * (0.45 + 0.8 * leaf + 0.4 * (light - 0.5))[..., None]
        scene = _mix(scene, tree, smoothstep(crest + 0.35 * (leaf - 0.5) - y, -0.05, 0.05))
    grass = fractal_noise(torch.stack([board.fx * 24, board.fz * 12], -1), board.seed + 31, 4)
    patch = fractal_noise(torch.stack([board.fx * 1.3, board.fz * 1.3], -1), board.seed + 35, 3)
    lawn = board.paint((0.40, 0.52, 0.25)) * (0.62 + 0.5 * grass + 0.4 * (patch - 0.5))[..., None]
    scene = _mix(scene, lawn, smoothstep(0.02 * (grass - 0.5) - y, -0.01, 0.012))
    side = float(rng.choice([-1, 1]))
    return scene, Light((0.7 * side, 1.1, 0.7), (0.92, 0.86, 0.74), (0.42, 0.48, 0.56), (0.20, 0.22, 0.14))


_KINDS: dict[str, tuple[Callable[[_Board, np.random.Generator], tuple[torch.Tensor, Light]], float]] = {
    "studio": (_studio, 1.6),
    "gradient": (_gradient, 1.4),
    "room": (_room, 1.5),
    "street": (_street, 1.4),
    "tiles": (_tiled, 1.7),
    "park": (_park, 3.0),
}  # with the floor's depth behind the person, m
KINDS = tuple(_KINDS)


def make_scene(kind: str | None, seed: int, view: View, device: torch.device | str = "cpu") -> Scene:
    """The scene of a seed, seen in `view`. kind: one of KINDS, None: any. Raises ValueError for another."""
    rng = np.random.default_rng(seed)
    drawn = KINDS[int(rng.integers(len(KINDS)))]
    kind = drawn if kind is None else kind
    if kind not in _KINDS:
        raise ValueError(f"unknown scene {kind!r}: choose one of {', '.join(KINDS)}")
    paint, depth = _KINDS[kind]
    board = _Board(view, depth, torch.device(device))
    board.seed = 10_000 + 64 * (seed % 100_000)
    colours, light = paint(board, rng)
    corner = (board.u - board.u.mean()) ** 2 + (board.v - 0.5) ** 2
    colours = colours * (1.03 - 0.22 * corner)[..., None]
    return Scene(kind, colours.clamp(0, 1).permute(2, 0, 1).contiguous(), light, view, float(board.wall))


def with_shadow(scene: Scene, vertices: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
    """The background under a person's shadow: vertices (B, V, 3) m in the world → (B, 3, H, W) in [0, 1].

    Two shadows fall on the floor: the lamp's, soft, and a darker one close to where the body touches it.
    """
    view = scene.view
    width, height = view.size
    small = (-(-height // _SHRINK), -(-width // _SHRINK))
    towards = vertices.new_tensor(view.turn.T @ np.array(scene.light.direction))
    slant = towards[[0, 2]] / towards[1].clamp(min=0.3)
    near = vertices[:, :, 1] < _NEAR_FLOOR
    dark = []
    for row in range(len(vertices)):
        body = vertices[row]
        fallen = body[:, [0, 2]] - 0.5 * slant * body[:, 1:2]  # half the slant: it stays near the feet
        below = body[:, [0, 2]]
        close = faces[near[row][faces].all(1)]
        cast = _footprint(view, fallen, faces, small)
        contact = _footprint(view, below, close, small)
        dark.append(_CAST * _soften(cast, 0.035 * view.scale) + _CONTACT * _soften(contact, 0.018 * view.scale))
    shade = F.interpolate(torch.stack(dark)[:, None], (height, width), mode="bilinear").clamp(max=0.75)
    rows = torch.arange(height, device=vertices.device)[:, None] + 0.5
    shade = shade * smoothstep(rows, scene.wall - 1, scene.wall + 0.06 * view.scale)
    return scene.background * (1 - shade)


def _footprint(view: View, flat: torch.Tensor, faces: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """(h, w) mask of faces laid on the floor at x, z = `flat` (V, 2)."""
    if not len(faces):
        return flat.new_zeros(size)
    place = view.project(torch.stack([flat[:, 0], torch.zeros_like(flat[:, 0]), flat[:, 1]], 1))
    ndc = place / place.new_tensor(view.size) * 2 - 1
    ndc = torch.stack([ndc[:, 0], -ndc[:, 1], torch.ones_like(ndc[:, 0])], 1)
    return rasterize(ndc[None], faces, size).mask[0].float()


def _soften(mask: torch.Tensor, sigma: float) -> torch.Tensor:
    """Blurred by three box filters, wider across than in depth, as the floor is seen at a low angle."""
    wide = 2 * round(sigma / _SHRINK) + 1
    tall = 2 * round(0.5 * sigma / _SHRINK) + 1
    blurred = mask[None]
    for _ in range(3):
        blurred = F.avg_pool2d(blurred, (tall, wide), 1, (tall // 2, wide // 2))
    return blurred[0]
