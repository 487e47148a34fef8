"""A page of the results in a folder: one static HTML file that shows each beside its inputs, and asks nothing of the
network.

A file is a result if its metadata carries lwgan's mark (`frames.output.SYNTHESISED`), or a batch's record or a saved
`--json` report names it; from the two come inputs and settings.
"""

from __future__ import annotations

import html
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from lwgan_cli import __version__
from lwgan_cli.batch.state import STATE_FILE, read_records
from lwgan_cli.errors import InputError, UsageError
from lwgan_cli.frames.output import workspace

PICTURES = (".jpg", ".jpeg", ".png", ".gif", ".webp", ".avif", ".bmp")  # that browsers show
VIDEOS = (".mp4", ".m4v", ".webm", ".mov")  # that they play, as far as the codec is theirs
MADE = (*PICTURES, *VIDEOS, ".mkv", ".npz")  # suffixes of what lwgan writes
GENERATOR = '<meta name="generator" content="lwgan'
_MARK = re.compile(rb"synthesised by lwgan ([\w.+-]+)")
_ENDS = 1 << 20  # bytes at a file's start and end that are searched for it: a video's index may come first

STYLE = """\
:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif }
body { margin: 2rem auto; max-width: 90rem; padding: 0 1rem }
article { border-top: 1px solid #8886; padding: 1rem 0 }
h1, h2 { font-weight: 600; overflow-wrap: anywhere }
h2 { font-size: 1.05rem; margin: 0 0 .6rem }
.row { display: flex; flex-wrap: wrap; gap: .8rem; align-items: flex-end }
figure { margin: 0; max-width: 100% }
img, video { display: block; height: 20rem; max-width: 100%; object-fit: contain; background: #8882 }
.given img, .given video { height: 14rem }
figcaption { font-size: .85rem; max-width: 24rem; overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem .9rem; font-size: .85rem; margin: .7rem 0 0 }
dt { opacity: .65 } dd { margin: 0; overflow-wrap: anywhere }
.failed h2, .warning { color: #c33 }
"""


