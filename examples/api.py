"""The first second of the sample dance, from Python: python examples/api.py"""

from pathlib import Path

from lwgan_cli.api import DrawConfig, imitate

here = Path(__file__).parent
config = DrawConfig(output=Path("api.mp4"), duration=1.0, max_side=480, overwrite=True)
report = imitate(here / "person.jpg", here / "dance.mp4", config)
print(f"{report.output}: {report.frames} frames of {report.size} px in {sum(report.seconds.values()):.0f} s")  # noqa: T201
