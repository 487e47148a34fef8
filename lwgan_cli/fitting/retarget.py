"""Somebody else's motion on the source's body and in the source's picture (the paper's M_t = M(θ_r, β_s))."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import sparse
from scipy.sparse.linalg import spsolve

from lwgan_cli.body.model import BodyModel, forward_kinematics, joints_rest, rest_vertices, skin
from lwgan_cli.errors import UsageError
from lwgan_cli.fitting.contact import standing
from lwgan_cli.fitting.likeness import leg_length
from lwgan_cli.frames.camera_motion import NONE, after, inverse, moved
from lwgan_cli.records import Motion

SOLES = ("left_heel", "right_heel", "left_big_toe", "right_big_toe")
HEAD = 15
HEAD_SHARE, FRONT = 0.9, 0.2  # of the skinning weight that makes a vertex the head's, and of those, the foremost
# a limb's joint and the one whose place tells how it is turned
LIMBS = {1: 4, 2: 5, 4: 7, 5: 8, 7: 10, 8: 11, 16: 18, 17: 19, 18: 20, 19: 21, 20: 22, 21: 23}
# share of the body's mass at each joint: every segment's (Winter, Biomechanics and Motor Control of Human Movement,
# table 4.1), split between its ends
MASS = {
    0: 0.14, 3: 0.12, 6: 0.12, 9: 0.12, 15: 0.08, 1: 0.06, 2: 0.06, 4: 0.07, 5: 0.07, 7: 0.025, 8: 0.025,
    16: 0.02, 17: 0.02, 18: 0.02, 19: 0.02, 20: 0.01, 21: 0.01,
}  # fmt: skip
SELDOM = 0.2  # share of the frames
EASE = 1.0  # of a correction's second differences at 30 frames a second, against what a standing sole slides
KEEP = 1e-4  # of the correction itself
ALIKE = 0.06  # m, root mean square over the joints: the poses of photo and driving are much the same
# what each joint says of where a body is: the ankles as much as all of the rest; toes, head and hands, whose turn is
# known worst, nothing
ANKLES, SILENT = (7, 8), (10, 11, 15, 22, 23)
SHARES = np.array([0.25 if j in ANKLES else 0.0 if j in SILENT else 0.5 / 17 for j in range(24)])
CAMERAS = ("smooth", "source", "driving")


@dataclass(frozen=True)
class Target:
    """Who is to be drawn: poses (T, 24, 3) of the source's body; camera (T, 3) px per metre and the body
    origin's place x, y in the source's picture, px, y down; scene (T, 2, 3) where the picture's own px are then, None
    where they stay."""

    poses: np.ndarray
    camera: np.ndarray
    scene: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.poses)


def sole_px(model: BodyModel, poses: np.ndarray, betas: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """(T, 4, 2) picture px of `SOLES`; camera (T, 3) as in `Target`."""
    soles = torch.tensor([model.landmarks[name] for name in SOLES])
    pose, shape = torch.from_numpy(np.asarray(poses, np.float32)), torch.from_numpy(betas)
    places = skin(model, pose, shape, vertices=soles)[0].numpy()
    scale, x, y = camera.T[:, :, None]
    return np.stack([x + scale * places[..., 0], y - scale * places[..., 1]], -1)


def centre_of_mass(model: BodyModel, pose: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """Where a body's weight lies from its origin, (3,) m."""
    places = joint_places(model, pose, betas)
    shares = np.array(list(MASS.values()))
    mean: np.ndarray = shares @ places[list(MASS)] / shares.sum()
    return mean


