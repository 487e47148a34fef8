"""Weights files as a user sees them: which there are, whether they are whole, and those of others taken in.

Official files are recognised by what is in them, read without running what they may carry, and written in
this project's forms, which hold numbers and nothing else.
"""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lwgan_cli.assets import (
    MANIFEST,
    Asset,
    check_layout,
    load_manifest,
    read_npz,
    read_pickle,
    read_tensors,
    search_path,
    sha256_of,
    verify,
)
from lwgan_cli.body.official import FILES as SMPL_FILES
from lwgan_cli.body.official import MAP_FILE, read_mapper, read_official
from lwgan_cli.errors import UsageError, WeightsError

if TYPE_CHECKING:
    import torch

_IMPERSONATOR = "https://github.com/svip-lab/impersonator"
# How a legacy checkpoint of PyTorch starts: a pickled number of its own.
_TORCH_MAGIC = pickle.dumps(0x1950A86A20F9469CFC6C, 2)
_PICKLE_STARTS = (b"\x80", b"(")
_OBJ_STARTS = (b"v", b"vt", b"#", b"mtllib")


@dataclass(frozen=True)
class Listed:
    """A weights file and how it stands.

    asset    what it is
    path     where it lies; None where it doesn't
    problem  what is wrong with it; None where nothing is
    """

    asset: Asset
    path: Path | None
    problem: str | None

    @property
    def state(self) -> str:
        """ "whole" (as its manifest says), "unlisted" (there, in no manifest), "absent" (optional), "wrong"."""
        if self.problem is not None:
            return "wrong"
        if self.path is None:
            return "absent"
        return "unlisted" if self.asset.sha256 is None else "whole"


@dataclass(frozen=True)
class Imported:
    """What `import_file` did.

    path     what was written
    what     the file it was made of, in words
    licence  under which that is distributed
    changes  what lwgan does now that it didn't before
    """

    path: Path
    what: str
    licence: str
    changes: str


@dataclass(frozen=True)
class _Kind:
    """A file of others that can be taken in. {file}, {path} in `changes` stand for what was written."""

    name: str
    what: str
    licence: str
    source: str
    changes: str


_GENERATOR = _Kind(
    "generator",
    "generator of the official implementation",
    "Impersonator licence (non-commercial research)",
    _IMPERSONATOR,
    "`--generator {path}` paints with it; the default stays",
)
_HMR = _Kind(
    "hmr",
    "HMR, the paper's body recovery",
    "Impersonator licence (non-commercial research)",
    _IMPERSONATOR,
    "`--fitter hmr` begins its fits with it; the default stays; of the SMPL model inside, the joints alone were kept",
)
_SMPL = _Kind(
    "body",
    "SMPL body model",
    "SMPL Model licence (non-commercial scientific research)",
    "https://smpl.is.tue.mpg.de",
    "`--body smpl` fits it; the default stays the open body",
)
_MAP = _Kind(
    "map",
    "SMPL's texture coordinates as the official generator was shown them",
    "Impersonator licence (non-commercial research)",
    _IMPERSONATOR,
    "with `--body smpl`, the paper's generator sees the correspondence maps that it was trained on",
)
_VGG = _Kind(
    "vgg",
    "VGG-19, torchvision's weights",
    "BSD-3-Clause (trained on ImageNet, whose terms allow non-commercial research)",
    "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
    "`lwgan train --vgg {path}` has a perceptual loss",
)
_SPHEREFACE = _Kind(
    "sphereface",
    "SphereFace-20",
    "MIT (trained on CASIA-WebFace, whose terms allow non-commercial research)",
    "https://github.com/clcarwin/sphereface_pytorch",
    "`lwgan train --sphereface {path}` has a face identity loss",
)


@dataclass(frozen=True)
class _Recognised:
    kind: _Kind
    file: str
    what: str
    write: Callable[[Path], None]


