"""VGG-19 and SphereFace-20 against their official forward passes, recomputed by plain calls."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from lwgan_cli.errors import WeightsError
from lwgan_cli.training.sphereface import crop_heads, head_boxes, load_sphereface
from lwgan_cli.training.vgg import load_vgg
from tests.training.official_features import SPHERE, VGG, sphere_state, vgg_state


def test_vgg_equals_the_official_forward_pass(tmp_path: Path) -> None:
    state = vgg_state()
    torch.save(state, tmp_path / "vgg19-dcbb9e9d.pth")
    network = load_vgg(tmp_path / "vgg19-dcbb9e9d.pth")
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    x = torch.rand(1, 3, 48, 32) * 2 - 1
    got = network(x)
    expected = []
    for i in range(30):
        if i in VGG:
            x = F.relu(F.conv2d(x, state[f"features.{i}.weight"], state[f"features.{i}.bias"], padding=1))
            if i in (0, 5, 10, 19, 28):
                expected.append(x)
        elif i in (4, 9, 18, 27):
            x = F.max_pool2d(x, 2, 2)
    assert [tuple(f.shape[1:]) for f in got] == [(64, 48, 32), (128, 24, 16), (256, 12, 8), (512, 6, 4), (512, 3, 2)]
    for a, b in zip(got, expected, strict=True):
        assert b.std() > 0.05
        assert (a - b).abs().max() < 1e-4


def test_sphereface_equals_the_official_forward_pass(tmp_path: Path) -> None:
    state = sphere_state()
    torch.save(state, tmp_path / "sphere20a_20171020.pth", _use_new_zipfile_serialization=False)
    network = load_sphereface(tmp_path / "sphere20a_20171020.pth")
    assert not network.training and not any(p.requires_grad for p in network.parameters())
    strides = {name: stride for name, _, _, stride in SPHERE}

    def layer(x: torch.Tensor, name: str) -> torch.Tensor:
        x = F.conv2d(x, state[f"conv{name}.weight"], state[f"conv{name}.bias"], strides[name], 1)
        return F.prelu(x, state[f"relu{name}.weight"])

    x = face = torch.rand(2, 3, 112, 96) * 2 - 1
    expected = []
    for stage, pairs in ((1, ["23"]), (2, ["23", "45"]), (3, ["23", "45", "67", "89"]), (4, ["23"])):
        x = layer(x, f"{stage}_1")
        for a, b in pairs:
            x = x + layer(layer(x, f"{stage}_{a}"), f"{stage}_{b}")
        expected.append(x)
    expected.append(F.linear(x.reshape(2, -1), state["fc5.weight"], state["fc5.bias"]))
    for a, b in zip(network(face), expected, strict=True):
        assert b.std() > 0.05
        assert (a - b).abs().max() < 1e-4


@pytest.mark.parametrize("load", [load_vgg, load_sphereface])
def test_another_layout_is_refused(tmp_path: Path, load: object) -> None:
    assert callable(load)
    state = sphere_state() if load is load_vgg else vgg_state()
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(WeightsError, match=r"other\.pth .*another layout: \S+ is missing"):
        load(tmp_path / "other.pth")
    with pytest.raises(WeightsError, match="no such weights file"):
        load(tmp_path / "none.pth")


def test_heads_are_cropped_as_the_official_code_does() -> None:
    """Its loop over pictures, with integer boxes and F.interpolate, on points in [-1, 1]."""
    generator = torch.Generator().manual_seed(3)
    height, width = 128, 160
    images = torch.rand((4, 3, height, width), generator=generator)
    centres = torch.tensor([[-0.5, -0.6], [0.1, -0.8], [0.9, 0.2], [0.0, 0.95]])
    points = centres[:, None] + 0.2 * torch.rand((4, 7, 2), generator=generator)
    boxes = head_boxes((points + 1) / 2 * torch.tensor([width, height]), (height, width))
    crops = crop_heads(images, boxes)
    assert crops.shape == (4, 3, 112, 96)
    places = (points + 1) / 2
    for i in range(4):
        x0 = int(max(float(places[i, :, 0].min()) - 0.05, 0.0) * width)
        x1 = int(min(float(places[i, :, 0].max()) + 0.05, 1.0) * width)
        y0 = int(max(float(places[i, :, 1].min()) - 0.05, 0.0) * height)
        y1 = int(min(float(places[i, :, 1].max()), 1.0) * height)
        assert boxes[i].tolist() == [x0, x1, y0, y1]
        crop = images[i : i + 1, :, y0:y1, x0:x1]
        expected = F.interpolate(crop, size=(112, 96), mode="bilinear", align_corners=True)
        assert torch.allclose(crops[i], expected[0], atol=1e-4)


def test_a_head_outside_the_picture_gives_a_box_inside_it() -> None:
    points = torch.tensor([[[-50.0, -80.0], [-40.0, -60.0]], [[300.0, 200.0], [320.0, 260.0]]])
    boxes = head_boxes(points, (64, 48))
    assert ((boxes[:, 1] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 2])).all()
    assert boxes.min() >= 0 and boxes[:, :2].max() <= 48 and boxes[:, 2:].max() <= 64
    assert crop_heads(torch.rand(2, 3, 64, 48), boxes).isfinite().all()
