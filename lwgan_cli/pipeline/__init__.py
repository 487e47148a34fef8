"""The pipeline: what the commands call.

>>> from lwgan_cli.pipeline import imitate
>>> from lwgan_cli.config import DrawConfig
>>> from lwgan_cli.progress import Silent
>>> report = imitate([Path("photo.jpg")], Path("dance.mp4"), DrawConfig(output=Path("out.mp4")), Silent())
"""

from lwgan_cli.pipeline.commands import imitate, novelview, transfer
from lwgan_cli.pipeline.fitting import fit, show_people

__all__ = ["fit", "imitate", "novelview", "show_people", "transfer"]