def inventory(weights: Path | None = None) -> list[Listed]:
    """Every file that a manifest names, the bundled ones first, held against its sha256.

    weights  a folder of the user's, searched first

    Raises: WeightsError when a folder or its manifest can't be read.
    """
    folders = search_path(weights)
    manifests = {folder: load_manifest(folder) for folder in folders}
    named: dict[str, Asset] = {}
    for folder in reversed(folders):
        named |= {file: asset for file, asset in manifests[folder].items() if file not in named}
    listed: dict[Path | str, Listed] = {}  # several names of the manifests may mean one file
    for asset in named.values():
        path = next((folder / name for folder in folders for name in _names(asset) if (folder / name).is_file()), None)
        if path is None:
            listed[asset.file] = Listed(asset, None, f"{asset.file} is missing; restore it" if asset.bundled else None)
            continue
        asset = load_manifest(path.parent).get(path.name, asset)
        listed[path] = Listed(asset, path, _problem(verify, path))
    return list(listed.values())


def verified(weights: Path | None = None) -> list[Listed]:
    """`inventory`, and every file that no manifest has a sha256 of is read through, too."""
    return [
        row
        if row.path is None or row.state != "unlisted"
        else Listed(row.asset, row.path, _problem(_recognise, row.path))
        for row in inventory(weights)
    ]


def _names(asset: Asset) -> tuple[str, ...]:
    """Under which names the loaders take it."""
    for files in SMPL_FILES.values():
        if asset.file in files:
            return files + tuple(f"smpl/{file}" for file in files)
    return (asset.file,)


def _problem(look: Callable[[Path], object], path: Path) -> str | None:
    try:
        look(path)
    except WeightsError as error:
        return str(error)
    return None


def import_file(path: Path, folder: Path, overwrite: bool = False) -> Imported:
    """Takes an official file in: recognised by its contents, converted exactly, written whole or not at all.

    path    generator, HMR, SMPL pkl or npz, VGG-19 or SphereFace-20, as their authors distribute them
    folder  where the result and its line in the folder's manifest go; made if need be

    Raises: WeightsError when it is none of these, damaged, or carries code. UsageError when the result exists
    and `overwrite` isn't set, or the name doesn't tell which SMPL it is.
    """
    from lwgan_cli.training.subject import whole_file

    found = _recognise(path)
    target = folder / found.file
    if target.exists() and not overwrite:
        raise UsageError(f"{target} exists; give --overwrite to replace it")
    with whole_file(target) as temporary:
        found.write(temporary)
    _note(target, found)
    return Imported(target, found.what, found.kind.licence, found.kind.changes.format(file=found.file, path=target))


def _note(path: Path, found: _Recognised) -> None:
    """The file's line in the manifest of its folder, made anew."""
    from lwgan_cli.training.subject import write_json

    manifest = path.parent / MANIFEST
    content: dict[str, Any] = json.loads(manifest.read_text(encoding="utf-8")) if manifest.is_file() else {"assets": []}
    line = {
        "file": path.name, "kind": found.kind.name, "licence": found.kind.licence, "source": found.kind.source,
        "sha256": sha256_of(path), "bundled": False,
    }  # fmt: skip
    content["assets"] = [row for row in content["assets"] if row["file"] != path.name] + [line]
    write_json(manifest, content)


