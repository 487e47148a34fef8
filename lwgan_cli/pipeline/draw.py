"""From bodies to pictures: chunks of frames, drawn side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch.nn.functional import interpolate as resized  # to the nearest, which mixes no two motions

from lwgan_cli.body.model import skin
from lwgan_cli.body.skirt import settled
from lwgan_cli.correspondence.maps import interpolate
from lwgan_cli.dressing.clearance import Clearance
from lwgan_cli.dressing.drape import draped
from lwgan_cli.errors import is_out_of_memory
from lwgan_cli.fitting.retarget import Target
from lwgan_cli.generator.motion_blur import smeared
from lwgan_cli.generator.window import Window, paste, places_px, project_px
from lwgan_cli.pipeline.keep import Keeper
from lwgan_cli.pipeline.scene import Scene
from lwgan_cli.progress import Progress
from lwgan_cli.threads import side_by_side

CHUNK = 4  # frames that are drawn at once, as long as memory holds them, …
PIXELS = 1 << 18  # … and on a CPU, of whose caches more would fall out, as long as their people have no more px
BROAD, TALL = 1.0, 1.7  # m


def draw(
    scene: Scene, target: Target, progress: Progress, keeper: Keeper | None = None, views: int = 1
) -> Iterator[np.ndarray]:
    """One view's pictures, (H, W, 3 or 4) uint8, in order, on the model's device; memory holds a chunk for each of the
    threads, and one more.

    views  how many are drawn at a time, this one among them: they share the threads
    """
    drawing = _Drawing(scene, target, progress, keeper)
    chunks = (range(start, min(start + CHUNK, len(target))) for start in range(0, len(target), CHUNK))
    workers = max(1, torch.get_num_threads() // views) if scene.model.v_template.device.type == "cpu" else 1
    with few_threads(workers) as prepare:
        for pictures in progress.timed("wait", side_by_side(drawing, chunks, workers, prepare=prepare)):
            yield from map(scene.stage.framed, pictures)
    if drawing.outside:
        progress.warn(
            f"the person is outside the picture in {drawing.outside} of {len(target)} frames: --camera source keeps"
            " them in place"
        )


class _Drawing:
    """Draws the pictures of a range of frames; several threads may ask at a time."""

    def __init__(self, scene: Scene, target: Target, progress: Progress, keeper: Keeper | None) -> None:
        device = scene.model.v_template.device
        body = scene.body
        self._scene, self._progress, self._keeper = scene, progress, keeper
        self._betas, self._offsets = body.betas.to(device), body.offsets.to(device)
        self._misfit = body.misfit.to(device)
        self._clearance = Clearance.of(scene.model, self._offsets)
        self._poses, self._camera = (
            torch.from_numpy(a.astype(np.float32)).to(device) for a in (target.poses, target.camera)
        )
        self._hands, self._face = (None if a is None else a.to(device) for a in (body.hands, body.face))
        self._features = None if body.features is None else (body.features[0], body.features[1].to(device))
        self._drape = None if body.drape is None else body.drape.to(device)
        self._shots = torch.from_numpy(body.shots).to(device)
        self._most = CHUNK
        if device.type == "cpu":
            self._most = int(np.clip(PIXELS / (BROAD * TALL * target.camera[:, 0].max() ** 2), 1, CHUNK))
        self._outside: list[int] = []  # frames; threads may append at a time, where adding to a number could lose some

    @property
    def outside(self) -> int:
        """Frames so far in which nobody is to be seen."""
        return len(self._outside)

    @torch.no_grad()
    def __call__(self, frames: range) -> list[np.ndarray]:
        rows = slice(frames.start, frames.stop)
        with self._progress.clock("rasterize"):
            hands, face = (None if a is None else a[rows] for a in (self._hands, self._face))
            vertices = self._posed(rows, hands, face)
            window = self._scene.warp.window(project_px(vertices, self._camera[rows]), self._scene.stage.size)
        if window is None:
            self._outside.extend(frames)
            return [self._scene.backdrop(frame) for frame in frames]
        with self._progress.clock("rasterize"):
            moved = self._moved(frames) if self._scene.body.shutter > 0 else None
        pictures: list[np.ndarray] = []
        while len(pictures) < len(frames):
            few = slice(len(pictures), len(pictures) + self._most)
            tried = frames[few]
            try:
                pictures += self._drawn(tried, vertices[few], window, None if moved is None else moved[few])
            except Exception as error:
                # another thread may have come down to one frame while this one tried more
                if len(tried) == 1 or not is_out_of_memory(error):
                    raise
                self._most = min(self._most, len(tried) // 2)
        return pictures

    def _drawn(
        self, frames: range, vertices: torch.Tensor, window: Window, moved: torch.Tensor | None
    ) -> list[np.ndarray]:
        """Pictures of bodies (B, V, 3) m that move by (B, V, 2) px while the shutter is open."""
        warp, backdrop = self._scene.warp, self._scene.backdrop
        with self._progress.clock("rasterize"):
            drawn = warp.rasterize(vertices, self._camera[frames.start : frames.stop], window)
        with self._progress.clock("composite"):
            behind = [backdrop(frame) for frame in frames]
            warped = warp(drawn, behind if backdrop.moves else None)
            if self._keeper is not None:
                self._keeper.frames(frames.start, drawn, warped)
            layers = warped.rgba
            if moved is not None:
                ways = interpolate(drawn.fragments, self._scene.model.faces, moved).permute(0, 3, 1, 2)
                layers = smeared(layers, resized(ways, (layers.shape[2], layers.shape[3])), window.corner)
            layers = layers.cpu()
            return [paste(plate, layer, window.corner) for plate, layer in zip(behind, layers, strict=True)]

    def _posed(
        self, rows: slice | torch.Tensor, hands: torch.Tensor | None = None, face: torch.Tensor | None = None
    ) -> torch.Tensor:
        """(B, V, 3) m: the dressed body in some frames."""
        model, poses = self._scene.model, self._poses[rows]
        offsets = self._misfit.worn(model, self._offsets, poses, self._betas)
        if self._features is not None and face is not None:
            spread, features = self._features
            offsets = spread.add(offsets, features[rows])
        vertices, joints = skin(model, poses, self._betas, offsets, hands=hands, face=face)
        if self._drape is not None:
            vertices = draped(model, vertices, poses, self._drape[rows])
        vertices = settled(model, vertices, poses, self._betas, self._offsets)
        return self._clearance.kept(vertices, joints)

    def _moved(self, frames: range) -> torch.Tensor:
        """(B, V, 2) px that the surface moves while the shutter is open."""
        last = len(self._poses) - 1
        around = torch.arange(frames.start - 1, frames.stop + 1, device=self._shots.device).clamp(0, last)
        vertices = self._posed(around)
        places = places_px(vertices, self._camera[around])
        joined = (around.diff() > 0) & (self._shots[around].diff() == 0)  # a cut is no motion
        steps = places.diff(dim=0) * joined[:, None, None]
        mean = (steps[1:] + steps[:-1]) / (joined[1:].int() + joined[:-1].int()).clamp(min=1)[:, None, None]
        return mean * self._scene.body.shutter


@contextmanager
def few_threads(workers: int) -> Iterator[Callable[[], object] | None]:
    """What threads that draw begin with: each computes with one thread, as they are as many as there should be; frames
    side by side keep them busier than the parts of each small tensor do."""
    whole = torch.get_num_threads()
    try:
        yield (lambda: torch.set_num_threads(1)) if workers > 1 else None
    finally:
        torch.set_num_threads(whole)  # what threads begin with that others start later
