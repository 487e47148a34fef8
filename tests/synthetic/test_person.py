from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lwgan_cli.body.model import BodyModel, rest_vertices
from lwgan_cli.synthetic.canvas import make_canvas, unit_normals, vertex_surface
from lwgan_cli.synthetic.drape import ellipsoid_exit, neighbours
from lwgan_cli.synthetic.look import Bottom, Hair, Look, Top, random_look
from lwgan_cli.synthetic.noise import fractal_noise, value_noise
from lwgan_cli.synthetic.person import Person, make_person, random_person
from tests.synthetic.conftest import ATLAS


def colour_at(model: BodyModel, person: Person, vertex: int) -> np.ndarray:
    """The texel under a vertex, (3,)."""
    rows = (model.faces == vertex).nonzero()[0]
    uv = model.uv[model.uv_faces[rows[0], rows[1]]]
    column, row = (uv * person.texture.shape[-1]).long().tolist()
    return person.texture[:, row, column].numpy()


def nearest_vertex(model: BodyModel, place: tuple[float, float, float]) -> int:
    return int((model.v_template - torch.tensor(place)).norm(dim=1).argmin())


def test_same_seed_same_person(model: BodyModel, person: Person) -> None:
    again = random_person(model, 3, ATLAS)
    for name in ("betas", "offsets", "texture"):
        assert torch.equal(getattr(person, name), getattr(again, name)), name


def test_seeds_differ() -> None:
    looks = [random_look(seed) for seed in range(40)]
    assert len({look.top for look in looks}) == 40
    assert {look.bottom.kind for look in looks} == {"trousers", "shorts", "skirt"}
    assert len({look.hair.style for look in looks}) == 5


@pytest.mark.parametrize("seed", [0, 1, 3, 6])
def test_clothes_stand_off_and_fold_nowhere(model: BodyModel, seed: int) -> None:
    """Every face looks the way that its surroundings do: no dressed surface runs back under itself."""
    dressed = random_person(model, seed, 64)
    points = rest_vertices(model, dressed.betas, offsets=dressed.offsets)
    corners = points[model.faces]
    normals = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    around = unit_normals(points, model.faces)
    for _ in range(2):
        around = torch.nn.functional.normalize(torch.sparse.mm(neighbours(model), around), dim=1)
    against = (normals * around[model.faces].mean(1)).sum(1) < 0
    area = normals.norm(dim=1)
    assert area[against].sum() / area.sum() < 1e-3
    off = dressed.offsets.norm(dim=1)
    assert 0.03 < off.max() < 0.2


def test_face_and_hands_keep_their_shape(model: BodyModel, person: Person) -> None:
    marks = ("nose", "chin", "left_eye", "right_index_tip", "left_thumb_knuckle")
    moved = person.offsets[[model.landmarks[name] for name in marks]].norm(dim=1)
    assert moved.max() < 0.001


@pytest.mark.parametrize(("sleeve", "covered"), [(0.3, False), (0.97, True)])
def test_sleeves_end_where_they_should(model: BodyModel, sleeve: float, covered: bool) -> None:
    """Half way down the forearm there is cloth, or skin that nothing moved."""
    red = (0.9, 0.1, 0.1)
    look = Look(skin=(0.5, 0.5, 0.5), top=Top("t-shirt", red, sleeve=sleeve))
    made = make_person(model, look, 512)
    forearm = nearest_vertex(model, (0.52, 0.38, 0.047))
    colour = colour_at(model, made, forearm)
    assert (colour[0] > 2 * colour[1]) == covered
    assert (made.offsets[forearm].norm() > 0.003) == covered
    chest = colour_at(model, made, nearest_vertex(model, (0.05, 0.25, 0.15)))
    assert chest[0] > 2 * chest[1]


def test_the_longer_leg_covers_more(model: BodyModel) -> None:
    """Painted area of trousers in the atlas grows with their length."""
    areas = []
    for length in (0.2, 0.5, 0.95):
        look = Look(skin=(0.5, 0.5, 0.5), bottom=Bottom("shorts", (0.1, 0.9, 0.1), length=length))
        texture = make_person(model, look, 128).texture
        areas.append(float((texture[1] > 2 * texture[0]).float().mean()))
    assert areas[0] < areas[1] - 0.02 < areas[2] - 0.04