def footing(apart: np.ndarray, stands: np.ndarray, shots: np.ndarray, fps: float) -> np.ndarray:
    """Shifts (T, 2) px, smooth over time, that keep standing soles from sliding.

    apart (T, K, 2) px: where soles are, less where they ought to be but for a constant of each stand; stands (T, K)
    int, see `contact.standing`; shots (T,) int. Least squares over the shifts and every stand's constant at once.
    """
    frames = len(apart)
    rows, soles = np.nonzero(stands)
    if not len(rows):
        return np.zeros((frames, 2))
    _, stand = np.unique(stands[rows, soles], return_inverse=True)
    index, ones = np.arange(len(rows)), np.ones(len(rows))
    held = sparse.csr_matrix((ones, (index, rows)), (len(rows), frames))
    constants = sparse.csr_matrix((-ones, (index, stand)), (len(rows), int(stand.max()) + 1))
    slide = sparse.hstack([held, constants]).tocsr()
    bends = sparse.diags([1.0, -2.0, 1.0], [0, 1, 2], (max(frames - 2, 0), frames)).tocsr()
    bends = bends[np.flatnonzero(shots[2:] == shots[:-2])]
    smooth = EASE * (fps / 30) ** 4 * (bends.T @ bends) + KEEP * sparse.identity(frames)
    quiet = sparse.block_diag([smooth, sparse.csr_matrix((constants.shape[1],) * 2)])
    found: np.ndarray = spsolve((slide.T @ slide + quiet).tocsc(), -(slide.T @ apart[rows, soles]))[:frames]
    return found


def stands_of(model: BodyModel, motion: Motion) -> np.ndarray:
    """(T, 4) int: when `SOLES` stand in a motion's scene, see `contact.standing`; 0 where nobody was found, and for
    feet outside the picture, of which nothing was seen."""
    camera = motion.picture_camera()
    height = np.median(camera[:, 0]) * float(np.ptp(rest_vertices(model, torch.from_numpy(motion.betas))[:, 1].numpy()))
    px = sole_px(model, motion.poses, motion.betas, camera)
    seen = ((px > 0) & (px < np.array(motion.image_size))).all(-1) & motion.valid[:, None]
    if motion.scene is not None:
        px = np.stack([moved(soles, inverse(since)) for soles, since in zip(px, motion.scene, strict=True)])
    return standing(px / height, motion.fps, motion.shots) * seen


def lowest_place(model: BodyModel, pose: np.ndarray, betas: np.ndarray) -> float:
    """Height over the body's origin of what somebody stands on, m (negative: below): of the lower foot, or, with both
    feet in the air, of the hands, the head or whatever else is lowest."""
    soles = torch.tensor([model.landmarks[name] for name in SOLES])
    vertices, joints = skin(model, torch.from_numpy(pose)[None].float(), torch.from_numpy(betas), vertices=soles)
    return float(torch.minimum(vertices[0, :, 1].min(), joints[0, :, 1].min()))


def feet_inside(model: BodyModel, motion: Motion, frame: int) -> bool:
    """All of both feet lies inside the picture, by the fitted body."""
    soles = torch.tensor([model.landmarks[name] for name in SOLES])
    pose, betas = torch.from_numpy(motion.poses[frame : frame + 1]), torch.from_numpy(motion.betas)
    places = skin(model, pose, betas, vertices=soles)[0][0].numpy()
    scale, x, y = motion.picture_camera()[frame]
    px = np.stack([scale * places[:, 0] + x, y - scale * places[:, 1]], 1)
    return bool(((px > 0) & (px < np.array(motion.image_size))).all())


