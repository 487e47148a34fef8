"""A person made ready for training: one or a few photos as the pipeline prepares them, and pictures of the same
person in other poses, which say what the generator should have made of them.

Rendered people, filmed people and the user's own photos all come to training in this form.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.errors import InputError
from lwgan_cli.texture.source import Source, picture_ndc

FORMAT = 1


@dataclass(frozen=True)
class Still:
    """A photo of the subject as training needs it.

    pixels      (H, W, 4) uint8, colours carried outwards and alpha, as `Source.pixels`
    visibility  (N,) float16, of the surface's vertices; score (F,) float16: as in `Source`
    pose        (24, 3) float32 as fitted
    camera      (3,) float32 px, see `Motion.picture_camera`
    """

    pixels: np.ndarray
    visibility: np.ndarray
    score: np.ndarray
    pose: np.ndarray
    camera: np.ndarray

    def source(self, model: BodyModel, betas: torch.Tensor, offsets: torch.Tensor) -> Source:
        """What a `TextureWarp` reads, on the model's device. Raises InputError where the photo was prepared with
        another body."""
        like = model.v_template
        if len(self.score) != len(model.faces):
            raise InputError(f"a person was prepared with another body than {model.name}: empty the bank")
        vertices, _ = skin(model, like.new_tensor(self.pose[None]), betas, offsets)
        height, width = self.pixels.shape[:2]
        ndc = picture_ndc(vertices, like.new_tensor(self.camera[None]), (width, height))[0]
        pixels = torch.from_numpy(self.pixels).to(like.device).permute(2, 0, 1).float() / 255
        seen = like.new_tensor(of_all_vertices(self.visibility, model))
        score = like.new_tensor(self.score.astype(np.float32))
        return Source(pixels.contiguous(), ndc, seen, score, float(self.camera[0]))


def of_surface(values: np.ndarray, model: BodyModel) -> np.ndarray:
    """Values of all vertices (V, …) without those that come after all that the faces show, such as teeth behind shut
    lips: they are no part of what is trained on."""
    return values[: int(model.faces.max()) + 1]


def of_all_vertices(values: np.ndarray, model: BodyModel) -> np.ndarray:
    """What `of_surface` left (N, …), as float32 (V, …), 0 for the others."""
    rest = model.n_vertices - len(values)
    if rest < 0:
        raise InputError(f"a person was prepared with another body than {model.name}: empty the bank")
    return np.pad(values.astype(np.float32), [(0, rest), *[(0, 0)] * (values.ndim - 1)])


@dataclass(frozen=True)
class Subject:
    """One person, in one scene.

    stills      the photos, first the one whose background is used
    atlas       (A, A, 3) uint8, completed from the stills
    betas       (10,) float32, offsets (N, 3) float32 m of the surface's vertices: as fitted
    plate       (H, W, 3) uint8, the scene as made up behind the first photo's person
    hole        (H, W) bool, where it was made up
    background  (H, W, 3) uint8, the scene as it is; None where nobody knows
    poses       (T, 24, 3) float32 of the targets; cameras (T, 3) float32 px
    pictures    T PNG files, RGBA: the target and how much of each pixel the person covers
    exact       poses and cameras are the truth, and have to be disturbed before use
    """

    stills: tuple[Still, ...]
    atlas: np.ndarray
    betas: np.ndarray
    offsets: np.ndarray
    plate: np.ndarray
    hole: np.ndarray
    background: np.ndarray | None
    poses: np.ndarray
    cameras: np.ndarray
    pictures: tuple[bytes, ...] = field(repr=False)
    exact: bool

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of all its pictures, px."""
        return self.plate.shape[1], self.plate.shape[0]

    def picture(self, row: int) -> np.ndarray:
        """Target `row` (H, W, 4) uint8, RGB and alpha."""
        return decode(self.pictures[row])

    def save(self, path: Path) -> None:
        """Writes an .npz, whole or not at all."""
        arrays: dict[str, Any] = {
            "format": np.array(FORMAT),
            "exact": np.array(self.exact),
            "betas": self.betas,
            "offsets": self.offsets.astype(np.float16),
            "poses": self.poses,
            "cameras": self.cameras,
            "hole": np.packbits(self.hole, axis=1),
        }
        images = {"atlas": self.atlas, "plate": self.plate, "background": self.background}
        arrays |= {name: _bytes(encode(image)) for name, image in images.items() if image is not None}
        for index, still in enumerate(self.stills):
            arrays |= {f"still{index}_{name}": value for name, value in vars(still).items()}
            arrays[f"still{index}_pixels"] = _bytes(encode(still.pixels))
        arrays |= {f"target{row}": _bytes(data) for row, data in enumerate(self.pictures)}
        with whole_file(path) as temporary, temporary.open("wb") as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> Subject:
        """Raises InputError for a file that isn't one of `save`'s."""
        try:
            with np.load(path, allow_pickle=False) as stored:
                if int(stored["format"]) != FORMAT:
                    raise InputError(f"{path}: made by another version; remove it, it will be made again")
                images = {
                    name: decode(stored[name].tobytes()) for name in ("atlas", "plate", "background") if name in stored
                }
                count = sum(name.endswith("_pixels") for name in stored.files)
                stills = tuple(
                    Still(
                        decode(stored[f"still{i}_pixels"].tobytes()),
                        *(stored[f"still{i}_{name}"] for name in ("visibility", "score", "pose", "camera")),
                    )
                    for i in range(count)
                )
                width = images["plate"].shape[1]
                return cls(
                    stills=stills,
                    atlas=images["atlas"],
                    betas=stored["betas"],
                    offsets=stored["offsets"].astype(np.float32),
                    plate=images["plate"],
                    hole=np.unpackbits(stored["hole"], axis=1, count=width).astype(bool),
                    background=images.get("background"),
                    poses=stored["poses"],
                    cameras=stored["cameras"],
                    pictures=tuple(stored[f"target{row}"].tobytes() for row in range(len(stored["poses"]))),
                    exact=bool(stored["exact"]),
                )
        except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError) as error:
            raise InputError(f"{path}: not a prepared person ({error!r}); remove it, it will be made again") from error


def encode(picture: np.ndarray) -> bytes:
    """(H, W, 3 or 4) uint8 as PNG; channels keep their order through `decode`."""
    done, data = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 2])
    if not done:
        raise ValueError(f"no picture: {picture.shape} {picture.dtype}")
    return data.tobytes()


def decode(data: bytes) -> np.ndarray:
    """What `encode` took."""
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None:
        raise ValueError("not a PNG")
    return picture


def _bytes(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path`, which takes its place when all went well and goes otherwise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.stem}-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def write_json(path: Path, content: object) -> None:
    """As one whole file."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
