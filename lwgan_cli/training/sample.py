"""From subjects to what one step of training sees: conditions as the pipeline makes them, and the truth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, TypeVar

import numpy as np
import torch

from lwgan_cli.body.model import BodyModel, joints_rest, skin
from lwgan_cli.generator.compositor import TextureWarp
from lwgan_cli.generator.conditions import (
    STRIDE,
    Conditions,
    Resolution,
    SourceInput,
    conditions,
    cut,
    shrink,
    source_input,
)
from lwgan_cli.generator.window import Window
from lwgan_cli.texture.source import Source
from lwgan_cli.training.disturb import disturbed_camera, disturbed_pose
from lwgan_cli.training.sphereface import head_boxes
from lwgan_cli.training.subject import Subject, of_all_vertices

CELL = 2 * STRIDE  # targets have twice the network's resolution, for its copy gate to have something to learn
_CARELESS = 0.7  # of a usual fit's errors: what is drawn has to lie where it is asked for, not anywhere near
_NECK = 12
_FACE = ("head_top", "nose", "left_eye", "right_eye", "left_ear", "right_ear")
_EXCHANGED = 0.5  # share of people whose channels are exchanged
_SHADOW = 0.02  # of white: where the target's scene differs by more, something falls on it

Record = TypeVar("Record")


@dataclass(frozen=True)
class Sample:
    """B targets of P people in a row, as many of each. Pictures are in [0, 1].

    conditions  of the targets, (B, …, h, w) at the network's resolution
    sources     the people's photos, planes (P, …)
    rgba        (B, 4, H, W), the texture warp
    plate       (B, 3, H, W), the background as the pipeline has it
    hole        (B, 1, h, w), where it was made up
    target      (B, 3, H, W), the true picture
    alpha       (B, 1, H, W), the true share of the person in each pixel
    scene       (B, 3, H, W), the true background without the person; the plate where nobody knows it
    surveyed    (B, 1, 1, 1) 1 or 0: somebody knows it
    clear       (B, 1, H, W) 1 or 0: inside the picture, and not in the person's shadow as far as is known
    heads       (B, 4) int64, see `sphereface.head_boxes`
    """

    conditions: Conditions
    sources: tuple[SourceInput, ...]
    rgba: torch.Tensor
    plate: torch.Tensor
    hole: torch.Tensor
    target: torch.Tensor
    alpha: torch.Tensor
    scene: torch.Tensor
    surveyed: torch.Tensor
    clear: torch.Tensor
    heads: torch.Tensor

    def __len__(self) -> int:
        return len(self.target)

    @property
    def people(self) -> int:
        return len(self.sources[0].planes)


def moved(record: Record, device: torch.device | str) -> Record:
    """A record, and all records and tensors in it, on a device."""
    return _each_tensor(record, lambda tensor: tensor.to(device, non_blocking=True))


def _each_tensor(value: Any, change: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, tuple):
        return tuple(_each_tensor(item, change) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _each_tensor(getattr(value, f.name), change) for f in fields(value)})
    return value


class Staged:
    """A subject with all that its targets have in common: what the pipeline makes once per photo."""

    def __init__(self, model: BodyModel, subject: Subject, stills: int | None = None) -> None:
        like = model.v_template
        self.model, self.subject = model, subject
        self.betas = like.new_tensor(subject.betas)
        self.offsets = like.new_tensor(of_all_vertices(subject.offsets, model))
        self.sources: list[Source] = [
            still.source(model, self.betas, self.offsets) for still in subject.stills[:stills]
        ]
        atlas = torch.from_numpy(subject.atlas).to(like.device).permute(2, 0, 1).float() / 255
        self.warp = TextureWarp(model, self.sources, atlas, CELL * STRIDE)
        self.plate = _picture(subject.plate, like)
        self.scene = _picture(subject.background, like) if subject.background is not None else None
        self.hole = torch.from_numpy(subject.hole).to(like.device)[None, None].float()
        self.joints = joints_rest(model, self.betas).cpu().numpy()

    def photo_windows(self, scale: float, resolution: Resolution) -> list[tuple[Resolution, Window]]:
        """Each photo's resolution, and the window that holds its person; scale px per metre of the targets."""
        out = []
        for source in self.sources:
            own = resolution.of_source(scale, source.scale)
            person = Window.around(source.vertices_px()).clipped(source.size) or Window((0, 0), source.size)
            out.append((own, own.window(person)))
        return out

    def cameras(self, rows: np.ndarray, rng: np.random.Generator | None) -> tuple[np.ndarray, np.ndarray]:
        """Poses (B, 24, 3) and cameras (B, 3) of targets as a fit has them; `rng` disturbs those that are exact."""
        poses, cameras = self.subject.poses[rows], self.subject.cameras[rows].astype(np.float64)
        if not self.subject.exact or rng is None:
            return poses, cameras
        amounts = rng.uniform(0, _CARELESS, len(rows))
        found = [
            disturbed_pose(pose, self.joints, self.model.parents, rng, amount)
            for pose, amount in zip(poses, amounts, strict=True)
        ]
        return np.stack(found), disturbed_camera(cameras, rng, amounts[:, None])


