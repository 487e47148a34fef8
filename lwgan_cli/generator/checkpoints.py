"""Generators as files: safetensors whose header says what network they hold, how large, and how it was trained.

Files stay under SHARD_BYTES; a larger network is spread over `name-00001-of-00002.safetensors` and so on. Nothing in
such a file can run: a pickle is refused before it is read.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from lwgan_cli.assets import find_file, load_manifest, verify
from lwgan_cli.errors import LwganError, UsageError, WeightsError
from lwgan_cli.generator.architectures import Generator, build

HEADER, FORMAT = "lwgan", 1
SHARD_BYTES = 15 << 20
LARGEST_SIZE = 1024  # of any of a network's sizes, so that a header can't ask for all memory
DEFAULT = "generator.safetensors"
_SHARD = re.compile(r"(?P<stem>.+)-(?P<number>\d{5})-of-(?P<count>\d{5})\.safetensors")


@dataclass(frozen=True)
class About:
    """What a file's header says.

    architecture  one of `architectures.ARCHITECTURES`
    sizes         that it was built with, see `architectures.build`
    training      how it was trained: whatever JSON holds
    """

    architecture: str
    sizes: dict[str, int] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


def save_generator(
    path: Path, state: Mapping[str, torch.Tensor], about: About, half: bool = True, sharded: bool = True
) -> list[Path]:
    """Writes a generator's state dictionary, and returns the file, or the shards, that it became.

    Each file is whole or not there; a file or shards that had the name go.

    path     ends in .safetensors
    half     float16; else as exact as given
    sharded  no file larger than SHARD_BYTES; else one file
    Raises LwganError when the files can't be written, and when a number is none.
    """
    tensors = {
        name: (t.half() if half and t.is_floating_point() else t).contiguous().cpu() for name, t in state.items()
    }
    if broken := [name for name, tensor in tensors.items() if not tensor.isfinite().all()]:
        raise LwganError(f"{path}: not saved, as {broken[0]} isn't finite: the training has diverged")
    shards = _split(tensors) if sharded else [tensors]
    header = json.dumps({"format": FORMAT, "save": _digest(tensors), **vars(about)})
    paths = [path]
    if len(shards) > 1:
        paths = [path.with_name(_shard_name(path.stem, n, len(shards))) for n in range(1, len(shards) + 1)]
    parts = [each.with_name(f".{each.name}.part") for each in paths]
    stale = [each for each in [path, *_shards(path)] if each not in paths]
    try:
        for part, shard in zip(parts, shards, strict=True):
            save_file(shard, part, {HEADER: header})
        for part, whole in zip(parts, paths, strict=True):
            part.replace(whole)
        for each in stale:
            each.unlink(missing_ok=True)
    except (OSError, SafetensorError) as error:
        raise LwganError(f"{path}: can't be written ({error}); is the disk full?") from error
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
    return paths


def load_generator(path: Path) -> tuple[Generator, About]:
    """The network of a file, or of all shards where `path` names one of them or what they were saved as; float32, in
    evaluation mode.

    Raises WeightsError for whatever isn't such a file, or isn't whole.
    """
    files = _files(path)
    headers, state = [], dict[str, torch.Tensor]()
    for file in files:
        verify(file)
        header, tensors = _read(file)
        headers.append(header)
        state |= tensors
    if any(header != headers[0] for header in headers):
        raise WeightsError(f"{files[0]}: its shards come from different savings; copy all of them again")
    about = _about(files[0], headers[0])
    try:
        with torch.device("meta"):  # the shapes alone
            net = build(about.architecture, **about.sizes)
    except (UsageError, ValueError, RuntimeError, ZeroDivisionError) as error:
        raise WeightsError(f"{files[0]}: holds no network that this version knows: {error}") from error
    _check(files[0], about, {name: t.shape for name, t in net.state_dict().items()}, state)
    net.load_state_dict(state, assign=True)
    return net.eval(), about


def find_generator(choice: str, weights: Path | None = None) -> Path | None:
    """What `--generator` means: a file; None for `none`.

    choice   none; default: what ships with the project; auto: that, or one of the user's own of its name, unless the
             manifest says that it is no better than none yet; or a path
    weights  `--weights`
    Raises WeightsError when there is no such file.
    """
    if choice == "none":
        return None
    if choice not in ("auto", "default"):
        return _files(Path(choice))[0]
    found = find_file((DEFAULT, *(_shard_name("generator", 1, count) for count in range(2, 10))), weights)
    if found is None and choice == "default":
        raise WeightsError(
            "--generator default: its weights don't lie in the weights folder; "
            "use --generator none, or name a trained file"
        )
    if found is not None and choice == "auto":
        listed = load_manifest(found.parent).get(found.name)
        return found if listed is None or listed.auto else None
    return found


def _files(path: Path) -> list[Path]:
    """The file, or all shards of the set that it belongs to."""
    if path.is_dir():
        raise WeightsError(f"{path} is a folder: name the file in it")
    one = path if path.is_file() or _SHARD.fullmatch(path.name) else next(iter(_shards(path)), path)
    shard = _SHARD.fullmatch(one.name)
    count = int(shard["count"]) if shard else 1
    files = [one.with_name(_shard_name(shard["stem"], n, count)) for n in range(1, count + 1)] if shard else [one]
    if missing := [file for file in files if not file.is_file()]:
        raise WeightsError(
            f"{missing[0]}: no such file" + (f", of {count} shards; copy all of them" if shard else "")
        )  # fmt: skip
    return files


def _shard_name(stem: str, number: int, count: int) -> str:
    return f"{stem}-{number:05d}-of-{count:05d}.safetensors"


def _shards(path: Path) -> list[Path]:
    """Shards on disk of what was saved as `path`."""
    if not path.parent.is_dir():
        return []
    matches = ((_SHARD.fullmatch(each.name), each) for each in path.parent.iterdir())
    return sorted(each for match, each in matches if match and match["stem"] == path.stem)


def _split(tensors: dict[str, torch.Tensor]) -> list[dict[str, torch.Tensor]]:
    """In order, none larger than SHARD_BYTES unless a single tensor is."""
    shards: list[dict[str, torch.Tensor]] = [{}]
    filled = 0
    for name, tensor in tensors.items():
        if shards[-1] and filled + tensor.nbytes > SHARD_BYTES:
            shards.append({})
            filled = 0
        shards[-1][name] = tensor
        filled += tensor.nbytes
    return shards


def _digest(tensors: dict[str, torch.Tensor]) -> str:
    """Tells one saving from another."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