def _recognise(path: Path) -> _Recognised:
    """What a file is, by its contents, and how it is written in our form.

    Raises: as `import_file`.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such file")
    with path.open("rb") as file:
        start = file.read(len(_TORCH_MAGIC))
    if start.split(b" ")[0] in _OBJ_STARTS:
        return _texture_map(read_mapper(path))
    if _holds_arrays(path, start):
        stored = read_npz(path) if path.suffix == ".npz" else {}
        return _texture_map(np.asarray(stored["face_uv"])) if "face_uv" in stored else _smpl(path)
    tensors = read_tensors(path)
    if bad := [name for name, value in tensors.items() if not _finite(value)]:
        raise WeightsError(f"{path}: {bad[0]} holds numbers that aren't finite; get the file again")
    for recognise in (_generator, _hmr, _vgg, _sphereface):
        found = recognise(tensors, path)
        if found is not None:
            return found
    raise WeightsError(
        f"{path}: none of the files that can be imported (Impersonator generator, HMR, SMPL, VGG-19, SphereFace-20); "
        f"its first entry is {next(iter(tensors))!r}"
    )


def _finite(values: torch.Tensor) -> bool:
    if not values.is_floating_point() or not values.numel():
        return True
    return all(bool(end.isfinite()) for end in values.aminmax())  # which pass NaN on


def _holds_arrays(path: Path, start: bytes) -> bool:
    """An npz or a pickle, rather than a checkpoint of tensors; `start`: its first bytes."""
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as packed:
            return any(name.endswith(".npy") for name in packed.namelist())
    return start.startswith(_PICKLE_STARTS) and not start.startswith(_TORCH_MAGIC[:-1])


def _texture_map(places: np.ndarray) -> _Recognised:
    def write(target: Path) -> None:
        with target.open("wb") as file:
            np.savez(file, face_uv=places)

    return _Recognised(_MAP, MAP_FILE, f"{_MAP.what}, {len(places)} faces", write)


def _smpl(path: Path) -> _Recognised:
    arrays = read_official(path)
    name = next((name for name, files in SMPL_FILES.items() if path.name in files), None)
    if name is None:
        words = path.stem.lower()
        # "female" holds "male".
        name = next((f"smpl-{word}" for word in ("neutral", "female", "male") if word in words), None)
    if name is None and path.suffix != ".npz" and "cocoplus_regressor" in read_pickle(path):
        name = "smpl-neutral"  # HMR's file: the neutral body and COCO's joints
    if name is None:
        raise UsageError(
            f"{path}: an SMPL file, but whose? Name it SMPL_NEUTRAL.pkl, SMPL_MALE.pkl or SMPL_FEMALE.pkl first"
        )
    kept = ("v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table", "f")
    content = {key: arrays[key] for key in kept} | {"vert_sym_idxs": arrays["mirror"]}

    def write(target: Path) -> None:
        with target.open("wb") as file:
            np.savez(file, **content)

    return _Recognised(_SMPL, f"SMPL_{name.removeprefix('smpl-').upper()}.npz", f"{_SMPL.what}, {name[5:]}", write)


def _generator(tensors: Mapping[str, torch.Tensor], path: Path) -> _Recognised | None:
    from lwgan_cli.generator.checkpoints import About, save_generator
    from lwgan_cli.generator.official import architecture_of, is_generator

    if not is_generator(tensors):
        return None
    architecture, sizes = architecture_of(tensors, str(path))
    about = About(architecture, sizes, {"source": f"{_IMPERSONATOR}, {path.name}"})

    def write(target: Path) -> None:
        save_generator(target, tensors, about, half=False, sharded=False)

    file = f"impersonator{architecture.removeprefix('paper')}.safetensors"
    return _Recognised(_GENERATOR, file, f"{_GENERATOR.what}, {architecture}", write)


def _hmr(tensors: Mapping[str, torch.Tensor], path: Path) -> _Recognised | None:
    from lwgan_cli.fitting.hmr import HMR_FILE, Hmr, hmr_tensors

    if "regressor.mean_theta" not in tensors:
        return None
    kept = hmr_tensors(tensors, str(path))
    _check(Hmr, kept, path)
    return _Recognised(_HMR, HMR_FILE, _HMR.what, _tensor_writer(kept))


def _vgg(tensors: Mapping[str, torch.Tensor], path: Path) -> _Recognised | None:
    from lwgan_cli.training.vgg import VGG_FILE, Vgg19, vgg_tensors

    if "features.28.weight" not in tensors:
        return None
    kept = vgg_tensors(tensors)
    _check(Vgg19, kept, path)
    return _Recognised(_VGG, VGG_FILE, _VGG.what, _tensor_writer(kept))


def _sphereface(tensors: Mapping[str, torch.Tensor], path: Path) -> _Recognised | None:
    from lwgan_cli.training.sphereface import SPHEREFACE_FILE, SphereFace20, sphereface_tensors

    if "relu1_1.weight" not in tensors or "conv1_1.weight" not in tensors:
        return None
    kept = sphereface_tensors(tensors)
    _check(SphereFace20, kept, path)
    return _Recognised(_SPHEREFACE, SPHEREFACE_FILE, _SPHEREFACE.what, _tensor_writer(kept))


def _check(network: type[torch.nn.Module], tensors: Mapping[str, torch.Tensor], path: Path) -> None:
    import torch

    with torch.device("meta"):  # the shapes alone
        check_layout(network(), tensors, str(path))


def _tensor_writer(tensors: Mapping[str, torch.Tensor]) -> Callable[[Path], None]:
    def write(target: Path) -> None:
        from safetensors.torch import save_file

        save_file({name: value.contiguous() for name, value in tensors.items()}, target)

    return write
