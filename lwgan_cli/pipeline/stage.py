"""Where the result plays: the picture's size, what stands behind the person, and the sources made ready."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.config import DrawConfig
from lwgan_cli.correspondence.rasterizer import project, rasterize
from lwgan_cli.detection.keypoints import HANDS, feet_inside, uncut
from lwgan_cli.fitting.retarget import sole_px
from lwgan_cli.flow.sources import part_weights
from lwgan_cli.frames.bars import Around, around
from lwgan_cli.frames.clip import Clip
from lwgan_cli.frames.output import even_size
from lwgan_cli.frames.photo import read_photo
from lwgan_cli.generator.compositor import TextureWarp
from lwgan_cli.layers.background import fill_hole, person_hole, plate_from_clip
from lwgan_cli.layers.ground_shadow import GroundShadow, ground_shadow
from lwgan_cli.layers.matte import head_circle
from lwgan_cli.pipeline.driving import Driving
from lwgan_cli.pipeline.outfit import Outfit
from lwgan_cli.pipeline.people import Person
from lwgan_cli.pipeline.shelf import shared
from lwgan_cli.progress import Progress
from lwgan_cli.records import Keypoints

PLATE_SIZE = 128  # px at which the driver's body is cut out of the driver's scene
CLOTHES_PX = 8
SEEN = 0.5  # of visibility


@dataclass(frozen=True)
class Stage:
    """size (width, height) of the result; plate (H, W, 3 or 4) uint8 behind the person; hole (H, W) bool where the
    plate is made up, None where it isn't; shadow that goes with the person's feet, None where there is none; around:
    bars, in which the result is shown, None where it fills the picture."""

    size: tuple[int, int]
    plate: np.ndarray
    hole: np.ndarray | None = None
    shadow: GroundShadow | None = None
    around: Around | None = None

    @property
    def whole_size(self) -> tuple[int, int]:
        """(width, height) with bars, px."""
        return self.size if self.around is None else self.around.size

    def framed(self, picture: np.ndarray) -> np.ndarray:
        """A picture of the result with its bars."""
        return picture if self.around is None else self.around(picture)

    @property
    def transparent(self) -> bool:
        return self.plate.shape[2] == 4


def make_stage(
    person: Person, driven: Driving, model: BodyModel, config: DrawConfig, progress: Progress,
    bars: Around | None = None,
) -> Stage:  # fmt: skip
    """The background that `--background` asks for, at the size of the result; bars: the photo's, which another
    background covers as well."""
    height, width = person.picture.shape[:2]
    size = even_size(width, height)
    background = config.background
    if background.kind == "driving" and driven.clip is not None:
        with progress.clock("background"):
            plate, bars = driving_plate(driven.clip, driven, model), around(driven.clip)
        height, width = plate.shape[:2]
        return Stage(even_size(width, height), _even(plate), around=_even_bars(bars))
    bars = _even_bars(bars)
    whole = size if bars is None else bars.size
    if background.kind == "transparent":
        plate = np.zeros((whole[1], whole[0], 4), np.uint8)
    elif background.kind == "colour":
        plate = np.full((whole[1], whole[0], 3), background.colour, np.uint8)
    elif background.kind == "file" and background.path is not None:
        plate = covering(read_photo(background.path).over(), whole)
    else:
        with progress.clock("background"):
            plate, hole = shared("plates", person, lambda: _without(person))
            return Stage(size, _even(plate), _even(hole), shadow_of(person, plate, model), bars)
    if bars is None:
        return Stage(size, plate)
    x, y = bars.corner
    return Stage(size, plate[y : y + size[1], x : x + size[0]].copy(), around=replace(bars, whole=plate))


def _without(person: Person) -> tuple[np.ndarray, np.ndarray]:
    """A photo without its person, (H, W, 3) uint8, and where it is made up, (H, W) bool."""
    head, hands = head_circle(person.keypoints.points[0]), seen_hands(person.keypoints)
    hole = person_hole(person.alpha, person.picture, head, hands)
    if person.others is not None:  # they stay
        hole &= person.others < 0.5
    return fill_hole(person.picture, hole), hole


def seen_hands(keypoints: Keypoints) -> np.ndarray:
    """(N, 2) px: hands that a photo (T = 1) shows."""
    hands = np.array(HANDS)
    return keypoints.points[0][hands[keypoints.visibility[0][hands] > SEEN]]


def shadow_of(person: Person, plate: np.ndarray, model: BodyModel) -> GroundShadow | None:
    """What lies on the ground around the feet of a photo's person, where it shows them."""
    keypoints, motion = person.keypoints, person.dressed.motion
    if not feet_inside(keypoints.points[0], keypoints.image_size):
        return None
    camera = motion.picture_camera()
    feet = standing(model, motion.poses, motion.betas, camera)[0]
    return ground_shadow(person.picture, plate, person.alpha, feet, float(camera[0, 0]))


def standing(model: BodyModel, poses: np.ndarray, betas: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """(T, 2, 2) picture px: where each foot is, see `sole_px`."""
    return sole_px(model, poses, betas, camera).reshape(-1, 2, 2, 2).mean(1)


def driving_plate(clip: Clip, driven: Driving, model: BodyModel) -> np.ndarray:
    """The driver's scene without the driver: what the fitted body, with room for clothes, leaves free."""
    motion = driven.motion
    poses, betas = torch.from_numpy(motion.poses), torch.from_numpy(motion.betas)
    camera = torch.from_numpy(motion.camera)
    reach = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * CLOTHES_PX + 1, 2 * CLOTHES_PX + 1))

    def masks() -> Iterator[np.ndarray]:
        for row in range(len(motion)):
            vertices, _ = skin(model, poses[row : row + 1], betas)
            body = rasterize(project(vertices, camera[row : row + 1]), model.faces, PLATE_SIZE).mask[0].numpy()
            grown = cv2.dilate(body.astype(np.float32), reach)
            yield uncut(grown, motion.crop[row], (clip.width, clip.height))

    return plate_from_clip(iter(clip), masks())


def covering(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """To (width, height), cut to that shape around the middle first, so that nothing is distorted."""
    width, height = size
    h, w = picture.shape[:2]
    scale = max(width / w, height / h)
    cut_w, cut_h = min(w, round(width / scale)), min(h, round(height / scale))
    x, y = (w - cut_w) // 2, (h - cut_h) // 2
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(picture[y : y + cut_h, x : x + cut_w], size, interpolation=mode)


def _even(picture: np.ndarray) -> np.ndarray:
    """Without the last row and column where their number is odd: a video has even sides."""
    height, width = picture.shape[:2]
    return np.ascontiguousarray(picture[: height // 2 * 2, : width // 2 * 2])


def _even_bars(bars: Around | None) -> Around | None:
    return None if bars is None else replace(bars, whole=_even(bars.whole))


def make_warp(model: BodyModel, outfit: Outfit, config: DrawConfig) -> TextureWarp:
    """What draws the outfit."""
    weights = None
    if outfit.parts is not None:
        scores = torch.stack([source.score for source in outfit.sources])
        weights = part_weights(scores, model.faces, outfit.parts, outfit.owners)
    return TextureWarp(
        model, outfit.sources, outfit.atlas, config.size, config.rasterizer, weights, outfit.owners, outfit.eyes
    )