def test_hair_grows_on_the_head_alone(model: BodyModel) -> None:
    """Blue hair: on the crown, not on forehead and cheek; long hair reaches the nape, a crop doesn't."""
    base = Look(skin=(0.8, 0.7, 0.6))
    for style, nape in (("crop", False), ("long", True)):
        made = make_person(model, replace(base, hair=Hair(style, (0.1, 0.1, 0.9))), 512)
        blue = {
            name: bool(colour[2] > 1.3 * colour[0])
            for name, place in {
                "crown": (0.03, 0.69, 0.07),
                "forehead": (0.0, 0.61, 0.17),
                "cheek": (0.04, 0.54, 0.15),
                "nape": (0.0, 0.45, -0.03),
            }.items()
            for colour in [colour_at(model, made, nearest_vertex(model, place))]
        }
        assert blue == {"crown": True, "forehead": False, "cheek": False, "nape": nape}, style


def test_eyes_have_pupils_and_whites(model: BodyModel, person: Person) -> None:
    canvas = make_canvas(model, 1024)
    assert 0 < canvas.surface.eyeball.float().mean() < 0.005
    made = make_person(model, Look(), 1024)
    pupil = colour_at(model, made, model.landmarks["left_eye"])
    assert pupil.max() < 0.25 or pupil.min() > 0.9  # the catch-light lies beside the middle
    values = made.texture.flatten(1)[:, _eye_texels(model)]
    brightness = values.mean(0)
    assert brightness.min() < 0.15 and (brightness > 0.6).float().mean() > 0.1


def _eye_texels(model: BodyModel) -> torch.Tensor:
    canvas = make_canvas(model, 1024)
    on_eye = canvas.surface.eyeball.nonzero().squeeze(1)
    return torch.isin(canvas.fill, on_eye).nonzero().squeeze(1)


def test_canvas_puts_vertices_where_the_atlas_has_them(model: BodyModel) -> None:
    """A texel's surface point lies within a texel or two of the vertex whose uv it holds."""
    canvas = make_canvas(model, ATLAS)
    position = canvas.surface.position[canvas.fill].view(ATLAS, ATLAS, 3)
    corner_vertex, corner_uv = model.faces.flatten()[::97], model.uv[model.uv_faces.flatten()[::97]]
    column, row = (corner_uv * ATLAS).long().clamp(0, ATLAS - 1).unbind(1)
    away = (position[row, column] - model.v_template[corner_vertex]).norm(dim=1)
    assert away.median() < 1.5 * canvas.texel
    assert away.quantile(0.99) < 4 * canvas.texel


def test_surface_of_vertices_has_outward_normals(model: BodyModel) -> None:
    surface = vertex_surface(model)
    assert surface.normal[model.landmarks["nose"], 2] > 0.5
    assert surface.normal[model.landmarks["head_top"], 1] > 0.9
    assert surface.eyeball[model.landmarks["left_eye"]] and not surface.eyeball[model.landmarks["nose"]]


def test_ray_leaves_a_sphere_at_its_radius() -> None:
    generator = torch.Generator().manual_seed(0)
    inside = torch.rand(50, 3, generator=generator) - 0.5
    direction = torch.nn.functional.normalize(torch.randn(50, 3, generator=generator), dim=1)
    centre, radii = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([2.0, 2.0, 2.0])
    way = ellipsoid_exit(inside, direction, centre, radii)
    end = inside + way[:, None] * direction
    torch.testing.assert_close((end - centre).norm(dim=1), torch.full((50,), 2.0))


def test_noise_is_smooth_repeats_and_fills_its_range() -> None:
    points = torch.linspace(0, 31, 20_000)[:, None] * torch.tensor([1.0, 0.37, 0.71])
    values = value_noise(points, 5)
    assert torch.equal(values, value_noise(points, 5))
    assert not torch.equal(values, value_noise(points, 6))
    assert 0 <= values.min() < 0.2 and 0.8 < values.max() <= 1
    assert values.diff().abs().max() < 0.01
    assert abs(float(fractal_noise(points, 5).mean()) - 0.5) < 0.05


@pytest.mark.parametrize(
    "wrong",
    [lambda: Hair("mohawk"), lambda: Top("toga"), lambda: Top(pattern="paisley"), lambda: Bottom("kilt")],
)
def test_unknown_clothes_are_named(wrong) -> None:
    with pytest.raises(ValueError, match=r"mohawk|toga|paisley|kilt"):
        wrong()