@dataclass(frozen=True)
class Result:
    """One thing to show.

    path    of the file or the folder of frames; of a failure it may not be there
    inputs  what it was made of, as far as known
    facts   name → value, for people to read
    failed  why there is nothing to show; empty for a result
    """

    path: Path
    inputs: tuple[Path, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    failed: str = ""


def collect(folder: Path) -> list[Result]:
    """The results in a folder, and what its batches failed at, by name. Raises InputError where there are none."""
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: name one that holds results")
    found: dict[Path, Result] = {}
    for path in sorted(folder.iterdir()):
        version = marked(next(iter(frames_of(path)), path) if path.is_dir() else path)
        if version is not None:
            found[path] = Result(path, facts={"made by": f"lwgan {version}"})
    for report in reports(folder):
        path = folder / Path(str(report["output"])).name
        if path.exists():
            found[path] = Result(path, tuple(_inputs(report, folder)), _facts(report))
    for record in {each["output"]: each for each in read_records(folder / STATE_FILE)}.values():
        path = folder / record["output"]
        inputs = tuple(Path(str(each)) for each in record.get("inputs", ()))
        options = {str(name): str(value) for name, value in dict(record.get("options", {})).items()}
        if record.get("state") == "failed" and not path.exists():
            found[path] = Result(path, inputs, options, str(record.get("message") or "failed"))
        elif record.get("state") == "done" and path.exists():
            facts = {"command": f"lwgan {record.get('command', '')}", **options, **_facts(record.get("report", {}))}
            found[path] = Result(path, inputs, facts)
    if not found:
        raise InputError(f"{folder} holds no results of lwgan: name the folder that they were written to")
    return [found[path] for path in sorted(found)]


def marked(path: Path) -> str | None:
    """The version of lwgan whose mark a file carries; None for a file that carries none."""
    if path.suffix.lower() not in MADE or not path.is_file():
        return None
    with path.open("rb") as file:
        match = _MARK.search(file.read(_ENDS))
        if match is None and path.stat().st_size > _ENDS:
            file.seek(max(_ENDS, path.stat().st_size - _ENDS))
            match = _MARK.search(file.read())
    return match[1].decode() if match else None


def frames_of(folder: Path) -> list[Path]:
    """The numbered frames in a folder, in order."""
    return sorted(folder.glob("[0-9]*.png"))


def reports(folder: Path) -> Iterator[Mapping[str, Any]]:
    """What `--json` printed into files of the folder, an object a line."""
    for path in sorted((*folder.glob("*.json"), *folder.glob("*.jsonl"))):
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                content = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(content, dict) and {"output", "frames", "backends"} <= content.keys():
                yield content


def write_page(results: Sequence[Result], page: Path, title: str, overwrite: bool = False) -> None:
    """Writes the page, whole or not at all. Raises UsageError where something else than a gallery lies there."""
    if page.exists() and not overwrite and GENERATOR not in page.read_text(encoding="utf-8", errors="replace")[:1000]:
        raise UsageError(f"{page} exists and is no gallery; give --overwrite, or name another with -o")
    with workspace(page) as place:
        made = place / "page.html"
        made.write_text(page_of(results, page.parent, title), encoding="utf-8", errors="replace")
        made.replace(page)


def page_of(results: Sequence[Result], folder: Path, title: str) -> str:
    """The page as text; its links go from `folder`."""
    failed = sum(bool(each.failed) for each in results)
    count = f"{len(results) - failed} results" + (f", {failed} failed" if failed else "")
    body = "\n".join(_article(each, folder) for each in results)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
{GENERATOR} {__version__}">
<title>{html.escape(title)}</title>
<style>
{STYLE}</style>
</head>
<body>
<h1>{html.escape(title)}</h1>
<p>{count}. Synthesised by lwgan (Liquid Warping GAN): not recordings.</p>
{body}
</body>
</html>
"""


def _article(result: Result, folder: Path) -> str:
    given = "\n".join(_figure(path, folder, "given") for path in result.inputs)
    shown = f"<p>{html.escape(result.failed)}</p>" if result.failed else _figure(result.path, folder, "made")
    facts = "\n".join(
        f"<dt>{html.escape(name)}</dt><dd{' class=warning' if name == 'warning' else ''}>{html.escape(value)}</dd>"
        for name, value in result.facts.items()
    )
    return f"""<article{' class="failed"' if result.failed else ""}>
<h2>{html.escape(result.path.name)}</h2>
<div class="row">
{given}
{shown}
</div>
<dl>
{facts}
</dl>
</article>"""


def _figure(path: Path, folder: Path, kind: str) -> str:
    name = html.escape(path.name)
    frames = frames_of(path) if path.is_dir() else []
    shown = frames[0] if frames else path
    link, suffix = html.escape(link_to(shown, folder)), shown.suffix.lower()
    if not path.exists():
        inside = f"<figcaption>{name} (gone)</figcaption>"
    elif suffix in PICTURES:
        more = f", the first of {len(frames)} frames" if frames else ""
        inside = f'<img src="{link}" alt="{name}" loading="lazy"><figcaption>{name}{more}</figcaption>'
    elif suffix in VIDEOS:
        inside = (
            f'<video src="{link}" controls loop muted playsinline preload="metadata"></video>'
            f"<figcaption>{name}</figcaption>"
        )
    else:
        inside = f'<figcaption><a href="{link}">{name}</a></figcaption>'
    return f'<figure class="{kind}">{inside}</figure>'


def link_to(path: Path, folder: Path) -> str:
    """A URL of a file that works from a page in `folder`, whatever its name holds."""
    try:
        way = Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return path.absolute().as_uri()
    return "./" + quote(os.fsencode(way))


def _inputs(report: Mapping[str, Any], folder: Path) -> Iterator[Path]:
    """Paths stand in a report as they were typed, in a folder that it doesn't name: there, here, or gone."""
    for each in report.get("inputs", ()):
        path = Path(str(each.get("path", ""))) if isinstance(each, dict) else Path(str(each))
        yield path.absolute() if path.exists() else folder / path


def _facts(report: Mapping[str, Any]) -> dict[str, str]:
    """Of a report, what somebody who looks at the result wants to know."""
    if not report:
        return {}
    facts: dict[str, str] = {}
    width, height = report.get("size", (0, 0))
    frames, fps = report.get("frames", 0), report.get("fps", 0)
    facts["size"] = f"{width}×{height} px" + (f", {frames} frames at {fps:g} fps" if fps else "")
    if isinstance(elapsed := report.get("elapsed"), (int, float)):
        facts["took"] = f"{elapsed:.1f} s on {report.get('device', '?')}"
    facts["with"] = ", ".join(f"{part} {name}" for part, name in dict(report.get("backends", {})).items())
    for who, numbers in dict(report.get("fit", {})).items():
        told = (f"{name} {value:.3g}" for name, value in dict(numbers).items() if isinstance(value, (int, float)))
        facts[f"fit of the {who}"] = ", ".join(told)
    if report.get("warnings"):
        facts["warning"] = "; ".join(map(str, report["warnings"]))
    return {name: value for name, value in facts.items() if value}
