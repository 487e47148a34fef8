"""Photos and drivings of every kind, and those that can't be used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from scipy.spatial.transform import Rotation

from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import BodyModel
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.frames.photo import read_photo
from lwgan_cli.motion import load_motion
from lwgan_cli.records import Motion
from lwgan_cli.synthetic.examples import dance_film, photo_film
from lwgan_cli.synthetic.truth import shoot, to_uint8
from tests.pipeline.runner import SIDE, Lwgan, Run, drawn, psnr, untouched, write_video

SIZE = (SIDE * 3 // 4, SIDE)
LONGER = 8  # frames: something goes on before and after what is hidden, or another shot
ATLAS = 512  # px, of rendered people: less than the examples', and quick


@pytest.fixture(scope="module")
def model() -> BodyModel:
    return load_body("open")


@pytest.fixture(scope="module")
def street(model: BodyModel) -> np.ndarray:
    """(H, W, 3) uint8: the sample dance's scene without its dancer."""
    with torch.no_grad():
        scene = to_uint8(dance_film(model, 64).scene.background).permute(1, 2, 0).numpy()
    return cv2.resize(scene, SIZE, interpolation=cv2.INTER_AREA)


@pytest.mark.slow
def test_frames_without_a_person_are_bridged(
    lwgan: Lwgan, tmp_path: Path, photo: Path, dance: Path, imitation: Run, street: np.ndarray
) -> None:
    """The person is hidden in the middle of a step: what is drawn there is close to what was hidden."""
    pictures = list(open_clip(dance, max_frames=LONGER, max_side=SIDE))
    for row in (4, 5):
        pictures[row] = street
    write_video(tmp_path / "gap.mp4", pictures)
    run = lwgan(tmp_path, "imitate", photo, "gap.mp4", "-o", "a.mp4", "--max-side", SIDE, "--keep", "parts")
    assert run.code == 0 and run.report["frames"] == LONGER
    says = f"gap.mp4: nobody was found in 2 of {LONGER} frames; they are bridged"
    assert run.report["warnings"] == [says] and run.errors == [f"lwgan: warning: {says}"]
    bridged = load_motion(tmp_path / "parts" / "driving.npz")
    whole = load_motion(imitation.folder / "parts" / "driving.npz")
    assert (~bridged.valid).nonzero()[0].tolist() == [4, 5]
    turned = [
        (Rotation.from_rotvec(a) * Rotation.from_rotvec(b).inv()).magnitude()
        for a, b in zip(bridged.poses[4], whole.poses[4], strict=True)
    ]
    assert np.degrees(np.mean(turned)) < 6
    places = bridged.picture_camera()[4:6, 1:] - whole.picture_camera()[4:6, 1:]
    assert np.abs(places).max() < 8  # px


