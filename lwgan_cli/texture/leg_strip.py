"""A strip of the picture that has a person's legs upright, where hems, and cloth between the legs, are looked for."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch

from lwgan_cli.body.model import JOINT_NAMES, BodyModel, skin
from lwgan_cli.body.skirt import LEGS
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.records import Motion

FINEST, COARSEST = 400.0, 150.0  # px per metre of the strip
ABOVE, BELOW, ASIDE = 0.15, 0.15, 0.75  # m around the legs that it shows
SHORTEST = 0.3  # m from crotch to ankle in the picture: less is a leg drawn up, or seen from its end
BENT, RAISED = 50.0, 0.4  # degrees of a knee in the picture; share of a thigh's length that it goes down there
_LEFT, _RIGHT = (tuple(f"{side}_{joint}" for joint in LEGS) for side in ("left", "right"))
_ARMS = tuple(f"{side}_{joint}" for side in ("left", "right") for joint in ("shoulder", "elbow", "wrist", "hand"))


@dataclass(frozen=True)
class Strip:
    """matrix (2, 3) from picture px, scale px per metre; rgb (h, w, 3) uint8; cover (h, w) in [0, 1], the person; legs,
    left and right, and arms (h, w) bool, where the naked body has them; within (h, w) bool: of the picture; axes (h, 2)
    columns of left and right leg's axis; crotch, ankle, and edge, rows: from the last one on the picture shows nothing
    between the legs."""

    matrix: np.ndarray
    scale: float
    rgb: np.ndarray
    cover: np.ndarray
    legs: tuple[np.ndarray, np.ndarray]
    arms: np.ndarray
    within: np.ndarray
    axes: np.ndarray
    crotch: int
    ankle: int
    edge: int

    @classmethod
    def of(cls, model: BodyModel, motion: Motion, picture: np.ndarray, alpha: np.ndarray) -> Strip | None:
        """None where the legs aren't seen at length."""
        vertices, joints = skin(model, torch.from_numpy(motion.poses[:1]), torch.from_numpy(motion.betas))
        scale, x, y = motion.picture_camera()[0]
        body, bones = vertices[0].double().numpy(), joints[0].double().numpy()
        places, knots = (np.stack([scale * p[:, 0] + x, y - scale * p[:, 1]], 1) for p in (body, bones))
        hips, ankles = knots[[1, 2]].mean(0), knots[[7, 8]].mean(0)
        length = float(np.linalg.norm(ankles - hips))
        if length < SHORTEST * scale:
            return None
        down = (ankles - hips) / length
        right = np.array([down[1], -down[0]])
        fine = float(np.clip(scale, COARSEST, FINEST))
        turn = np.stack([right, down]) * fine / scale
        size = (int(2 * ASIDE * fine), int((length / scale + ABOVE + BELOW) * fine))
        matrix = np.concatenate([turn, (np.array([ASIDE, ABOVE]) * fine - turn @ hips)[:, None]], 1)
        mode = cv2.INTER_AREA if scale > fine else cv2.INTER_LINEAR
        centres = matrix + np.array([[0.0, 0.0, 1.0]]) * (turn @ [0.5, 0.5] - 0.5)[:, None]  # OpenCV's lie at whole px
        rgb = cv2.warpAffine(picture, centres, size, flags=mode, borderMode=cv2.BORDER_REPLICATE)
        cover = cv2.warpAffine(alpha, centres, size, flags=cv2.INTER_LINEAR)
        within = cv2.warpAffine(np.ones_like(alpha), centres, size, flags=cv2.INTER_NEAREST) > 0
        flat, knots = places @ turn.T + matrix[:, 2], knots @ turn.T + matrix[:, 2]
        ndc = np.stack(
            [flat[:, 0] / size[0] * 2 - 1, 1 - flat[:, 1] / size[1] * 2, body[:, 2].max() - body[:, 2] + 1], 1
        )
        parts = model.parts.numpy()
        left, right_leg, arms = (
            rasterize(
                torch.from_numpy(ndc[None].astype(np.float32)),
                model.faces[np.isin(parts, [JOINT_NAMES.index(name) for name in names])[model.faces].all(1)],
                (size[1], size[0]),
            ).mask[0].numpy()
            for names in (_LEFT, _RIGHT, _ARMS)
        )  # fmt: skip
        rows = np.arange(size[1])
        axes = np.stack([np.interp(rows, knots[leg, 1], knots[leg, 0]) for leg in ([1, 4, 7], [2, 5, 8])], 1)
        rest, hip = model.v_template.numpy(), float(model.joint_template[1, 0])
        between = (np.abs(rest[:, 0]) < 0.1 * hip) & (rest[:, 1] > float(model.joint_template[4, 1]))
        crotch = flat[between][rest[between, 1].argmin(), 1]
        ankle = round(knots[[7, 8], 1].mean())
        middle = np.stack([axes.mean(1), rows + 0.5, np.ones(len(rows))], 1) @ cv2.invertAffineTransform(matrix).T
        beyond = ((middle < 0) | (middle >= [picture.shape[1], picture.shape[0]])).any(1) & (rows >= crotch)
        edge = int(beyond.argmax()) if beyond.any() else len(rows)
        strip = cls(matrix, fine, rgb, cover, (left, right_leg), arms, within, axes, round(crotch), ankle, edge)
        thighs = np.linalg.norm(bones[[4, 5]] - bones[[1, 2]], axis=1) * fine
        folded = _folded(knots[[1, 4, 7]], thighs[0]) or _folded(knots[[2, 5, 8]], thighs[1])
        return None if folded or strip.ankle - strip.crotch < SHORTEST * fine else strip

    @property
    def person(self) -> np.ndarray:
        """(h, w) bool."""
        inside: np.ndarray = self.cover > 0.5
        return inside

    def px(self, metres: float) -> int:
        return max(1, round(metres * self.scale))

    def rows(self, start: float, end: float) -> slice:
        """Rows so many m below the crotch."""
        return slice(max(0, self.crotch + round(start * self.scale)), max(0, self.crotch + round(end * self.scale)))

    def at(self, column: float, reach: float) -> slice:
        """Columns within so many m."""
        return slice(max(0, round(column - reach * self.scale)), max(0, round(column + reach * self.scale)) + 1)


def _folded(leg: np.ndarray, thigh: float) -> bool:
    """Whether a leg, its hip, knee and ankle (3, 2) px of the strip, is drawn up; its thigh px long. Cloth that hangs
    doesn't show between such legs, and their own silhouette looks like a skirt's."""
    upper, lower = np.diff(leg, axis=0)
    bend = np.degrees(abs(np.arctan2(upper[0] * lower[1] - upper[1] * lower[0], upper @ lower)))
    return bool(upper[1] < RAISED * thigh or lower[1] <= 0 or bend > BENT)
