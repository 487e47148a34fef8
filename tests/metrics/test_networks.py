"""Networks that judge pictures: random weights in the official files' layouts, computed a second way."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from lwgan_cli.errors import WeightsError
from lwgan_cli.metrics.inception import load_inception
from lwgan_cli.metrics.lpips import load_lpips
from lwgan_cli.metrics.reid import load_reid
from tests.metrics import official_networks as official

ALEX_CHANNELS, VGG_CHANNELS = (64, 192, 384, 256, 256), (64, 128, 256, 512, 512)


def saved(path: Path, state: official.State) -> Path:
    torch.save(state, path)
    return path


def pictures(*size: int) -> torch.Tensor:
    return torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))


def test_lpips_on_alexnet_is_the_authors(tmp_path: Path) -> None:
    state, lin = official.backbone(official.ALEX), official.linear(ALEX_CHANNELS)
    net = load_lpips([saved(tmp_path / "alex.pth", lin), saved(tmp_path / "alexnet.pth", state)])
    one, other = pictures(96, 80) * 2 - 1, pictures(96, 80).flip(0) * 2 - 1
    wanted = [official.lpips(state, lin, one[k : k + 1], other[k : k + 1]) for k in range(2)]
    assert net(one, other).tolist() == pytest.approx(wanted, rel=1e-5)
    assert net(one, one).tolist() == [0, 0] and (net(one, other) > 0.01).all()


def test_lpips_reads_the_whole_modules_file(tmp_path: Path) -> None:
    state, lin = official.backbone(official.ALEX), official.linear(ALEX_CHANNELS)
    slices = {0: 1, 3: 2, 6: 3, 8: 4, 10: 5}
    whole = {"scaling_layer.shift": torch.zeros(1, 3, 1, 1), "scaling_layer.scale": torch.zeros(1, 3, 1, 1)} | lin
    for k in range(5):
        whole[f"lins.{k}.model.1.weight"] = lin[f"lin{k}.model.1.weight"]
    for index, part in slices.items():
        for kind in ("weight", "bias"):
            whole[f"net.slice{part}.{index}.{kind}"] = state[f"features.{index}.{kind}"]
    one, other = pictures(64, 64), pictures(64, 64).flip(0)
    apart = load_lpips([saved(tmp_path / "a.pth", state), saved(tmp_path / "b.pth", lin)])(one, other)
    assert torch.equal(load_lpips([saved(tmp_path / "whole.pth", whole)])(one, other), apart)


def test_lpips_on_vgg_compares_five_levels(tmp_path: Path) -> None:
    state, lin = official.backbone(official.VGG), official.linear(VGG_CHANNELS)
    net = load_lpips([saved(tmp_path / "vgg16.pth", state), saved(tmp_path / "vgg.pth", lin)])
    assert [f.shape[1] for f in net._features(pictures(64, 64))] == list(VGG_CHANNELS)
    assert net(pictures(64, 64), pictures(64, 64)).tolist() == [0, 0]


def test_lpips_of_half_its_files_is_refused(tmp_path: Path) -> None:
    state, lin = official.backbone(official.ALEX), official.linear(ALEX_CHANNELS)
    backbone, weights = saved(tmp_path / "alexnet.pth", state), saved(tmp_path / "alex.pth", lin)
    with pytest.raises(WeightsError, match="linear weights"):
        load_lpips([backbone])
    with pytest.raises(WeightsError, match="AlexNet or VGG-16 is missing"):
        load_lpips([weights])
    with pytest.raises(WeightsError, match="another layout"):
        load_lpips([backbone, saved(tmp_path / "vgg.pth", official.linear(VGG_CHANNELS))])


@pytest.mark.slow
def test_inception_is_pytorch_fids(tmp_path: Path) -> None:
    given = pictures(299, 299)[:1]
    state, wanted = official.inception(given)
    net = load_inception(saved(tmp_path / "inception.pth", state))
    features, logits = net(given)
    assert torch.allclose(features, wanted, rtol=1e-3, atol=1e-4)
    assert torch.allclose(logits, wanted @ state["fc.weight"].T, rtol=1e-3, atol=1e-3)  # without fc.bias
    del state["Mixed_7c.branch_pool.bn.bias"]
    with pytest.raises(WeightsError, match=r"Mixed_7c\.branch_pool\.bn\.bias is missing"):
        load_inception(saved(tmp_path / "less.pth", state))


@pytest.mark.slow
def test_pcb_is_the_official_one(tmp_path: Path) -> None:
    given = pictures(384, 192)[:1]
    mean, deviation = (torch.tensor(v).view(3, 1, 1) for v in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    state, wanted = official.pcb((given - mean) / deviation)
    features = load_reid(saved(tmp_path / "pcb.pth", state))(given)
    assert features.shape == (1, 6 * 2048) and features.norm().item() == pytest.approx(1, abs=1e-5)
    assert torch.allclose(features, wanted, atol=1e-5)
    with pytest.raises(WeightsError, match="PCB on ResNet-50"):
        load_reid(saved(tmp_path / "other.pth", {"model.conv1.weight": torch.zeros(64, 3, 7, 7)}))
