"""Other sides of the sample person, alone and during the sample dance."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from lwgan_cli.frames.clip import open_clip
from tests.pipeline.runner import FRAMES, SIDE, Lwgan, Run, psnr

STEP = 6
GRAY = (128, 128, 128)


@pytest.fixture(scope="module")
def turning(lwgan: Lwgan, photo: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """All sides, as frames without loss on a flat background."""
    folder = tmp_path_factory.mktemp("turning")
    cut = ("--max-side", str(SIDE), "--background", "gray")
    return lwgan(folder, "novelview", photo, "--degrees", f"0:354:{STEP}", "-o", "sides/", *cut)


@pytest.fixture(scope="module")
def sides(turning: Run) -> list[np.ndarray]:
    return turning.pictures()


def people(pictures: list[np.ndarray]) -> list[np.ndarray]:
    """(H, W) bool each: where somebody stands before the flat background."""
    return [np.abs(picture.astype(int) - GRAY).max(-1) > 3 for picture in pictures]


def test_the_report(turning: Run, sides: list[np.ndarray]) -> None:
    report = turning.report
    assert turning.code == 0 and turning.errors == [] and report["warnings"] == []
    assert (report["frames"], report["fps"], len(sides)) == (60, 25.0, 60)
    assert "driving" not in report["fit"] and len(report["inputs"]) == 1


def test_side_0_is_the_photo(lwgan: Lwgan, photo: Path, tmp_path: Path) -> None:
    run = lwgan(tmp_path, "novelview", photo, "--degrees", "0", "--max-side", SIDE, "-o", "front.png")
    assert run.code == 0 and (run.report["frames"], run.report["fps"]) == (1, 0.0)
    given = open_clip(photo, max_side=SIDE).first()
    assert psnr(run.pictures()[0], given) > 30


def test_feet_stay_and_the_person_keeps_their_height(sides: list[np.ndarray]) -> None:
    tops, soles = np.array([np.nonzero(each.any(1))[0][[0, -1]] for each in people(sides)]).T
    assert np.ptp(soles) <= 0.03 * SIDE and np.ptp(tops) <= 0.02 * SIDE


def test_opposite_sides_have_mirrored_outlines(sides: list[np.ndarray]) -> None:
    """Under a camera without perspective, whatever the body is: about one axis, the pelvis's."""
    left, right = np.array([np.nonzero(each.any(0))[0][[0, -1]] for each in people(sides)]).T
    half = len(sides) // 2
    axes = np.concatenate([left[:half] + right[half:], left[half:] + right[:half]]) / 2
    assert np.ptp(axes) <= 4 and np.ptp(left) > 0.1 * SIDE


def test_nothing_jumps_where_the_visible_side_changes(sides: list[np.ndarray]) -> None:
    """In colour, brightness and place, no step between neighbouring sides is larger than twice the usual one."""
    pictures = np.stack(sides).astype(np.float32)
    following = np.roll(pictures, -1, 0)
    changes = np.abs(pictures - following).mean((1, 2, 3))
    assert changes.max() <= 2 * np.median(changes)
    masks = people(sides)
    brightness = np.array([picture[mask].mean() for picture, mask in zip(pictures, masks, strict=True)])
    assert np.abs(np.diff(brightness, append=brightness[0])).max() < 8  # of 255, in 6 degrees


