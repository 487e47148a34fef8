"""Where a result goes: the form its name asks for, the checks before the work, the rename when whole."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from lwgan_cli import __version__
from lwgan_cli.errors import LwganError, UsageError

Form = Literal["video", "picture", "animation", "folder"]

VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm")
PICTURE_SUFFIXES = (".png", ".jpg", ".jpeg")
ANIMATION_SUFFIXES = (".gif", ".webp")
ALPHA_SUFFIXES = (".mov", ".webm", ".png", ".gif", ".webp", "")
SYNTHESISED = f"synthesised by lwgan {__version__} (Liquid Warping GAN): not a recording"

_FRAME_NAME = re.compile(r"\d{6,}\.png")


def output_form(path: str | os.PathLike[str]) -> Form:
    """What the name asks for.

    .mp4 .m4v .mov .mkv .webm a video; .png .jpg a picture; .gif .webp an animation (a WebP of one frame is a
    picture); a trailing slash, no suffix or an existing folder: a folder of numbered PNGs.
    Raises UsageError for any other suffix."""
    name = os.fspath(path)
    suffix = Path(name).suffix.lower()
    if name.endswith(("/", os.sep)) or not suffix or Path(name).is_dir():
        return "folder"
    if suffix in VIDEO_SUFFIXES:
        return "video"
    if suffix in PICTURE_SUFFIXES:
        return "picture"
    if suffix in ANIMATION_SUFFIXES:
        return "animation"
    raise UsageError(
        f"--output {name}: {suffix} isn't a form that can be written; name a video"
        f" ({' '.join(VIDEO_SUFFIXES)}), a picture ({' '.join(PICTURE_SUFFIXES)}), an animation"
        f" ({' '.join(ANIMATION_SUFFIXES)}) or a folder (ending in /)"
    )


def check_output(
    path: str | os.PathLike[str],
    inputs: Iterable[str | os.PathLike[str]] = (),
    overwrite: bool = False,
    frames: int | None = None,
) -> Form:
    """Everything about an output that can be refused before the work, so that none is lost.

    inputs     files and folders that the work reads
    overwrite  an existing result may be replaced; a folder if it holds numbered frames and nothing else
    frames     how many frames will be written, where known: a picture holds one

    Returns the form. Raises UsageError: no such form, exists, is or holds an input, its folder is missing,
    more than one frame for a picture. Raises LwganError where its folder can't be written to.
    """
    form = output_form(path)
    target = Path(os.path.realpath(path))
    for given in inputs:
        source = Path(os.path.realpath(given))
        if target in source.parents or _same(source, target):
            raise UsageError(f"--output {path} would overwrite the input {given}: name another output")
    if form == "picture" and frames is not None and frames > 1:
        raise UsageError(f"--output {path}: a picture holds one frame, not {frames}; name a video or a folder/")
    if not target.parent.is_dir():
        raise UsageError(f"--output {path}: there is no folder {target.parent}; make it first")
    _check_existing(path, target, form, overwrite)
    try:
        with tempfile.TemporaryDirectory(prefix=".lwgan-", dir=target.parent):
            pass
    except OSError as error:
        raise LwganError(
            f"--output {path}: can't write to {target.parent} ({error.strerror}); name another folder"
        ) from error
    return form


def check_alpha(path: str | os.PathLike[str]) -> None:
    """Raises UsageError for an output whose form can't be transparent."""
    suffix = "" if output_form(path) == "folder" else Path(path).suffix.lower()
    if suffix not in ALPHA_SUFFIXES:
        raise UsageError(
            f"--output {path}: {suffix} can't be transparent; name a .mov, .webm, .webp, .gif, .png or a folder/"
        )


def even_size(width: int, height: int, max_side: int = 0) -> tuple[int, int]:
    """(width, height) of a video frame for a picture of this size: its shape kept, within `max_side`
    (0: no limit), even as yuv420p needs, and never larger than the picture (but 1 px becomes 2)."""
    scale = min(1.0, max_side / max(width, height)) if max_side else 1.0

    def even(side: int) -> int:
        limit = min(side, max_side or side)
        return max(2, min(2 * round(side * scale / 2), limit // 2 * 2))

    return even(width), even(height)


@contextlib.contextmanager
def workspace(target: Path) -> Iterator[Path]:
    """A hidden folder beside the target for what isn't whole yet; it goes in the end, with all left in it."""
    folder = target.with_name(f".{target.name[:40]}.{secrets.token_hex(6)}.part")
    try:  # from here on, as an interrupt may come right after the folder
        try:
            folder.mkdir(0o700)
        except OSError as error:
            raise LwganError(f"can't write to {target.parent} ({error.strerror}); name another output") from error
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put_in_place(made: Path, path: str | os.PathLike[str], overwrite: bool) -> None:
    """Renames the finished file or folder to the output's name, in one step for a file.
    Raises UsageError where something has appeared there since the check."""
    target = Path(os.path.realpath(path))
    _check_existing(path, target, "folder" if made.is_dir() else "video", overwrite)
    if not made.is_dir():
        made.replace(target)
        return
    old = made.with_name(f"old-{secrets.token_hex(4)}")  # in the workspace, and removed with it
    try:
        if target.exists():
            target.rename(old)
        made.rename(target)
    except BaseException:  # an interrupt too
        if old.exists() and not target.exists():
            old.rename(target)
        raise


def _check_existing(path: str | os.PathLike[str], target: Path, form: Form, overwrite: bool) -> None:
    if not target.exists():
        return
    if form == "folder":
        if not target.is_dir():
            raise UsageError(f"--output {path}: there is a file of that name; name another folder")
        names = [entry.name for entry in target.iterdir()]
        if not all(_FRAME_NAME.fullmatch(name) for name in names):
            raise UsageError(
                f"--output {path}: the folder holds other things than frames, which are never replaced;"
                " name another folder"
            )
        if names and not overwrite:
            raise UsageError(f"--output {path} exists; give --overwrite or another name")
    elif target.is_dir():
        raise UsageError(f"--output {path} is a folder; name a file")
    elif not overwrite:
        raise UsageError(f"--output {path} exists; give --overwrite or another name")


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:
        return False
