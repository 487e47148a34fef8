"""`--generator` through the whole command."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from lwgan_cli.generator.architectures import build
from lwgan_cli.generator.checkpoints import About, save_generator
from tests.pipeline.runner import FRAMES, SIDE, Lwgan, Run

CUT = ("--max-frames", str(FRAMES), "--max-side", str(SIDE))

TIES = 4  # px: where a network is at work the drawn window begins elsewhere, and equal depths round otherwise


@pytest.fixture(scope="session")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    about = About("default", dict(width=8, n_blocks=1, background_width=4))
    state = build(about.architecture, **about.sizes).state_dict()
    (path,) = save_generator(tmp_path_factory.mktemp("generator") / "untrained.safetensors", state, about)
    return path


@pytest.fixture(scope="session")
def plain(lwgan: Lwgan, tmp_path_factory: pytest.TempPathFactory, photo: Path, dance: Path) -> Run:
    """Without a network: the folder of pictures plain/, and what lies between in parts/."""
    folder = tmp_path_factory.mktemp("plain")
    return lwgan(folder, "imitate", photo, dance, *CUT, "--generator", "none", "-o", "plain", "--keep", "parts")


def pictures(folder: Path) -> list[np.ndarray]:
    return [np.array(Image.open(path)).astype(int) for path in sorted(folder.glob("*.png"))]


def unlike(one: np.ndarray, other: np.ndarray) -> int:
    """px whose colours are more than a level apart."""
    return int((np.abs(one - other).max(-1) > 1).sum())


def test_an_untrained_network_draws_what_none_draws(
    lwgan: Lwgan, tmp_path: Path, plain: Run, photo: Path, dance: Path, untrained: Path
) -> None:
    run = lwgan(tmp_path, "imitate", photo, dance, *CUT, "--generator", untrained, "-o", "corrected")
    assert run.code == 0 and run.report["backends"]["generator"] == str(untrained)
    assert plain.report["backends"]["generator"] == "none"
    ours, theirs = pictures(tmp_path / "corrected"), pictures(plain.folder / "plain")
    assert len(ours) == len(theirs) == FRAMES
    for one, other in zip(ours, theirs, strict=True):
        assert unlike(one, other) <= TIES


def test_a_network_changes_the_person_and_the_background_behind(
    lwgan: Lwgan, tmp_path: Path, plain: Run, photo: Path, dance: Path
) -> None:
    """A generator whose heads say red: what no photo saw of the person and what was made up behind turn red, all else
    stays."""
    about = About("default", dict(width=8, n_blocks=1, background_width=4))
    net = build(about.architecture, **about.sizes)
    with torch.no_grad():
        for head in (net.decoder.head, net.plate_decoder.head):  # type: ignore[union-attr]
            head[0].bias[:4] = 0.3
    (path,) = save_generator(tmp_path / "red.safetensors", net.state_dict(), about)
    run = lwgan(tmp_path, "imitate", photo, dance, *CUT, "--generator", path, "-o", "red")
    assert run.code == 0
    parts = plain.folder / "parts"
    stood = np.array(Image.open(parts / "photo0_alpha.png"))
    for index, (one, other) in enumerate(
        zip(pictures(tmp_path / "red"), pictures(plain.folder / "plain"), strict=True)
    ):
        redder = (one - other)[..., 0]
        warp = np.array(Image.open(parts / "warps" / f"{index:06d}.png"))[..., 3]
        flow = np.load(parts / "flows" / f"{index:06d}.npz")
        x, y = flow["corner"]
        person, seen, unseen = (np.zeros(one.shape[:2], bool) for _ in range(3))
        part = slice(y, y + warp.shape[0]), slice(x, x + warp.shape[1])
        person[part], visible = warp == 255, flow["visible"][0]
        seen[part] = cv2.erode((person[part] & (visible > 0.7)).astype(np.uint8), np.ones((9, 9))) > 0
        unseen[part] = person[part] & (visible < 0.1)
        room = np.minimum(255 - other[..., 0], 0.28 * 255)
        assert (np.abs(redder[seen]) <= 1).mean() > 0.98 and seen.sum() > unseen.sum() > 0
        assert redder[unseen].mean() > 0.9 * room[unseen].mean()
        behind = (stood[: one.shape[0], : one.shape[1]] == 255) & ~person
        assert redder[behind & (room > 20)].mean() > 20
        assert unlike(one[..., 1:], other[..., 1:]) <= TIES
        assert (redder == 0).mean() > 0.5


@pytest.mark.parametrize("content", [b"", b"not a network", b"PK\x03\x04"])
def test_a_bad_file_is_refused_before_the_work(
    lwgan: Lwgan, tmp_path: Path, photo: Path, dance: Path, content: bytes
) -> None:
    (tmp_path / "mine.safetensors").write_bytes(content)
    run = lwgan(tmp_path, "imitate", photo, dance, "--generator", "mine.safetensors", "-o", "a.mp4")
    assert run.code == 4 and len(run.errors) == 1 and "mine.safetensors" in run.errors[0]
    assert not (tmp_path / "a.mp4").exists()