@pytest.mark.slow
def test_smoothing_ends_at_a_shot_change(
    lwgan: Lwgan, tmp_path: Path, photo: Path, dance: Path, imitation: Run
) -> None:
    """The second shot shows the dancer mirrored and elsewhere: neither shot knows of the other."""
    pictures = list(open_clip(dance, max_frames=LONGER, max_side=SIDE))
    other = [255 - np.roll(picture[:, ::-1], -80, 1) // 2 for picture in pictures[:3]]
    other = [np.ascontiguousarray(each) for each in other]
    write_video(tmp_path / "cut.mp4", [*pictures[:5], *other])
    run = lwgan(tmp_path, "imitate", photo, "cut.mp4", "-o", "a.mp4", "--max-side", SIDE, "--keep", "parts")
    assert run.code == 0
    motion = load_motion(tmp_path / "parts" / "driving.npz")
    assert motion.shots.tolist() == [0] * 5 + [1] * 3
    whole = load_motion(imitation.folder / "parts" / "driving.npz")
    places = motion.picture_camera()[:5, 1:] - whole.picture_camera()[:5, 1:]
    assert np.abs(places).max() < 5
    assert abs(motion.picture_camera()[5, 1] - motion.picture_camera()[4, 1]) > 20


def turned(motion: Motion, degrees: float) -> Motion:
    """The body turned on the spot."""
    poses = motion.poses.copy()
    turn = Rotation.from_euler("y", degrees, degrees=True)
    poses[:, 0] = (Rotation.from_rotvec(poses[:, 0]) * turn).as_rotvec()
    return replace(motion, poses=poses)


@pytest.mark.slow
def test_a_second_photo_shows_what_the_first_did_not(lwgan: Lwgan, tmp_path: Path, model: BodyModel) -> None:
    """Front and back of one person, who turns. With both photos the result is nearer to how they look from behind."""
    film = photo_film(model, ATLAS)
    for name, angle in (("front", 0), ("back", 180), ("turned", 165)):
        with torch.no_grad():
            shown = shoot(replace(film, motion=turned(film.motion, angle))).pictures[0]
        Image.fromarray(cv2.resize(shown, SIZE, interpolation=cv2.INTER_AREA)).save(tmp_path / f"{name}.png")

    def score(out: str, *photos: str) -> float:
        run = lwgan(tmp_path, "imitate", *photos, "turned.png", "-o", f"{out}.png", "--keep", out)
        assert run.code == 0, run.errors
        assert [each["path"] for each in run.report["inputs"]] == [*photos, "turned.png"]
        truth, person = read_photo(tmp_path / "turned.png").over(), drawn(tmp_path / out, 0, SIZE) > 0.9
        return psnr(cv2.blur(run.pictures()[0], (5, 5)), cv2.blur(truth, (5, 5)), person)

    one, both = score("one", "front.png"), score("both", "front.png", "back.png")
    assert both > one + 2


@pytest.mark.slow
def test_a_video_as_the_photo(lwgan: Lwgan, tmp_path: Path, steps: Path, photo: Path) -> None:
    run = lwgan(tmp_path, "imitate", steps, photo, "-o", "a.png", "--max-side", SIDE)
    assert run.code == 0 and run.report["frames"] == 1
    assert tuple(run.report["size"]) == SIZE
    assert run.report["fit"]["photo"]["iou"] > 0.92


def test_one_photo_drives_another(lwgan: Lwgan, tmp_path: Path, photo: Path, steps: Path, imitation: Run) -> None:
    first = next(iter(open_clip(steps)))
    Image.fromarray(first).save(tmp_path / "pose.png")
    run = lwgan(tmp_path, "imitate", photo, "pose.png", "--max-side", SIDE)
    assert run.code == 0
    assert (run.report["output"], run.report["frames"]) == ("person--pose.mp4", 1)
    assert psnr(run.pictures()[0], imitation.pictures()[0]) > 20


def test_a_folder_of_frames_drives(lwgan: Lwgan, tmp_path: Path, photo: Path, steps: Path) -> None:
    (tmp_path / "steps").mkdir()
    for number, picture in enumerate(open_clip(steps, max_frames=3)):
        Image.fromarray(picture).save(tmp_path / "steps" / f"{number + 8}.png")
    run = lwgan(tmp_path, "imitate", photo, "steps", "--max-side", SIDE, "--fps", "10")
    assert run.code == 0
    assert (run.report["output"], run.report["frames"], run.report["fps"]) == ("person--steps.mp4", 3, 10.0)


@pytest.mark.slow
def test_a_photo_of_odd_size(lwgan: Lwgan, tmp_path: Path, photo: Path, imitation: Run) -> None:
    """A video has even sides: the last row and column go, and nothing is scaled."""
    odd = read_photo(photo, SIDE).over()[: SIDE - 1, : SIZE[0] - 1]
    Image.fromarray(odd).save(tmp_path / "odd.png")
    steps = imitation.folder / "parts" / "driving.npz"
    arguments = ("imitate", "odd.png", steps, "-o", "out/", "--max-frames", "2", "--keep", "parts")
    run = lwgan(tmp_path, *arguments)
    assert run.code == 0 and run.report["size"] == [SIZE[0] - 2, SIDE - 2]
    size = (SIZE[0] - 2, SIDE - 2)
    free = untouched(tmp_path / "parts", 0, size)
    assert free.mean() > 0.4 and drawn(tmp_path / "parts", 0, size).max() > 0.99
    assert (run.pictures()[0][free] == odd[: size[1], : size[0]][free]).all()
