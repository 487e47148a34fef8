"""The options that commands share, in one table. Their defaults and their checks are config's."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, TypeVar

import typer

from lwgan_cli.cli.output import failures
from lwgan_cli.config import Background, Choice, CommonConfig, Turn
from lwgan_cli.errors import UsageError

Config = TypeVar("Config", bound=CommonConfig)

OPTIONS: Mapping[str, Any] = MappingProxyType(  # field of a config → its option
    {
        "output": Annotated[
            str | None, typer.Option("-o", "--output", metavar="PATH", help="What to write.", show_default=False)
        ],
        "max_side": Annotated[
            int, typer.Option(metavar="PX", help="Longest side of the output; 0: the input's own size.")
        ],
        "size": Annotated[int, typer.Option(metavar="PX", help="Side of the person's crop that the work is done at.")],
        "background": Annotated[
            str,
            typer.Option(
                metavar="source|driving|transparent|PATH|COLOUR",
                help="What stands behind the person; a colour is #rrggbb or a CSS name.",
            ),
        ],
        "camera": Annotated[
            str,
            typer.Option(
                metavar="smooth|source|driving",
                help="smooth: the photo's place and scale, the driver's displacement, and a background that moves as"
                " the driver's camera does; source: person and background stay; driving: the driver's camera.",
            ),
        ],
        "degrees": Annotated[
            str | None,
            typer.Option(
                metavar="START:STOP[:STEP]",
                help="Turn the camera around the person; 0 is the photo's side, 90 the person's right.",
                show_default=False,
            ),
        ],
        "elevation": Annotated[float, typer.Option(metavar="DEG", help="Look down from so many degrees.")],
        "freeze": Annotated[
            int | None,
            typer.Option(
                metavar="FRAME",
                help="Hold the motion at this frame while the camera turns; needs --degrees.",
                show_default=False,
            ),
        ],
        "views": Annotated[
            int | None,
            typer.Option(metavar="N", help="Show N sides, evenly around the person, in a grid.", show_default=False),
        ],
        "motion_blur": Annotated[
            float | None,
            typer.Option(
                metavar="SHARE",
                help="How long the shutter is open, of the time between frames; 0: fast limbs stay sharp.",
                show_default="as in the driving",
            ),
        ],
        "audio": Annotated[bool, typer.Option("--audio/--no-audio", help="Carry the driving's sound over.")],
        "keep": Annotated[
            Path | None,
            typer.Option(metavar="DIR", help="Write fits, maps, flows and warps there.", show_default=False),
        ],
        "generator": Annotated[
            str,
            typer.Option(
                metavar="auto|default|none|PATH",
                help="default: a network corrects the warped photo; none: the warped photo alone; PATH: a generator of"
                " `lwgan train` or `lwgan weights import`; auto: what does best, none so far, or your own default.",
            ),
        ],
        "device": Annotated[str, typer.Option(metavar="auto|cpu|cuda[:N]|mps", help="Where to compute.")],
        "threads": Annotated[int | None, typer.Option(metavar="N", help="CPU threads.", show_default="all cores")],
        "seed": Annotated[int, typer.Option(metavar="N", help="Where random numbers start.")],
        "weights": Annotated[
            Path | None,
            typer.Option(metavar="DIR", help="Folder searched for weights first.", show_default="the bundled one"),
        ],
        "body": Annotated[str, typer.Option(metavar="open|smpl|PATH", help="Body model.")],
        "rasterizer": Annotated[str, typer.Option(metavar="auto|torch|pytorch3d", help="What draws the body.")],
        "face": Annotated[
            bool,
            typer.Option(
                "--face/--no-face", help="Expressions, gaze and the head's turn, where a face is large enough."
            ),
        ],
        "person": Annotated[
            str | None,
            typer.Option(
                metavar="N|X,Y",
                help="Who is meant where a picture shows several people: the N-th largest, or whoever is at that pixel;"
                " `lwgan fit INPUT --list` numbers them.",
                show_default="the largest",
            ),
        ],
        "fitter": Annotated[
            str,
            typer.Option(
                metavar="fast|best|hmr",
                help="fast: from keypoints alone; best: aligned to the picture too; hmr: begun by the paper's HMR.",
            ),
        ],
        "start": Annotated[float, typer.Option(metavar="S", help="Skip so many seconds of the video.")],
        "duration": Annotated[
            float | None, typer.Option(metavar="S", help="Use so many seconds of the video.", show_default="all")
        ],
        "fps": Annotated[
            float | None,
            typer.Option(metavar="N", help="Read the video at so many frames per second.", show_default="its own"),
        ],
        "max_frames": Annotated[
            int | None, typer.Option(metavar="N", help="At most so many frames.", show_default="all")
        ],
        "overwrite": Annotated[bool, typer.Option("--overwrite", help="Replace an existing output.")],
        "quiet": Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")],
        "verbose": Annotated[
            bool, typer.Option("--verbose", help="Print seconds per stage, fit quality, and a traceback on failure.")
        ],
        "json": Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")],
        "dry_run": Annotated[
            bool, typer.Option("--dry-run", help="Look at the inputs, say what would be done, write nothing.")
        ],
        "cache": Annotated[
            bool, typer.Option("--cache/--no-cache", help="Keep fits in the user's cache folder, and use them.")
        ],
    }
)
INPUT = ("start", "duration", "fps", "max_frames")
BODY = ("person", "body", "face", "fitter", "rasterizer")
RUN = ("weights", "device", "threads", "seed")
TALK = ("overwrite", "dry_run", "json", "quiet", "verbose")
CAMERA = ("degrees", "elevation", "freeze", "views")
STAGE = ("output", "size", "max_side", "background", "camera")
_READ: Mapping[str, Callable[[str], object]] = MappingProxyType(
    {"background": Background.parse, "degrees": Turn.parse, "person": Choice.parse}
)
_TYPED = MappingProxyType({"background": "source"})  # how a default that isn't plain text is typed


class Given(dict[str, Any]):
    """The shared options of one call, by the fields of a config, read but not yet checked."""

    def config(self, kind: type[Config], output: Path, **own: object) -> Config:
        """All of them and the command's `own` as one checked config; `output` where none was named.

        Raises UsageError for a value that makes no sense.
        """
        values = {**self, **own}
        values["output"] = output_path(values.get("output"), output)
        return kind(**values)


def accepts(
    config: type[CommonConfig], fields: Sequence[str], **defaults: object
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the options `fields`, which arrive together in its argument `given`; what goes wrong in it ends
    in one line and an exit code.

    config    whose defaults they have, but for `defaults`
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [each for each in inspect.signature(command, eval_str=True).parameters.values() if each.name != "given"]
        shared = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=_default(config, name, defaults), annotation=OPTIONS[name]
            )
            for name in fields
        ]

        @functools.wraps(command)
        def with_options(**arguments: Any) -> None:
            with failures(arguments["verbose"]):
                texts = {name: arguments.pop(name) for name in fields}
                read = {
                    name: _READ[name](value) if name in _READ and value is not None else value
                    for name, value in texts.items()
                }
                command(**arguments, given=Given(read))

        parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own] + shared
        with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what Typer reads
        with_options.__annotations__ = {each.name: each.annotation for each in parameters}
        return with_options

    return decorate


def _default(config: type[CommonConfig], name: str, defaults: Mapping[str, object]) -> object:
    return defaults[name] if name in defaults else _TYPED.get(name, getattr(config, name, None))


def output_path(text: str | None, default: Path) -> Path:
    """The path that `--output` names. A path keeps no trailing slash, and without it a name with a suffix is
    no folder's: then raises UsageError."""
    if text is None:
        return default
    path = Path(text)
    if text.endswith(("/", os.sep)) and path.suffix and not path.is_dir():
        raise UsageError(f"--output {text}: make the folder first, as its name has a suffix ({path.suffix})")
    return path
