"""Weights files: where they lie, whether they are whole, and how to read those of others safely.

`weights/manifest.json` lists what ships with the project (file, sha256, licence, source) and what a
user may add. Official SMPL files are Python pickles, and a pickle can run code; they are read by an
unpickler that knows numpy arrays, scipy's sparse matrices and chumpy's array types, and nothing else.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import re
import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np
import platformdirs
import scipy.sparse

from lwgan_cli.errors import NPZ_DAMAGE, WeightsError

if TYPE_CHECKING:
    import torch

MANIFEST = "manifest.json"
_PACKAGE = Path(__file__).resolve().parent
_SAFE_BUILTINS = {"set": set, "frozenset": frozenset, "object": object, "list": list, "dict": dict}
_SAFE_NUMPY = {
    "core.multiarray": ("_reconstruct", "scalar"),
    "core.numeric": ("_frombuffer",),
    "": ("ndarray", "dtype"),
}


@dataclass(frozen=True)
class Asset:
    """One line of the manifest.

    file     name within the weights folder
    kind     "body", "generator", …
    licence  SPDX name, or the name of the licence and who may use it
    source   where it comes from
    sha256   hexadecimal; None for files that a user adds
    bundled  it ships with the project
    auto     options that are `auto` take it, not only those that name it
    """

    file: str
    kind: str
    licence: str
    source: str
    sha256: str | None
    bundled: bool
    auto: bool = True


def find_weights_dir(override: Path | str | None = None) -> Path:
    """The folder with the weights: `override`, else the checkout's `weights/`, else the wheel's own.

    Raises: WeightsError when there is none.
    """
    if override is not None:
        folder = Path(override)
        if not folder.is_dir():
            raise WeightsError(f"--weights {folder}: no such folder; name the folder that holds the weights")
        return folder
    for folder in (_PACKAGE.parent / "weights", _PACKAGE / "_weights"):
        if (folder / MANIFEST).is_file():
            return folder
    raise WeightsError(
        f"no weights: neither {_PACKAGE.parent / 'weights'} nor {_PACKAGE / '_weights'} holds a {MANIFEST}; "
        "install lwgan again, or name their folder with --weights"
    )


def find_example(name: str) -> Path:
    """A sample input: the checkout's, else the wheel's own. Raises: WeightsError when there is none."""
    for folder in (_PACKAGE.parent / "examples", _PACKAGE / "_examples"):
        if (folder / name).is_file():
            return folder / name
    raise WeightsError(f"no bundled example {name}: install lwgan again, or name a photo of your own")


def user_weights_dir() -> Path:
    """Where `lwgan weights import` puts files if no folder is named: LWGAN_WEIGHTS, else the platform's own place.
    It need not exist."""
    return Path(os.environ.get("LWGAN_WEIGHTS") or platformdirs.user_data_path("lwgan", appauthor=False) / "weights")


def search_path(override: Path | str | None = None) -> list[Path]:
    """Folders that are searched for weights, in order: `override`, the user's, and what ships with the project.
    The first two may hold only additions."""
    folders = [] if override is None else [find_weights_dir(override)]
    if user_weights_dir().is_dir():
        folders.append(user_weights_dir())
    return [*folders, find_weights_dir()]


def find_file(names: str | tuple[str, ...], override: Path | str | None = None) -> Path | None:
    """The first of `names` that lies in a folder of the search path."""
    for folder in search_path(override):
        for name in (names,) if isinstance(names, str) else names:
            if (folder / name).is_file():
                return folder / name
    return None


def load_manifest(folder: Path) -> dict[str, Asset]:
    """The manifest of a weights folder by file name; empty when it has none.

    Raises: WeightsError when it can't be read.
    """
    path = folder / MANIFEST
    if not path.is_file():
        return {}
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))["assets"]
        assets = [
            Asset(r["file"], r["kind"], r["licence"], r["source"], r.get("sha256"), r["bundled"], r.get("auto", True))
            for r in rows
        ]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(f"{path}: not a manifest ({error!r}); restore it from the project") from error
    return {asset.file: asset for asset in assets}


def sha256_of(path: Path) -> str:
    """Hexadecimal sha256 of a file's contents."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def verify(path: Path) -> str:
    """sha256 of a weights file, held against the manifest in its folder where that names one.

    Raises: WeightsError when the file is missing or isn't what the manifest says.
    """
    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file; see `lwgan weights`")
    digest = sha256_of(path)
    listed = load_manifest(path.parent).get(path.name)
    if listed is not None and listed.sha256 not in (None, digest):
        raise WeightsError(
            f"{path}: sha256 {digest[:12]}…, but the manifest says {str(listed.sha256)[:12]}…: the file is "
            "damaged or was replaced; restore it, or rebuild it"
        )
    return digest


