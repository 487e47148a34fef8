from __future__ import annotations

import numpy as np
import pytest
import torch

from lwgan_cli.generator.conditions import STRIDE
from lwgan_cli.generator.window import Window
from lwgan_cli.training.sample import CELL, Sample, Staged, Tone, crop_window, draw_batch, moved, toned
from lwgan_cli.training.step import composed
from tests.training.people import SIZE, body, shown, subject

WINDOW = (32, 48)  # width, height at the network's resolution


def batch(*people: tuple[int, int], count: int = 2, seed: int = 0) -> Sample:
    """people: (seed, photos) each."""
    staged = [Staged(body(), subject(*person)) for person in people]
    with torch.no_grad():
        return draw_batch(staged, count, WINDOW, np.random.default_rng(seed))


def test_shapes_of_a_batch() -> None:
    sample = batch((0, 1), (1, 1))
    width, height = (side * CELL // STRIDE for side in WINDOW)
    assert len(sample) == 4 and sample.people == 2 and len(sample.sources) == 1
    for name, channels in (("rgba", 4), ("plate", 3), ("target", 3), ("alpha", 1), ("scene", 3), ("clear", 1)):
        assert getattr(sample, name).shape == (4, channels, height, width), name
        assert getattr(sample, name).min() >= 0 and getattr(sample, name).max() <= 1
    assert sample.conditions.planes.shape[2:] == sample.hole.shape[2:] == (WINDOW[1], WINDOW[0])
    assert sample.conditions.flows[0].grid.shape == (4, WINDOW[1], WINDOW[0], 2)


def test_photos_of_two_make_two_sources_of_one_size() -> None:
    sample = batch((2, 2), (3, 2))
    assert len(sample.sources) == 2 and sample.people == 2
    assert sample.sources[0].planes.shape == sample.sources[1].planes.shape


def test_the_same_numbers_give_the_same_batch() -> None:
    one, same, other = batch((0, 1)), batch((0, 1)), batch((0, 1), seed=1)
    assert torch.equal(one.rgba, same.rgba) and torch.equal(one.conditions.planes, same.conditions.planes)
    assert not torch.equal(one.rgba, other.rgba)


def exact(row: int) -> tuple[Sample, np.ndarray]:
    """A target whose pose is known exactly, whole, and its true picture with the person's share (H, W, 4)."""
    from lwgan_cli.generator.conditions import Resolution, source_input
    from lwgan_cli.training.sample import draw_sample, stack

    staged = Staged(body(), subject(0, 1))
    poses, cameras = staged.cameras(np.array([row]), None)
    windows = staged.photo_windows(float(cameras[0, 0]), Resolution(CELL))
    photos = [source_input(body(), s, r, w) for s, (r, w) in zip(staged.sources, windows, strict=True)]
    window = Window((0, 0), SIZE)
    with torch.no_grad():
        sample = stack([draw_sample(staged, row, window, poses[0], cameras[0], photos)], [photos])
    return sample, subject(0, 1).picture(row)


def test_the_photo_itself_is_reproduced_by_an_exact_warp() -> None:
    """The first target has the photo's pose: what is warped must be the photo, to the accuracy of its edges."""
    sample, picture = exact(0)
    plain = composed(sample, None, None)
    true = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    assert torch.equal(sample.target, true[:, :3]) and torch.equal(sample.alpha, true[:, 3:])
    inside = true[:, 3:] > 0.5
    assert (plain.picture - sample.target).abs().mean() < 0.03
    assert ((plain.alpha > 0.5) == inside).float().mean() > 0.97


def test_flows_lead_to_the_same_surface_in_the_photo() -> None:
    """The photo's places on the body, carried along T, are the target's."""
    sample, _ = exact(1)
    places = slice(9, 12), slice(12, 15)  # of a source's planes, of the target's
    flow = sample.conditions.flows[0]
    carried = torch.nn.functional.grid_sample(
        sample.sources[0].planes[:, 8:11], flow.grid, mode="nearest", align_corners=False
    )
    own = sample.conditions.planes[:, places[1]]
    seen = (flow.visible > 0.9)[:, None] & (carried.abs().sum(1, keepdim=True) > 0)
    assert seen.sum() > 200
    apart = (carried - own).norm(dim=1, keepdim=True)[seen]
    assert apart.median() < 0.03  # m: less than a pixel and a half at 44 px per metre


def test_shadows_and_what_lies_outside_the_picture_are_not_clear() -> None:
    sample, _picture = exact(0)
    assert sample.clear.min() == 1  # this renderer draws no shadows
    person = subject(0, 1)
    staged = Staged(body(), person)
    bright = staged.scene
    assert bright is not None
    staged.scene = bright.clone()
    staged.scene[..., 150:, :20] += 0.1  # as if something darkened the target there
    from lwgan_cli.generator.conditions import Resolution, source_input
    from lwgan_cli.training.sample import draw_sample

    poses, cameras = staged.cameras(np.array([0]), None)
    ((own, window),) = staged.photo_windows(float(cameras[0, 0]), Resolution(CELL))
    photo = source_input(body(), staged.sources[0], own, window)
    window = Window((-CELL, 0), (SIZE[0], SIZE[1]))
    with torch.no_grad():
        clear = draw_sample(staged, 0, window, poses[0], cameras[0], [photo]).clear
    assert clear[..., :CELL].max() == 0
    assert clear[..., 150:, CELL : CELL + 20].max() == 0
    assert clear[..., :150, CELL:].min() == 1


def test_crops_lie_on_the_person_in_whole_cells() -> None:
    places = np.array([[100.0, 60.0], [180.0, 420.0]])
    seen = set()
    for seed in range(50):
        window = crop_window(places, (320, 480), (128, 192), np.random.default_rng(seed))
        (x, y), size = window.corner, window.size
        assert size == (128, 192) and x % CELL == 0 and y % CELL == 0
        assert 0 <= x <= 320 - 128 and 0 <= y <= 480 - 192
        assert x < 180 and x + 128 > 100 and y < 420 and y + 192 > 60
        seen.add(window.corner)
    assert len(seen) > 5


def test_tones_change_all_pictures_of_a_person_alike() -> None:
    staged = [Staged(body(), subject(index, 1)) for index in range(2)]
    with torch.no_grad():
        given = draw_batch(staged, 2, WINDOW, np.random.default_rng(0))
    tones = [Tone(), Tone(0.05, 1.3, (0.9, 1.0, 1.05), order=(2, 0, 1))]
    changed = toned(given, tones)
    for name in ("rgba", "plate", "target", "scene"):
        before, after = getattr(given, name), getattr(changed, name)
        assert torch.allclose(after[:2], before[:2], atol=2e-4), name
        red, green, blue = before[2:, :3].unbind(1)
        exchanged = torch.stack([blue, red, green], 1)
        expected = ((exchanged - 0.05) / 0.95).clamp(min=0) ** 1.3 * torch.tensor([0.9, 1.0, 1.05])[:, None, None]
        assert torch.allclose(after[2:, :3], expected.clamp(max=1), atol=2e-4), name
    assert torch.equal(changed.alpha, given.alpha) and torch.equal(changed.rgba[:, 3], given.rgba[:, 3])
    planes, kept = changed.conditions.planes, given.conditions.planes
    assert torch.equal(planes[:, 3:5], kept[:, 3:5]) and torch.equal(planes[:, 8:], kept[:, 8:])
    assert torch.allclose((planes[:, :3] + 1) / 2, changed.conditions.colour, atol=1e-5)
    assert not torch.allclose(changed.sources[0].planes[1, :3], given.sources[0].planes[1, :3], atol=0.02)
    assert torch.equal(changed.sources[0].planes[:, 3:], given.sources[0].planes[:, 3:])


def test_records_move_whole() -> None:
    sample = moved(batch((0, 1)), "meta")
    assert sample.conditions.flows[0].grid.device.type == "meta"
    assert sample.sources[0].planes.device.type == "meta" and sample.sources[0].window is not None
    assert sample.heads.device.type == "meta"


@pytest.mark.parametrize("row", [0, 2])
def test_heads_are_where_the_head_is_drawn(row: int) -> None:
    sample, _ = exact(row)
    left, right, top, bottom = sample.heads[0].tolist()
    poses, _ = Staged(body(), subject(0, 1)).cameras(np.array([row]), None)
    _, mask = shown(poses[0])
    assert 0 <= left < right <= SIZE[0] and 0 <= top < bottom <= SIZE[1]
    head = np.flatnonzero(mask.any(1))[0]  # row of its top
    assert abs((top + 0.05 * SIZE[1]) - head) < 12
