"""Pictures of synthetic people and what HMR is to say of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch

from lwgan_cli.body.kinematics import log_so3
from lwgan_cli.body.model import BodyModel, joints_rest, skin
from lwgan_cli.body.rotations import axis_angle_to_matrix
from lwgan_cli.fitting.hmr import INPUT_SIZE
from lwgan_cli.synthetic.person import Person, random_person
from lwgan_cli.synthetic.poses import random_pose
from lwgan_cli.synthetic.render import render
from lwgan_cli.synthetic.scene import View, make_scene

ATLAS = 512
FILL = (0.7, 0.88)  # of the picture that the person fills, as the crops of the fit do
ASIDE = 0.06  # of the picture: standard deviation of where its middle lies
NOISE = 0.02  # of a pixel
ROOT_TURN = (1.0, -1.0, -1.0)  # diagonal of the turn by π about x between body space and HMR's


@dataclass(frozen=True)
class Batch:
    """images (B, 3, 224, 224) in [-1, 1]; theta (B, 85) camera, pose and shape in HMR's space."""

    images: torch.Tensor
    theta: torch.Tensor


def to_theta(model: BodyModel, poses: torch.Tensor, betas: torch.Tensor, camera: torch.Tensor) -> torch.Tensor:
    """Poses (B, 24, 3), betas (B, 10) and weak-perspective camera (B, 3) of `records` → theta (B, 85): the way back of
    `fitting.hmr.to_body`."""
    upright = poses.new_tensor(ROOT_TURN).diag()
    root = log_so3(upright @ axis_angle_to_matrix(poses[:, 0]))
    scale, pelvis = camera[:, :1], joints_rest(model, betas)[:, 0, :2]
    place = (scale * pelvis + camera[:, 1:]) * poses.new_tensor([1.0, -1.0])
    shift = place / scale - pelvis
    return torch.cat([scale, shift, root, poses[:, 1:].flatten(1), betas], 1)


@dataclass
class Renderer:
    """Draws samples; people are made when they are first needed.

    model on the device that it works on; people (first, after the last) of the numbered people
    """

    model: BodyModel
    people: tuple[int, int]
    _made: dict[int, Person] = field(default_factory=dict)

    def batch(self, size: int, seed: tuple[int, ...]) -> Batch:
        """`size` samples: the same for the same seed."""
        rng = np.random.default_rng(seed)
        images, thetas = zip(*(self._sample(rng) for _ in range(size)), strict=True)
        return Batch(torch.stack(images), torch.cat(thetas))

    def _sample(self, rng: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
        model, like = self.model, self.model.v_template
        number = int(rng.integers(*self.people))
        if number not in self._made:
            self._made[number] = random_person(model, number, ATLAS)
        person = self._made[number]
        pose = like.new_tensor(random_pose(rng))[None]
        vertices, _ = skin(model, pose, person.betas, person.offsets)
        low, high = vertices[0, :, :2].amin(0), vertices[0, :, :2].amax(0)
        scale = 2 * float(rng.uniform(*FILL)) / float((high - low).max())
        middle = scale * (low + high) / 2 - 2 * like.new_tensor(rng.normal(0, ASIDE, 2))
        camera = torch.cat([like.new_tensor([scale]), -middle])
        half = INPUT_SIZE / 2
        in_px = torch.stack([camera[0] * half, half + camera[1] * half, half - camera[2] * half])
        view = View.framing((INPUT_SIZE, INPUT_SIZE), 1.7, float(rng.uniform(0.6, 1.2)))
        scene = make_scene(None, int(rng.integers(1 << 30)), view, like.device)
        shown = render(
            model, person, pose, in_px[None], (INPUT_SIZE, INPUT_SIZE), scene.light, scene.background, supersample=1
        ).pictures[0]
        grain = like.new_tensor(rng.normal(0, NOISE, shown.shape))
        image = (shown * float(rng.uniform(0.7, 1.2)) + grain).clamp(0, 1) * 2 - 1
        return image, to_theta(model, pose, person.betas[None], camera[None])