def _picture(picture: np.ndarray, like: torch.Tensor) -> torch.Tensor:
    """(H, W, C) uint8 → (1, C, H, W) float32 in [0, 1]."""
    return torch.from_numpy(picture).to(like.device).permute(2, 0, 1)[None].float() / 255


def crop_window(
    places: np.ndarray, picture: tuple[int, int], size: tuple[int, int], rng: np.random.Generator
) -> Window:
    """Some window of `size` (width, height) px, a multiple of CELL, on a person with vertices at places (V, 2) px:
    within the picture (width, height) where that is large enough."""
    person = Window.around(places).clipped(picture) or Window((0, 0), picture)
    corner = []
    for at, length, side, whole in zip(person.corner, person.size, size, picture, strict=True):
        first, last = sorted((at, at + length - side))
        spread = max(CELL, (last - first) // 4)
        start = rng.uniform(first - spread, last + spread)
        corner.append(int(round(min(max(start, 0), max(whole - side, 0)) / CELL) * CELL))
    return Window((corner[0], corner[1]), size)


def draw_sample(
    staged: Staged, row: int, window: Window, pose: np.ndarray, camera: np.ndarray, photos: Sequence[SourceInput]
) -> Sample:
    """One target in a window of whole cells. pose (24, 3) and camera (3,): where the fit has it."""
    model, subject = staged.model, staged.subject
    like = model.v_template
    width, height = window.size
    resolution = Resolution(CELL)
    size = resolution.shape(window)
    vertices, joints = skin(model, like.new_tensor(pose[None]), staged.betas, staged.offsets)
    cameras = like.new_tensor(camera[None].astype(np.float32))
    drawn = staged.warp.rasterize(vertices, cameras, window)
    warped = staged.warp(drawn)
    plate = cut(staged.plate, window)
    seen = conditions(staged.warp, drawn, warped, shrink(plate, size), photos)

    truth = cut(_picture(subject.picture(row), like), window)
    target, alpha = truth[:, :3], truth[:, 3:]
    clear = _inside(window, subject.size, like)
    scene = plate
    if staged.scene is not None:
        scene = cut(staged.scene, window)
        fallen = ((target - scene).abs().amax(1, keepdim=True) > _SHADOW) & (alpha < 0.02)
        clear = clear * ~fallen
    surveyed = alpha.new_full((1, 1, 1, 1), float(staged.scene is not None))
    heads = head_boxes(_face_places(model, vertices, joints, cameras, window), (height, width))
    hole = shrink(cut(staged.hole, window), size)
    return Sample(seen, tuple(photos), warped.rgba, plate, hole, target, alpha, scene, surveyed, clear, heads)


def _inside(window: Window, picture: tuple[int, int], like: torch.Tensor) -> torch.Tensor:
    """(1, 1, H, W): 1 where the window lies in the picture."""
    (x, y), (width, height) = window.corner, window.size
    columns = torch.arange(x, x + width, device=like.device)
    rows = torch.arange(y, y + height, device=like.device)
    good = ((rows >= 0) & (rows < picture[1]))[:, None] & ((columns >= 0) & (columns < picture[0]))
    return good[None, None].to(like.dtype)


def _face_places(
    model: BodyModel, vertices: torch.Tensor, joints: torch.Tensor, cameras: torch.Tensor, window: Window
) -> torch.Tensor:
    """(B, 7, 2) window px of neck, top of the head, nose, eyes, ears."""
    rows = [model.landmarks[name] for name in _FACE]
    points = torch.cat([joints[:, _NECK : _NECK + 1], vertices[:, rows]], 1)
    scale, x, y = cameras[:, None].unbind(-1)
    px = torch.stack([scale * points[..., 0] + x, y - scale * points[..., 1]], -1)
    return px - px.new_tensor(window.corner)


def draw_batch(people: Sequence[Staged], count: int, size: tuple[int, int], rng: np.random.Generator) -> Sample:
    """`count` targets of each of some people with equally many photos, disturbed; size (width, height) of the part
    that is looked at, px at the network's resolution."""
    resolution = Resolution(CELL)
    large = (size[0] * CELL // STRIDE, size[1] * CELL // STRIDE)
    chosen = [rng.choice(len(person.subject), count, replace=len(person.subject) < count) for person in people]
    found = [person.cameras(rows, rng) for person, rows in zip(people, chosen, strict=True)]
    windows = [
        person.photo_windows(float(cameras[:, 0].mean()), resolution)
        for person, (_, cameras) in zip(people, found, strict=True)
    ]
    samples = []
    photos = [
        [
            source_input(person.model, source, own, window)
            for source, (own, window) in zip(person.sources, each, strict=True)
        ]
        for person, each in zip(people, _alike(windows), strict=True)
    ]
    for person, rows, (poses, cameras), shown in zip(people, chosen, found, photos, strict=True):
        for row, pose, camera in zip(rows, poses, cameras, strict=True):
            window = crop_window(_places(person, pose, camera), person.subject.size, large, rng)
            samples.append(draw_sample(person, int(row), window, pose, camera, shown))
    tones = [Tone.drawn(rng) if person.subject.exact else Tone() for person in people]
    return toned(stack(samples, photos), tones)


@dataclass(frozen=True)
class Tone:
    """A camera's idea of colour, the same for all pictures of a person: black point, exponent, gain of each channel;
    order, which channel of the picture each channel shows."""

    black: float = 0.0
    exponent: float = 1.0
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    order: tuple[int, int, int] = (0, 1, 2)

    @classmethod
    def drawn(cls, rng: np.random.Generator) -> Tone:
        """Rendered pictures are all of one tone; films and photos are not. Rendered clothes and scenes are of few
        colours too: exchanged channels keep half of the lessons about colours that nobody has seen."""
        red, green, blue = (rng.uniform(0.85, 1.1) * rng.uniform(0.93, 1.07, 3)).tolist()
        black, exponent = max(0.0, rng.uniform(-0.08, 0.1)), np.exp(rng.uniform(-0.4, 0.5))
        first, second, third = rng.permutation(3).tolist() if rng.random() < _EXCHANGED else (0, 1, 2)
        return cls(float(black), float(exponent), (red, green, blue), (first, second, third))

    def __call__(self, picture: torch.Tensor) -> torch.Tensor:
        """(…, 3, H, W) in [0, 1]."""
        picture = picture[..., self.order, :, :]
        values = ((picture - self.black) / (1 - self.black)).clamp(min=1e-4) ** self.exponent
        return (values * picture.new_tensor(self.gain)[:, None, None]).clamp(0, 1)


def toned(sample: Sample, tones: Sequence[Tone]) -> Sample:
    """The sample with each person's pictures in a tone of their own, those that the network sees included."""
    each = len(sample) // sample.people

    def of_targets(pictures: torch.Tensor) -> torch.Tensor:
        return torch.cat([tone(part) for tone, part in zip(tones, pictures.split(each), strict=True)])

    def signed(pictures: torch.Tensor) -> torch.Tensor:
        return 2 * of_targets((pictures + 1) / 2) - 1

    seen = sample.conditions
    planes = torch.cat(
        [signed(seen.planes[:, :3]), seen.planes[:, 3:5], signed(seen.planes[:, 5:8]), seen.planes[:, 8:]], 1
    )
    sources = []
    for source in sample.sources:
        colours = [2 * tone((part[:3] + 1) / 2) - 1 for tone, part in zip(tones, source.planes, strict=True)]
        sources.append(replace(source, planes=torch.cat([torch.stack(colours), source.planes[:, 3:]], 1)))
    return replace(
        sample,
        conditions=replace(seen, planes=planes, colour=of_targets(seen.colour)),
        sources=tuple(sources),
        rgba=torch.cat([of_targets(sample.rgba[:, :3]), sample.rgba[:, 3:]], 1),
        plate=of_targets(sample.plate),
        target=of_targets(sample.target),
        scene=of_targets(sample.scene),
    )


def _places(person: Staged, pose: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """(24, 2) px of the joints, which tell well enough where the person is."""
    model = person.model
    _, joints = skin(model, model.v_template.new_tensor(pose[None]), person.betas, vertices=model.faces[0])
    points = joints[0].cpu().numpy()
    return np.stack([camera[0] * points[:, 0] + camera[1], camera[2] - camera[0] * points[:, 1]], 1)


def _alike(
    windows: Sequence[Sequence[tuple[Resolution, Window]]],
) -> list[list[tuple[Resolution, Window]]]:
    """The photos' windows grown to the same number of cells, so that they make one tensor."""
    cells = [[(w.size[0] // r.cell, w.size[1] // r.cell) for r, w in each] for each in windows]
    wide, high = (max(pair[axis] for each in cells for pair in each) for axis in (0, 1))
    return [[(r, Window(w.corner, (wide * r.cell, high * r.cell))) for r, w in each] for each in windows]


def stack(samples: Sequence[Sample], photos: Sequence[Sequence[SourceInput]]) -> Sample:
    """One batch. photos: of each person, as many; samples: of the first person first, equally many of each."""
    sources = tuple(
        replace(each[0], planes=torch.cat([photo.planes for photo in each])) for each in zip(*photos, strict=True)
    )
    rest = {
        field.name: torch.cat([getattr(sample, field.name) for sample in samples])
        for field in fields(Sample)
        if field.name not in ("conditions", "sources")
    }
    return Sample(Conditions.stack([sample.conditions for sample in samples]), sources, **rest)
