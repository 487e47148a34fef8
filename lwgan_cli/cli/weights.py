"""`lwgan weights list|verify|import|path`"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lwgan_cli.cli.options import Given, accepts
from lwgan_cli.config import CommonConfig
from lwgan_cli.errors import WeightsError

if TYPE_CHECKING:
    from lwgan_cli.weights import Listed

weights_app = typer.Typer(
    name="weights",
    help="Weights files: which there are, whether they are whole, and official ones taken in.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@weights_app.command("list")
@accepts(CommonConfig, ("weights", "json", "verbose"))
def list_files(given: Given) -> None:
    """Every file: is it there and whole, where does it lie, under which licence.

    whole: as its manifest says. unlisted: there, but no manifest knows its sha256. absent: optional.

    lwgan weights list --weights ~/weights"""
    from lwgan_cli.weights import inventory

    _show(inventory(given["weights"]), given["json"])


@weights_app.command()
@accepts(CommonConfig, ("weights", "json", "verbose"))
def verify(given: Given) -> None:
    """Reads every file through; exit code 4 if one is wrong.

    lwgan weights verify"""
    from lwgan_cli.weights import verified

    rows = verified(given["weights"])
    _show(rows, given["json"])
    if wrong := [row for row in rows if row.problem is not None]:
        more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
        raise WeightsError(f"{wrong[0].problem}{more}")


@weights_app.command("import")
@accepts(CommonConfig, ("overwrite", "json", "verbose"))
def import_official(
    given: Given,
    path: Annotated[
        Path,
        typer.Argument(
            metavar="FILE",
            help="Impersonator generator, HMR (.pth) or mapper.txt; SMPL (.pkl, .npz); VGG-19, SphereFace-20 (.pth).",
            show_default=False,
        ),
    ],
    weights: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to put it.", show_default="your own folder, see `lwgan weights path`"),
    ] = None,
) -> None:
    """Takes in a file of the paper's authors or of others.

    What it is, is seen by what is in it; it is read without running any code, and converted exactly. weights/README.md
    says where the files come from.

    lwgan weights import net_epoch_30_id_G.pth"""
    from lwgan_cli.assets import user_weights_dir
    from lwgan_cli.weights import import_file

    done = import_file(path, weights or user_weights_dir(), given["overwrite"])
    if given["json"]:
        facts = {"path": str(done.path), "what": done.what, "licence": done.licence, "changes": done.changes}
        _print(json.dumps(facts, ensure_ascii=False))
        return
    _print(f"{done.path}: {done.what}\nchanges: {done.changes}\nlicence: {done.licence}")
    if weights is not None:
        _print(f"found with: --weights {weights}")


@weights_app.command("path")
@accepts(CommonConfig, ("weights", "json", "verbose"))
def show_path(given: Given) -> None:
    """The folders that are searched for weights, in order.

    lwgan weights path"""
    from lwgan_cli.assets import search_path, user_weights_dir

    searched, own = search_path(given["weights"]), user_weights_dir()
    if given["json"]:
        _print(json.dumps({"searched": [str(each) for each in searched], "user": str(own)}))
        return
    for each in searched:
        _print(str(each))
    if own not in searched:
        _print(f"{own} (yours, once something is imported)")


def _show(rows: list[Listed], as_json: bool) -> None:
    if as_json:
        files = [
            {
                "file": row.asset.file, "kind": row.asset.kind, "state": row.state, "bundled": row.asset.bundled,
                "path": None if row.path is None else str(row.path), "sha256": row.asset.sha256,
                "licence": row.asset.licence, "source": row.asset.source, "problem": row.problem,
            }
            for row in rows
        ]  # fmt: skip
        _print(json.dumps({"files": files}, ensure_ascii=False))
        return
    width = max((len(row.asset.file) for row in rows), default=0)
    for row in rows:
        place = row.asset.source if row.path is None else row.path.parent
        _print(f"{row.asset.file:<{width}}  {row.state:<8}  {place}; {row.asset.licence}")
        if row.problem is not None:
            _print(f"{'':<{width}}  {row.problem}")
    if any(row.state == "absent" for row in rows):
        _print("absent ones are optional: get one from there, then lwgan weights import FILE")


def _print(text: str) -> None:
    print(text)  # noqa: T201
