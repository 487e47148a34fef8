from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lwgan_cli.cli.main import run
from lwgan_cli.frames.video import VideoWriter


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A folder with one result."""
    folder = tmp_path / "-my results"
    folder.mkdir()
    with VideoWriter(folder / "a.png", (32, 32), 25.0) as writer:
        writer.write(np.zeros((32, 32, 3), np.uint8))
    return folder


def test_the_page_lies_in_the_folder_and_is_called_as_it(results: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gallery", str(results)]) == 0
    page = results / "index.html"
    assert "<h1>-my results</h1>" in page.read_text() and './a.png"' in page.read_text()
    assert capsys.readouterr().out == f"{page}: 1 results\n"


def test_page_and_title_can_be_named(results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert run(["gallery", str(results), "-o", str(page), "--title", "Spring & co", "--quiet"]) == 0
    text = page.read_text()
    assert "<h1>Spring &amp; co</h1>" in text and './-my%20results/a.png"' in text
    assert capsys.readouterr().out == ""


def test_a_folder_without_results_is_an_input_that_cannot_be_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["gallery", str(tmp_path)]) == 3
    assert "holds no results of lwgan" in capsys.readouterr().err and not list(tmp_path.iterdir())
