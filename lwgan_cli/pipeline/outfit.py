"""What the photos give: sources made ready to be warped, and who dresses which part of the body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from lwgan_cli.body.model import BodyModel
from lwgan_cli.body.skirt import Skirt, put_around, with_skirt_offsets
from lwgan_cli.config import DrawConfig
from lwgan_cli.detection.face_places import load_face_places
from lwgan_cli.dressing.misfit import Misfit
from lwgan_cli.layers.matte import extend_colours
from lwgan_cli.layers.softness import edge_softness
from lwgan_cli.pipeline.people import Person, Role
from lwgan_cli.texture.colour_match import match_colours, with_gain
from lwgan_cli.texture.eyes import Eyes, paint_eyes
from lwgan_cli.texture.hair_length import hanging_hair, reaches_shoulders
from lwgan_cli.texture.inside import paint_inside
from lwgan_cli.texture.parsing import GLIMPSED, LEGS, PARTS, SHOWN, Look, neck_of, part_of
from lwgan_cli.texture.skin_tone import Tone, recolour
from lwgan_cli.texture.skin_transfer import relit, skin_mask, steps_of_skin
from lwgan_cli.texture.skirts import for_model, lined
from lwgan_cli.texture.sleeves import let_down
from lwgan_cli.texture.source import Source, prepare_source, read, to_px
from lwgan_cli.texture.surface import Surface
from lwgan_cli.texture.surface_graph import Cloth
from lwgan_cli.texture.texture import View, complete_views, onto_atlas
from lwgan_cli.texture.underlay import Underlay
from lwgan_cli.texture.wardrobe import (
    GROWN,
    MISTAKEN,
    assign,
    covered,
    hidden,
    hiding,
    mistaken,
    own_skin,
    shares,
    undressed,
    unseen_skin,
    worn_offsets,
)


@dataclass(frozen=True)
class Outfit:
    """model    the body model that they are made for: the one given, with a skirt where one is worn
    sources  of all photos, person by person; owners the row of the person for each
    parts    (P, V) how much of each vertex each person gives; None where there is but one
    offsets  (V, 3) m T-pose, of hair and clothes
    misfit   what of them holds in the photos' poses only, on the CPU
    atlas    (3, A, A) float32 [0, 1], colours of the whole surface
    eyes     the first person's; None where they aren't known
    """

    model: BodyModel
    sources: list[Source]
    owners: list[int]
    parts: torch.Tensor | None
    offsets: torch.Tensor
    misfit: Misfit
    atlas: torch.Tensor
    eyes: Eyes | None

    def share(self, row: int) -> np.ndarray:
        """(V,) in [0, 1]: what the person in that row gives."""
        return np.ones(len(self.offsets)) if self.parts is None else self.parts[row].cpu().numpy()


@dataclass(frozen=True)
class _Shot:
    """A photo: colours (H, W, 3) uint8 carried outwards, and its source."""

    colours: np.ndarray
    source: Source

    def recoloured(self, colours: np.ndarray) -> _Shot:
        planes = torch.from_numpy(colours.transpose(2, 0, 1).astype(np.float32) / 255).to(self.source.pixels)
        return _Shot(colours, replace(self.source, pixels=torch.cat([planes, self.source.pixels[3:]])))

    def with_underlays(self, surface: Surface) -> _Shot:
        return _Shot(self.colours, self.source.with_underlays(surface))

    def view(self) -> View:
        return self.source.view(self.colours)

    def views_below(self) -> list[View]:
        """Of the underlays."""
        return [_view_of(under) for under in self.source.underlays]


def _view_of(under: Underlay) -> View:
    picture = np.rint(under.pixels.permute(1, 2, 0).cpu().numpy() * 255).astype(np.uint8)
    px = to_px(under.ndc, (picture.shape[1], picture.shape[0]))
    return View(picture, px, under.visibility.cpu().numpy())


def put_on(model: BodyModel, roles: Sequence[Role], config: DrawConfig) -> Outfit:
    """The wearer, `roles[0]`, in what the others give, on the model's device."""
    naked, skirt = model, _skirt(roles)
    model = naked if skirt is None else put_around(naked, skirt)
    surface = Surface.of_body(model)
    people = [_shoot(naked, model, surface, role, config) for role in roles]
    offsets = torch.stack(
        [_worn(model, surface, role, shots[0].source) for role, shots in zip(roles, people, strict=True)]
    ).to(model.v_template)
    misfits = [_misfit(naked, model, role, worn) for role, worn in zip(roles, offsets, strict=True)]
    misfit, parts = misfits[0], None
    people[0] = [shot.with_underlays(surface) for shot in people[0]]
    if len(roles) > 1:
        cloth = Cloth.of(surface)
        looks = [
            [
                Look.of(model, surface, cloth, shot.source, _hair_offsets(model, photo))
                for photo, shot in zip(role.photos, shots, strict=True)
            ]
            for role, shots in zip(roles, people, strict=True)
        ]
        givers = {garment: row for row, role in enumerate(roles) for garment in role.gives}
        best = [look[0] for look in looks]
        owner = assign(model, surface, cloth, best, givers)
        skin = own_skin(surface, cloth, best, owner)
        owner[skin] = 0
        uncovered = skin | neck_of(model) if givers.get("upper", 0) else skin
        soft = shares(cloth, owner, len(roles))
        parts = torch.from_numpy(soft).to(model.v_template)
        misfit = Misfit.together(misfits, parts.cpu())
        people = [
            [
                replace(shot, source=hiding(shot.source, mistaken(cloth, look, uncovered), model.faces))
                if row == 0
                else _taken(model, surface, cloth, shot, look, look_of[0], looks[0][0], owner == row, roles[row].gives)
                for shot, look in zip(shots, look_of, strict=True)
            ]
            for row, (shots, look_of) in enumerate(zip(people, looks, strict=True))
        ]  # fmt: skip
        worn = [offsets[0].cpu().numpy()]
        for row in range(1, len(roles)):
            worn.append(worn_offsets(cloth, part_of(model), looks[row][0], offsets[row].cpu().numpy()))
        offsets = (parts[..., None] * torch.from_numpy(np.stack(worn)).to(parts)).sum(0)
    else:
        offsets = offsets[0]
    atlases = [_atlas(model, surface, role, shots) for role, shots in zip(roles, people, strict=True)]
    atlas = atlases[0]
    if parts is not None:
        spread = onto_atlas(surface, soft.T, len(atlas))
        atlas = sum(spread[..., row : row + 1] * each for row, each in enumerate(atlases))
        bare = np.stack([undressed(surface, look) for look in best])[owner, np.arange(len(owner))]
        bare &= ((owner > 0) | uncovered) & ~best[0].hair
        seen, of_skin, colours = _shown(people, best, owner)
        share, colours = unseen_skin(surface, cloth, part_of(model), bare, seen, of_skin, colours)
        people = [
            [replace(shot, source=hiding(shot.source, share > 0.5, model.faces)) for shot in shots] for shots in people
        ]
        drawn = onto_atlas(surface, np.column_stack([colours / 255, share]), len(atlas))
        atlas = atlas + drawn[..., 3:] * (drawn[..., :3] - atlas)
    return Outfit(
        model=model,
        sources=[shot.source for shots in people for shot in shots],
        owners=[row for row, shots in enumerate(people) for _ in shots],
        parts=parts,
        offsets=offsets,
        misfit=misfit,
        atlas=torch.from_numpy(lined(surface, model, atlas).transpose(2, 0, 1).astype(np.float32).copy()).to(
            model.v_template
        ),
        eyes=_eyes(model, roles[0], people[0][0].source, config),
    )


