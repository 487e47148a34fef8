"""The transformation flow T: made, selected, resized, applied; one source or several."""

from lwgan_cli.flow.resize import resize_flow
from lwgan_cli.flow.sources import best_source, face_scores, part_weights, source_weights
from lwgan_cli.flow.transform import OUTSIDE, select, select_parts, transformation_flow, warp

__all__ = [
    "OUTSIDE",
    "best_source",
    "face_scores",
    "part_weights",
    "resize_flow",
    "select",
    "select_parts",
    "source_weights",
    "transformation_flow",
    "warp",
]
