"""Skin, eyes, brows and lips, painted by the place on the face."""

from __future__ import annotations

import torch

from lwgan_cli.ramps import smoothstep
from lwgan_cli.synthetic.canvas import Surface
from lwgan_cli.synthetic.look import Look
from lwgan_cli.synthetic.noise import fractal_noise, value_noise

_IRIS, _PUPIL = 0.0062, 0.0026  # m


def mix(under: torch.Tensor, over: torch.Tensor, share: torch.Tensor) -> torch.Tensor:
    """Colours (N, 3) covered by `over` (N, 3) or (3,) to the share (N,)."""
    return under + share[:, None] * (over - under)


def bump(x: torch.Tensor, centre: float | torch.Tensor, width: float) -> torch.Tensor:
    """A Gaussian bell."""
    return torch.exp(-(((x - centre) / width) ** 2))


def paint_skin(surface: Surface, look: Look) -> torch.Tensor:
    """(N, 3) sRGB: bare skin of the whole body with face and eyes."""
    tone = surface.position.new_tensor(look.skin)
    cloud = fractal_noise(surface.position * 25, look.seed + 101, 3)[:, None] - 0.5
    grain = value_noise(surface.position * 900, look.seed + 103)[:, None] - 0.5
    colours = tone * (1 + 0.06 * cloud + 0.03 * grain)
    red = tone * tone.new_tensor([1.0, 0.80, 0.78])
    marks = surface.anatomy.landmarks
    hands = smoothstep(surface.position[:, 0].abs() / surface.anatomy.x(20), 0.96, 1.1)
    knuckles = hands * smoothstep(value_noise(surface.position * 60, look.seed + 105), 0.5, 0.8)
    colours = mix(colours, red, 0.35 * knuckles)
    for side in ("left", "right"):
        ear = bump((surface.position - marks[f"{side}_ear"]).norm(dim=1), 0.0, 0.035)
        colours = mix(colours, red, 0.5 * ear)
    head = surface.position[:, 1] > surface.anatomy.y(12)
    rows = head.nonzero().squeeze(1)
    colours[rows] = _paint_face(surface[rows], colours[rows], red, look)
    return colours


def _paint_face(surface: Surface, colours: torch.Tensor, red: torch.Tensor, look: Look) -> torch.Tensor:
    face, marks = look.face, surface.anatomy.landmarks
    x, y, z = surface.position.unbind(1)
    tone, dark = red.new_tensor(look.skin), red * 0.6
    eye, mouth, nose, chin = (marks[name] for name in ("left_eye", "left_mouth", "nose", "chin"))
    unit = float(eye[1] - mouth[1]) / 0.065  # the open body's is 65 mm
    across = x.abs()
    front = smoothstep((z - surface.anatomy.joints[15, 2]) / unit, 0.03, 0.055)

    cheek = bump(across, 0.043 * unit, 0.022 * unit) * bump(y, float(eye[1]) - 0.036 * unit, 0.02 * unit)
    colours = mix(colours, red, (0.25 + 0.7 * face.blush) * cheek * front)
    tip = bump((surface.position - nose).norm(dim=1), 0.0, 0.016 * unit)
    colours = mix(colours, red, 0.35 * tip)
    brow_ridge = bump(across, 0.031 * unit, 0.016 * unit) * bump(y, float(eye[1]) + 0.002 * unit, 0.011 * unit)
    colours = mix(colours, dark, 0.28 * brow_ridge * front)
    under_nose = bump(across, 0.008 * unit, 0.0045 * unit) * bump(y, float(nose[1]) - 0.009 * unit, 0.004 * unit)
    below = smoothstep(surface.normal[:, 1], -0.2, -0.75)
    colours = mix(colours, dark * 0.5, (0.9 * under_nose * below * front).clamp(0, 1))

    if face.stubble > 0:
        from_chin = (y - chin[1]) / unit
        jaw = smoothstep(from_chin + 1.0 * (0.045 * unit - across).clamp(min=0) * 0.2, 0.052, 0.028)
        jaw = jaw * smoothstep(from_chin, -0.035, -0.015) * smoothstep(z - surface.anatomy.joints[15, 2], -0.02, 0.02)
        lip_area = bump(across, 0.0, 0.026 * unit) * bump(y, float(mouth[1]), 0.010 * unit)
        hair = red.new_tensor(look.hair.colour)
        dots = value_noise(surface.position * 1400, look.seed + 107)
        amount = face.stubble * jaw * (1 - 0.9 * lip_area) * (0.25 + 0.55 * dots)
        colours = mix(colours, hair * 0.8, amount.clamp(0, 1))
    colours = _paint_lips(surface, colours, look, unit)
    colours = _paint_brows(surface, colours, look, unit)
    skin_here = _paint_lids(surface, colours, unit) if surface.eyeball.any() else colours
    eyes = _paint_eyes(surface, tone, look, unit)
    return torch.where(surface.eyeball[:, None], eyes, skin_here)


