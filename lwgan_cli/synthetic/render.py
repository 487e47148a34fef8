"""Pictures of a person: alpha, fragments and the colours that light leaves of the texture.

The camera is the project's weak-perspective one, given in picture px (`Motion.picture_camera`): px per metre
and where the body's origin lies. Light is computed in linear colours, at two samples a pixel and direction.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F

from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.correspondence import interpolate, rasterize
from lwgan_cli.records import Fragments
from lwgan_cli.synthetic.canvas import unit_normals
from lwgan_cli.synthetic.person import Person

SUPERSAMPLE = 2
GAMMA = 2.2
_SHADOW_MAP = 512  # px
_SHADOW_BIAS = 0.012  # m
_WRAP = 0.25  # light that reaches a little beyond the terminator, as on skin and cloth
_OCCLUSION = ((0.015, 0.30), (0.06, 0.45))  # m, strength: how nearby surface in front darkens


@dataclass(frozen=True)
class Light:
    """One lamp and the light from all around.

    direction  towards the lamp, body space's axes as the camera sees them; any length
    colour     of the lamp, linear RGB
    sky        linear RGB of the light from above
    ground     linear RGB of the light from below
    shadows    0 none to 1 full: how much of the lamp's light the body keeps from itself
    occlusion  0 none to 1: darkening of creases
    knee       linear value from which highlights roll off
    """

    direction: tuple[float, float, float] = (0.5, 0.8, 0.9)
    colour: tuple[float, float, float] = (0.80, 0.77, 0.72)
    sky: tuple[float, float, float] = (0.42, 0.44, 0.48)
    ground: tuple[float, float, float] = (0.20, 0.18, 0.16)
    shadows: float = 0.85
    occlusion: float = 1.0
    knee: float = 0.8


FLAT = Light(colour=(0, 0, 0), sky=(1, 1, 1), ground=(1, 1, 1), shadows=0, occlusion=0, knee=1)  # the texture


@dataclass(frozen=True)
class Rendering:
    """B pictures and what is known of them.

    pictures   (B, 3, H, W) float32 in [0, 1], sRGB; over `background` where one was given, else over black
    alpha      (B, H, W) float32, the share of each pixel that the person covers
    fragments  the nearest face at each pixel's centre; `zbuf` in units of `vertices_ndc`
    uv         (B, H, W, 2) atlas coordinates at the pixels' centres, 0 outside the person
    vertices   (B, V, 3) m, body space
    vertices_ndc  (B, V, 3) as rasterized: [-1, 1]² spans the picture, depth in units of the shorter side
    """

    pictures: torch.Tensor
    alpha: torch.Tensor
    fragments: Fragments
    uv: torch.Tensor
    vertices: torch.Tensor
    vertices_ndc: torch.Tensor


def to_picture(vertices: torch.Tensor, camera: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Vertices (B, V, 3) m and camera (B, 3) (px per metre, x and y px of the origin, y down), for a picture
    of size (width, height): (B, V, 3) as `rasterize` takes them, nearest depth 1."""
    width, height = size
    scale, x, y = camera[:, None].unbind(-1)
    across = 2 * (vertices[..., 0] * scale + x) / width - 1
    up = 1 - 2 * (y - vertices[..., 1] * scale) / height
    depth = -vertices[..., 2] * scale * (2 / min(size))
    return torch.stack([across, up, depth - depth.amin(1, keepdim=True) + 1], -1)


def render(
    model: BodyModel,
    person: Person,
    poses: torch.Tensor,
    camera: torch.Tensor,
    size: tuple[int, int],
    light: Light | None = None,
    background: torch.Tensor | None = None,
    supersample: int = SUPERSAMPLE,
    hands: torch.Tensor | None = None,
    face: torch.Tensor | None = None,
) -> Rendering:
    """Render a person in B poses.

    poses (B, 24, 3) axis-angle, camera (B, 3) px as in `to_picture`, size (width, height) px, background
    (3, H, W) or (B, 3, H, W) in [0, 1]; hands and face as in `skin`. Everything on the device of `poses`; memory
    grows with B, so that long clips are rendered in chunks.
    """
    light = light or Light()
    vertices, _ = skin(model, poses, person.betas, person.offsets, hands=hands, face=face)
    ndc = to_picture(vertices, camera, size)
    fine = (size[1] * supersample, size[0] * supersample)
    colour, cover = [], []
    for row in range(len(poses)):  # the fine pictures are large: one at a time
        fragments = rasterize(ndc[row : row + 1], model.faces, fine)
        shaded = _shade(model, person, vertices[row], float(camera[row, 0]) * supersample, fragments, light)
        cover.append(F.avg_pool2d(fragments.mask.float(), supersample))
        colour.append(F.avg_pool2d(shaded[None], supersample))
    alpha, colours = torch.cat(cover), torch.cat(colour)
    if background is not None:
        colours = colours + (1 - alpha[:, None]) * background.clamp(min=1e-6) ** GAMMA
    fragments = rasterize(ndc, model.faces, (size[1], size[0]))
    uv = interpolate(fragments, model.uv_faces, model.uv)
    pictures = colours.clamp(1e-6, 1) ** (1 / GAMMA)
    return Rendering(pictures, alpha, fragments, uv, vertices, ndc)


def _roll_off(linear: torch.Tensor, knee: float) -> torch.Tensor:
    """Values above the knee approach 1 and don't clip."""
    over = (linear - knee).clamp(min=0) / max(1 - knee, 1e-6)
    return torch.where(linear > knee, knee + (1 - knee) * (1 - torch.exp(-over)), linear)


