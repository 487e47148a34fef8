"""From photos whose bodies are known to a `Subject`, by the pipeline's own stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from lwgan_cli.body.model import BodyModel
from lwgan_cli.detection.keypoints import cut
from lwgan_cli.dressing.dress import dress
from lwgan_cli.layers.background import background_plate, person_hole
from lwgan_cli.layers.matte import extend_colours
from lwgan_cli.records import Motion
from lwgan_cli.texture.source import prepare_source
from lwgan_cli.texture.surface import Surface
from lwgan_cli.texture.texture import View, complete_views
from lwgan_cli.training.subject import Still, Subject, encode, of_surface

ATLAS = 512  # px
_MARGIN = 1.24  # the person's crop over the person


@dataclass(frozen=True)
class Photo:
    """A picture whose body is known.

    picture  (H, W, 3) uint8; alpha (H, W) float32 [0, 1]: as the mattes have it
    pose     (24, 3) as fitted; camera (3,) px, see `Motion.picture_camera`
    """

    picture: np.ndarray
    alpha: np.ndarray
    pose: np.ndarray
    camera: np.ndarray

    def motion(self, betas: np.ndarray, body: str) -> Motion:
        """The record that the pipeline's stages take, its crop round the person."""
        height, width = self.alpha.shape
        rows, columns = np.flatnonzero((self.alpha > 0.5).any(1)), np.flatnonzero((self.alpha > 0.5).any(0))
        if not len(rows):
            rows, columns = np.array([0, height]), np.array([0, width])
        side = _MARGIN * max(int(np.ptp(rows)), int(np.ptp(columns)), 16)
        x, y = (columns[0] + columns[-1]) / 2, (rows[0] + rows[-1]) / 2
        scale, at_x, at_y = self.camera
        camera = np.array([[scale, at_x - x, y - at_y]], np.float32) / (side / 2)
        return Motion(
            poses=self.pose[None].astype(np.float32),
            betas=betas.astype(np.float32),
            camera=camera.astype(np.float32),
            crop=np.array([[x, y, side]], np.float32),
            image_size=(width, height),
            fps=25.0,
            valid=np.ones(1, bool),
            body=body,
            shots=np.zeros(1, np.int32),
        )


@dataclass(frozen=True)
class Scene:
    """plate and hole of a `Subject`."""

    plate: np.ndarray
    hole: np.ndarray

    @classmethod
    def behind(cls, picture: np.ndarray, alpha: np.ndarray) -> Scene:
        """What the pipeline makes up behind the person of a picture (H, W, 3) uint8, alpha (H, W) in [0, 1]."""
        return cls(background_plate(picture, alpha), person_hole(alpha, picture))


def dressed_offsets(
    model: BodyModel,
    photo: Photo,
    betas: np.ndarray,
    mask: np.ndarray,
    size: int = 320,
    swells: int = 2,
    moves: int = 4,
) -> np.ndarray:
    """(V, 3) float32 m: the body's surface pulled onto a person mask (H, W) float32 of the photo."""
    motion = photo.motion(betas, model.identity)
    crop = cut((mask * 255).astype(np.uint8), motion.crop[0], size).astype(np.float32) / 255
    pose, camera = torch.from_numpy(motion.poses[0]), torch.from_numpy(motion.camera[0])
    return dress(model, pose, torch.from_numpy(motion.betas), camera, crop, swells, moves).offsets.numpy()


def make_still(
    model: BodyModel,
    surface: Surface,
    photo: Photo,
    betas: np.ndarray,
    offsets: np.ndarray,
    shown: np.ndarray | None = None,
) -> tuple[Still, View]:
    """The photo as training keeps it, and as the atlas is completed from it. shown (V,) in [0, 1]: what of the
    surface may be seen in it at all."""
    colours = extend_colours(photo.picture, photo.alpha)
    source = prepare_source(
        model, photo.motion(betas, model.identity), torch.from_numpy(offsets), colours, photo.alpha, surface
    )
    if shown is not None:
        visible = torch.from_numpy(shown).to(source.visibility)
        source = replace(
            source, visibility=source.visibility * visible, score=source.score * visible[model.faces].amin(1)
        )
    alpha = np.rint(photo.alpha * 255).astype(np.uint8)
    seen, score = (values.cpu().numpy().astype(np.float16) for values in (source.visibility, source.score))
    still = Still(
        np.ascontiguousarray(np.dstack([colours, alpha])),
        of_surface(seen, model),
        score,
        photo.pose.astype(np.float32),
        photo.camera.astype(np.float32),
    )
    return still, source.view(colours)


def make_subject(
    model: BodyModel,
    surface: Surface,
    photos: Sequence[Photo],
    betas: np.ndarray,
    offsets: np.ndarray,
    background: np.ndarray | None,
    targets: Sequence[np.ndarray],
    poses: np.ndarray,
    cameras: np.ndarray,
    exact: bool,
    shown: np.ndarray | None = None,
    scene: Scene | None = None,
) -> Subject:
    """A `Subject` of fitted photos; targets (H, W, 4) uint8, shown as in `make_still`, scene the first photo's where
    none is given, the others as its fields."""
    made = (make_still(model, surface, photo, betas, offsets, shown) for photo in photos)
    stills, views = zip(*made, strict=True)
    atlas = complete_views(views, surface, ATLAS).colours
    scene = scene or Scene.behind(photos[0].picture, photos[0].alpha)
    return Subject(
        stills=stills,
        atlas=np.rint(atlas * 255).astype(np.uint8),
        betas=betas.astype(np.float32),
        offsets=of_surface(offsets, model).astype(np.float32),
        plate=scene.plate,
        hole=scene.hole,
        background=background,
        poses=poses.astype(np.float32),
        cameras=cameras.astype(np.float32),
        pictures=tuple(encode(target) for target in targets),
        exact=exact,
    )
