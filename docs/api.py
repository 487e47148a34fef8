"""Makes the API's pages: every public module, its functions and classes, and what is written about them.

python docs/api.py FOLDER
"""

from __future__ import annotations

import html
import sys
from pathlib import Path

import pdoc.render

# imported only where it is installed
LEFT_OUT = ("lwgan_cli.correspondence.raster_pytorch3d",)


def as_written(docstring: str) -> str:
    """Docstrings keep their lines: they list arguments with shapes and units as tables of spaces."""
    style = "white-space: pre-wrap; font-size: 80%"
    return f'<pre class="docstring" style="{style}">{html.escape(docstring.strip())}</pre>'


def main(folder: Path) -> None:
    pdoc.render.env.filters["to_markdown"] = lambda docstring: docstring
    pdoc.render.env.filters["to_html"] = as_written
    pdoc.render.configure(show_source=False, footer_text="lwgan")
    pdoc.pdoc("lwgan_cli", *(f"!{name}" for name in LEFT_OUT), output_directory=folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
