"""The body that is drawn, in every frame and from every side (paper, M_t)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from lwgan_cli.config import DrawConfig
from lwgan_cli.dressing.drape import carried
from lwgan_cli.dressing.features import Spread
from lwgan_cli.dressing.misfit import Misfit
from lwgan_cli.dressing.skirt_fit import hanging_out_of_sight, straightened
from lwgan_cli.fitting.likeness import Likeness
from lwgan_cli.fitting.retarget import Target, retarget, scene_since
from lwgan_cli.fitting.stance import LOOKING_DOWN
from lwgan_cli.fitting.straight_legs import straight_legs
from lwgan_cli.fitting.turn import turn
from lwgan_cli.motion import AMASS
from lwgan_cli.pipeline.bodies import Bodies
from lwgan_cli.pipeline.driving import Driving
from lwgan_cli.pipeline.job import Play
from lwgan_cli.pipeline.outfit import Outfit
from lwgan_cli.pipeline.people import Person
from lwgan_cli.recovery.registration import registered


@dataclass(frozen=True)
class Body:
    """Who is drawn: betas (10,), T-pose offsets (V, 3) m of hair and clothes, what of them doesn't hold in all poses,
    finger poses (N, 30, 3), strengths (N, 52) of facial actions, features (N, 478, 3) float16 m and what spreads them
    over the face, drape (N, K, 3) float16 m, and where, once for each view; shots (N,), and how long the shutter is
    open, as a share of the time between two frames. See `records.Motion`."""

    betas: torch.Tensor
    offsets: torch.Tensor
    misfit: Misfit
    hands: torch.Tensor | None
    face: torch.Tensor | None
    features: tuple[Spread, torch.Tensor] | None
    drape: torch.Tensor | None
    targets: tuple[Target, ...]
    shots: np.ndarray
    shutter: float


def pose(bodies: Bodies, person: Person, outfit: Outfit, driven: Driving, play: Play, config: DrawConfig) -> Body:
    """The body that is drawn: the person's, in the outfit, moved by the driving and seen from each side."""
    betas = person.dressed.motion.betas
    if person.guess is not None:
        hanging = hanging_out_of_sight(bodies.model, driven.motion)
        driven = replace(driven, motion=straightened(hanging, person.guess))
    target, offsets = aim(bodies, person, driven, config), outfit.offsets.cpu()
    carry = carried(bodies.model, person.dressed.motion, driven.motion)
    drape = None if carry is None else torch.from_numpy(carry)
    model = outfit.model.to("cpu")
    if camera_of(config) != "driving":  # there the body isn't where the photo has it
        like = Likeness.of(model, person.dressed.motion, driven.motion)
        target, offsets = registered(model, person.dressed.motion, target, offsets, drape, like)
    rows = np.asarray(play.rows)
    scene = None if target.scene is None else target.scene[rows]
    played = Target(target.poses[rows], target.camera[rows], scene)
    pivot = config.freeze or 0
    views = config.views or 1
    sides = [np.array(play.degrees) + 360 * view / views for view in range(views)]
    if config.degrees is not None or config.elevation or views > 1:
        pitch = 0.0 if driven.motion.body == AMASS else LOOKING_DOWN
        size = (person.picture.shape[1], person.picture.shape[0])
        if len(set(play.rows)) == 1:  # nobody moves
            offsets = straight_legs(model, played.poses[0], betas, offsets)
        targets = [turn(bodies.model, played, betas, side, config.elevation, pivot, pitch, size) for side in sides]
    else:
        targets = [played]
    hands, face = bodies.hands(driven.motion, play.rows), person.acts(driven.motion, play.rows)
    features = None
    if face is not None and driven.motion.features is not None:
        features = Spread.of(model, bodies.places), torch.from_numpy(driven.motion.features[rows])
    drape = None if drape is None else drape[play.rows]
    shutter = driven.motion.shutter if config.motion_blur is None else config.motion_blur
    shots = driven.motion.shots[play.rows]
    return Body(
        torch.from_numpy(betas), offsets, outfit.misfit, hands, face, features, drape, tuple(targets), shots, shutter
    )


def camera_of(config: DrawConfig) -> str:
    """`--camera`; the driver's scene has the driver's camera."""
    return "driving" if config.background.kind == "driving" and config.camera == "smooth" else config.camera


def aim(bodies: Bodies, person: Person, driven: Driving, config: DrawConfig) -> Target:
    """Where the source's body is to be drawn, in the output's pixels."""
    camera = camera_of(config)
    target = retarget(bodies.model, person.dressed.motion, driven.motion, camera)
    if camera == "driving" and config.background.kind != "driving":
        # the driver's picture is laid over the photo's, as large as fits around its middle
        ours = np.array(person.picture.shape[1::-1], float)
        theirs = np.array(driven.motion.image_size, float)
        scale = float((ours / theirs).min())
        moved = (target.camera[:, 1:] - theirs / 2) * scale + ours / 2
        there = np.concatenate([scale * np.eye(2), (ours / 2 - scale * theirs / 2)[:, None]], 1)
        scene = scene_since(driven.motion, 0, there)
        return Target(target.poses, np.concatenate([target.camera[:, :1] * scale, moved], 1), scene)
    return target
