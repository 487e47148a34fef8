"""Options that commands share, one alias each. Their defaults and their checks are config's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from lwgan_cli.errors import UsageError

Output = Annotated[
    str | None, typer.Option("-o", "--output", metavar="PATH", help="What to write.", show_default=False)
]
MaxSide = Annotated[int, typer.Option(metavar="PX", help="Longest side of the output; 0: the input's own size.")]
Size = Annotated[int, typer.Option(metavar="PX", help="Side of the person's crop that the work is done at.")]
Background = Annotated[
    str,
    typer.Option(
        metavar="source|driving|transparent|PATH|COLOUR",
        help="What stands behind the person; a colour is #rrggbb or a CSS name.",
    ),
]
StillBackground = Annotated[
    str,
    typer.Option(
        metavar="source|transparent|PATH|COLOUR",
        help="What stands behind the person, and still; a colour is #rrggbb or a CSS name.",
    ),
]
Camera = Annotated[
    str,
    typer.Option(
        metavar="smooth|source|driving",
        help="smooth: the photo's camera, and the driver's displacement; source: the person stays;"
        " driving: the driver's camera.",
    ),
]
Degrees = Annotated[
    str | None,
    typer.Option(
        metavar="START:STOP[:STEP]",
        help="Turn the camera around the person; 0 is the photo's side, 90 the person's right.",
        show_default=False,
    ),
]
Elevation = Annotated[float, typer.Option(metavar="DEG", help="Look down from so many degrees.")]
Freeze = Annotated[
    int | None,
    typer.Option(
        metavar="FRAME",
        help="Hold the motion at this frame while the camera turns; needs --degrees.",
        show_default=False,
    ),
]
Views = Annotated[
    int | None,
    typer.Option(metavar="N", help="Show N sides, evenly around the person, in a grid.", show_default=False),
]
Audio = Annotated[bool, typer.Option("--audio/--no-audio", help="Carry the driving's sound over.")]
Keep = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Write fits, maps, flows and warps there.", show_default=False),
]
Generator = Annotated[
    str,
    typer.Option(
        metavar="auto|default|none|PATH",
        help="default: a network corrects the warped photo; none: the warped photo alone; PATH: a generator of"
        " `lwgan train` or `lwgan weights import`; auto: default where its weights are there.",
    ),
]
Device = Annotated[str, typer.Option(metavar="auto|cpu|cuda[:N]|mps", help="Where to compute.")]
Threads = Annotated[int | None, typer.Option(metavar="N", help="CPU threads.", show_default="all cores")]
Seed = Annotated[int, typer.Option(metavar="N", help="Where random numbers start.")]
Weights = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder searched for weights first.", show_default="the bundled one"),
]
Body = Annotated[str, typer.Option(metavar="open|smpl|PATH", help="Body model.")]
Rasterizer = Annotated[str, typer.Option(metavar="auto|torch|pytorch3d", help="What draws the body.")]
Face = Annotated[
    bool,
    typer.Option("--face/--no-face", help="Expressions, gaze and the head's turn, where a face is large enough."),
]
Fitter = Annotated[
    str,
    typer.Option(
        metavar="fast|best|hmr",
        help="fast: from keypoints alone; best: aligned to the picture too; hmr: begun by the paper's HMR.",
    ),
]
Start = Annotated[float, typer.Option(metavar="S", help="Skip so many seconds of the video.")]
Duration = Annotated[
    float | None, typer.Option(metavar="S", help="Use so many seconds of the video.", show_default="all")
]
Fps = Annotated[
    float | None,
    typer.Option(metavar="N", help="Read the video at so many frames per second.", show_default="its own"),
]
MaxFrames = Annotated[int | None, typer.Option(metavar="N", help="At most so many frames.", show_default="all")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing output.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print nothing but errors.")]
Verbose = Annotated[
    bool, typer.Option("--verbose", help="Print seconds per stage, fit quality, and a traceback on failure.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Look at the inputs, say what would be done, write nothing.")]
Cache = Annotated[bool, typer.Option("--cache/--no-cache", help="Keep fits in the user's cache folder, and use them.")]


def output_path(text: str | None, default: Path) -> Path:
    """The path that `--output` names. A path keeps no trailing slash, and without it a name with a suffix is
    no folder's: then raises UsageError."""
    if text is None:
        return default
    path = Path(text)
    if text.endswith(("/", os.sep)) and path.suffix and not path.is_dir():
        raise UsageError(f"--output {text}: make the folder first, as its name has a suffix ({path.suffix})")
    return path
