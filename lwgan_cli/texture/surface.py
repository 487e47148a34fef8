"""The body's surface as far as textures are concerned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lwgan_cli.body.model import JOINT_NAMES, BodyModel

EAR = 0.035  # m around its middle
AROUND_EYES = 0.015, 0.03  # m above them, and up and down from there, that a mask leaves bare

# Surface is made up from surface of the same group of joints only; but that jackets and skirts cover the hips.
_GROUPS = {
    "torso": ("pelvis", "spine1", "spine2", "spine3", "neck", "left_collar", "right_collar"),
    "head": ("head",),
    **{f"{side}_upper_arm": (f"{side}_shoulder",) for side in ("left", "right")},
    **{f"{side}_forearm": (f"{side}_elbow",) for side in ("left", "right")},
    **{f"{side}_hand": (f"{side}_wrist", f"{side}_hand") for side in ("left", "right")},
    **{f"{side}_thigh": (f"{side}_hip",) for side in ("left", "right")},
    **{f"{side}_shank": (f"{side}_knee",) for side in ("left", "right")},
    **{f"{side}_foot": (f"{side}_ankle", f"{side}_foot") for side in ("left", "right")},
    "skirt": (),
}
_TUBES = (
    ("torso", "left_thigh", "right_thigh", "skirt"),
    *((f"{side}_upper_arm", f"{side}_forearm") for side in ("left", "right")),
    *((f"{side}_thigh", f"{side}_shank") for side in ("left", "right")),
)
_SLIP = 0.1  # m below a skirt's upper edge where legs are in its cloth
_COUNTER = 0.06  # m above the sole that shoes reach up the heel, at least
_TOES = 0.6  # of a foot's length from the heel on, from where its toes are
_THROAT = 0.01  # m of foot, before and behind where a shoe begins, that say how high the instep is there


@dataclass(frozen=True)
class Surface:
    """The body's surface as far as textures are concerned; arrays of numpy.

    vertices  (V, 3) rest pose, metres, y up, z forward
    faces     (F, 3) rows of vertices; uv_faces (F, 3) rows of uv
    uv        (U, 2) in [0, 1], u right, v down
    mirror    (V,) vertex on the other side
    groups    (V,) int, surface is only made up from its own group
    axes      (G, 3) unit vectors, the direction along which each group is laid out
    hair      (V,) bool: where hair grows
    skin      (V,) bool: where the face's skin shows; hands take its colour where they were not seen
    ears      (V,) bool
    hands     (G,) bool: the groups that are bare when nothing else is known
    arms      (G,) bool: the groups of the arms, hands included
    limbs     (G,) bool: the groups that are dressed alike all around, all but torso and head
    hips      (G,) bool: the groups that meet at the hips, torso, thighs and skirt
    tubes     (5, G) bool: the groups of trunk, arms and legs as they are unrolled; thighs are part of trunk and legs
    sleeved   (G,) bool: the hands that come out of long sleeves, and begin where those end
    beyond_wrists (V,) m that arms lie beyond the wrist, along the arm; negative above it
    bare      (V,) bool: where arms and legs are known to be bare
    shoes     m `along` the legs at which shoes begin in front; NaN: there are none, or nothing is known
    """

    vertices: np.ndarray
    faces: np.ndarray
    uv: np.ndarray
    uv_faces: np.ndarray
    mirror: np.ndarray
    groups: np.ndarray
    axes: np.ndarray
    hair: np.ndarray
    skin: np.ndarray
    ears: np.ndarray
    hands: np.ndarray
    arms: np.ndarray
    limbs: np.ndarray
    hips: np.ndarray
    tubes: np.ndarray
    sleeved: np.ndarray
    beyond_wrists: np.ndarray
    bare: np.ndarray
    shoes: float

    @classmethod
    def of_body(cls, model: BodyModel) -> Surface:
        group_of = {joint: i for i, joints in enumerate(_GROUPS.values()) for joint in joints}
        vertices = model.v_template.cpu().numpy().astype(np.float64)
        parts = model.parts.cpu().numpy()
        # In T-pose arms and hands lie along x, feet along z, all else along y.
        lies = {"arm": (1, 0, 0), "hand": (1, 0, 0), "foot": (0, 0, 1)}
        axes = [next((a for end, a in lies.items() if name.endswith(end)), (0, 1, 0)) for name in _GROUPS]
        groups = np.array([group_of[name] for name in JOINT_NAMES])[parts]
        if model.skirt is not None:
            groups = _below_skirt(groups, vertices, len(model.skirt.known))
        head = parts == JOINT_NAMES.index("head")
        hair, skin = _hair_and_skin(vertices, head, model.landmarks)
        ears = vertices[[model.landmarks["left_ear"], model.landmarks["right_ear"]]]
        return cls(
            vertices=vertices,
            faces=model.faces.cpu().numpy(),
            uv=model.uv.cpu().numpy(),
            uv_faces=model.uv_faces.cpu().numpy(),
            mirror=model.mirror.cpu().numpy(),
            groups=groups,
            axes=np.array(axes, np.float64),
            hair=hair,
            skin=skin,
            ears=head & ~skin & (np.linalg.norm(vertices[:, None] - ears, axis=2).min(1) < EAR),
            hands=np.array([name.endswith("hand") for name in _GROUPS]),
            arms=np.array([name.endswith(("hand", "arm")) for name in _GROUPS]),
            limbs=np.array([name not in ("torso", "head") for name in _GROUPS]),
            hips=np.array([name.endswith(("torso", "thigh", "skirt")) for name in _GROUPS]),
            tubes=np.array([[name in tube for name in _GROUPS] for tube in _TUBES]),
            sleeved=np.zeros(len(_GROUPS), bool),
            beyond_wrists=np.abs(vertices[:, 0]) - float(model.joint_template[JOINT_NAMES.index("left_wrist"), 0]),
            bare=np.zeros(len(vertices), bool),
            shoes=float("nan"),
        )

    @property
    def head(self) -> np.ndarray:
        """(V,) bool."""
        is_head: np.ndarray = self.groups == list(_GROUPS).index("head")
        return is_head

    @property
    def face(self) -> np.ndarray:
        """(V,) bool: the front of the head where no hair grows."""
        return self.head & ~self.hair & ~self.ears

    def with_sleeves(self, ends: Sequence[float] | np.ndarray) -> Surface:
        """Sleeves of left and right arm end so many m beyond the wrist: the arm down to there is forearm, what lies
        further is hand. NaN leaves a side as it is."""
        names, groups, sleeved = list(_GROUPS), self.groups.copy(), self.sleeved.copy()
        for side, end in zip(("left", "right"), ends, strict=True):
            if not np.isnan(end):
                forearm, hand = names.index(f"{side}_forearm"), names.index(f"{side}_hand")
                arm = np.isin(groups, [forearm, hand])
                groups[arm] = np.where(self.beyond_wrists[arm] < end, forearm, hand)
                sleeved[hand] = True
        return replace(self, groups=groups, sleeved=sleeved)

    def with_mask(self) -> Surface:
        """A mask covers mouth and nose: skin is what lies around the eyes, above it."""
        chin, eyes = (limit(self.vertices[self.skin, 1]) for limit in (np.min, np.max))
        x, y, z = self.vertices.T
        around = (np.abs(y - eyes - AROUND_EYES[0]) < AROUND_EYES[1]) & (np.abs(x) < eyes - chin)
        return replace(self, skin=self.head & around & (z >= self.vertices[self.skin, 2].min()))

    def with_bare(self, stretches: np.ndarray) -> Surface:
        """Arms and legs are bare between so many m (2, 2) `along` them; NaN: they aren't. Next to a skirt's upper edge
        legs aren't either: what shows through a gap there is no skin."""
        within = [
            limb & (self.along >= low) & (self.along < high)
            for limb, (low, high) in zip(self.of_limbs, stretches, strict=True)
        ]
        bare: np.ndarray = np.logical_or(*within)
        if self.of_skirt.any():
            high = self.vertices[:, 1] > self.vertices[self.of_skirt, 1].max() - _SLIP
            bare &= ~(self.of_limbs[1] & high)
        return replace(self, bare=bare)

    def with_shoes(self, edge: float) -> Surface:
        """Shoes begin so many m `along` the legs in front; NaN: there are none."""
        shod = replace(self, shoes=edge)
        return replace(shod, bare=self.bare & ~shod.shod)

    @property
    def shod(self) -> np.ndarray:
        """(V,) bool: what is in a shoe, whose edge goes from the instep to the heel, which it holds."""
        foot, shod = self.feet, np.zeros(len(self.vertices), bool)
        if np.isnan(self.shoes) or not foot.any():
            return shod
        forward, height = self.along[foot], self.vertices[foot, 1] - self.vertices[foot, 1].min()
        throat = self.shoes - forward.min()
        instep = height[np.abs(forward - self.shoes) < _THROAT].max(initial=0)
        counter = max(_COUNTER, instep)
        share = np.clip((forward - forward.min()) / max(throat, 1e-6), 0, 1)
        shod[foot] = (height <= counter + share * (instep - counter)) | (forward >= self.shoes)
        return shod

    @property
    def shoe_sides(self) -> np.ndarray:
        """(V,) bool: what of the shoes lies further back than they begin in front, where the instep may be seen instead
        of them."""
        sides: np.ndarray = self.shod & (self.along < self.shoes)
        return sides

    @property
    def feet(self) -> np.ndarray:
        """(V,) bool."""
        of_feet: np.ndarray = np.array([name.endswith("foot") for name in _GROUPS])[self.groups]
        return of_feet

    @property
    def toes(self) -> np.ndarray:
        """(V,) bool: the front of the feet, which is seen best from in front."""
        foot, along = self.feet, self.along
        if not foot.any():
            return foot
        out: np.ndarray = foot & (along > along[foot].min() + _TOES * np.ptp(along[foot]))
        return out

    @property
    def of_limbs(self) -> np.ndarray:
        """(2, V) bool: what belongs to arms and hands, to legs and feet."""
        legs = self.limbs & ~self.arms & (np.arange(len(self.axes)) != list(_GROUPS).index("skirt"))
        return np.stack([self.arms[self.groups], legs[self.groups]])

    @property
    def ends(self) -> np.ndarray:
        """(V,) bool: hands and feet."""
        of_ends: np.ndarray = np.array([name.endswith(("hand", "foot")) for name in _GROUPS])[self.groups]
        return of_ends

    @property
    def beyond_bare(self) -> np.ndarray:
        """(V,) bool: what lies further along limbs than they are bare: socks, shoes and gloves."""
        along, out = self.along, np.zeros(len(self.vertices), bool)
        for limb in self.of_limbs:
            if (limb & self.bare).any():
                out |= limb & (along > along[limb & self.bare].max())
        return out

    @property
    def along(self) -> np.ndarray:
        """(V,) m that surface lies further along an arm than the wrist; on a leg, below the rest pose's origin, and of
        a foot further to the front than its heel."""
        along: np.ndarray = np.where(self.of_limbs[0], self.beyond_wrists, -self.vertices[:, 1])
        names = list(_GROUPS)
        for side in ("left", "right"):
            foot = self.groups == names.index(f"{side}_foot")
            if foot.any():
                forward = self.vertices[foot, 2]
                along[foot] = along[foot].min() + forward - forward.min()
        return along

    def dressed_with(self, group: int) -> np.ndarray:
        """(G,) bool: the groups from which a group is made up, itself and what one garment covers with it."""
        one = np.arange(len(self.axes)) == group
        if not self.hips[group]:
            return one
        return one | (self.hips & ~(self.limbs & self.limbs[group]))  # but no leg from the other one

    @property
    def of_skirt(self) -> np.ndarray:
        """(V,) bool: what is worn around both legs."""
        is_skirt: np.ndarray = self.groups == list(_GROUPS).index("skirt")
        return is_skirt

    @property
    def pieces(self) -> np.ndarray:
        """(V,) int: group by group, hair and skin apart."""
        pieces: np.ndarray = 2 * self.groups + self.hair
        return pieces

    def averaged(self, values: np.ndarray) -> np.ndarray:
        """Values (V, C) of the vertices, each averaged with its neighbours', hair and skin each among themselves."""
        faces = self.faces[(self.hair[self.faces] == self.hair[self.faces[:, :1]]).all(1)]
        sums, count = np.zeros_like(values), np.zeros((len(values), 1), values.dtype)
        means = values[faces].mean(1)
        for corner in faces.T:
            np.add.at(sums, corner, means)
            np.add.at(count, corner, 1)
        return np.where(count > 0, sums / np.maximum(count, 1), values)


