"""A subject on the tiny body, quickly made."""

from __future__ import annotations

import json
from functools import cache, lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch

from lwgan_cli.body.load import OPEN_FORMAT
from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.correspondence.rasterizer import rasterize
from lwgan_cli.texture.source import Source, picture_ndc, prepare_source
from lwgan_cli.texture.surface import Surface
from lwgan_cli.texture.texture import onto_atlas
from lwgan_cli.training.bank import Bank, named
from lwgan_cli.training.prepare import Photo, make_still
from lwgan_cli.training.subject import Still, Subject, encode
from lwgan_cli.training.synthetic import training_seed
from lwgan_cli.training.validate import scored_seeds
from tests.tiny import tiny_body

SIZE = (128, 192)  # width, height px
ATLAS = 128  # px
CAMERA = (88.0, 64.0, 100.0)  # px per metre; x, y px of the body's origin


def body() -> BodyModel:
    return tiny_body()


@lru_cache(maxsize=1)
def surface() -> Surface:
    return Surface.of_body(body())


def pose(turn: float = 0.0, arms: float = 0.9) -> np.ndarray:
    """(24, 3) arms lowered by so many rad; turned about the vertical, degrees."""
    rows = np.zeros((24, 3), np.float32)
    rows[0, 1] = np.radians(turn)
    rows[16, 2], rows[17, 2] = -arms, arms
    return rows


def shown(rows: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A picture (H, W, 3) uint8 of the body, its colours those of places on its surface, and its mask (H, W)."""
    vertices, _ = skin(body(), torch.from_numpy(rows[None]), torch.zeros(10))
    ndc = picture_ndc(vertices, torch.tensor([CAMERA]), SIZE)
    ndc[..., 2] += 1 - ndc[..., 2].min()
    fragments = rasterize(ndc, body().faces, (SIZE[1], SIZE[0]))
    mask = fragments.mask[0].numpy()
    rest = body().v_template[body().faces].numpy()
    place = (rest[fragments.pix_to_face[0].numpy()] * fragments.bary_coords[0].numpy()[..., None]).sum(-2)
    return np.where(mask[..., None], colours(place, seed), scene(seed)).astype(np.uint8), mask.astype(np.float32)


def colours(place: np.ndarray, seed: int = 0) -> np.ndarray:
    """(…, 3) grey levels of places (…, 3) m on the body's surface, rest pose."""
    return 127 + 100 * np.sin(6 * place + seed)


def scene(seed: int = 0) -> np.ndarray:
    """(H, W, 3) uint8: soft waves."""
    y, x = np.mgrid[: SIZE[1], : SIZE[0]]
    waves = np.stack([np.sin(x / 17 + seed), np.sin(y / 23), np.sin((x + y) / 29)], -1)
    return (150 + 60 * waves).astype(np.uint8)


def photo(rows: np.ndarray, seed: int = 0) -> Photo:
    picture, mask = shown(rows, seed)
    return Photo(picture, mask, rows, np.array(CAMERA, np.float32))


@cache
def subject(seed: int = 0, stills: int = 1, targets: int = 3) -> Subject:
    """Photos as `make_subject` prepares them; what it takes seconds to make up, colours that no photo shows and the
    scene behind the person, is known here or filled in at once."""
    photos = [photo(pose(160.0 * index), seed) for index in range(stills)]
    poses = np.stack([pose(20.0 * index, 0.9 - 0.3 * index) for index in range(targets)])
    pairs = [shown(rows, seed) for rows in poses]
    none = np.zeros((body().n_vertices, 3), np.float32)
    hole = cv2.dilate((photos[0].alpha > 0.05).astype(np.uint8), np.ones((7, 7), np.uint8))
    atlas = onto_atlas(surface(), colours(surface().vertices, seed), ATLAS)
    return Subject(
        stills=tuple(make_still(body(), surface(), each, np.zeros(10), none)[0] for each in photos),
        atlas=np.rint(atlas).astype(np.uint8),
        betas=np.zeros(10, np.float32),
        offsets=none,
        plate=cv2.inpaint(photos[0].picture, hole, 3, cv2.INPAINT_TELEA),
        hole=hole > 0,
        background=scene(seed),
        poses=poses,
        cameras=np.tile(np.array([CAMERA], np.float32), (targets, 1)),
        pictures=tuple(encode(np.dstack([picture, (255 * mask).astype(np.uint8)])) for picture, mask in pairs),
        exact=True,
    )


def prepared() -> tuple[Still, Source]:
    """A photo as training keeps it, and as the pipeline prepares it."""
    taken = photo(pose())
    none = np.zeros((body().n_vertices, 3), np.float32)
    still, view = make_still(body(), surface(), taken, np.zeros(10), none)
    source = prepare_source(
        body(),
        taken.motion(np.zeros(10), body().identity),
        torch.from_numpy(none),
        view.colours,
        taken.alpha,
        surface(),
    )
    return still, source


def write_body(path: Path) -> Path:
    """The tiny body as a file that `load_body` reads."""
    model = body()
    joint, vertex = np.nonzero(model.J_regressor.numpy())
    np.savez(
        path,
        meta=np.frombuffer(json.dumps({"name": model.name, "format": OPEN_FORMAT}).encode(), np.uint8),
        v_template=model.v_template.numpy(),
        shapedirs=model.shapedirs.numpy(),
        J_regressor_joint=joint,
        J_regressor_vertex=vertex,
        J_regressor_value=model.J_regressor.numpy()[joint, vertex],
        weights=model.lbs_weights.numpy(),
        kintree_table=np.array([model.parents, range(24)]),
        f=model.faces.numpy(),
        face_group=np.zeros(len(model.faces), int),
        group_hidden=np.zeros(1, bool),
        group_names=np.array(["skin"]),
        vt=model.uv.numpy(),
        ft=model.uv_faces.numpy(),
        mirror=model.mirror.numpy(),
        landmark_names=np.array(list(model.landmarks)),
        landmark_vertices=np.array(list(model.landmarks.values())),
    )
    return path


def fill(folder: Path, people: int = 3) -> None:
    """A bank with the first people to train on, the third of two photos, and one whom a run is scored on."""
    bank = Bank(folder)
    for index in range(people):
        subject(index, 2 if index == 2 else 1).save(bank.path(named(training_seed(index))))
    subject(5, 1).save(bank.path(named(*scored_seeds(1))))