def record_sha256(path: Path) -> None:
    """Writes a rebuilt file's sha256 into the manifest of its folder, where that lists the file."""
    if path.name not in load_manifest(path.parent):
        return
    manifest = path.parent / MANIFEST
    content = json.loads(manifest.read_text(encoding="utf-8"))
    for row in content["assets"]:
        if row["file"] == path.name:
            row["sha256"] = sha256_of(path)
    manifest.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


class _ChumpyStandIn:
    """Holds what a chumpy array pickled; `value()` computes it for the types that body files use."""

    kind = "Ch"

    def __setstate__(self, state: dict[str, Any]) -> None:
        if not isinstance(state, dict):
            raise pickle.UnpicklingError(f"unexpected chumpy state {type(state).__name__}")
        self.__dict__.update(state)

    def value(self) -> np.ndarray:
        parts = self.__dict__
        if self.kind == "Ch" and "x" in parts:
            return np.asarray(plain(parts["x"]))
        if self.kind == "Select" and {"a", "idxs"} <= parts.keys():
            chosen = np.asarray(plain(parts["a"])).ravel()[np.asarray(plain(parts["idxs"]))]
            shape = parts.get("preferred_shape")
            return chosen if shape is None else chosen.reshape(tuple(plain(shape)))
        if self.kind == "Reshape" and {"a", "newshape"} <= parts.keys():
            return np.asarray(plain(parts["a"])).reshape(tuple(plain(parts["newshape"])))
        raise WeightsError(f"chumpy type {self.kind!r} in a body file is not supported; convert it to npz")


def plain(value: Any) -> Any:
    """A value from `read_pickle` or `read_npz` with chumpy and sparse arrays made dense numpy arrays."""
    if isinstance(value, _ChumpyStandIn):
        return value.value()
    if scipy.sparse.issparse(value):
        return value.toarray()
    if isinstance(value, np.ndarray) and value.dtype == object and value.ndim == 0:
        return plain(value.item())
    return value


class _ArrayUnpickler(pickle.Unpickler):
    """Builds arrays and plain containers; anything else a pickle names is refused."""

    def find_class(self, module: str, name: str) -> Any:
        root, _, rest = module.partition(".")
        if root in ("builtins", "__builtin__") and name in _SAFE_BUILTINS:
            return _SAFE_BUILTINS[name]
        if root == "numpy" and name in _SAFE_NUMPY.get(rest.replace("_core", "core"), ()):
            # numpy 2 renamed core to _core; a file may come from either.
            for core in (".core", "._core"):
                try:
                    return super().find_class(re.sub(r"\._?core\b", core, module), name)
                except (ImportError, AttributeError):
                    continue
        if root == "scipy" and rest.split(".")[0] == "sparse" and name in (
            "csc_matrix", "csr_matrix", "coo_matrix", "csc_array", "csr_array", "coo_array",
        ):  # fmt: skip
            return getattr(scipy.sparse, name)
        if root == "chumpy":
            return type(name, (_ChumpyStandIn,), {"kind": name})
        if (module, name) in (("copy_reg", "_reconstructor"), ("copyreg", "_reconstructor")):
            return _reconstruct_object
        if (module, name) == ("_codecs", "encode"):
            return _encode
        raise pickle.UnpicklingError(f"it names {module}.{name}, which is no array")


def _reconstruct_object(cls: type, base: type, state: object) -> object:
    """copyreg's way of making an old-protocol object, for this unpickler's classes alone."""
    if base is not object or state is not None:
        raise pickle.UnpicklingError(f"unexpected base {base!r}")
    return object.__new__(cls)