def _shown(
    people: Sequence[Sequence[_Shot]], looks: Sequence[Look], owner: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(V,) bool each: whether the best photo of whoever gives each vertex, `owner` (V,), shows it, and shows skin; and
    the colours (V, 3) 0 … 255 that it has there."""
    sources = [shots[0].source for shots in people]
    colours = np.stack([read(source.pixels, source.ndc).cpu().numpy()[:, :3] * 255 for source in sources])
    seen = np.stack([source.visibility.cpu().numpy() > SHOWN for source in sources])
    vertex = np.arange(len(owner))
    clear = np.stack([look.seen & ~look.hair for look in looks])
    skin = np.stack([look.bare for look in looks])
    return (seen & clear)[owner, vertex], skin[owner, vertex], colours[owner, vertex]


def _eyes(model: BodyModel, role: Role, source: Source, config: DrawConfig) -> Eyes | None:
    """Those of the person's best photo, if the body's face lies on its face."""
    if role.best.lids is None:
        return None
    places = load_face_places(config.weights).of(model.v_template.cpu()).numpy()
    return paint_eyes(model, np.stack([places[468:473].mean(0), places[473:478].mean(0)]), source)


def _skirt(roles: Sequence[Role]) -> Skirt | None:
    """That of whoever gives what is worn below; None where that is no skirt."""
    giver = next((role for role in roles[1:] if "lower" in role.gives), roles[0])
    return _skirt_of(giver, giver.best)


def _skirt_of(role: Role, photo: Person) -> Skirt | None:
    """What somebody wears around the legs in one of their photos: if that isn't sure, what another one shows."""
    known = (each.skirt for each in (photo, *role.photos) if each.skirt is not None)
    return next((skirt for skirt, _ in known), None)


def _worn(model: BodyModel, surface: Surface, role: Role, source: Source) -> torch.Tensor:
    """(V, 3) m T-pose: somebody's clothes, with sleeves as long as the best photo, `source`, shows them."""
    offsets = with_skirt_offsets(model, _below(role.best))
    if source.sleeves is None:
        return offsets
    return torch.from_numpy(let_down(surface, offsets.cpu().numpy(), source.sleeves)).to(offsets)


def _misfit(naked: BodyModel, model: BodyModel, role: Role, worn: torch.Tensor) -> Misfit:
    """That of somebody's best photo in what they wear, worn (V, 3) m T-pose, on the model that is drawn."""
    naked, motion = naked.to("cpu"), role.best.dressed.motion
    pose, betas = torch.from_numpy(motion.poses[0]), torch.from_numpy(motion.betas)
    misfit = Misfit.of(naked, pose, betas, worn[: naked.n_vertices].cpu())
    return replace(misfit, pushed=with_skirt_offsets(model, misfit.pushed[0])[None])


def _below(photo: Person) -> torch.Tensor:
    """(V, 3) m T-pose: the clothes of a photo's person, but for a skirt."""
    return photo.dressed.offsets if photo.skirt is None else photo.skirt[1]


def _hair_offsets(model: BodyModel, photo: Person) -> np.ndarray:
    """(V, 3) m T-pose: how far hair stands off, and clothes, of which a skirt tells nothing."""
    return with_skirt_offsets(model, photo.dressed.offsets).cpu().numpy()


def _shoot(naked: BodyModel, model: BodyModel, surface: Surface, role: Role, config: DrawConfig) -> list[_Shot]:
    """One person's photos, in the colours of the first, for the model that is drawn."""
    shots = []
    for photo in role.photos:
        softness = edge_softness(photo.picture, photo.alpha)
        colours = extend_colours(photo.picture, photo.alpha)
        skirt = _skirt_of(role, photo)
        own = naked if skirt is None else put_around(naked, skirt)
        its = surface if own.skirt is None and model.skirt is None else Surface.of_body(own)
        offsets = with_skirt_offsets(own, _below(photo))
        source = prepare_source(own, photo.motion, offsets, colours, photo.alpha, its, config.rasterizer, softness)
        shots.append(_Shot(colours, for_model(source, own, model)))
    gains = match_colours([shot.source for shot in shots], surface.vertices)
    return [shots[0]] + [
        shot.recoloured(with_gain(shot.colours, gain)) for shot, gain in zip(shots[1:], gains[1:], strict=True)
    ]


def _atlas(model: BodyModel, surface: Surface, role: Role, shots: list[_Shot]) -> np.ndarray:
    """(A, A, 3) colours of one person's whole surface, the mouth's inside included."""
    views = [shot.view() for shot in shots]
    best = np.max([view.visibility for view in views], 0)
    if not role.gives:  # hair goes with the head
        values = read(shots[0].source.pixels, shots[0].source.ndc).cpu().numpy()
        seen = (views[0].visibility > GLIMPSED) & (values[:, 3] > 0.5)
        alpha, px = shots[0].source.pixels[3].cpu().numpy(), shots[0].source.vertices_px()
        loose = reaches_shoulders(surface, alpha, px, shots[0].source.scale)
        hair = hanging_hair(surface, _hair_offsets(model, role.best), values[:, :3] * 255, seen, best < SHOWN, loose)
        if (head := shots[0].source.head) is not None:
            hair = head.with_hanging(surface, hair)
        surface = replace(surface, hair=hair)
    below = [view for shot in shots for view in shot.views_below()]
    return paint_inside(model, complete_views([*views, *below], surface).colours, best, shots[0].source)


def _taken(
    model: BodyModel,
    surface: Surface,
    cloth: Cloth,
    shot: _Shot,
    look: Look,
    first: Look,
    wearer: Look,
    given: np.ndarray,
    gives: Sequence[str],
) -> _Shot:
    """A photo of somebody whose clothes are worn: what else it shows hidden, bare skin in the wearer's tone."""
    away = hidden(surface, cloth, part_of(model), look, given, gives)
    away |= cloth.grown(look.bare & covered(surface, look), MISTAKEN)
    if first.tone is not None and first.limbs is not None and wearer.limbs is not None:
        colours, legs = shot.colours, np.isin(part_of(model), LEGS)
        whole = np.zeros(colours.shape[:2], np.float32)
        for limbs in (legs, ~legs):  # arms in the sun, legs in the shade
            bare = look.bare & limbs
            own = Tone.of(look.colours[bare & (part_of(model) != PARTS.index("head"))]) or first.limbs
            mask = skin_mask(shot.source, model.faces, look, limbs, (first.tone, first.limbs, own), shot.colours)
            colours = recolour(colours, mask, own, wearer.limbs)
            whole = np.maximum(whole, mask)
        shot = shot.recoloured(colours)
        now = read(shot.source.pixels, shot.source.ndc).cpu().numpy()[:, :3] * 255
        steps = steps_of_skin(cloth, look, now, wearer)
        shot = shot.recoloured(relit(colours, whole, shot.source, model.faces, steps))
    # cloth goes on below hair as it does below arms
    bald = hiding(shot.source, cloth.grown(look.hair, GROWN), model.faces)
    shot = replace(shot, source=bald).with_underlays(surface)
    return replace(shot, source=hiding(shot.source, away, model.faces))