def _below_skirt(groups: np.ndarray, vertices: np.ndarray, count: int) -> np.ndarray:
    """The groups (V,) of a body with a skirt on, whose vertices (V, 3) come after the body's own `count`: legs are as
    bare below the cloth along its upper edge as what is seen of them below its hem."""
    names, out = list(_GROUPS), groups.copy()
    own, below = out[:count], vertices[:count, 1] < vertices[count:, 1].max() - _SLIP
    for side in ("left", "right"):
        own[(own == names.index(f"{side}_thigh")) & below] = names.index(f"{side}_shank")
    out[count:] = names.index("skirt")
    return out


def _hair_and_skin(
    vertices: np.ndarray, head: np.ndarray, landmarks: Mapping[str, int]
) -> tuple[np.ndarray, np.ndarray]:
    """(V,) bool where hair grows, (V,) bool where the face's skin shows; rest pose, face towards +z."""
    eyes = vertices[[landmarks["left_eye"], landmarks["right_eye"]]].mean(0)
    ears = vertices[[landmarks["left_ear"], landmarks["right_ear"]]].mean(0)
    top, chin = vertices[landmarks["head_top"]], vertices[landmarks["chin"]]
    _, y, z = vertices.T
    behind = z < ears[2] - 0.1 * (eyes[2] - ears[2])
    hair = head & ((y > eyes[1] + 0.7 * (top[1] - eyes[1])) | (behind & (y > chin[1])))
    front = z > ears[2] + 0.5 * (eyes[2] - ears[2])
    skin = head & front & (y < eyes[1]) & (y > chin[1])
    return hair, skin