def _paint_lips(surface: Surface, colours: torch.Tensor, look: Look, unit: float) -> torch.Tensor:
    mouth = surface.anatomy.landmarks["left_mouth"]
    x, y, z = surface.position.unbind(1)
    half = float(mouth[0]) + 0.003 * unit
    line = float(mouth[1]) + 0.0025 * unit
    t = (x / half).abs()
    taper = (1 - t * t).clamp(min=0)
    cupid = 1 - 0.22 * bump(x, 0.0, 0.004 * unit)
    upper = 0.0075 * unit * taper * cupid
    lower = 0.0095 * unit * taper
    soft = 0.0016 * unit
    inside = torch.where(y > line, smoothstep(y - line - upper, soft, -soft), smoothstep(y - line + lower, -soft, soft))
    front = (z > mouth[2] - 0.02 * unit).float()
    inside = inside * front * smoothstep(t, 1.0, 0.85)
    tone = colours.new_tensor(look.skin)
    bare = tone * tone.new_tensor([0.92, 0.66, 0.64])
    worn = tone.new_tensor([0.62, 0.13, 0.17]) * 0.75 + 0.25 * tone
    lips = bare + look.face.lipstick * (worn - bare)
    colours = mix(colours, lips, 0.85 * inside)
    seam = bump(y, line, 0.0012 * unit) * smoothstep(t, 1.05, 0.8) * front
    return mix(colours, lips * 0.35, 0.8 * seam)


def _paint_brows(surface: Surface, colours: torch.Tensor, look: Look, unit: float) -> torch.Tensor:
    eye = surface.anatomy.landmarks["left_eye"]
    x, y, z = surface.position.unbind(1)
    s = (x.abs() / unit - 0.011) / 0.042  # 0 at the nose, 1 at the temple
    arch = float(eye[1]) / unit + 0.0185 + 0.0065 * torch.sin(s.clamp(0, 1) * 0.9 * torch.pi) - 0.006 * s
    thick = 0.0034 * (1.1 - s).clamp(0.25, 1) * smoothstep(s, -0.25, 0.2)
    hairs = value_noise(torch.stack([x * 700, y * 250, z * 300], 1) / unit, look.seed + 111)
    band = smoothstep((y / unit - arch).abs() / thick + 0.7 * (hairs - 0.5), 1.25, 0.55)
    ends = smoothstep(s, -0.06, 0.06) * smoothstep(s, 1.02, 0.9)
    front = (z > surface.anatomy.joints[15, 2] + 0.03 * unit).float()
    colour = colours.new_tensor(look.hair.colour) * 0.75
    return mix(colours, colour, (0.5 + 0.45 * look.face.brows) * band * ends * front)


def _opening(surface: Surface, unit: float) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Places relative to the eyes' openings: (N,) across and (N,) up, m; (N,) 1 on the opening's edge."""
    marks = surface.anatomy.landmarks
    inner, outer = marks["left_eye_inner"], marks["left_eye_outer"]
    half = float(outer[0] - inner[0]) / 2 + 0.002 * unit
    x, y, _ = surface.position.unbind(1)
    across = x.abs() - float(outer[0] + inner[0]) / 2
    up = y - float(marks["left_eye"][1])
    height = torch.where(up > 0, 0.0062 * unit, 0.0052 * unit)
    return across, up, ((across / half) ** 2 + (up / height) ** 2).sqrt()


def _paint_lids(surface: Surface, colours: torch.Tensor, unit: float) -> torch.Tensor:
    """Lashes along the upper lid, a fine line along the lower one, a shade in the fold."""
    _, up, edge = _opening(surface, unit)
    front = (surface.position[:, 2] > surface.anatomy.landmarks["left_eye"][2] - 0.02 * unit).float()
    upper = smoothstep(up, 0.0, 0.002)
    lash = smoothstep(edge, 1.32, 1.12) * (0.85 * upper + 0.22 * (1 - upper)) * front
    colours = mix(colours, colours.new_tensor([0.07, 0.05, 0.05]), lash)
    fold = bump(edge, 1.75, 0.22) * upper * front
    return colours * (1 - 0.18 * fold[:, None])


def _paint_eyes(surface: Surface, tone: torch.Tensor, look: Look, unit: float) -> torch.Tensor:
    """The eyeballs: white, iris with a dark rim, pupil, a catch-light, shaded below the upper lid."""
    x, y, _ = surface.position.unbind(1)
    marks = surface.anatomy.landmarks
    right = torch.where(x > 0, x - float(marks["left_eye"][0]), x - float(marks["right_eye"][0]))
    up = y - float(marks["left_eye"][1])
    r = (right * right + up * up).sqrt() / unit
    white = tone.new_tensor([0.88, 0.86, 0.85]).expand(len(surface), 3)
    white = mix(white, tone.new_tensor([0.85, 0.62, 0.58]), 0.5 * smoothstep(right.abs() / unit, 0.008, 0.014))
    iris = tone.new_tensor(look.face.iris)
    rays = value_noise(torch.stack([torch.atan2(up, right) * 9, r * 300], 1), look.seed + 113)
    inner = iris * (0.8 + 0.9 * rays[:, None]) * (1.25 - 0.5 * smoothstep(up / unit, -0.004, 0.005))[:, None]
    inner = mix(inner, iris * 0.3, smoothstep(r, _IRIS * 0.75, _IRIS))
    colours = mix(white, inner, smoothstep(r, _IRIS * 1.06, _IRIS * 0.97))
    colours = mix(colours, tone.new_tensor([0.02, 0.02, 0.02]), smoothstep(r, _PUPIL * 1.12, _PUPIL * 0.9))
    colours = colours * (1 - 0.55 * smoothstep(up / unit, 0.001, 0.0065))[:, None]
    light = ((right / unit - 0.0021) ** 2 + (up / unit - 0.0021) ** 2).sqrt()
    return mix(colours, tone.new_tensor([1.0, 1.0, 1.0]), smoothstep(light, 0.0016, 0.0009))
