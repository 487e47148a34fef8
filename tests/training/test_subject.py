from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lwgan_cli.errors import InputError
from lwgan_cli.texture.texture import onto_atlas
from lwgan_cli.training.prepare import make_subject
from lwgan_cli.training.subject import Subject, decode, encode, whole_file
from tests.training.people import subject


def test_a_subject_survives_the_disk(tmp_path: Path) -> None:
    before = subject()
    path = tmp_path / "bank" / "one.npz"
    before.save(path)
    after = Subject.load(path)
    assert len(after) == len(before) and after.size == before.size and after.exact
    for name in ("atlas", "betas", "plate", "hole", "background", "poses", "cameras"):
        assert np.array_equal(getattr(after, name), getattr(before, name)), name
    assert np.abs(after.offsets - before.offsets).max() < 1e-4  # half precision
    for one, other in zip(after.stills, before.stills, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(vars(one).values(), vars(other).values(), strict=True))
    assert all(np.array_equal(after.picture(row), before.picture(row)) for row in range(len(before)))
    assert [file.name for file in path.parent.iterdir()] == ["one.npz"]


def test_pngs_keep_every_value() -> None:
    for channels in (3, 4):
        picture = np.random.default_rng(0).integers(0, 256, (9, 7, channels), np.uint8)
        assert np.array_equal(decode(encode(picture)), picture)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not an archive", b"text"])
def test_a_broken_file_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken.npz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.npz.*remove it"):
        Subject.load(path)


def test_a_failed_write_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    path.write_text("before")
    with pytest.raises(KeyError), whole_file(path) as temporary:
        temporary.write_text("half")
        raise KeyError
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_still_becomes_the_source_it_was() -> None:
    from tests.training.people import body, prepared

    still, source = prepared()
    again = still.source(body(), torch.zeros(10), torch.zeros_like(body().v_template))
    assert torch.allclose(again.ndc, source.ndc, atol=1e-5)
    assert (again.pixels - source.pixels).abs().max() < 1 / 255
    assert torch.allclose(again.visibility, source.visibility, atol=1e-3)
    assert torch.allclose(again.score, source.score, rtol=1e-2, atol=1e-2)
    assert again.scale == pytest.approx(source.scale)


def test_photos_become_a_subject() -> None:
    """With colours where the photo shows them, and a scene that is made up behind the person alone."""
    from tests.training.people import body, colours, photo, pose, scene, surface

    taken, known = photo(pose()), subject()
    none, targets = np.zeros((body().n_vertices, 3), np.float32), [known.picture(row) for row in range(len(known))]
    made = make_subject(
        body(), surface(), [taken], np.zeros(10), none, scene(), targets, known.poses, known.cameras, exact=True
    )
    assert made.size == known.size and made.exact and np.array_equal(made.background, scene())
    for one, other in zip(made.stills, known.stills, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(vars(one).values(), vars(other).values(), strict=True))
    assert all(np.array_equal(made.picture(row), target) for row, target in enumerate(targets))
    assert np.array_equal(made.plate[~made.hole], taken.picture[~made.hole]) and made.hole[taken.alpha > 0].all()
    assert np.abs(made.plate[made.hole].astype(int) - scene()[made.hole]).mean() < 20
    seen = onto_atlas(surface(), known.stills[0].visibility[:, None].astype(np.float32), len(made.atlas))[..., 0]
    shown = onto_atlas(surface(), colours(surface().vertices), len(made.atlas))
    assert np.abs(made.atlas - shown)[seen > 0.95].mean() < 12 and (seen > 0.95).mean() > 0.05