def _shade(
    model: BodyModel,
    person: Person,
    vertices: torch.Tensor,
    density: float,
    fragments: Fragments,
    light: Light,
) -> torch.Tensor:
    """(3, h, w) linear colours of one picture, black outside the person. density: fine px per metre."""
    mask = fragments.mask[0]
    pixel = mask.view(-1).nonzero().squeeze(1)
    face = fragments.pix_to_face.view(-1)[pixel]
    weights = fragments.bary_coords.view(-1, 3)[pixel]

    def at_pixels(values: torch.Tensor, faces: torch.Tensor) -> torch.Tensor:
        return (values[faces[face]] * weights[..., None]).sum(1)

    albedo = sample_texture(person.texture, at_pixels(model.uv, model.uv_faces), density, person.texel)
    albedo = albedo.clamp(min=0) ** GAMMA
    normal = F.normalize(at_pixels(unit_normals(vertices, model.faces), model.faces), dim=-1)
    towards = F.normalize(vertices.new_tensor(light.direction), dim=0)
    lamp = ((normal @ towards + _WRAP) / (1 + _WRAP)).clamp(min=0)
    if light.shadows > 0:
        place = at_pixels(vertices, model.faces)
        lamp = lamp * (1 - light.shadows * _in_shadow(vertices, model.faces, place, towards))
    up = (normal[:, 1:2] + 1) / 2
    around = up * vertices.new_tensor(light.sky) + (1 - up) * vertices.new_tensor(light.ground)
    if light.occlusion > 0:
        dark = _occlusion(vertices, model, fragments, density)[mask][:, None]
        around = around * (1 - light.occlusion * dark)
        lamp = lamp * (1 - 0.5 * light.occlusion * dark[:, 0])
    linear = albedo * (lamp[:, None] * vertices.new_tensor(light.colour) + around)
    out = linear.new_zeros(mask.numel(), 3)
    out[pixel] = _roll_off(linear, light.knee)
    return out.T.reshape(3, *mask.shape)


def sample_texture(texture: torch.Tensor, uv: torch.Tensor, density: float, texel: float) -> torch.Tensor:
    """Colours (N, 3) at atlas coordinates uv (N, 2), bilinear; the texture is first halved as often as its
    texels (m) are finer than the picture's pixels (density per m), so that patterns don't flicker."""
    while texel * density < 0.6:
        texture, texel = F.avg_pool2d(texture[None], 2)[0], 2 * texel
    grid = (uv * 2 - 1)[None, :, None]
    return F.grid_sample(texture[None], grid, align_corners=False, padding_mode="border")[0, :, :, 0].T


def _in_shadow(vertices: torch.Tensor, faces: torch.Tensor, place: torch.Tensor, towards: torch.Tensor) -> torch.Tensor:
    """(N,) in [0, 1]: how much of the lamp the body hides from surface points `place` (N, 3)."""
    aside = F.normalize(torch.linalg.cross(towards.new_tensor([0.0, 1.0, 0.0]), towards), dim=0)
    axes = torch.stack([aside, torch.linalg.cross(towards, aside), -towards], 1)  # columns: right, up, away
    seen = vertices @ axes
    low, high = seen.amin(0), seen.amax(0)
    half = (high - low)[:2].max() / 2 * 1.02
    centre = (low + high)[:2] / 2

    def to_map(points: torch.Tensor) -> torch.Tensor:
        return torch.cat([(points[:, :2] - centre) / half, points[:, 2:] - low[2] + 1], 1)

    depth = rasterize(to_map(seen)[None], faces, _SHADOW_MAP).zbuf
    depth = torch.where(depth < 0, depth.new_tensor(1e3), depth)
    points = to_map(place @ axes)
    shadow = torch.zeros_like(points[:, 0])
    step = 2 / _SHADOW_MAP
    taps = [(i * 1.4 * step, j * 1.4 * step) for i in (-1, 0, 1) for j in (-1, 0, 1)]
    for right, up in taps:
        grid = torch.stack([points[:, 0] + right, -(points[:, 1] + up)], 1)
        there = F.grid_sample(depth[:, None], grid[None, :, None], mode="nearest", align_corners=False)[0, 0, :, 0]
        shadow += ((points[:, 2] - there) / _SHADOW_BIAS - 0.5).clamp(0, 1)
    return shadow / len(taps)


def _occlusion(vertices: torch.Tensor, model: BodyModel, fragments: Fragments, density: float) -> torch.Tensor:
    """(h, w) in [0, 1], darkening where the surroundings lie in front (Luft et al., 2006, on the depth)."""
    depth = interpolate(fragments, model.faces, vertices)[..., 2].neg()  # m, away from the viewer
    mask = fragments.mask.float()
    dark = torch.zeros_like(mask[0])
    for sigma, strength in _OCCLUSION:
        shrink = max(1, int(sigma * density / 3))
        small = [F.avg_pool2d(x[:, None], shrink, ceil_mode=True) for x in (depth * mask, mask)]
        total, cover = (_blur(x, sigma * density / shrink) for x in small)
        mean = F.interpolate(total / cover.clamp(min=1e-4), mask.shape[1:], mode="bilinear")[0, 0]
        dark += strength * ((depth[0] - mean) / sigma).clamp(0, 1)
    return dark.clamp(max=0.75)


def _blur(picture: torch.Tensor, sigma: float) -> torch.Tensor:
    """Gaussian blur of (1, C, h, w); outside counts as 0."""
    radius = max(1, int(2.5 * sigma))
    x = torch.arange(-radius, radius + 1, device=picture.device, dtype=picture.dtype)
    kernel = torch.exp(-x * x / (2 * sigma * sigma))
    kernel = (kernel / kernel.sum()).expand(picture.shape[1], 1, -1)
    wide = F.conv2d(picture, kernel[:, :, None], padding=(0, radius), groups=picture.shape[1])
    return F.conv2d(wide, kernel[..., None], padding=(radius, 0), groups=picture.shape[1])
