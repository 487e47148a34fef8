from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from lwgan_cli.body.model import joints_rest, skin
from lwgan_cli.errors import InputError, UsageError
from lwgan_cli.metrics.mask import iou
from lwgan_cli.progress import Silent
from lwgan_cli.training.bank import Bank
from lwgan_cli.training.config import DataSource, TrainConfig
from lwgan_cli.training.filmed import prepare_filmed, upright
from lwgan_cli.training.sample import Staged
from tests.training.people import body, pose, shown, write_body

SIDE = 192  # px of a square picture


def hmr_numbers(poses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Poses and cameras (`tests.training.people`'s) as HMR has them: turned by π about x, s·(X + t), y down."""
    turn = cv2.Rodrigues(np.array([np.pi, 0, 0]))[0]
    turned = poses.copy()
    turned[:, 0] = [cv2.Rodrigues(turn @ cv2.Rodrigues(row)[0])[0][:, 0] for row in poses[:, 0].astype(np.float64)]
    pelvis = joints_rest(body(), torch.zeros(10))[0].numpy()
    scale, x, y = 88.0, 64.0 + 32, 100.0  # people.CAMERA in a picture with 32 px more on both sides
    s = scale / (SIDE / 2)
    cams = np.array([s, (x / (SIDE / 2) - 1) / s, (y / (SIDE / 2) - 1) / s - 2 * pelvis[1]], np.float32)
    return turned, np.tile(cams, (len(poses), 1))


def test_hmrs_bodies_lie_where_hmr_sees_them() -> None:
    rng = np.random.default_rng(0)
    poses = rng.normal(0, 0.3, (3, 24, 3)).astype(np.float32)
    poses[:, 0] += [3.0, 0, 0]
    cams = np.array([[0.9, 0.05, -0.1], [0.8, 0, 0], [1.1, -0.2, 0.3]], np.float32)
    theirs, _ = skin(body(), torch.from_numpy(poses), torch.zeros(10))
    s, t = cams[:, None, :1], cams[:, None, 1:]
    expected = (s * (theirs[..., :2].numpy() + t) + 1) * (SIDE / 2)
    turned, cameras = upright(body(), np.zeros(10, np.float32), poses, cams, SIDE)
    ours = skin(body(), torch.from_numpy(turned), torch.zeros(10))[0].numpy()
    scale, x, y = cameras.T[:, :, None]
    assert np.allclose(scale * ours[..., 0] + x, expected[..., 0], atol=1e-2)
    assert np.allclose(y - scale * ours[..., 1], expected[..., 1], atol=1e-2)


def made_up(folder: Path, clips: tuple[str, ...] = ("001/1/1", "001/1/2")) -> Path:
    """A folder of iPER's layout, two clips of five frames."""
    for clip in clips:
        poses = np.stack([pose(15.0 * row, 0.9 - 0.2 * row) for row in range(5)])
        frames = folder / "images_HD" / clip
        frames.mkdir(parents=True)
        for row, each in enumerate(poses):
            picture = cv2.copyMakeBorder(shown(each)[0], 0, 0, 32, 32, cv2.BORDER_REPLICATE)
            cv2.imwrite(str(frames / f"{row:04d}.png"), picture[..., ::-1])
        turned, cams = hmr_numbers(poses)
        stored = folder / "smpls" / clip / "pose_shape.pkl"
        stored.parent.mkdir(parents=True)
        content = dict(cams=cams, pose=turned.reshape(-1, 72), shape=np.zeros((5, 10), np.float32))
        stored.write_bytes(pickle.dumps(content))
    (folder / "train.txt").write_text("\n".join(clips) + "\n")
    (folder / "val.txt").write_text("")
    return folder


def config(folder: Path, body_file: Path, size: int = 256) -> TrainConfig:
    return TrainConfig(data=DataSource("iper", folder), body=str(body_file), size=size, output=folder / "out")


@pytest.fixture
def no_detector(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where mediapipe isn't installed."""
    monkeypatch.setattr("lwgan_cli.training.filmed.find_spec", lambda name: None)


@pytest.mark.slow
def test_clips_of_ipers_layout_are_prepared(tmp_path: Path, no_detector: None) -> None:
    folder, bank = made_up(tmp_path / "iPER"), tmp_path / "bank"
    names = prepare_filmed(config(folder, write_body(tmp_path / "tiny.npz")), bank, Silent())
    assert len(names) == 2
    subject = Bank(bank).load(names[0])
    assert len(subject) == 4 and not subject.exact and subject.size == (SIDE, SIDE)
    staged = Staged(body(), subject)
    poses, cameras = staged.cameras(np.arange(4), np.random.default_rng(0))
    for row in range(4):
        expected, mask = shown(pose(15.0 * (row + 1), 0.9 - 0.2 * (row + 1)))
        assert np.array_equal(subject.picture(row)[:, 32:-32, :3], expected)
        silhouette = subject.picture(row)[:, 32:-32, 3] > 127
        assert (silhouette & (mask > 0)).sum() / mask.sum() > 0.97 and iou(silhouette, mask) > 0.6
        assert np.allclose(poses[row, 1:], pose(0, 0.9 - 0.2 * (row + 1))[1:], atol=1e-5)
        assert np.allclose(cameras[row], [88, 96, 100], atol=0.01)
    before = Bank(bank).path(names[0]).stat().st_mtime_ns
    assert prepare_filmed(config(folder, tmp_path / "tiny.npz"), bank, Silent()) == names
    assert Bank(bank).path(names[0]).stat().st_mtime_ns == before  # kept


@pytest.mark.slow
def test_a_broken_clip_is_left_out_and_named(tmp_path: Path, no_detector: None) -> None:
    folder = made_up(tmp_path / "iPER")
    (folder / "smpls" / "001/1/1" / "pose_shape.pkl").write_bytes(b"\x80\x04cos\nsystem\n.")
    progress = Silent()
    names = prepare_filmed(config(folder, write_body(tmp_path / "tiny.npz")), tmp_path / "bank", progress)
    assert len(names) == 1 and any("001/1/1" in warning for warning in progress.warnings)
    (folder / "images_HD" / "001/1/2" / "0000.png").unlink()
    with pytest.raises(InputError, match="no clip"):
        prepare_filmed(config(folder, tmp_path / "tiny.npz"), tmp_path / "other", Silent())


def test_ipers_numbers_need_smpls_body(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--body smpl"):
        prepare_filmed(TrainConfig(data=DataSource("iper", made_up(tmp_path / "iPER"))), tmp_path / "bank", Silent())


@pytest.mark.parametrize("kind", ["iper", "videos"])
def test_a_folder_without_clips_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError, match=f"--data {kind}:"):
        prepare_filmed(TrainConfig(data=DataSource(kind, tmp_path)), tmp_path / "bank", Silent())  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_clip_is_fitted_and_prepared(tmp_path: Path, project: Path) -> None:
    from lwgan_cli.frames.clip import open_clip
    from lwgan_cli.frames.video import VideoWriter

    folder = tmp_path / "clips"
    folder.mkdir()
    clip = open_clip(project / "examples" / "dance.mp4", max_frames=10)
    with VideoWriter(folder / "dance.mp4", (clip.width, clip.height), clip.fps) as writer:
        for frame in clip:
            writer.write(frame)
    (folder / "broken.mp4").write_bytes(b"no video")
    progress = Silent()
    data = TrainConfig(data=DataSource("videos", folder), size=128, output=tmp_path / "out")
    names = prepare_filmed(data, tmp_path / "bank", progress)
    assert len(names) == 1 and any("broken.mp4" in warning for warning in progress.warnings)
    subject = Bank(tmp_path / "bank").load(names[0])
    assert len(subject) == 9 and not subject.exact and subject.background is not None
    from lwgan_cli.body.load import load_body
    from lwgan_cli.training.sample import draw_batch

    staged = Staged(load_body(), subject)
    with torch.no_grad():
        sample = draw_batch([staged], 6, (64, 96), np.random.default_rng(0))
    assert iou((sample.rgba[:, 3] > 0.5).numpy(), (sample.alpha[:, 0] > 0.5).numpy()) > 0.75
