"""From photos whose bodies are known to a `Subject`, by the pipeline's own stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lwgan_cli.body.dress import dress
from lwgan_cli.body.keypoints import cut
from lwgan_cli.body.model import BodyModel
from lwgan_cli.generator.background import background_plate, person_hole
from lwgan_cli.generator.matte import extend_colours
from lwgan_cli.generator.source import prepare_source
from lwgan_cli.generator.texture import Surface, View, complete_views
from lwgan_cli.records import Motion
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
    model: BodyModel, surface: Surface, photo: Photo, betas: np.ndarray, offsets: np.ndarray
) -> tuple[Still, View]:
    """The photo as training keeps it, and as the atlas is completed from it."""
    colours = extend_colours(photo.picture, photo.alpha)
    source = prepare_source(
        model, photo.motion(betas, model.identity), torch.from_numpy(offsets), colours, photo.alpha, surface
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
    return still, View(colours, source.vertices_px(), source.visibility.cpu().numpy())


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
) -> Subject:
    """A `Subject` of fitted photos; targets (H, W, 4) uint8, the other arguments as its fields."""
    stills, views = zip(*(make_still(model, surface, photo, betas, offsets) for photo in photos), strict=True)
    atlas = complete_views(views, surface, ATLAS).colours
    first = photos[0]
    return Subject(
        stills=stills,
        atlas=np.rint(atlas * 255).astype(np.uint8),
        betas=betas.astype(np.float32),
        offsets=of_surface(offsets, model).astype(np.float32),
        plate=background_plate(first.picture, first.alpha),
        hole=person_hole(first.alpha),
        background=background,
        poses=poses.astype(np.float32),
        cameras=cameras.astype(np.float32),
        pictures=tuple(encode(target) for target in targets),
        exact=exact,
    )
