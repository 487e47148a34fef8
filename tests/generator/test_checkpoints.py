"""Generators as files: what is saved comes back, and nothing else is taken for one."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lwgan_cli.errors import LwganError, WeightsError
from lwgan_cli.generator import checkpoints
from lwgan_cli.generator.architectures import ARCHITECTURES, build
from lwgan_cli.generator.checkpoints import About, find_generator, load_generator, save_generator

SIZES = dict(width=4, n_blocks=1)
ABOUT = About("default", {**SIZES, "background_width": 4}, {"steps": 12, "data": "synthetic", "seed": 3})


def state(about: About = ABOUT) -> dict[str, torch.Tensor]:
    return build(about.architecture, **about.sizes).state_dict()


def parts(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    with safe_open(path, "pt") as content:
        return json.loads(content.metadata()["lwgan"]), {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    (path,) = save_generator(tmp_path / "one.safetensors", state(), ABOUT)
    return path


# -- there and back ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_what_was_saved_comes_back(tmp_path: Path, name: str) -> None:
    about = About(name, SIZES, {"steps": 5})
    given = state(about)
    (exact,) = save_generator(tmp_path / "exact.safetensors", given, about, half=False)
    (half,) = save_generator(tmp_path / "half.safetensors", given, about)
    net, told = load_generator(exact)
    assert told == about and type(net) is type(build(name, **SIZES)) and not net.training
    for key, tensor in net.state_dict().items():
        assert torch.equal(tensor, given[key]) and tensor.dtype == given[key].dtype
    for key, tensor in load_generator(half)[0].state_dict().items():
        assert torch.equal(tensor, given[key].half().float())
    assert half.stat().st_size < 0.7 * exact.stat().st_size


def test_saving_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    given = state()
    (one,) = save_generator(tmp_path / "a.safetensors", given, ABOUT)
    (two,) = save_generator(tmp_path / "b.safetensors", dict(reversed(given.items())), ABOUT)
    assert one.read_bytes() == two.read_bytes()


def test_large_ones_come_in_shards(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "SHARD_BYTES", 20_000)
    given = state()
    paths = save_generator(tmp_path / "g.safetensors", given, ABOUT)
    assert len(paths) >= 2 and paths[0].name == f"g-00001-of-{len(paths):05d}.safetensors"
    assert all(sum(t.nbytes for t in parts(path)[1].values()) <= 20_000 for path in paths)
    assert sorted(tmp_path.iterdir()) == paths
    for name in (tmp_path / "g.safetensors", *paths):  # by what they were saved as, or any of them
        net, about = load_generator(name)
        assert about == ABOUT
        assert all(torch.equal(t, given[key].half().float()) for key, t in net.state_dict().items())

    # what a smaller network, or a larger limit, leaves behind goes
    monkeypatch.setattr(checkpoints, "SHARD_BYTES", 1 << 20)
    (whole,) = save_generator(tmp_path / "g.safetensors", given, ABOUT)
    assert list(tmp_path.iterdir()) == [whole]


def test_a_failed_saving_leaves_the_old_one(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = saved.read_bytes()

    def full(tensors: dict[str, torch.Tensor], path: Path, header: dict[str, str]) -> None:
        Path(path).write_bytes(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(LwganError, match="No space left"):
        save_generator(saved, {k: t + 1 for k, t in state().items()}, ABOUT)
    assert saved.read_bytes() == before and list(saved.parent.iterdir()) == [saved]


def test_what_diverged_is_not_saved(tmp_path: Path) -> None:
    given = state()
    given["decoder.head.0.bias"] = torch.full_like(given["decoder.head.0.bias"], torch.nan)
    with pytest.raises(LwganError, match=r"decoder\.head\.0\.bias.*diverged"):
        save_generator(tmp_path / "g.safetensors", given, ABOUT)
    assert not list(tmp_path.iterdir())


# -- files that aren't one ---------------------------------------------------------------------------------


class Bomb:
    """Runs code when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def refused(path: Path) -> str:
    with pytest.raises(WeightsError) as error:
        load_generator(path)
    message = str(error.value)
    assert error.value.exit_code == 4 and "\n" not in message and path.stem[:3] in message
    return message


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.999])
def test_a_truncated_file(saved: Path, share: float) -> None:
    content = saved.read_bytes()
    saved.write_bytes(content[: int(share * len(content))])
    assert "safetensors" in refused(saved)


@pytest.mark.parametrize("suffix", ["safetensors", "pth"])
def test_a_pickle_does_not_run(tmp_path: Path, suffix: str) -> None:
    path, mark = tmp_path / f"one.{suffix}", tmp_path / "ran"
    path.write_bytes(pickle.dumps(Bomb(mark)))
    refused(path)
    torch.save({"w": torch.zeros(3), "bomb": Bomb(mark)}, path)
    message = refused(path)
    assert not mark.exists() and ("lwgan weights import" in message) == (suffix == "pth")


