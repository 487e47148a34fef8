"""Novel views and transfers of rendered people, against what the renderer says that they look like.

    python -m lwgan_cli.evaluation.views [--people 4] [--step 30] [--generator none] [--json]

Each person is rendered once, as a photo in a scene; the commands find, fit and draw them as they would anybody. The
truth is the same person rendered from the other side, under a light that has turned with them, or in the other's
clothes. Both are compared before grey, inside what either of them covers.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from lwgan_cli.body.model import BodyModel, load_body
from lwgan_cli.body.retarget import Target
from lwgan_cli.body.turn import turn
from lwgan_cli.config import Background, DrawConfig, Turn
from lwgan_cli.frames.photo import over, read_photo
from lwgan_cli.frames.video import VideoWriter
from lwgan_cli.metrics.mask import iou
from lwgan_cli.metrics.picture import psnr, sharpness, ssim
from lwgan_cli.pipeline import novelview, transfer
from lwgan_cli.progress import Silent
from lwgan_cli.synthetic.person import ATLAS, Person, make_person
from lwgan_cli.synthetic.render import Light, render
from lwgan_cli.synthetic.truth import Film, random_film, shoot

SIZE = (480, 640)
GREY = (128, 128, 128)
MOTION = "sway"  # people stand


@dataclass(frozen=True)
class Score:
    """One picture against the truth. angle in degrees; SSIM, PSNR in dB and sharpness (1: as sharp) inside the
    person, IoU of the masks."""

    angle: float
    ssim: float
    psnr: float
    sharpness: float
    iou: float


def score(angle: float, result: np.ndarray, real: np.ndarray) -> Score:
    """From pictures (H, W, 4) uint8 with straight alpha."""
    masks = [picture[..., 3] > 127 for picture in (result, real)]
    either = masks[0] | masks[1]
    ours, theirs = (over(picture, GREY) for picture in (result, real))
    return Score(
        angle,
        ssim(ours, theirs, either),
        psnr(ours, theirs, either),
        sharpness(ours, theirs, either),
        iou(*masks),
    )


def sides(film: Film, person: Person, degrees: Sequence[float]) -> list[np.ndarray]:
    """The truth: a person in the film's first pose from other sides, (H, W, 4) uint8 each."""
    like, view = film.model.v_template, film.scene.view
    first = film.motion[:1]
    out = []
    for angle in degrees:
        target = turn(film.model, Target(first.poses, first.picture_camera()), first.betas, np.array([angle]), 0.0)
        drawn = render(
            film.model, person, like.new_tensor(target.poses), like.new_tensor(target.camera), view.size,
            turned_light(film.scene.light, angle),
        )  # fmt: skip
        alpha = drawn.alpha[0, ..., None]
        # black shows where the person covers a pixel in part; straight colours have none of it
        linear = drawn.pictures[0].permute(1, 2, 0) ** 2.2 / alpha.clamp(min=0.02)
        picture = torch.cat([linear.clamp(0, 1) ** (1 / 2.2), alpha], -1)
        out.append((picture * 255).round().byte().cpu().numpy())
    return out


def turned_light(light: Light, degrees: float) -> Light:
    """The lamp, gone around with the person."""
    c, s = float(np.cos(np.radians(degrees))), float(np.sin(np.radians(degrees)))
    x, y, z = light.direction
    return replace(light, direction=(c * x + s * z, y, c * z - s * x))


def novel_views(film: Film, degrees: Turn, config: DrawConfig) -> list[Score]:
    """Scores of `lwgan novelview` on the film's first frame, `degrees.step` apart."""
    with tempfile.TemporaryDirectory() as folder:
        photo = write_photo(film, Path(folder) / "photo.png")
        made = replace(config, output=Path(folder) / "sides", degrees=degrees, background=Background("transparent"))
        novelview([photo], made, Silent())
        results = [read_rgba(path) for path in sorted(made.output.iterdir())] if made.output else []
    angles = degrees.angles(degrees.step or 1)
    real = sides(film, film.person, angles)
    return [score(*each) for each in zip(angles, results, real, strict=True)]


def transfers(head: Film, body: Film, config: DrawConfig) -> Score:
    """Score of `lwgan transfer` between two films' first frames."""
    with tempfile.TemporaryDirectory() as folder:
        photos = [write_photo(film, Path(folder) / f"{name}.png") for name, film in (("a", head), ("b", body))]
        made = replace(config, output=Path(folder) / "out.png", background=Background("transparent"))
        transfer(photos[:1], {"body": photos[1:]}, None, made, Silent())
        result = read_rgba(Path(folder) / "out.png")
    theirs = body.person.look
    look = replace(head.person.look, top=theirs.top, bottom=theirs.bottom, shoes=theirs.shoes)
    return score(0.0, result, sides(head, make_person(head.model, look), [0.0])[0])


def write_photo(film: Film, path: Path) -> Path:
    with VideoWriter(path, film.scene.view.size, 25.0) as writer:
        writer.write(shoot(replace(film, motion=film.motion[:1])).pictures[0])
    return path


def standing(model: BodyModel, seed: int, size: tuple[int, int] = SIZE, atlas: int = ATLAS) -> Film:
    """Somebody who stands somewhere. size (width, height) px; atlas px, of the texture."""
    return random_film(model, seed, 1, size, MOTION, atlas=atlas)


def mean(scores: Sequence[Score]) -> Score:
    """The mean of each number."""
    return Score(*np.nanmean([list(asdict(each).values()) for each in scores], 0).tolist())


def table(title: str, rows: Mapping[str, Score]) -> str:
    """Markdown, a line for each name."""
    lines = [f"| {title} | SSIM | PSNR, dB | sharpness | IoU |", "|---|---|---|---|---|"]
    lines += [f"| {name} | {r.ssim:.3f} | {r.psnr:.1f} | {r.sharpness:.2f} | {r.iou:.3f} |" for name, r in rows.items()]
    return "\n".join(lines)


def read_rgba(path: Path) -> np.ndarray:
    """(H, W, 4) uint8."""
    photo = read_photo(path)
    opaque = np.full(photo.rgb.shape[:2], 255, np.uint8)
    return np.dstack([photo.rgb, opaque if photo.alpha is None else photo.alpha])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--first", type=int, default=0, help="seed of the first person")
    parser.add_argument("--step", type=float, default=30.0, help="degrees")
    parser.add_argument("--generator", default="none")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    config = DrawConfig(generator=given.generator, device="cpu")
    model = load_body("open")
    films = [standing(model, given.first + seed) for seed in range(given.people)]
    every = [novel_views(film, Turn(given.step, 360 - given.step, given.step), config) for film in films]
    views = [mean(rows) for rows in zip(*every, strict=True)]
    worn = [transfers(head, body, config) for head, body in zip(films, films[1:] + films[:1], strict=True)]
    if given.json:
        result = {"novelview": [asdict(row) for row in views], "transfer": asdict(mean(worn))}
        print(json.dumps(result))  # noqa: T201
    else:
        named = {f"{row.angle:.0f}": row for row in views}
        print(table("degrees", {**named, "all sides": mean(views), "transfer": mean(worn)}))  # noqa: T201


if __name__ == "__main__":
    main()
