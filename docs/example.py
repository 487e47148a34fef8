"""Makes docs/example.jpg: the sample photo, frames of the sample dance above, and what `lwgan imitate` makes of them.

python docs/example.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np

from lwgan_cli.frames.clip import open_clip
from lwgan_cli.frames.photo import read_photo

ROOT = Path(__file__).resolve().parents[1]
PHOTO, DANCE = ROOT / "examples" / "person.jpg", ROOT / "examples" / "dance.mp4"
SHOWN = (14, 38, 48, 62, 75, 85)  # frames of the dance
ROW = 280  # px, height of a frame
GAP = 6  # px


def scaled(picture: np.ndarray, height: int) -> np.ndarray:
    width = round(picture.shape[1] * height / picture.shape[0])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def middle(picture: np.ndarray, width: int) -> np.ndarray:
    """Cut to a width around the middle."""
    left = (picture.shape[1] - width) // 2
    return picture[:, left : left + width]


def row(pictures: list[np.ndarray]) -> np.ndarray:
    gap = np.full((pictures[0].shape[0], GAP, 3), 255, np.uint8)
    return np.hstack([each for picture in pictures for each in (gap, picture)])


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "frames"
        main = "from lwgan_cli.cli.main import main; main()"
        subprocess.run([sys.executable, "-c", main, "imitate", PHOTO, DANCE, "-o", made, "--no-cache"], check=True)
        results = [scaled(picture, ROW) for picture in open_clip(made)]
    driving = [scaled(picture, ROW) for picture in open_clip(DANCE)]
    width = min(results[0].shape[1], driving[0].shape[1])
    above, below = (row([middle(pictures[at], width) for at in SHOWN]) for pictures in (driving, results))
    dances = np.vstack([above, np.full((GAP, above.shape[1], 3), 255, np.uint8), below])
    sheet = np.hstack([scaled(read_photo(PHOTO).over(), len(dances)), dances])
    target = ROOT / "docs" / "example.jpg"
    cv2.imwrite(str(target), sheet[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])


if __name__ == "__main__":
    main()
