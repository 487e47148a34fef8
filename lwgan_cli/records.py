"""What the stages hand to one another.

Spaces and units, the same everywhere:

picture px   x right, y down, pixel centres at +0.5, origin at the picture's upper left corner.
crop         a square of the picture: centre x, centre y and side, in picture px.
NDC          the crop's [-1, 1]², x right, **y up**; +1 is the crop's edge.
grid         what `grid_sample(align_corners=False)` reads: [-1, 1]², x right, y **down**.
body space   metres, x to the viewer's right when the body faces the viewer (the body's left),
             y up, z towards the viewer; the body's own origin is SMPL's.

A weak-perspective camera (s, tx, ty) takes body space to NDC: x = s·X + tx, y = s·Y + ty.
Depth away from the viewer is -s·Z, in units of NDC, so that depth and picture have one scale.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

N_LANDMARKS = 33  # BlazePose
N_JOINTS = 24  # SMPL
N_BETAS = 10
N_FINGER_JOINTS = 30  # SMPL-H
N_ACTIONS = 52  # ARKit
N_FACE_POINTS = 478  # of the face mesh


@dataclass(frozen=True)
class Masks:
    """T square person masks, packed: a long clip's masks must not fill the memory.

    packed  T zlib streams of size² uint8, person probability · 255
    size    side of every mask, px
    """

    packed: tuple[bytes, ...] = field(repr=False)
    size: int

    @classmethod
    def pack(cls, masks: Sequence[np.ndarray], size: int) -> Masks:
        """From (size, size) uint8 arrays."""
        return cls(tuple(zlib.compress(np.ascontiguousarray(m).tobytes(), 1) for m in masks), size)

    def __len__(self) -> int:
        return len(self.packed)

    def __getitem__(self, row: int) -> np.ndarray:
        """(size, size) uint8."""
        return np.frombuffer(zlib.decompress(self.packed[row]), np.uint8).reshape(self.size, self.size)


@dataclass(frozen=True)
class Keypoints:
    """What the detector saw in T pictures of one size.

    points      (T, 33, 2) float32, picture px; NaN where nobody was found
    visibility  (T, 33) float32 in [0, 1]; 0 where nobody was found
    world       (T, 33, 3) float32, metres, origin between the hips, body space's axes
    masks       T person masks, each of the picture's `crop`
    crop        (T, 3) float32, where `masks` lie in the picture
    image_size  (width, height) of the pictures, px
    behind      (T, 2) bool, left and right hand are behind the head, for all that their points say; None: not known
    """

    points: np.ndarray
    visibility: np.ndarray
    world: np.ndarray
    masks: Masks
    crop: np.ndarray
    image_size: tuple[int, int]
    behind: np.ndarray | None = None

    @property
    def found(self) -> np.ndarray:
        """(T,) bool: somebody was found in this picture."""
        return np.isfinite(self.points).all(axis=(1, 2))

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True)
class Motion:
    """A body over T frames: what the fit finds, what a motion `.npz` holds, what drives a person.

    poses       (T, 24, 3) float32, axis-angle rad, SMPL's joints; row 0 turns the whole body
    betas       (10,) float32, shape, in units of the body file's shape directions
    camera      (T, 3) float32, weak perspective (s, tx, ty), see the module's top
    crop        (T, 3) float32, centre x, centre y, side in picture px
    image_size  (width, height) px
    fps         frames per second
    valid       (T,) bool, False where nobody was found and the pose is interpolated or held
    body        name and sha256 of the body file the numbers belong to, "name:sha256"
    shots       (T,) int32, number of the shot a frame belongs to; smoothing ends where it changes
    face        (T, 52) float32, strengths of ARKit's facial actions in the order of the body file; None: not known
    features    (T, 478, 3) float16, m in T-pose: how far the face mesh's points lie off what the actions make of the
                neutral face; None: not known
    neutral     (478, 3) float32, m in T-pose: that neutral face's points; None: not known
    hands       (T, 30, 3) float32, axis-angle rad of SMPL-H's finger joints; None: not known, drawn at rest
    shutter     share of the time between two frames that the camera's shutter was open, in [0, 1]: fast limbs are
                smeared over so much of their way; 0: not known, or closed at once
    drape       (T, K, 3) float16, m in the frame of the body's root: how far the surface lies off the posed and dressed
                body, at K nodes spread over it; None: not known
    scene       (T, 2, 3) float32, how the camera moved: takes places px of the scene in the first frame of each shot to
                where they are in this frame, by a turn, a zoom and a shift; None: it stands, or nobody knows
    """

    poses: np.ndarray
    betas: np.ndarray
    camera: np.ndarray
    crop: np.ndarray
    image_size: tuple[int, int]
    fps: float
    valid: np.ndarray
    body: str
    shots: np.ndarray
    face: np.ndarray | None = None
    hands: np.ndarray | None = None
    shutter: float = 0.0
    drape: np.ndarray | None = None
    scene: np.ndarray | None = None
    features: np.ndarray | None = None
    neutral: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.poses)

    def __getitem__(self, rows: slice | np.ndarray) -> Motion:
        return replace(
            self,
            poses=self.poses[rows],
            camera=self.camera[rows],
            crop=self.crop[rows],
            valid=self.valid[rows],
            shots=self.shots[rows],
            face=None if self.face is None else self.face[rows],
            hands=None if self.hands is None else self.hands[rows],
            drape=None if self.drape is None else self.drape[rows],
            scene=None if self.scene is None else self.scene[rows],
            features=None if self.features is None else self.features[rows],
        )

    def at(self, fps: float) -> Motion:
        """The same frames at another rate."""
        return replace(self, fps=fps)

    def placed(self, corner: tuple[int, int], image_size: tuple[int, int]) -> Motion:
        """The same in a larger picture (width, height) px, in which this one's corner is at x, y px."""
        scene = self.scene
        if scene is not None:
            at = np.array(corner, np.float32)
            shift = scene[..., 2] + at - scene[..., :2] @ at
            scene = np.concatenate([scene[..., :2], shift[..., None]], -1).astype(np.float32)
        crop = self.crop + np.array([*corner, 0], np.float32)
        return replace(self, crop=crop, image_size=image_size, scene=scene)

    def picture_camera(self) -> np.ndarray:
        """(T, 3) float64: scale in px per metre, and the body origin's place in picture px (y down)."""
        s, tx, ty = self.camera.astype(np.float64).T
        cx, cy, side = self.crop.astype(np.float64).T
        return np.stack([s * side / 2, cx + tx * side / 2, cy - ty * side / 2], 1)


