from __future__ import annotations

import json
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

from lwgan_cli import __version__
from lwgan_cli.batch.jobs import Job, Outcome, Refused
from lwgan_cli.batch.state import State
from lwgan_cli.errors import InputError, UsageError
from lwgan_cli.frames.video import VideoWriter
from lwgan_cli.gallery import collect, link_to, marked, page_of, write_page
from lwgan_cli.report import Report

ODD = ['-x "quoted" <b>.png', "two  spaces & ampersand.png", "ünï çødé 人.png", "a:b?c#d%41.png", "'single'.png"]


class Page(HTMLParser):
    """Tags with their attributes, and all text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[str]:
        return [value for _, attrs in self.tags for name in ("src", "href") if (value := attrs.get(name))]


def write(path: Path, frames: int = 1) -> Path:
    with VideoWriter(path, (32, 32), 25.0) as writer:
        for index in range(frames):
            writer.write(np.full((32, 32, 3), 40 * index, np.uint8))
    return path


def report(output: Path, **more: object) -> Report:
    return Report(
        output=output, frames=3, fps=25.0, size=(32, 48), device="cpu", backends={"body": "open"},
        seconds={"fit": 1.5, "dress": 2.0}, elapsed=3.5, fit={"photo": {"iou": 0.9312, "jitter": None}}, **more,
    )  # fmt: skip


@pytest.mark.parametrize("name", ["a.mp4", "a.webm", "a.mkv", "a.png", "a.jpg", "a.gif", "a.webp"])
def test_what_lwgan_wrote_is_known_by_its_mark(tmp_path: Path, name: str) -> None:
    assert marked(write(tmp_path / name, 1 if name[-3:] in ("png", "jpg") else 3)) == __version__


def test_other_files_are_no_results(project: Path, tmp_path: Path) -> None:
    assert marked(project / "README.md") is None
    (tmp_path / "photo.png").write_bytes(b"\x89PNG no mark" + bytes(3 << 20))
    assert marked(tmp_path / "photo.png") is None
    with pytest.raises(InputError, match="holds no results"):
        collect(tmp_path)
    with pytest.raises(InputError, match="is no folder"):
        collect(tmp_path / "gone")


def test_a_mark_at_the_end_of_a_long_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "long.webp").write_bytes(bytes(3 << 20) + b"synthesised by lwgan 9.8.7 (")
    assert marked(tmp_path / "long.webp") == "9.8.7"


def test_a_batchs_record_tells_inputs_settings_and_failures(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    photo = write(tmp_path / "me.png")
    state = State.of(folder)

    def job(name: str) -> Job:
        return Job("", "imitate", (), (folder / name,), (photo, tmp_path / "d.npz"), {"max_side": "320"}, "0" * 64)

    for name in ("a.mp4", "b.mp4", "c.mp4"):
        state.begin(job(name))
    write(folder / "a.mp4", 3)
    made = report(folder / "a.mp4", warnings=("nobody was found in 2 frames",))
    state.end(job("a.mp4"), Outcome(0, seconds=1, report=json.loads(made.to_json()), digest="x"))
    state.end(job("b.mp4"), Outcome(3, "nobody was found; use another"))
    state.refuse(Refused("line 4", 2, "no such option"))
    first, second = collect(folder)  # c.mp4 was never made
    assert (first.path.name, first.inputs) == ("a.mp4", (photo, tmp_path / "d.npz"))
    assert first.facts == {
        "command": "lwgan imitate", "max_side": "320", "size": "32×48 px, 3 frames at 25 fps", "took": "3.5 s on cpu",
        "with": "body open", "fit of the photo": "iou 0.931", "warning": "nobody was found in 2 frames",
    }  # fmt: skip
    assert (second.path.name, second.failed) == ("b.mp4", "nobody was found; use another")
    page = Page(page_of([first, second], folder, "Out"))
    assert "1 results, 1 failed" in page.text and "nobody was found; use another" in page.text
    assert page.links() == ["./../me.png", "./a.mp4", "./../me.png"]
    assert "d.npz (gone)" in page.text


def test_saved_reports_tell_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "a.mp4", 3)
    write(tmp_path / "me.png")
    inputs = ({"path": "me.png", "kind": "photo"}, {"path": "elsewhere/gone.mp4"})
    (tmp_path / "a.json").write_text(report(Path("results/a.mp4"), inputs=inputs).to_json())
    (tmp_path / "other.json").write_text('[1, 2]\n{"output": "a.mp4"}\n{"out')
    found = {each.path.name: each for each in collect(tmp_path)}
    assert list(found) == ["a.mp4", "me.png"]
    assert found["a.mp4"].inputs == (tmp_path / "me.png", tmp_path / "elsewhere/gone.mp4")
    assert found["a.mp4"].facts["took"] == "3.5 s on cpu"


def test_frames_in_a_folder_are_one_result(tmp_path: Path) -> None:
    write(tmp_path / "frames", 3)
    (result,) = collect(tmp_path)
    page = Page(page_of([result], tmp_path, "x"))
    assert page.links() == ["./frames/000000.png"] and "the first of 3 frames" in page.text


def test_odd_names_are_text_and_links_that_lead_back(tmp_path: Path) -> None:
    for name in ODD:
        write(tmp_path / "plain.png").rename(tmp_path / name)
    results = collect(tmp_path)
    page = Page(page_of(results, tmp_path, "<script>alert(1)</script> & co"))
    assert {tag for tag, _ in page.tags} <= {
        "html", "head", "meta", "title", "style", "body", "h1", "h2", "p", "article", "div", "figure", "img",
        "figcaption", "dl", "dt", "dd",
    }  # fmt: skip
    assert "<script>alert(1)</script> & co" in page.text
    assert {attrs.get("alt") for tag, attrs in page.tags if tag == "img"} == set(ODD)
    followed = set()
    for link in page.links():
        parts = urlsplit(link)
        assert link.startswith("./") and not (parts.scheme or parts.netloc or parts.query or parts.fragment)
        followed.add(unquote(parts.path).removeprefix("./"))
    assert followed == set(ODD)


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", 2)
    text = page_of(collect(tmp_path), tmp_path, "x")
    assert "://" not in text and "<script" not in text and "url(" not in text and "@import" not in text


def test_links_go_from_where_the_page_lies(tmp_path: Path) -> None:
    assert link_to(tmp_path / "a" / "x y.mp4", tmp_path / "b") == "./../a/x%20y.mp4"


def test_an_older_gallery_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path / "a.mp4", 2)
    page = tmp_path / "index.html"
    page.write_text("<html>my homepage</html>")
    with pytest.raises(UsageError, match="is no gallery"):
        write_page(collect(tmp_path), page, "one")
    assert page.read_text() == "<html>my homepage</html>"
    write_page(collect(tmp_path), page, "two", overwrite=True)
    write_page(collect(tmp_path), page, "three")
    assert "<h1>three</h1>" in page.read_text()
    assert {each.name for each in tmp_path.iterdir()} == {"a.mp4", "index.html"}


BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PROBE = """<script>setTimeout(() => {
  const shown = [...document.querySelectorAll("img, video")].map(
    each => [decodeURIComponent(each.src).split("/").pop(), each.naturalWidth || each.videoWidth])
  document.body.textContent = JSON.stringify(shown)
}, 4000)</script></body>"""


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium")
def test_a_browser_finds_and_decodes_everything(tmp_path: Path) -> None:
    folder = tmp_path / "-odd 'folder' #1 %41 é"
    folder.mkdir()
    for name in (*ODD, "quick.webm", "film.mp4", "loop.gif"):
        write(folder / f"plain{Path(name).suffix}", 1 if name.endswith("png") else 3).rename(folder / name)
    page = page_of(collect(folder), folder, "x").replace(' loading="lazy"', "").replace("</body>", PROBE)
    (folder / "index.html").write_text(page)
    line = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=10000", "--dump-dom"]
    address = (folder / "index.html").as_uri()
    dom = subprocess.run([*line, address], capture_output=True, text=True, check=True, timeout=120).stdout
    shown = json.loads(Page(dom[dom.index("<body>") :]).text.strip())
    assert dict(shown) == dict.fromkeys((*ODD, "quick.webm", "film.mp4", "loop.gif"), 32)