@pytest.mark.parametrize("content", [b"hello", b"\xff" * 4096, b"\0" * 64, json.dumps({"a": 1}).encode()])
def test_other_files(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "one.safetensors"
    path.write_bytes(content)
    refused(path)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    assert "no such file" in refused(tmp_path / "one.safetensors")
    assert "no such file" in refused(tmp_path / "one" / "two" / "one.safetensors")
    (tmp_path / "one.safetensors").mkdir()
    assert "folder" in refused(tmp_path / "one.safetensors")


def test_safetensors_of_others(saved: Path) -> None:
    save_file({"w": torch.zeros(3)}, saved)
    assert "other software" in refused(saved)
    save_file({"w": torch.zeros(3)}, saved, {"format": "pt"})
    assert "other software" in refused(saved)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("format", 2),
        ("format", None),
        ("architecture", "imagined"),
        ("architecture", "paper"),  # there is one, but the tensors are another's
        ("architecture", []),
        ("sizes", {"width": 1_000_000_000}),
        ("sizes", {"width": -1}),
        ("sizes", {"width": True}),
        ("sizes", {"width": 4.5}),
        ("sizes", {"depth": 3}),
        ("sizes", {"warping": 1}),
        ("sizes", [4]),
        ("sizes", None),
        ("training", 3),
    ],
)
def test_headers_that_say_something_else(saved: Path, key: str, value: object) -> None:
    header, tensors = parts(saved)
    save_file(tensors, saved, {"lwgan": json.dumps({**header, key: value})})
    refused(saved)


@pytest.mark.parametrize("header", ["", "not json", "[]", "{}", "[" * 100_000])
def test_headers_that_say_nothing(saved: Path, header: str) -> None:
    save_file(parts(saved)[1], saved, {"lwgan": header})
    assert "header" in refused(saved)


def test_tensors_missing_extra_misshapen_broken(saved: Path) -> None:
    header, tensors = parts(saved)
    name = "target.levels.0.1.weight"

    def told(changed: dict[str, torch.Tensor]) -> str:
        save_file(changed, saved, {"lwgan": json.dumps(header)})
        return refused(saved)

    assert f"{name} is missing" in told({k: t for k, t in tensors.items() if k != name})
    assert "bonus doesn't belong there" in told({**tensors, "bonus": torch.zeros(2)})
    assert f"{name} is (4, 60, 3) and should be (4, 60, 3, 3)" in told({**tensors, name: tensors[name][..., 0].clone()})
    assert f"{name} isn't finite" in told({**tensors, name: tensors[name] * torch.nan})
    assert "(and 1 more)" in told({**{k: t for k, t in tensors.items() if k != name}, "bonus": torch.zeros(2)})


def test_shards_that_do_not_belong_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "SHARD_BYTES", 20_000)
    one = save_generator(tmp_path / "one.safetensors", state(), ABOUT)
    (tmp_path / "other").mkdir()
    other = save_generator(tmp_path / "other" / "one.safetensors", state(), ABOUT)
    shutil.copy(other[1], one[1])
    assert "different savings" in refused(one[0])
    one[1].unlink()
    assert "shards" in refused(tmp_path / "one.safetensors")


def test_a_file_that_is_not_the_manifests(saved: Path) -> None:
    row = dict(file=saved.name, kind="generator", licence="x", source="y", sha256="0" * 64, bundled=True)
    (saved.parent / "manifest.json").write_text(json.dumps({"assets": [row]}))
    assert "manifest" in refused(saved)


# -- --generator -------------------------------------------------------------------------------------------


def test_what_the_option_means(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` follows from what lies in the weights folders."""
    bundled, own = tmp_path / "bundled", tmp_path / "own"
    for folder in (bundled, own):
        folder.mkdir()
    monkeypatch.setattr("lwgan_cli.assets.find_weights_dir", lambda override=None: override or bundled)
    assert find_generator("none", own) is None and find_generator("auto") is None
    with pytest.raises(WeightsError, match="--generator default"):
        find_generator("default", own)
    assert find_generator(str(saved)) == saved
    with pytest.raises(WeightsError, match="no such file"):
        find_generator(str(tmp_path / "imagined.safetensors"))

    shipped = shutil.copy(saved, bundled / "generator.safetensors")
    assert find_generator("auto") == find_generator("default", own) == shipped
    assert find_generator("none") is None
    row = dict(file="generator.safetensors", kind="generator", licence="", source="", bundled=True)
    for chosen in (True, False):
        (bundled / "manifest.json").write_text(json.dumps({"assets": [{**row, "auto": chosen}]}))
        assert find_generator("auto") == (shipped if chosen else None) and find_generator("default") == shipped
    (bundled / "manifest.json").unlink()
    monkeypatch.setattr(checkpoints, "SHARD_BYTES", 20_000)
    first, *_ = save_generator(own / "generator.safetensors", state(), ABOUT)
    assert find_generator("auto", own) == first and find_generator("auto") == shipped
