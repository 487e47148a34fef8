"""The pipeline: what the commands call.

>>> from lwgan_cli.pipeline import imitate
>>> from lwgan_cli.config import ImitateConfig
>>> from lwgan_cli.progress import Silent
>>> report = imitate([Path("photo.jpg")], Path("dance.mp4"), ImitateConfig(output=Path("out.mp4")), Silent())
"""

from lwgan_cli.pipeline.fitting import fit
from lwgan_cli.pipeline.imitation import imitate

__all__ = ["fit", "imitate"]
