"""The page of numbers: what a line says."""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from lwgan_cli.synthetic.fit_page import line, means
from lwgan_cli.synthetic.truth import FitErrors


def errors(**given: object) -> FitErrors:
    values = {field.name: np.ones(3) for field in fields(FitErrors)}
    return FitErrors(**{**values, "lag": 0.25, **given})  # type: ignore[arg-type]


def test_means_leave_out_frames_without_a_value() -> None:
    found = means(errors(acceleration=np.array([np.nan, 4.0, 2.0]), slide=np.full(3, np.nan)))
    assert found["acceleration"] == 3.0 and found["joints"] == 1.0 and found["lag"] == 0.25
    assert np.isnan(found["slide"])


def test_a_line_has_every_error_before_and_after() -> None:
    before = means(errors())
    shown = line("walk", before, {**before, "slide": 0.5, "lag": -0.04, "iou": 0.956})
    assert shown.startswith("walk ")
    for cell in ("1.0 >   0.5", "0.25 > -0.04", "1.000 > 0.956"):
        assert cell in shown
    assert shown.count(">") == len(fields(FitErrors))