def _read(file: Path) -> tuple[str, dict[str, torch.Tensor]]:
    """The header, unread, and the tensors."""
    try:
        with safe_open(file, "pt") as content:
            header = (content.metadata() or {}).get(HEADER)
            tensors = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError, ValueError, RuntimeError) as error:
        if file.suffix.lower() in (".pth", ".pt", ".pkl", ".tar"):
            raise WeightsError(
                f"{file}: not a safetensors file; `lwgan weights import` converts official checkpoints"
            ) from error
        raise WeightsError(f"{file}: not a safetensors file, or cut off ({error}); copy it again") from error
    if header is None:
        raise WeightsError(f"{file}: holds tensors of other software; `lwgan train` makes generators")
    return header, {name: t.float() if t.is_floating_point() else t for name, t in tensors.items()}


def _about(file: Path, header: str) -> About:
    try:
        content = json.loads(header)
        if content["format"] != FORMAT:
            raise WeightsError(f"{file}: of format {content['format']}, made by another version; save it again")
        about = About(content["architecture"], content["sizes"], content["training"])
        sizes = list(about.sizes.values())
        if not (isinstance(about.architecture, str) and isinstance(about.training, dict)):
            raise ValueError(f"architecture {about.architecture!r}, training {about.training!r}")
        if not all(type(size) is int and 0 < size <= LARGEST_SIZE for size in sizes):
            raise ValueError(f"sizes {about.sizes}")
    except (KeyError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise WeightsError(f"{file}: its header doesn't say what it holds ({error}); save it again") from error
    return about


def _check(
    file: Path, about: About, wanted: Mapping[str, torch.Size], state: Mapping[str, torch.Tensor]
) -> None:  # fmt: skip
    """Raises WeightsError unless names, shapes and numbers are those of the network."""
    faults = [f"{name} is missing" for name in wanted.keys() - state.keys()]
    faults += [f"{name} doesn't belong there" for name in state.keys() - wanted.keys()]
    for name in wanted.keys() & state.keys():
        if state[name].shape != wanted[name]:
            faults.append(f"{name} is {tuple(state[name].shape)} and should be {tuple(wanted[name])}")
        elif not state[name].isfinite().all():
            faults.append(f"{name} isn't finite")
    if faults:
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise WeightsError(f"{file}: not a whole {about.architecture} generator: {min(faults)}{more}")
