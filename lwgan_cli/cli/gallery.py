"""`lwgan gallery DIR`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lwgan_cli.cli.options import Given, accepts
from lwgan_cli.config import CommonConfig


@accepts(CommonConfig, ("overwrite", "quiet", "verbose"))
def gallery(
    given: Given,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder that holds results.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="PAGE", help="The page to write.", show_default="DIR/index.html"),
    ] = None,
    title: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Heading of the page.", show_default="the folder's name")
    ] = None,
) -> None:
    """A page of the results in a folder, to open in a browser.

    Shows each beside its photos and its driving, with settings, as far as a batch's record or reports that --json
    printed into the folder tell. One HTML file without scripts, which loads nothing from elsewhere. An older gallery
    is replaced.

    \b
    lwgan gallery results
    lwgan gallery results -o results/page.html --title "Spring"
    """
    from lwgan_cli.gallery import collect, write_page

    page = output or folder / "index.html"
    results = collect(folder)
    write_page(results, page, title or folder.absolute().name, given["overwrite"])
    if not given["quiet"]:
        failed = sum(bool(each.failed) for each in results)
        print(f"{page}: {len(results) - failed} results" + (f", {failed} failed" if failed else ""))  # noqa: T201
