"""From inputs to what can be drawn: people recovered, dressed, posed and put on a stage."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from lwgan_cli.body.model import BodyModel
from lwgan_cli.config import DrawConfig
from lwgan_cli.fitting.same_face import frame_of
from lwgan_cli.generator.architectures import Generator
from lwgan_cli.layers.ground_shadow import Shadows
from lwgan_cli.pipeline.backdrop import Backdrop
from lwgan_cli.pipeline.bodies import Bodies
from lwgan_cli.pipeline.driving import Driving, acting, drive
from lwgan_cli.pipeline.generate import Warp, corrected
from lwgan_cli.pipeline.job import Job, Play, Wearing
from lwgan_cli.pipeline.outfit import Outfit, put_on
from lwgan_cli.pipeline.people import Person, Role, fitted_as, recover_role, with_face
from lwgan_cli.pipeline.posing import Body, pose
from lwgan_cli.pipeline.shelf import shared
from lwgan_cli.pipeline.stage import Stage, make_stage, make_warp, standing
from lwgan_cli.progress import Progress


@dataclass(frozen=True)
class Cast:
    """Who takes part: roles, the one that is drawn first, and whose motion moves them."""

    bodies: Bodies
    roles: list[Role]
    driven: Driving

    @classmethod
    def of(cls, job: Job, play: Play, bodies: Bodies, config: DrawConfig, progress: Progress) -> Cast:
        """Finds, cuts out, fits and dresses everybody. Raises InputError for an input that can't be used."""
        if job.driving is not None:
            bodies = acting(bodies, job.driving, play.clip, config, progress)
        givers = (Wearing("photo", job.photos, ()), *job.clothes)
        only = play.clip is None and len(job.pictures) == 1  # input in which somebody can be chosen
        roles = [recover_role(each.name, each.photos, each.gives, bodies, config, progress, only) for each in givers]
        if job.driving is None:
            return cls(bodies, roles, Driving(roles[0].best.dressed.motion, None, None))
        alone = all(photo.people == 1 for role in roles for photo in role.photos)  # the choice is the driving's then
        driven = drive(job.driving, play.clip, bodies, config, progress, alone)
        first = roles[0]
        photos = tuple(fitted_as(driven.motion, photo, first.name, bodies, progress) for photo in first.photos)
        cast = cls(bodies, [replace(first, photos=photos), *roles[1:]], driven)
        with progress.clock("dress"):
            return cast.of_one_face()

    def of_one_face(self) -> Cast:
        """With photos of whoever is drawn that show what the driving's face shows, understood as that is: what both
        show alike is no motion."""
        first, motion, photos = self.roles[0], self.driven.motion, []
        features = motion.features
        for row, person in enumerate(first.photos):
            frame = None
            if self.bodies.face is not None and person.features is not None:
                frame = frame_of(self.bodies.face, person.features, motion)
            if frame is not None and motion.face is not None and motion.features is not None:
                person = _understood(self.bodies, person, motion.face[frame])
                features = motion.features - motion.features[frame] if row == 0 else features
            photos.append(person)
        driven = replace(self.driven, motion=replace(motion, features=features))
        return replace(self, roles=[replace(first, photos=tuple(photos)), *self.roles[1:]], driven=driven)


def _understood(bodies: Bodies, person: Person, face: np.ndarray) -> Person:
    """`with_face`, the same person for the same face (52,)."""
    return shared("faces", (bodies, person, face.tobytes()), lambda: with_face(bodies, person, face))


@dataclass(frozen=True)
class Scene:
    """What is drawn, on the device: the person in the outfit, moved, in front of what stands behind them."""

    model: BodyModel
    outfit: Outfit
    body: Body
    warp: Warp
    stage: Stage
    backdrop: Backdrop

    @classmethod
    def of(cls, cast: Cast, play: Play, network: Generator | None, config: DrawConfig, progress: Progress) -> Scene:
        """network: what corrects the texture warp; None: nothing does."""
        bodies, best = cast.bodies, cast.roles[0].best
        stage = make_stage(best, cast.driven, bodies.model, config, progress, cast.roles[0].around)
        with progress.clock("dress"):
            outfit = _dressed(bodies, cast.roles, config)
            model = outfit.model
            warp = make_warp(model, outfit, config)
            body = pose(bodies, best, outfit, cast.driven, play, config)
        drawing, stage = corrected(network, warp, stage, body.targets, config.size)
        with progress.clock("background"):
            target, shadows = body.targets[0], None
            if stage.shadow is not None:
                feet = standing(bodies.model, target.poses, best.motion.betas, target.camera)
                shadows = Shadows(stage.shadow, feet, target.camera[:, 0], cast.driven.motion.fps)
            backdrop = Backdrop(stage, shadows, target.scene, config)
        return cls(model, outfit, body, drawing, stage, backdrop)


def _dressed(bodies: Bodies, roles: list[Role], config: DrawConfig) -> Outfit:
    """What is drawn on config's device, which all follows from here on; whoever was dressed in it before still is."""
    model = bodies.model if roles[0].best.lids is None else bodies.whole  # a face that acts opens its mouth
    worn = tuple((role.photos, role.gives) for role in roles)
    depends_on = (model, worn, config.device, config.rasterizer, config.weights)
    return shared("outfits", depends_on, lambda: put_on(model.to(config.device), roles, config))
