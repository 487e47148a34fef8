"""What is measured: generators, and this project's own additions switched off or on, one at a time.

none                        the photo is warped and composited, no network
default                     the network that ships
W_C, W_T, W_F, LWB          the paper's ablations and its block (section 4.2): generator-concat, generator-texture,
                            generator-feature and generator.safetensors in the weights folder
PATH, NAME=PATH             a generator's file
METHOD-offsets              … on the naked body: neither clothes nor hair have a shape
METHOD-detail               … seeing the photo at the working resolution only, as the paper's generator does
METHOD-alignment            … with bodies fitted to keypoints alone
METHOD-drape                … without what the driver's flesh and clothes do beyond the skeleton
METHOD-scene                … before a scene that stands still, however the driver's camera moves
METHOD-face                 … with faces that don't act
METHOD+photos               … from all photos that there are of the person, not the first alone
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np
import torch

from lwgan_cli.assets import find_file
from lwgan_cli.errors import UsageError, WeightsError
from lwgan_cli.generator.architectures import Generator
from lwgan_cli.generator.checkpoints import find_generator, load_generator
from lwgan_cli.pipeline.people import Person
from lwgan_cli.pipeline.scene import Cast

PAPERS: Mapping[str, str] = MappingProxyType({"W_C": "concat", "W_T": "texture", "W_F": "feature"})
OURS = (
    "none",
    "none-offsets",
    "none-detail",
    "none-alignment",
    "none-drape",
    "none-face",
    "none+photos",
)  # the additions, one each; but for the scene: cameras of rendered people stand
SWITCHES: Mapping[str, str] = MappingProxyType(
    {
        "-offsets": "the naked body is drawn: neither clothes nor hair have a shape",
        "-detail": "the photo is seen at the working resolution only, as the paper's generator sees it",
        "-alignment": "bodies are fitted to keypoints alone",
        "-drape": "what the driver's flesh and clothes do beyond the skeleton is not carried over",
        "-scene": "the scene stands still, however the driver's camera moves",
        "-face": "faces don't act, and the head turns as keypoints have it",
        "+photos": "all photos of the person are used: of rendered people, from the front and two sides behind",
    }
)
_SWITCHES = re.compile(r"(?P<base>.+?)(?P<switches>(?:-offsets|-detail|-alignment|-drape|-scene|-face|\+photos)+)")
_EDGE = 15  # px around the person that the photo is seen coarsely in, so that no sharp rim is left


@dataclass(frozen=True)
class Method:
    """name for the tables; generator: `--generator`; what is switched off; all photos or the first alone."""

    name: str
    generator: str
    offsets: bool = True
    detail: bool = True
    alignment: bool = True
    drape: bool = True
    scene: bool = True
    face: bool = True
    photos: bool = False

    @classmethod
    def parse(cls, text: str, weights: Path | None = None) -> Method:
        """One of the module's top. Raises WeightsError where a generator's file is missing."""
        label, equals, path = text.partition("=")
        if equals and label and path:
            return cls(label, path)
        match = None if Path(text).exists() else _SWITCHES.fullmatch(text)
        base, switches = (match["base"], re.findall(r"[-+](\w+)", match["switches"])) if match else (text, [])
        method = cls(text, _generator(base, weights))
        return replace(method, **{name: name == "photos" for name in switches})

    def network(self, weights: Path | None, device: str) -> tuple[Generator | None, Mapping[str, Any]]:
        """The generator and how it was trained; None and nothing for none."""
        path = find_generator(self.generator, weights)
        if path is None:
            return None, {}
        network, about = load_generator(path)
        return network.to(device).requires_grad_(False), {"architecture": about.architecture, **about.training}

    def altered(self, cast: Cast, size: int) -> Cast:
        """Whoever is drawn, with what is switched off taken from them; size px, `--size`."""
        first = cast.roles[0]
        people = tuple(self._altered(person, size) for person in first.photos)
        motion = cast.driven.motion
        motion = replace(motion, drape=motion.drape if self.drape else None, scene=motion.scene if self.scene else None)
        roles, driven = [replace(first, photos=people), *cast.roles[1:]], replace(cast.driven, motion=motion)
        return replace(cast, roles=roles, driven=driven)

    def _altered(self, person: Person, size: int) -> Person:
        if not self.offsets:
            bare = torch.zeros_like(person.dressed.offsets)
            person = replace(person, dressed=replace(person.dressed, offsets=bare), skirt=None)
        return person if self.detail else replace(person, picture=coarse(person.picture, person.alpha, size))


def parse_methods(texts: tuple[str, ...], weights: Path | None) -> list[Method]:
    """Raises UsageError for a name that comes twice, WeightsError where a generator's file is missing."""
    methods = [Method.parse(text, weights) for text in texts]
    names = [method.name for method in methods]
    if twice := [name for name in names if names.count(name) > 1]:
        raise UsageError(f"--method {twice[0]} is given twice: call one of them NAME=PATH")
    return methods


def coarse(picture: np.ndarray, alpha: np.ndarray, size: int) -> np.ndarray:
    """The photo (H, W, 3) uint8 with its person, by alpha (H, W), seen as if they were `size` px tall."""
    rows = np.flatnonzero((alpha > 0.5).any(1))
    tall = int(rows[-1] - rows[0]) + 1 if len(rows) else 0
    if tall <= size:
        return picture
    height, width = picture.shape[:2]
    small = cv2.resize(
        picture, (max(1, round(width * size / tall)), max(1, round(height * size / tall))), interpolation=cv2.INTER_AREA
    )
    blurred = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    near = cv2.dilate((alpha > 0).astype(np.uint8), np.ones((_EDGE, _EDGE), np.uint8)) > 0
    seen: np.ndarray = np.where(near[..., None], blurred, picture)
    return seen


def _generator(base: str, weights: Path | None) -> str:
    """What `--generator` has to be told."""
    if base == "LWB":
        return "default"
    if base not in PAPERS:
        if base not in ("none", "default"):
            find_generator(base, weights)  # an early error is better than one after an hour
        return base
    file = f"generator-{PAPERS[base]}.safetensors"
    found = find_file(file, weights)
    if found is None:
        raise WeightsError(
            f"--method {base}: {file} doesn't lie in the weights folder; make it with"
            f" `lwgan train --architecture default-{PAPERS[base]}`, or name its file as {base}=PATH"
        )
    return str(found)
