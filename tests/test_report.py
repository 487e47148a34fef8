from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from lwgan_cli.report import Report


def test_json_is_one_strict_object() -> None:
    report = Report(
        output=Path("out/dance é.mp4"),
        frames=np.int64(3),  # type: ignore[arg-type]
        fps=29.97,
        size=(720, 1280),
        device="cpu",
        backends={"rasterizer": "torch"},
        seconds={"fit": np.float32(1.25)},  # type: ignore[dict-item]
        fit={"photo": {"iou": 0.93, "jitter": float("nan")}, "driving": {"iou": None}},
        warnings=("a", "b"),
    )
    text = report.to_json()
    assert "\n" not in text

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    assert json.loads(text, parse_constant=refuse) == {
        "output": "out/dance é.mp4",
        "frames": 3,
        "fps": 29.97,
        "size": [720, 1280],
        "device": "cpu",
        "backends": {"rasterizer": "torch"},
        "seconds": {"fit": 1.25},
        "fit": {"photo": {"iou": 0.93, "jitter": None}, "driving": {"iou": None}},
        "warnings": ["a", "b"],
        "overlay": None,
        "sheet": None,
        "inputs": [],
        "dry_run": False,
        "elapsed": 0.0,
        "estimated_seconds": None,
    }
