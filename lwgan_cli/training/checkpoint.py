"""Where a run stands, on disk: whole files, the last two of them, from which it goes on exactly."""

from __future__ import annotations

import pickle
import re
from pathlib import Path
from typing import Any

import torch

from lwgan_cli.errors import InputError
from lwgan_cli.training.step import State
from lwgan_cli.training.subject import whole_file

FORMAT = 1
KEEP = 2
_NAME = re.compile(r"step-(\d{8})\.pt")


def checkpoints(folder: Path) -> list[Path]:
    """A run's checkpoints, oldest first."""
    found = (path for path in folder.glob("step-*.pt") if _NAME.fullmatch(path.name))
    return sorted(found, key=lambda path: path.name)


def step_of(path: Path) -> int:
    """The step that a checkpoint was written at."""
    return int(path.stem.removeprefix("step-"))


def save(folder: Path, state: State, about: dict[str, Any]) -> Path:
    """Writes the state beside what it must agree with (`about`: architecture, sizes), and drops all but the last
    KEEP."""
    path = folder / f"step-{state.step:08d}.pt"
    content = {
        "format": FORMAT,
        "about": about,
        "step": state.step,
        "generator": state.painter.generator.state_dict(),
        "averaged": state.averaged.state_dict(),
        "critic": state.critic.state_dict() if state.critic is not None else None,
        "optimizers": {name: optimizer.state_dict() for name, optimizer in state.optimizers.items()},
        "rng": torch.get_rng_state(),
    }
    with whole_file(path) as temporary:
        torch.save(content, temporary)
    for old in checkpoints(folder)[:-KEEP]:
        old.unlink()
    return path


def restore(path: Path, state: State, about: dict[str, Any]) -> None:
    """Puts the state where the checkpoint was. Raises InputError for a file that is none, or another run's."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if content["format"] != FORMAT:
            raise InputError(f"{path}: made by another version; start anew in another folder")
        if content["about"] != about:
            raise InputError(
                f"{path}: a run of {content['about']}, not of {about}; give the same options, or no --resume"
            )
        state.painter.generator.load_state_dict(content["generator"])
        state.averaged.load_state_dict(content["averaged"])
        if state.critic is not None:
            state.critic.load_state_dict(content["critic"])
        for name, optimizer in state.optimizers.items():
            optimizer.load_state_dict(content["optimizers"][name])
        state.step = int(content["step"])
        torch.set_rng_state(content["rng"])
    except (OSError, RuntimeError, KeyError, TypeError, ValueError, EOFError, pickle.UnpicklingError) as error:
        raise InputError(f"{path}: not a checkpoint of this run ({error}); remove it to go on from the last") from error
