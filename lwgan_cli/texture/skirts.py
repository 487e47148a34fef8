"""Skirts in photos and in the atlas: sources of people with and without one, made ready for one and the same body."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from lwgan_cli.body.model import BodyModel
from lwgan_cli.texture.source import Source
from lwgan_cli.texture.surface import Surface
from lwgan_cli.texture.texture import onto_atlas

LINING_LIGHT = 0.55  # of the outer side's: little light falls into a skirt


def for_model(source: Source, own: BodyModel, drawn: BodyModel) -> Source:
    """A source that was prepared with a person's own body model, as one of the model that is drawn: what is worn by one
    of them alone is seen nowhere, or left out."""
    if (own.skirt is None) == (drawn.skirt is None):
        return source
    count = drawn.n_vertices - own.n_vertices
    if source.head is not None:
        source = replace(source, head=source.head.resized(drawn.n_vertices))
    if source.outdone is not None:
        outdone = torch.cat([source.outdone, source.outdone.new_zeros(max(count, 0))])
        source = replace(source, outdone=outdone[: drawn.n_vertices])
    if source.light is not None:
        light = torch.cat([source.light, source.light.new_zeros(max(count, 0), source.light.shape[1])])
        source = replace(source, light=light[: drawn.n_vertices])
    if count < 0:
        faces = slice(drawn.n_shown, own.n_shown)
        score = torch.cat([source.score[: faces.start], source.score[faces.stop :]])
        return replace(source, ndc=source.ndc[:count], visibility=source.visibility[:count], score=score)
    assert drawn.skirt is not None
    hooks = source.ndc[drawn.skirt.hooks]
    ndc = (hooks * drawn.skirt.share[..., None]).sum(1)
    more = drawn.n_shown - own.n_shown
    score = torch.cat([source.score[: own.n_shown], source.score.new_zeros(more), source.score[own.n_shown :]])
    visibility = torch.cat([source.visibility, source.visibility.new_zeros(count)])
    return replace(source, ndc=torch.cat([source.ndc, ndc]), visibility=visibility, score=score)


def lined(surface: Surface, model: BodyModel, atlas: np.ndarray) -> np.ndarray:
    """The atlas (A, A, 3) with a skirt's inner side in the shade; without a skirt as it is."""
    if model.skirt is None:
        return atlas
    light = np.ones((model.n_vertices, 1))
    light[model.n_vertices - len(model.skirt.hooks) // 2 :] = LINING_LIGHT
    return atlas * onto_atlas(surface, light, len(atlas))