def joint_places(model: BodyModel, pose: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """Where the joints are from the body's origin, (24, 3) m."""
    joints = joints_rest(model, torch.from_numpy(betas))
    placed: np.ndarray = forward_kinematics(torch.from_numpy(pose)[None].float(), joints, model.parents)[1][0].numpy()
    return placed


def joint_px(model: BodyModel, poses: np.ndarray, betas: np.ndarray, camera: np.ndarray) -> np.ndarray:
    """(T, 24, 2) picture px of the joints in poses (T, 24, 3); camera (T, 3) as in `Target`."""
    rest = joints_rest(model, torch.from_numpy(betas))
    places = forward_kinematics(torch.from_numpy(np.asarray(poses, np.float32)), rest, model.parents)[1].numpy()
    scale, x, y = camera.T[:, :, None]
    return np.stack([x + scale * places[..., 0], y - scale * places[..., 1]], -1)


def face_place(model: BodyModel, pose: np.ndarray, betas: np.ndarray) -> np.ndarray:
    """Where the front of the head is from the body's origin, (3,) m. Two fits of one picture agree on it, however
    unlike they turn the neck below."""
    of_head = model.lbs_weights[:, HEAD] > HEAD_SHARE
    depth = model.v_template[:, 2]
    front = (of_head & (depth > depth[of_head].quantile(1 - FRONT))).nonzero()[:, 0]
    vertices, _ = skin(model, torch.from_numpy(pose)[None].float(), torch.from_numpy(betas), vertices=front)
    place: np.ndarray = vertices[0].mean(0).numpy()
    return place


def hips_inside(motion: Motion, frame: int) -> bool:
    """The body's origin, between the hips, lies inside the picture."""
    _, x, y = motion.picture_camera()[frame]
    return bool(0 < x < motion.image_size[0] and 0 < y < motion.image_size[1])


def unseen_limbs(model: BodyModel, driving: Motion) -> list[int]:
    """Joints of arms and legs that the driving says next to nothing of: all that hangs from them lies outside its
    picture, but in few frames. Elbows are often out of it where hands are raised into it."""
    px = joint_px(model, driving.poses, driving.betas, driving.picture_camera())
    seen = ((px > 0) & (px < np.array(driving.image_size))).all(-1)
    beyond: dict[int, np.ndarray] = {}
    for joint, end in reversed(LIMBS.items()):  # from the tips inwards
        beyond[joint] = seen[:, end] | beyond.get(end, np.False_)
    return [joint for joint in LIMBS if beyond[joint].mean() < SELDOM]


def retarget(model: BodyModel, source: Motion, driving: Motion, camera: str) -> Target:
    """The driving's poses and path, for the source's body and picture.

    source      one frame
    camera      "smooth": the source's place and scale, and the driver's displacement since its first frame,
                measured in leg lengths, so that the steps fit the body that takes them; what stands behind moves as the
                driver's camera does. "source": the person stays in place, and so does the scene. "driving": the
                driver's camera as it is, in the driver's picture.

    Where photo and driving show feet, the first frame's lower foot (in a handstand: hand) is put on the photo's floor
    and the body's weight over the place where the photo's was, or, in a pose like the photo's, all of the body where it
    was; else the hips keep their place, or, where one of them shows no hips (head and shoulders), the face. Feet that
    stand in the driving's picture stand in the result, whatever the proportions.
    Limbs of which a driving without hips shows nothing stay as the photo has them.
    Raises UsageError for another camera.
    """
    if camera not in CAMERAS:
        raise UsageError(f"--camera {camera!r}: choose one of {', '.join(CAMERAS)}")
    theirs, poses = driving.picture_camera(), driving.poses
    first = int(np.flatnonzero(driving.valid)[0]) if driving.valid.any() else 0
    if camera == "driving":
        # the feet stay on the driver's floor, whoever's legs are longer
        lower = lowest_place(model, driving.poses[first], source.betas)
        higher = lowest_place(model, driving.poses[first], driving.betas)
        grounded = theirs + np.outer(theirs[:, 0], [0, 0, lower - higher])
        return _footed(model, Target(poses, grounded, scene_since(driving, 0)), source, driving, 1.0, first)
    if not hips_inside(driving, first):
        limbs = unseen_limbs(model, driving)
        poses = poses.copy()
        poses[:, limbs] = source.poses[0, limbs]
    scale, x, y = source.picture_camera()[0]
    alike = 0.0
    if feet_inside(model, source, 0) and feet_inside(model, driving, first):
        # down from the photo's hips to its floor, and up again by what the driver's first pose needs
        ground = lowest_place(model, source.poses[0], source.betas)
        y += scale * (lowest_place(model, driving.poses[first], source.betas) - ground)
        ours, others = (centre_of_mass(model, pose, source.betas) for pose in (source.poses[0], poses[first]))
        x += scale * (ours[0] - others[0])
        (x, y), alike = _kept(model, source, poses[first], np.array([scale, x, y]))
    elif not (hips_inside(source, 0) and hips_inside(driving, first)):
        # hips that nobody sees may be fitted anywhere below: what is seen keeps its place
        ours, others = (face_place(model, pose, source.betas) for pose in (source.poses[0], poses[first]))
        x, y = x + scale * (ours[0] - others[0]), y - scale * (ours[1] - others[1])
    if camera == "source":
        return Target(poses, np.tile([scale, x, y], (len(driving), 1)))
    # a step of one leg length stays a step of one leg length; in one pose the pictures say how large both are, as fits,
    # each with its own guess of depths and hips, say worse than people differ in proportion
    leg, other_leg = leg_length(model, source.betas), leg_length(model, driving.betas)
    grown = theirs[:, 0] / theirs[first, 0]
    fitted = scale * leg / (theirs[first, 0] * other_leg)
    to_ours = fitted ** (1 - alike) * (size_px(model, source, 0) / size_px(model, driving, first)) ** alike
    to_picture = np.array([[to_ours, 0, x - to_ours * theirs[first, 1]], [0, to_ours, y - to_ours * theirs[first, 2]]])
    path = np.concatenate([scale * grown[:, None], moved(theirs[:, 1:], to_picture)], 1)
    scene = scene_since(driving, first, to_picture)
    return _footed(model, Target(poses, path, scene), source, driving, to_ours, first, to_ours / fitted)


def scene_since(driving: Motion, first: int, to_picture: np.ndarray = NONE) -> np.ndarray | None:
    """(T, 2, 3): how the driving's camera moves a scene that it sees as its own in frame `first` (in other shots: in
    their first frames), in another picture's px; to_picture (2, 3) takes the driving's px there."""
    if driving.scene is None:
        return None
    back = inverse(to_picture)
    out = np.empty((len(driving), 2, 3))
    for shot in np.unique(driving.shots):
        rows = np.flatnonzero(driving.shots == shot)
        since = inverse(driving.scene[first if first in rows else rows[0]].astype(np.float64))
        for row in rows:
            out[row] = after(after(back, after(since, driving.scene[row].astype(np.float64))), to_picture)
    return out


def size_px(model: BodyModel, motion: Motion, frame: int) -> float:
    """How far a body's joints lie apart in its picture, root mean square, px."""
    places = joint_places(model, motion.poses[frame], motion.betas)[:, :2]
    spread = SHARES @ ((places - SHARES @ places) ** 2).sum(1)
    return float(motion.picture_camera()[frame, 0] * np.sqrt(spread))


def _kept(model: BodyModel, source: Motion, pose: np.ndarray, camera: np.ndarray) -> tuple[np.ndarray, float]:
    """Where to put the source's body in another pose, (2,) px, if it were to lie at `camera` (3,): the more the pose is
    the photo's own, the more all of the body keeps its place; soles and weight alone are known too badly. And how much
    it is the photo's own, in [0, 1]."""
    ours, theirs = (joint_places(model, each, source.betas) for each in (source.poses[0], pose))
    scale, place = camera[0], camera[1:]
    apart = scale * (ours - theirs)[:, :2] * np.array([1, -1]) + source.picture_camera()[0, 1:] - place
    mean = SHARES @ apart
    alike = float(np.exp(-float(SHARES @ ((apart - mean) ** 2).sum(1)) / (ALIKE * scale) ** 2))
    return np.asarray(place + alike * mean), alike


def _footed(
    model: BodyModel, target: Target, source: Motion, driving: Motion, to_ours: float, first: int, longer: float = 1.0
) -> Target:
    """The target with feet that slide no more than the driver's, whose steps count `to_ours` times; frame `first`
    keeps its place. longer: the source's legs as the picture shows them, against those that were fitted."""
    stands = stands_of(model, driving)
    ours = sole_px(model, target.poses, source.betas, target.camera * np.array([longer, 1, 1]))
    theirs = sole_px(model, driving.poses, driving.betas, driving.picture_camera())
    shifts = footing(ours - to_ours * theirs, stands, driving.shots, driving.fps)
    camera = target.camera.copy()
    camera[:, 1:] += shifts - shifts[first]
    return replace(target, camera=camera)
