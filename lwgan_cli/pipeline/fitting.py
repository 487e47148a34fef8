"""`lwgan fit`: the body in a photo or a clip, as a motion file and drawn over the input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch

from lwgan_cli.body.model import BodyModel, skin
from lwgan_cli.config import FitConfig, overlay_path
from lwgan_cli.correspondence.maps import interpolate
from lwgan_cli.correspondence.rasterizer import choose_backend, rasterize
from lwgan_cli.correspondence.visibility import face_normals, facing
from lwgan_cli.errors import InputError, UsageError
from lwgan_cli.frames.clip import Clip
from lwgan_cli.frames.output import check_output, even_size
from lwgan_cli.frames.video import VideoWriter
from lwgan_cli.generator.window import Window, paste, project_px
from lwgan_cli.motion import save_motion
from lwgan_cli.pipeline.account import SECONDS_A_PHOTO, SECONDS_WATCHED, outlook
from lwgan_cli.pipeline.bodies import Bodies
from lwgan_cli.pipeline.choosing import Listing, choice_in, list_people, warn_of_others, warn_of_poor_fit
from lwgan_cli.pipeline.driving import acting, drive, open_driving
from lwgan_cli.pipeline.people import recover_person
from lwgan_cli.progress import Progress
from lwgan_cli.records import Motion
from lwgan_cli.recovery.recover import Quality
from lwgan_cli.report import Report

OVERLAY_SIZE = 384  # px at which the body is drawn
OVERLAY_ALPHA = 0.65


def fit(given: Path, config: FitConfig, progress: Progress) -> Report:
    """Fit the body and write `config.output` (.npz) and the overlay beside it.

    Raises UsageError for an output that can't be written, InputError where nobody is found.
    """
    if config.output is None or config.output.suffix.lower() != ".npz":
        raise UsageError(f"--output {config.output}: a fit is written as .npz; name one")
    clip = open_pictures(given, config)
    overlay = overlay_path(config.output, ".png" if clip.kind == "photo" else ".mp4")
    for path in (config.output, overlay):
        check_fit_output(path, given, config.overwrite)
    whole = clip.whole
    size = even_size(whole.width, whole.height)
    about: dict[str, object] = dict(
        path=str(given), kind=clip.kind, width=whole.width, height=whole.height, frames=clip.count, fps=clip.fps
    )
    planned = Report(
        output=config.output, overlay=overlay, frames=clip.count, fps=clip.fps, size=size, device=config.device,
        backends={}, seconds={}, fit={}, warnings=progress.warnings, inputs=(about,), dry_run=True,
        estimated_seconds=SECONDS_A_PHOTO + SECONDS_WATCHED * clip.count,
    )  # fmt: skip
    if config.dry_run:
        return planned
    bodies = Bodies.load(config)
    progress.announce(outlook(planned))
    quality: Quality | None
    offsets: torch.Tensor | None
    if clip.kind == "photo":
        person = recover_person(clip.first(), str(given), bodies, progress, choice_in(clip, config), True)
        warn_of_others(given, person.people, config, progress)
        warn_of_poor_fit(given, person.dressed.quality.iou, progress)
        motion, quality, offsets = person.dressed.motion, person.dressed.quality, person.dressed.offsets
        role = "photo"
    else:
        bodies = acting(bodies, given, clip, config, progress)
        driven = drive(given, clip, bodies, config, progress, strict=True)
        motion, offsets, role = driven.motion, None, "driving"
        quality = driven.quality
    motion = motion.placed(clip.corner, (whole.width, whole.height))
    with (
        VideoWriter(overlay, size, clip.fps, overwrite=config.overwrite, threads=config.threads) as writer,
        progress.stage("overlay", len(motion)) as done,
    ):
        for picture in overlaid(bodies.model, motion, offsets, whole, config.rasterizer):
            writer.write(picture[: size[1], : size[0]])
            done(1)
        save_motion(config.output, replace(motion, fps=clip.fps))
    return Report(
        output=config.output, overlay=overlay, frames=len(motion), fps=clip.fps, size=size, device=config.device,
        backends=dict(
            rasterizer=choose_backend(config.rasterizer, torch.device(config.device)), body=bodies.model.name,
            fitter=config.fitter,
        ),
        seconds=progress.seconds, elapsed=progress.elapsed,
        fit={role: dict(vars(quality))} if quality else {}, warnings=progress.warnings,
        inputs=(about,),
    )  # fmt: skip


def open_pictures(given: Path, config: FitConfig) -> Clip:
    """The photo or clip to be fitted. Raises InputError for a motion file."""
    clip = open_driving(given, config)
    if clip is None:
        raise InputError(f"{given} is a motion file already: give the photo or video that it should be fitted to")
    return clip


def show_people(given: Path, config: FitConfig, progress: Progress) -> Listing:
    """Who is in a photo or a clip, for `--person` to choose. Raises InputError where nobody is found."""
    return list_people(given, open_pictures(given, config), progress)


def check_fit_output(path: Path, given: Path, overwrite: bool) -> None:
    """`check_output`, for a motion file as well."""
    if path.suffix.lower() != ".npz":
        check_output(path, [given], overwrite)
        return
    if not path.resolve().parent.is_dir():
        raise UsageError(f"--output {path}: there is no folder {path.resolve().parent}; make it first")
    if path.exists() and not overwrite:
        raise UsageError(f"--output {path} exists: give --overwrite, or name another")


def overlaid(
    model: BodyModel, motion: Motion, offsets: torch.Tensor | None, clip: Clip, backend: str
) -> Iterator[np.ndarray]:
    """The clip's frames with the body drawn over them, coloured by its normals."""
    poses, betas = torch.from_numpy(motion.poses), torch.from_numpy(motion.betas)
    camera = motion.picture_camera()
    for row, picture in enumerate(clip):
        if row >= len(motion):
            return
        vertices, _ = skin(model, poses[row : row + 1], betas, offsets)
        cameras = torch.from_numpy(camera[row : row + 1].astype(np.float32))
        places = project_px(vertices, cameras)
        window = Window.around(places).clipped((clip.width, clip.height))
        if window is None:
            yield picture
            continue
        ndc = window.ndc(vertices, cameras)
        shrink = min(1.0, OVERLAY_SIZE / max(window.size))
        shape = (max(1, round(window.size[1] * shrink)), max(1, round(window.size[0] * shrink)))
        fragments = rasterize(ndc, model.faces, shape, backend)
        light = facing(face_normals(ndc, model.faces))[0]
        shade = (0.35 + 0.65 * light.clamp(0, 1))[fragments.pix_to_face[0].clamp_min(0)]
        tint = interpolate(fragments, model.faces, _tints(model))[0] * shade[..., None]
        rgba = torch.cat([tint.clamp(0, 1), OVERLAY_ALPHA * fragments.mask[0][..., None]], -1).numpy()
        large = cv2.resize(rgba, window.size, interpolation=cv2.INTER_LINEAR)
        yield paste(picture, torch.from_numpy(large).permute(2, 0, 1), window.corner)


def _tints(model: BodyModel) -> torch.Tensor:
    """(V, 3) a colour for each vertex, blended over the joints by the skinning weights."""
    hues = np.arange(24) * 67 % 180
    palette = cv2.cvtColor(
        np.stack([hues, np.full(24, 110), np.full(24, 255)], 1).astype(np.uint8)[None], cv2.COLOR_HSV2RGB
    )[0]
    return model.lbs_weights @ torch.from_numpy(palette.astype(np.float32) / 255)
