"""The account of a run: what it would do, and what it has done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from lwgan_cli.config import DrawConfig
from lwgan_cli.correspondence.rasterizer import choose_backend
from lwgan_cli.dressing.dress import Tears
from lwgan_cli.frames.clip import Clip
from lwgan_cli.frames.output import even_size, output_form
from lwgan_cli.pipeline.bodies import Bodies
from lwgan_cli.pipeline.driving import Driving
from lwgan_cli.pipeline.generate import network_name
from lwgan_cli.pipeline.job import Job, Play, result_size
from lwgan_cli.pipeline.people import Role, open_photo
from lwgan_cli.progress import Progress
from lwgan_cli.report import Report

STAGES = ("decode", "detect", "fit", "dress", "rasterize", "composite", "encode")  # always in the report
# about what a run costs on two cores: each photo, finding and fitting the driver in a frame, and drawing one
SECONDS_A_PHOTO, SECONDS_WATCHED, SECONDS_DRAWN = 5.0, 0.13, 0.07


def plan(job: Job, play: Play, config: DrawConfig, progress: Progress) -> Report:
    """What would be done. Raises InputError for a photo that can't be used."""
    pictures = [open_photo(path, config) for path in job.pictures]
    stage = photo = even_size(pictures[0].whole.width, pictures[0].whole.height, config.max_side)
    if config.background.kind == "driving" and play.clip is not None:
        stage = even_size(play.clip.whole.width, play.clip.whole.height, config.max_side)
    return Report(
        output=Path(config.output or ""), sheet=config.sheet, **_form(play, config),
        size=result_size(photo, stage, play, config),
        device=config.device, backends={}, seconds={}, fit={}, warnings=progress.warnings, dry_run=True,
        inputs=(*(_about(clip.path, clip) for clip in pictures), *_about_driving(job, play)),
        estimated_seconds=SECONDS_A_PHOTO * len(pictures)
        + SECONDS_WATCHED * (play.clip.count if play.clip else 0)
        + SECONDS_DRAWN * len(play) * (config.views or 1),
    )  # fmt: skip


def outlook(planned: Report) -> str:
    """What is about to be done, on one line."""
    width, height = planned.size
    what = "a picture" if planned.frames == 1 else f"{planned.frames} frames"
    about = "" if planned.estimated_seconds is None else f", about {planned.estimated_seconds:.0f} s"
    return f"plan: {what} of {width}×{height} px into {planned.output}{about} on {planned.device}"


def account(
    job: Job, play: Play, roles: list[Role], driven: Driving, size: tuple[int, int], torn: Tears, bodies: Bodies,
    config: DrawConfig, progress: Progress,
) -> Report:  # fmt: skip
    """What has been done."""
    fits: dict[str, dict[str, float | None]] = {role.name: dict(vars(role.best.dressed.quality)) for role in roles}
    if driven.quality is not None:
        fits["driving"] = dict(vars(driven.quality))
    fits["target"] = dict(vars(torn))
    return Report(
        output=Path(config.output or ""), sheet=config.sheet, **_form(play, config),
        size=size, device=config.device,
        backends=dict(
            rasterizer=choose_backend(config.rasterizer, torch.device(config.device)), body=bodies.model.name,
            generator=network_name(config), fitter=config.fitter,
        ),
        seconds={**dict.fromkeys(STAGES, 0.0), **progress.seconds}, elapsed=progress.elapsed, fit=fits,
        warnings=progress.warnings,
        inputs=(*(dict(path=str(photo)) for photo in job.pictures), *_about_driving(job, play)),
    )  # fmt: skip


def _form(play: Play, config: DrawConfig) -> dict[str, Any]:
    """Frames and rate of the output; a picture has none."""
    still = config.grid or output_form(config.output or "") == "picture"
    return dict(frames=1, fps=0.0) if still else dict(frames=len(play), fps=play.fps)


def _about_driving(job: Job, play: Play) -> tuple[dict[str, object], ...]:
    if job.driving is None:
        return ()
    if play.clip is not None:
        return (_about(job.driving, play.clip),)
    return (dict(path=str(job.driving), kind="motion", frames=max(play.rows) + 1, fps=play.fps),)


def _about(path: Path, clip: Clip) -> dict[str, object]:
    whole = clip.whole
    return dict(
        path=str(path), kind=clip.kind, width=whole.width, height=whole.height, frames=clip.count, fps=clip.fps,
        audio=clip.has_audio,
    )  # fmt: skip
