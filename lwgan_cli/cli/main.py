"""`lwgan`: the commands, `--version`, and what happens when one is interrupted or used wrongly."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from lwgan_cli import __version__
from lwgan_cli.cli import interrupts
from lwgan_cli.cli.batch import UNKNOWN_TOO, batch
from lwgan_cli.cli.bench import bench
from lwgan_cli.cli.doctor import doctor
from lwgan_cli.cli.evaluate import evaluate
from lwgan_cli.cli.fit import fit
from lwgan_cli.cli.gallery import gallery
from lwgan_cli.cli.imitate import imitate
from lwgan_cli.cli.novelview import novelview
from lwgan_cli.cli.train import train
from lwgan_cli.cli.transfer import transfer
from lwgan_cli.cli.weights import weights_app

START = """\
lwgan imitate photo.jpg dance.mp4            the person in the photo dances as in the video
lwgan transfer --head a.jpg --body b.jpg     the person of one photo in the clothes of another
lwgan novelview photo.jpg --degrees 30:330   the person in the photo, seen from other sides
"""

app = typer.Typer(
    name="lwgan",
    rich_markup_mode=None,  # plain help starts faster, and can be piped
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(imitate)
app.command()(transfer)
app.command()(novelview)
app.command()(fit)
app.command()(train)
app.command()(evaluate)
app.command()(bench)
app.command(context_settings=UNKNOWN_TOO)(batch)
app.command()(gallery)
app.command()(doctor)
app.add_typer(weights_app)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"lwgan {__version__}")  # noqa: T201
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Photos of a person become video: the person moves as someone else does."""
    if context.invoked_subcommand is None:
        print(START)  # noqa: T201
        print(context.get_help())  # noqa: T201


def run(arguments: Sequence[str]) -> int:
    """Runs one command line and returns its exit code. Wrong usage is one line on stderr, as any error."""
    try:
        return app(arguments, prog_name="lwgan", standalone_mode=False) or 0
    except Exception as error:
        if not hasattr(error, "format_message"):  # what Typer raises for wrong usage has one
            raise
        command = getattr(getattr(error, "ctx", None), "command_path", "lwgan")
        print(f"lwgan: {error.format_message().rstrip('.')}; see {command} --help", file=sys.stderr)  # noqa: T201
        return 2


def main() -> None:
    """Entry point."""
    interrupts.catch()
    sys.exit(run(sys.argv[1:]))
