"""The body model and what belongs to it, loaded once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from lwgan_cli.assets import search_path
from lwgan_cli.body.hands import relaxed_hands
from lwgan_cli.body.landmarks import Landmarks, load_landmarks
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel
from lwgan_cli.config import CommonConfig
from lwgan_cli.detection.face_detect import head_window
from lwgan_cli.detection.face_places import FacePlaces, load_face_places
from lwgan_cli.dressing.drape import headless
from lwgan_cli.dressing.face_dress import turn_head
from lwgan_cli.fitting.face import Face, FaceModel
from lwgan_cli.fitting.hand_pose import with_hands
from lwgan_cli.fitting.hmr import Hmr, find_hmr, first_rotations
from lwgan_cli.pipeline.shelf import shared
from lwgan_cli.records import Motion
from lwgan_cli.recovery.watch import Watched

TURNING = 112.0  # px of a head's window, from which a face turns the head wholly


@dataclass(frozen=True, eq=False)
class Bodies:
    """The body model, the same with the inside of its mouth, where the detectors' points lie on it, and what may
    begin the fit; acts: a face says what it does, not only how the head is turned; nods: and that wholly, see
    `turn_head`."""

    model: BodyModel
    whole: BodyModel
    landmarks: Landmarks
    places: FacePlaces
    face: FaceModel | None
    hmr: Hmr | None = None
    acts: bool = True
    nods: bool = True

    @classmethod
    def load(cls, config: CommonConfig) -> Bodies:
        """Raises WeightsError where a file is missing or wrong."""
        depends_on = (config.body, *search_path(config.weights), config.face, config.fitter == "hmr", config.device)
        return shared("bodies", depends_on, lambda: cls._load(config))

    @classmethod
    def _load(cls, config: CommonConfig) -> Bodies:
        whole, places = load_body(config.body, config.weights, hidden=True), load_face_places(config.weights)
        face = FaceModel.of(whole, places) if config.face else None
        hmr = find_hmr(config.weights).to(config.device) if config.fitter == "hmr" else None
        return cls(whole.shown(), whole, load_landmarks(config.weights), places, face, hmr)

    def of_photo(self, watched: Watched) -> Bodies:
        """For a photo whose face is large enough to lie on, feature by feature, even where the driving's is too small
        to act: one half of it can stand in for the other."""
        points, seen = watched.keypoints.points[0], watched.keypoints.visibility[0]
        window = head_window(points, seen)
        return replace(self, acts=True) if self.nods and window is not None and window[2] >= TURNING else self

    def begun(self, watched: Watched) -> torch.Tensor | None:
        """Rotations (T, 24, 3, 3) for the fit to begin with, where HMR gives them."""
        return None if self.hmr is None else first_rotations(self.hmr, self.model, watched.crops)

    def refine(self, watched: Watched, face: Face | None, motion: Motion) -> Motion:
        """A fitted motion with the head as the face shows it, its actions, and wrists and fingers as the hands do."""
        if self.face is not None and face is not None:
            motion = replace(motion, poses=turn_head(self.model, self.places, self.face.stiff, motion, face, self.nods))
            if self.nods and motion.drape is not None:
                motion = replace(motion, drape=headless(self.model, motion.drape))
            if self.acts:
                strengths, neutral = face.strengths.astype(np.float32), face.neutral.astype(np.float32)
                motion = replace(motion, face=strengths, features=face.features.astype(np.float16), neutral=neutral)
        if watched.hands is not None:
            poses, hands = with_hands(self.model, motion, watched.hands)
            motion = replace(motion, poses=poses, hands=hands)
        return motion

    def hands(self, motion: Motion, rows: Sequence[int]) -> torch.Tensor | None:
        """Finger poses (N, 30, 3) in some frames of a motion, at rest where it doesn't know them; None for a body
        without fingers."""
        relaxed = relaxed_hands(self.model)
        if relaxed is None or motion.hands is None:
            return None if relaxed is None else relaxed.expand(len(rows), -1, -1)
        return torch.from_numpy(motion.hands[np.asarray(rows)])