def faces(picture: np.ndarray, person: np.ndarray) -> int:
    """How many faces a detector finds on the enlarged head."""
    import mediapipe as mp

    top = int(np.nonzero(person.any(1))[0][0])
    middle = int(np.nonzero(person[top : top + SIDE // 10].any(0))[0].mean())
    head = picture[top - 10 : top + SIDE // 5, middle - SIDE // 7 : middle + SIDE // 7]
    head = np.ascontiguousarray(cv2.resize(head, None, fx=5, fy=5, interpolation=cv2.INTER_CUBIC))
    with mp.solutions.face_mesh.FaceMesh(static_image_mode=True, max_num_faces=2) as detector:
        return len(detector.process(head).multi_face_landmarks or ())


def test_there_is_a_face_in_front_and_never_one_behind(sides: list[np.ndarray]) -> None:
    masks = people(sides)
    found = {row * STEP: faces(sides[row], masks[row]) for row in (0, 4, 56, *range(20, 41))}
    assert [degrees for degrees, count in found.items() if count] == [0, 24, 336]


def test_all_sides_in_one_picture(lwgan: Lwgan, tmp_path: Path) -> None:
    """Of the bundled example, 30 degrees apart, under the default name."""
    run = lwgan(tmp_path, "novelview", "--degrees", "30:330", "--grid", "--max-side", SIDE)
    assert run.code == 0
    assert [each.name for each in tmp_path.iterdir()] == ["person--novelview.png"]
    whole = run.pictures()[0]
    assert run.report["frames"] == 1 and tuple(run.report["size"]) == whole.shape[1::-1]
    cells = [cell for row in np.vsplit(whole, 3) for cell in np.hsplit(row, 4)]
    assert (cells[-1] == 255).all() and all(cell.std() > 20 for cell in cells[:-1])


def test_from_above_the_feet_keep_their_place_and_the_head_comes_down(
    lwgan: Lwgan, photo: Path, sides: list[np.ndarray], tmp_path: Path
) -> None:
    cut = ("--max-side", str(SIDE), "--background", "gray", "-o", "above.png", "--elevation", "40")
    above = people(lwgan(tmp_path, "novelview", photo, "--degrees", "0", *cut).pictures())[0]
    level = people(sides)[0]
    (top, sole), (top_before, sole_before) = (np.nonzero(each.any(1))[0][[0, -1]] for each in (above, level))
    assert sole == pytest.approx(sole_before, abs=0.06 * SIDE)  # toes, which point at the viewer, come down
    assert (sole - top) / (sole_before - top_before) == pytest.approx(np.cos(np.radians(40)), abs=0.1)


DANCE = ("--max-frames", str(FRAMES), "--max-side", str(SIDE), "-o", "out/")


@pytest.fixture(scope="module")
def plain(frames: Run) -> list[np.ndarray]:
    """The first steps from the photo's side."""
    return frames.pictures()


def test_the_camera_turns_during_the_dance(
    lwgan: Lwgan, photo: Path, dance: Path, plain: list[np.ndarray], tmp_path: Path
) -> None:
    turned = lwgan(tmp_path, "imitate", photo, dance, *DANCE, "--degrees", "0:45").pictures()
    assert len(turned) == len(plain)
    assert psnr(turned[0], plain[0]) > 60
    assert psnr(turned[-1], plain[-1]) < 25


def test_bullet_time_stops_the_dance_while_the_camera_turns(
    lwgan: Lwgan, photo: Path, dance: Path, plain: list[np.ndarray], tmp_path: Path
) -> None:
    run = lwgan(tmp_path, "imitate", photo, dance, *DANCE, "--degrees", "0:360:60", "--freeze", "2")
    pictures = run.pictures()
    assert run.code == 0 and run.report["frames"] == len(pictures) == FRAMES + 6
    assert any("sound is left out" in warning for warning in run.report["warnings"])
    for row, same in ((0, 0), (2, 2), (8, 2)):
        assert psnr(pictures[row], plain[same]) > 45
    assert psnr(pictures[5], plain[2]) < 25
    assert psnr(pictures[-1], plain[-1]) > 45


def test_views_show_the_same_dance_from_all_sides(
    lwgan: Lwgan, photo: Path, dance: Path, plain: list[np.ndarray], tmp_path: Path
) -> None:
    run = lwgan(tmp_path, "imitate", photo, dance, *DANCE, "--keep", "parts", "--views", "2")
    assert run.code == 0 and len(run.pictures()) == FRAMES
    for row, whole in enumerate(run.pictures()):
        front, back = np.hsplit(whole, 2)
        small = cv2.resize(plain[row], front.shape[1::-1], interpolation=cv2.INTER_AREA)
        assert psnr(front, small) > 45 and psnr(back, small) < 30
    assert len(list((tmp_path / "parts" / "warps").iterdir())) == 2 * FRAMES


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--degrees", "0:90", "--freeze", "99"), "--freeze 99"),
        (("--freeze", "1"), "say how far with --degrees"),
        (("--views", "4", "--side-by-side"), "--views"),
    ],
)
def test_what_cannot_be(
    lwgan: Lwgan, photo: Path, steps: Path, tmp_path: Path, options: tuple[str, ...], says: str
) -> None:
    run = lwgan(tmp_path, "imitate", photo, steps, *options)
    assert run.code == 2 and says in run.errors[0] and not list(tmp_path.iterdir())


def test_without_a_driving_there_is_no_driver_s_scene(lwgan: Lwgan, photo: Path, tmp_path: Path) -> None:
    run = lwgan(tmp_path, "novelview", photo, "--background", "driving")
    assert run.code == 2 and "nobody drives" in run.errors[0]
    run = lwgan(tmp_path, "novelview", photo, "-o", "side.png")
    assert run.code == 2 and "a picture holds one frame" in run.errors[0]


def test_a_dry_run_says_the_size_of_the_grid(lwgan: Lwgan, photo: Path, tmp_path: Path) -> None:
    ask = ("novelview", photo, "--grid", "--max-side", SIDE, "--degrees", "0:90")
    plan, done = lwgan(tmp_path, *ask, "--dry-run"), lwgan(tmp_path, *ask)
    assert plan.report["dry_run"] and plan.report["size"] == done.report["size"]
    assert plan.report["frames"] == done.report["frames"] == 1