@dataclass(frozen=True)
class Fragments:
    """The nearest face at each pixel; PyTorch3D's names and meaning, one face a pixel.

    pix_to_face  (B, H, W) int64, index of the face within the mesh, -1 where empty;
                 at equal depth the lower index
    bary_coords  (B, H, W, 3) float32, affine barycentric coordinates of the pixel centre; -1 where empty
    zbuf         (B, H, W) float32, depth away from the viewer at the pixel centre; -1 where empty
    """

    pix_to_face: torch.Tensor
    bary_coords: torch.Tensor
    zbuf: torch.Tensor

    @cached_property
    def mask(self) -> torch.Tensor:
        """(B, H, W) bool: some face covers the pixel centre. Kept once it was asked for."""
        return self.pix_to_face >= 0

    @cached_property
    def covered(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Places (N,) in (B · H · W) of the pixels of `mask`, their faces (N,) and barycentrics (N, 3). Kept, too."""
        return self.at(self.mask.view(-1).nonzero().squeeze(1))

    def at(self, pixel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """As `covered`, of pixels at places (N,)."""
        face = self.pix_to_face.view(-1).index_select(0, pixel)
        return pixel, face, self.bary_coords.view(-1, 3).index_select(0, pixel)


@dataclass(frozen=True)
class Flow:
    """The transformation flow T from one source to B target pictures (paper, section 3.2).

    grid     (B, H, W, 2) float32: where in the source to read, for `grid_sample(align_corners=False)`;
             outside the body it points beyond [-1, 1]
    visible  (B, H, W) float32 in [0, 1]: the source saw this piece of surface
    mask     (B, H, W) bool: the target's body covers the pixel
    """

    grid: torch.Tensor
    visible: torch.Tensor
    mask: torch.Tensor
