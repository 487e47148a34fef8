"""Checkpoints of tensors: read, and refused when they are damaged, of another layout or carry code."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lwgan_cli.assets import fill, read_tensors
from lwgan_cli.errors import WeightsError


class Harm:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch '{self.mark}'",)


@pytest.mark.parametrize("zipped", [True, False])
def test_checkpoints_of_new_and_old_torch(tmp_path: Path, zipped: bool) -> None:
    weight = torch.rand(3, 4)
    for content in (
        {"a.weight": weight},
        {"module.a.weight": weight},
        {"epoch": 3, "state_dict": {"a.weight": weight}},
    ):
        for path in (tmp_path / "net.pth", tmp_path / "net.safetensors"):  # the contents tell, not the name
            torch.save(content, path.open("wb"), _use_new_zipfile_serialization=zipped)
            got = read_tensors(path)
            assert list(got) == ["a.weight"] and torch.equal(got["a.weight"], weight)


def test_safetensors(tmp_path: Path) -> None:
    save_file({"a": torch.arange(3)}, tmp_path / "net.safetensors")
    assert read_tensors(tmp_path / "net.safetensors")["a"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("zipped", [True, False])
def test_code_is_refused_and_not_run(tmp_path: Path, zipped: bool) -> None:
    path, mark = tmp_path / "net.pth", tmp_path / "ran"
    torch.save({"a": torch.rand(2), "b": Harm(mark)}, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(WeightsError, match="carries more than tensors"):
        read_tensors(path)
    for protocol in range(6):
        path.write_bytes(pickle.dumps({"a": Harm(mark)}, protocol))
        with pytest.raises(WeightsError, match=r"carries more than tensors|neither a whole"):
            read_tensors(path)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Harm(mark)))
    assert mark.exists()  # the harm is real, where it is let


@pytest.mark.parametrize("form", ["zip", "legacy", "safetensors"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.95])
def test_truncated_files_are_one_clear_line(tmp_path: Path, form: str, share: float) -> None:
    path = tmp_path / "net"
    tensors = {"a": torch.rand(500)}
    if form == "safetensors":
        save_file(tensors, path)
    else:
        torch.save(tensors, path, _use_new_zipfile_serialization=form == "zip")
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(WeightsError, match="neither a whole PyTorch checkpoint nor safetensors") as caught:
        read_tensors(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"), [([torch.zeros(1)], "holds list"), ({}, "holds dict"), ({"lr": 0.1}, "'lr' is no tensor")]
)
def test_other_contents_are_refused(tmp_path: Path, content: object, message: str) -> None:
    torch.save(content, tmp_path / "net.pth")
    with pytest.raises(WeightsError, match=message):
        read_tensors(tmp_path / "net.pth")


def test_a_missing_file_and_a_picture(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such weights file"):
        read_tensors(tmp_path / "net.pth")
    (tmp_path / "me.pth").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100))
    with pytest.raises(WeightsError, match="neither a whole"):
        read_tensors(tmp_path / "me.pth")


def test_fill_names_what_is_wrong() -> None:
    network = torch.nn.Linear(2, 3)
    weight, bias = torch.rand(3, 2), torch.rand(3)
    fill(network, {"weight": weight, "bias": bias}, "net.pth")
    assert torch.equal(network.weight, weight) and torch.equal(network.bias, bias)
    with pytest.raises(WeightsError, match=r"net\.pth: another layout: bias is missing \(1 of 2 entries\)"):
        fill(network, {"weight": weight}, "net.pth")
    with pytest.raises(WeightsError, match="another layout: gain has no place in it"):
        fill(network, {"weight": weight, "bias": bias, "gain": bias}, "net.pth")
    with pytest.raises(WeightsError, match=r"another layout: weight is \(2, 3\), not \(3, 2\)"):
        fill(network, {"weight": weight.T, "bias": bias}, "net.pth")