def _encode(text: str, encoding: str) -> bytes:
    """How Python 3 writes bytes in a protocol-2 pickle."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"unexpected encoding {encoding!r}")
    return text.encode("latin1")


def _unpickle(file: IO[bytes], what: str) -> Any:
    try:
        return _ArrayUnpickler(file, encoding="latin1").load()
    except WeightsError:
        raise
    # A damaged stream raises whatever its opcodes run into.
    except Exception as error:
        raise WeightsError(f"{what}: refused ({error}); use the file as its authors distribute it") from error


def read_pickle(path: Path) -> dict[str, Any]:
    """The dictionary in a body file's pickle (protocols 0–5, Python 2's too), without running its code.

    Values keep their types; pass them through `plain`.

    Raises: WeightsError when it is no such pickle or names anything but arrays.
    """
    with path.open("rb") as file:
        content = _unpickle(file, str(path))
    if not isinstance(content, dict):
        raise WeightsError(f"{path}: holds {type(content).__name__}, not a dictionary of arrays")
    return content


def read_npz(path: Path) -> Mapping[str, Any]:
    """The arrays of an npz. Those stored as pickled objects go through the same guard as `read_pickle`.

    Raises: WeightsError when it can't be read.
    """
    try:
        with np.load(path, allow_pickle=False) as archive, zipfile.ZipFile(path) as packed:
            return {name: _read_member(archive, packed, name, path) for name in archive.files}
    except NPZ_DAMAGE as error:
        raise WeightsError(f"{path}: not a readable npz ({error})") from error


def _read_member(archive: Any, packed: zipfile.ZipFile, name: str, path: Path) -> Any:
    data = packed.read(f"{name}.npy")
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read_header = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read_header = np.lib.format.read_array_header_2_0
    _, _, dtype = read_header(stream)
    if not dtype.hasobject:
        return archive[name]
    return _unpickle(stream, f"{path}, {name}")


def read_tensors(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a PyTorch checkpoint or a safetensors file by name, on the CPU.

    A checkpoint is a state dictionary, or holds one as "state_dict"; it is read with `weights_only`, which
    builds tensors and plain containers and refuses everything else that a pickle may name. The prefix
    "module." that DataParallel leaves on names is taken off.

    Raises: WeightsError when the file is missing, damaged, carries code, or holds anything but tensors.
    """
    import torch
    from safetensors.torch import load_file

    if not path.is_file():
        raise WeightsError(f"{path}: no such weights file; see `lwgan weights list`")
    try:
        if _is_safetensors(path):
            return load_file(path)
        with warnings.catch_warnings(), path.open("rb") as file:  # a file: torch would go by the path's suffix
            warnings.simplefilter("ignore")  # about pickles of protocols that nobody meant to load
            content = torch.load(file, map_location="cpu", weights_only=True)
    # A damaged file raises whatever its bytes run into.
    except Exception as error:
        if isinstance(error, pickle.UnpicklingError) and "GLOBAL" in str(error):
            message = "refused: it carries more than tensors, which could run code; use the file of its authors"
        else:
            message = "neither a whole PyTorch checkpoint nor safetensors: damaged, or something else; get it again"
        raise WeightsError(f"{path}: {message}") from error
    if isinstance(content, Mapping) and isinstance(content.get("state_dict"), Mapping):
        content = content["state_dict"]
    if not isinstance(content, Mapping) or not content:
        raise WeightsError(f"{path}: holds {type(content).__name__}, not a dictionary of tensors")
    strangers = [name for name, value in content.items() if not isinstance(value, torch.Tensor)]
    if strangers:
        raise WeightsError(f"{path}: {strangers[0]!r} is no tensor, so this is no state dictionary")
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def _is_safetensors(path: Path) -> bool:
    """The file starts as safetensors do: eight bytes of length, then a JSON object."""
    with path.open("rb") as file:
        return file.read(9)[8:] == b"{"


def check_layout(network: torch.nn.Module, tensors: Mapping[str, torch.Tensor], what: str) -> None:
    """Raises WeightsError naming the first entry that is missing, too many, or of another shape than the network's.

    what  the file and what it should hold, for the message
    """
    wanted = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    given = {name: tuple(value.shape) for name, value in tensors.items()}
    if missing := sorted(wanted.keys() - given.keys()):
        raise WeightsError(f"{what}: another layout: {missing[0]} is missing ({len(missing)} of {len(wanted)} entries)")
    if surplus := sorted(given.keys() - wanted.keys()):
        raise WeightsError(f"{what}: another layout: {surplus[0]} has no place in it ({len(surplus)} such entries)")
    if wrong := [name for name in wanted if wanted[name] != given[name]]:
        raise WeightsError(f"{what}: another layout: {wrong[0]} is {given[wrong[0]]}, not {wanted[wrong[0]]}")


def fill(network: torch.nn.Module, tensors: Mapping[str, torch.Tensor], what: str) -> None:
    """Loads tensors into a network of exactly that layout. Raises WeightsError as `check_layout` does."""
    check_layout(network, tensors, what)
    network.load_state_dict(dict(tensors))
