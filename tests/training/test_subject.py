from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lwgan_cli.errors import InputError
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
