"""The sample person in the sample dancer's clothes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import JOINT_NAMES, skin
from lwgan_cli.frames.clip import open_clip
from lwgan_cli.frames.photo import read_photo
from lwgan_cli.motion import load_motion
from lwgan_cli.recovery.watch import watch
from lwgan_cli.texture.skin_tone import Tone
from tests.pipeline.runner import FRAMES, SIDE, Lwgan, Run, psnr

NAVY, STRIPES, DENIM = (38, 44, 58), (235, 233, 226), (62, 92, 138)  # of the two samples


@pytest.fixture(scope="session")
def man(dance: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of the dancer: yellow T-shirt, bare forearms, dark trousers."""
    path = tmp_path_factory.mktemp("man") / "man.png"
    Image.fromarray(open_clip(dance, start=1.0).first()).save(path)
    return path


@pytest.fixture(scope="module")
def swapped(lwgan: Lwgan, photo: Path, man: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("swapped")
    cut = ("--max-side", SIDE, "--keep", "parts", "--sheet", "sheet.png")
    return lwgan(folder, "transfer", "--head", photo, "--body", man, *cut)


def colours_at(run: Run, parts: str, frame: int = 0) -> dict[str, np.ndarray]:
    """Limb → median colour of the result at its middle, by the fit of the first photo."""
    model = load_body("open")
    result = run.pictures()[frame]
    motion = load_motion(run.folder / parts / "photo0.npz")
    _, joints = skin(model, torch.from_numpy(motion.poses), torch.from_numpy(motion.betas))
    scale, x, y = motion.picture_camera()[0]
    out = {}
    for name, (start, end) in {
        "chest": ("spine2", "spine3"),
        "thigh": ("left_hip", "left_knee"),
        "other thigh": ("right_hip", "right_knee"),
        "forearm": ("left_elbow", "left_wrist"),
        "other forearm": ("right_elbow", "right_wrist"),
    }.items():
        a, b = (joints[0, JOINT_NAMES.index(joint)].numpy() for joint in (start, end))
        middle = (a + b) / 2
        column, row = round(x + scale * middle[0]), round(y - scale * middle[1])
        out[name] = np.median(result[row - 3 : row + 4, column - 3 : column + 4].reshape(-1, 3), 0)
    return out


def yellow(picture: np.ndarray) -> float:
    """Share of the picture that is as yellow as his shirt."""
    red, green, blue = picture.astype(int).reshape(-1, 3).T
    return float(((red > 150) & (green > 90) & (blue < 70) & (red > green)).mean())


def near(colour: np.ndarray, other: tuple[int, int, int]) -> bool:
    return bool(np.abs(colour - other).max() < 45)


def test_the_report_and_the_names(swapped: Run, photo: Path, man: Path) -> None:
    report = swapped.report
    assert swapped.code == 0 and swapped.errors == [] and report["warnings"] == []
    assert (report["output"], report["sheet"]) == ("person--man.png", "sheet.png")
    assert (report["frames"], report["fps"]) == (1, 0.0)
    assert set(report["fit"]) == {"photo", "body", "target"}
    assert [each["path"] for each in report["inputs"]] == [str(photo), str(man)]
    assert sorted(path.name for path in (swapped.folder / "parts").glob("photo*.npz")) == ["photo0.npz", "photo1.npz"]


def test_the_face_stays_and_the_clothes_change(swapped: Run, photo: Path) -> None:
    result, given = swapped.pictures()[0], open_clip(photo, max_side=SIDE).first()
    box = load_box(swapped)
    assert psnr(result[box], given[box]) > 24
    at = colours_at(swapped, "parts")
    assert near(at["thigh"], NAVY) and near(at["other thigh"], NAVY)
    assert not near(at["thigh"], DENIM)
    assert yellow(result) > 0.02 > 10 * yellow(given)


def load_box(run: Run) -> tuple[slice, slice]:
    """Rows and columns of the photo's face."""
    given = open_clip(Path(run.report["inputs"][0]["path"]), max_side=SIDE).first()
    points = watch([given], static=True).keypoints.points[0]
    (left, top), (right, bottom) = points[[2, 5, 9, 10]].min(0), points[[2, 5, 9, 10]].max(0)
    return slice(int(top) - 2, int(bottom) + 3), slice(int(left) - 2, int(right) + 3)


def test_bare_arms_have_the_wearer_s_skin(swapped: Run, photo: Path, man: Path) -> None:
    """The dancer's skin is darker, and his forearms are bare where the wearer had sleeves."""
    at = colours_at(swapped, "parts")
    given = open_clip(photo, max_side=SIDE).first()
    tone = Tone.of(given[load_box(swapped)].reshape(-1, 3))
    assert tone is not None
    assert all(tone.likeness(at[arm]) > 0.5 for arm in ("forearm", "other forearm"))
    assert not any(near(at[arm], STRIPES) for arm in ("forearm", "other forearm"))


def test_the_background_is_the_wearer_s(swapped: Run, photo: Path) -> None:
    result, given = swapped.pictures()[0], open_clip(photo, max_side=SIDE).first()
    assert psnr(result[: SIDE // 2, : SIDE // 5], given[: SIDE // 2, : SIDE // 5]) > 40


def test_the_sheet_shows_photos_parts_and_result(swapped: Run) -> None:
    sheet, result = read_photo(swapped.folder / "sheet.png").over(), swapped.pictures()[0]
    height, width = sheet.shape[0] // 2, sheet.shape[1] // 3
    assert abs(width / height - result.shape[1] / result.shape[0]) < 0.02
    cells = [sheet[row * height : (row + 1) * height, k * width : (k + 1) * width] for row in (0, 1) for k in range(3)]
    small = np.array(Image.fromarray(result).resize((width, height), Image.Resampling.BOX))
    assert psnr(cells[2], small) > 25
    assert cells[3].mean() > cells[0].mean() + 20 and cells[4].mean() > cells[1].mean() + 20  # paled
    assert (cells[5] == 255).all()


@pytest.mark.slow
def test_three_people_each_give_their_part(lwgan: Lwgan, photo: Path, man: Path, tmp_path: Path) -> None:
    """Her own top, his trousers; and the other way round."""
    results = {}
    for garment in ("lower", "upper"):
        cut = ("--max-side", SIDE, "--keep", garment)
        results[garment] = lwgan(
            tmp_path, "transfer", "--head", photo, f"--{garment}", man, "-o", f"{garment}.png", *cut
        )
        assert results[garment].code == 0 and set(results[garment].report["fit"]) == {"photo", garment, "target"}
    lower, upper = (colours_at(results[garment], garment) for garment in ("lower", "upper"))
    assert near(lower["thigh"], NAVY) and near(upper["thigh"], DENIM)
    given = open_clip(photo, max_side=SIDE).first()
    chest = (slice(int(0.32 * SIDE), int(0.45 * SIDE)), slice(int(0.32 * SIDE), int(0.42 * SIDE)))
    own, others = (psnr(run.pictures()[0][chest], given[chest]) for run in results.values())
    assert own > others + 8


@pytest.mark.slow
def test_dancing_in_another_s_clothes(lwgan: Lwgan, photo: Path, man: Path, dance: Path, tmp_path: Path) -> None:
    cut = ("--max-frames", FRAMES, "--max-side", SIDE)
    ask = ("transfer", "--head", photo, "--body", man)
    run = lwgan(tmp_path, *ask, "--motion", dance, *cut)
    assert run.code == 0
    assert (run.report["output"], run.report["frames"], run.report["fps"]) == ("person--man--dance.mp4", FRAMES, 25.0)
    assert len(run.pictures()) == FRAMES
    still = dict(poses=np.zeros((2, 156)), betas=np.zeros(16), trans=np.zeros((2, 3)), mocap_framerate=25.0)
    still["poses"][:, 0] = np.pi / 2  # AMASS: z up
    np.savez(tmp_path / "t-pose.npz", **still)
    posed = lwgan(tmp_path, *ask, "--motion", "t-pose.npz", "--max-side", SIDE)
    assert posed.code == 0 and posed.report["output"] == "person--man--t-pose.mp4" and posed.report["frames"] == 2
    turning = lwgan(tmp_path, *ask, "--degrees", "0:90:30", "--max-side", SIDE)
    assert turning.code == 0 and turning.report["output"] == "person--man.mp4" and turning.report["frames"] == 4
    first = turning.pictures()[0]
    assert yellow(first) > 0.02


def test_what_cannot_be(lwgan: Lwgan, photo: Path, man: Path, dance: Path, tmp_path: Path) -> None:
    for line, code, says in (
        (("--head", photo), 2, "no clothes named"),
        (("--head", photo, "--body", man, "--sheet", "sheet.mp4"), 2, "--sheet sheet.mp4"),
        (("--head", photo, "--body", man, "--sheet", "x.png", "-o", "x.png"), 2, "would overwrite"),
        (("--head", photo, "--body", tmp_path / "none.png"), 3, "none.png"),
        (("--head", photo, "--body", man, "--background", "driving"), 2, "nobody drives"),
        (("--head", photo, "--body", man, "--degrees", "0:90", "--freeze", "3"), 2, "give --motion"),
    ):
        run = lwgan(tmp_path, "transfer", *line)
        assert run.code == code and says in run.errors[0], run.errors
    assert not list(tmp_path.iterdir())
