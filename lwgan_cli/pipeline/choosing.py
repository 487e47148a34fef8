"""`--person`: who is meant where a picture shows several people, and who there is to choose from."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from lwgan_cli.config import Choice, CommonConfig
from lwgan_cli.detection.keypoints import PoseDetector
from lwgan_cli.detection.sighting import Sighting, by_size, look, seek
from lwgan_cli.errors import InputError
from lwgan_cli.frames.clip import Clip, open_clip
from lwgan_cli.progress import Progress

POOR_FIT = 0.7  # overlap of silhouettes; where the pose was understood it is .85 and more, with few exceptions


def choice_in(clip: Clip, config: CommonConfig) -> Choice | None:
    """`config.person` in px of the clip's frames, which may be smaller than the file's own, and without its bars."""
    if config.person is None or config.person.point is None:
        return config.person
    x, y = config.person.scaled(clip.whole.width / open_clip(clip.path).width).point or (0.0, 0.0)
    return Choice(point=(x - clip.corner[0], y - clip.corner[1]))


def warn_of_others(path: Path | str, people: int, config: CommonConfig, progress: Progress) -> None:
    """Says that somebody had to be chosen, where nobody said whom."""
    if people > 1 and config.person is None:
        progress.warn(
            f"{path} shows {people} people, and the largest is taken: --person chooses, `lwgan fit {path} --list`"
            " numbers them"
        )


def warn_of_poor_fit(path: Path | str, iou: float, progress: Progress) -> None:
    """Says that the body in a photo doesn't lie where its person is, whose silhouettes overlap by `iou` in [0, 1]:
    what is made of it will look torn."""
    if iou < POOR_FIT:
        progress.warn(
            f"{path}: the body covers the person badly (overlap {iou:.2f}): the pose was probably not understood; use a"
            f" photo that shows it plainly, and look at `lwgan fit {path}`"
        )


@dataclass(frozen=True)
class Listed:
    """One person for `lwgan fit --list`: number for `--person`, box (left, top, right, bottom) and the middle of the
    torso, px of the input's own pictures, and their height in % of the picture's."""

    number: int
    box: tuple[int, int, int, int]
    point: tuple[int, int]
    height: float


@dataclass(frozen=True)
class Listing:
    """Everybody in the first frame that shows anybody; size (width, height) px, frame from 0."""

    path: Path
    size: tuple[int, int]
    frame: int
    people: tuple[Listed, ...]

    def to_dict(self) -> dict[str, object]:
        return {**asdict(self), "path": str(self.path)}


def list_people(path: Path, clip: Clip, progress: Progress) -> Listing:
    """Raises InputError where nobody is found in any frame."""
    own = open_clip(path)
    scale = own.width / clip.whole.width
    with PoseDetector(static=True) as detector, progress.stage("detect", None) as done:
        for frame, picture in enumerate(clip):
            people = by_size(look(detector, picture, seek(detector, picture)))
            done(1)
            if people:
                about = clip.corner, scale, own.height
                listed = tuple(_listed(number, each, *about) for number, each in enumerate(people, 1))
                return Listing(path, (own.width, own.height), frame, listed)
    raise InputError(f"{path}: nobody was found; use a picture that shows a person, head to hips")


def _listed(number: int, person: Sighting, corner: tuple[int, int], scale: float, height: int) -> Listed:
    left, top, right, bottom = (
        round((value + at) * scale) for value, at in zip(person.box, (*corner, *corner), strict=True)
    )
    x, y = (round((float(value) + at) * scale) for value, at in zip(person.centre, corner, strict=True))
    return Listed(number, (left, top, right, bottom), (x, y), round(100 * (bottom - top) / height, 1))
