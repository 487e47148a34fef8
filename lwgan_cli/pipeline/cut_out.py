"""How a photo's person is cut out: the mask of the detector, closer at the head and with the ends of the limbs, refined
to the picture's edges, without other people."""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from lwgan_cli.detection.keypoints import NOSE, cut, feet_inside, uncut
from lwgan_cli.layers.graph_cut import SURE
from lwgan_cli.layers.matte import around_head, merge_head, refine_mask, segment_head
from lwgan_cli.layers.matte import head_window as portrait_window
from lwgan_cli.records import Keypoints
from lwgan_cli.recovery.watch import Watched

DRESS_SIZE = 512
ARM_WIDTH = 0.35  # of the shoulders …
SHOULDERS = 0.7  # … which are at least so wide, of the trunk's height: from the side they fall into one
BONE_WIDTH = 0.06  # of the trunk's height
ENDS = (13, 15), (14, 16), (27, 29), (29, 31), (28, 30), (30, 32)  # elbows to wrists; ankles to heels to toes
HANDS = (15, [17, 19]), (16, [18, 20])  # wrists to knuckles
FINGERS = 0.8  # of those: so far fingers go on, if only bent
KEPT = 0.95  # of a bone
DOUBTED = 0.2  # of the coarse mask: less, between ends that are seen, and something lies before it


def person_alpha(picture: np.ndarray, keypoints: Keypoints, others: np.ndarray | None = None) -> np.ndarray:
    """The refined mask of a photo's person, (H, W) float32 [0, 1], without what `others` (H, W) cover."""
    height, width = picture.shape[:2]
    coarse = uncut(keypoints.masks[0], keypoints.crop[0], (width, height)).astype(np.float32) / 255
    window = portrait_window(keypoints.points[0], width, height)
    fine = None
    if window is not None:
        fine = around_head(coarse.shape, keypoints.points[0])
        closer = merge_head(coarse, segment_head(picture, window), window, keypoints.points[0])
        arms, between = raised_arms(keypoints)
        fine *= ~arms
        coarse = np.where(arms, np.maximum(coarse, closer), np.where(between, np.minimum(coarse, closer), closer))
    alone = np.ones_like(coarse) if others is None else 1 - others
    coarse *= alone > 0.5
    return refined(picture, coarse, keypoints, fine=fine) * alone


def refined(
    picture: np.ndarray,
    coarse: np.ndarray,
    keypoints: Keypoints,
    doubt: np.ndarray | None = None,
    fine: np.ndarray | None = None,
) -> np.ndarray:
    """`refine_mask` of a photo's person (T = 1), with the ends of their limbs."""
    alpha = refine_mask(picture, coarse, doubt, fine)
    lost = lost_ends(keypoints, coarse, alpha)
    return refine_mask(picture, coarse, doubt, fine, lost) if lost.any() else alpha


def raised_arms(keypoints: Keypoints) -> tuple[np.ndarray, np.ndarray]:
    """Of a photo's person (T = 1) who raises arms beside the head, (H, W) bool: shoulders, arms and hands, which a
    closer look at the head takes for background, and what lies between them and the head, which it takes for hair."""
    points, seen = np.rint(keypoints.points[0]).astype(np.int32), keypoints.visibility[0] > 0.5
    trunk = float(np.linalg.norm(points[11:13].mean(0) - points[23:25].mean(0)))
    thick = max(2, round(ARM_WIDTH * max(float(np.linalg.norm(points[11] - points[12])), SHOULDERS * trunk)))
    width, height = keypoints.image_size
    arms, between = np.zeros((height, width), np.uint8), np.zeros((height, width), np.uint8)
    raised = [arm for arm in ((11, 13, 15, 19), (12, 14, 16, 20)) if points[arm[1:], 1].min() < points[arm[0], 1]]
    for arm in raised:
        if seen[list(arm)].all():
            cv2.fillConvexPoly(between, cv2.convexHull(points[[NOSE, *arm]]), 1)
    bones = [bone for arm in raised for bone in itertools.pairwise(arm)]
    for start, end in ((11, 12), *bones) if bones else ():
        if seen[start] and seen[end]:
            cv2.line(arms, points[start].tolist(), points[end].tolist(), 1, thick)
    return arms > 0, (between > 0) & (arms == 0)


def lost_ends(keypoints: Keypoints, coarse: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """(H, W) bool: thin lines along the forearms, hands and feet that a photo's person (T = 1) shows and the coarse
    mask (H, W) has, of those that are missing in alpha (H, W). Colours say little of light shoes on a light floor, and
    of hands that motion smears."""
    points, seen = keypoints.points[0], keypoints.visibility[0] > 0.5
    trunk = float(np.linalg.norm(points[11:13].mean(0) - points[23:25].mean(0)))
    bones = [(points[start], points[end], DOUBTED) for start, end in ENDS if seen[start] and seen[end]]
    for wrist, knuckles in HANDS:
        if seen[wrist] and seen[knuckles].all():
            middle = points[knuckles].mean(0)
            bones.append((points[wrist], middle, DOUBTED))
            bones.append((middle, middle + FINGERS * (middle - points[wrist]), SURE))
    lost = np.zeros(coarse.shape, bool)
    for start, end, least in bones:
        drawn = np.zeros(coarse.shape, np.uint8)
        ends = np.rint([start, end]).astype(int).tolist()
        cv2.line(drawn, *ends, 1, max(1, round(BONE_WIDTH * trunk)))
        bone = (drawn > 0) & (coarse > least)
        if bone.any() and alpha[bone].mean() < KEPT:
            lost |= bone
    return lost


def others_alpha(watched: Watched) -> np.ndarray | None:
    """What other people cover of the crop of a watched photo, (H, W) float32 [0, 1] of the whole picture; None where
    the person is alone."""
    if watched.people < 2:
        return None
    keypoints = watched.keypoints
    return uncut(watched.others[0], keypoints.crop[0], keypoints.image_size).astype(np.float32) / 255


def crop_alpha(alpha: np.ndarray, keypoints: Keypoints) -> np.ndarray:
    """(DRESS_SIZE, DRESS_SIZE) float32: the person's mask (H, W) in the crop of keypoints (T = 1).

    Of a person who leaves the picture it goes on beyond the picture's edge; one who stands whole in it ends there.
    """
    fill = 0 if feet_inside(keypoints.points[0], keypoints.image_size) else None
    return cut((alpha * 255).astype(np.uint8), keypoints.crop[0], DRESS_SIZE, fill=fill).astype(np.float32) / 255
