"""Official files taken in: recognised, exact, whole or not at all; and what the lists say of them."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch

from lwgan_cli.assets import find_file, find_weights_dir, read_tensors, search_path, user_weights_dir
from lwgan_cli.body.load import load_body
from lwgan_cli.errors import LwganError, UsageError, WeightsError
from lwgan_cli.fitting.hmr import Hmr, load_hmr
from lwgan_cli.generator.checkpoints import load_generator
from lwgan_cli.generator.paper import PaperGenerator
from lwgan_cli.training.sphereface import load_sphereface
from lwgan_cli.training.vgg import load_vgg
from lwgan_cli.weights import Imported, import_file, inventory, verified
from tests.fitting.official_hmr import official_state
from tests.generator import official_layout
from tests.test_assets import smpl_arrays
from tests.test_tensors import Harm
from tests.tiny import tiny_body
from tests.training.official_features import sphere_state, vgg_state

NAMED = "tsf_model.encoders.0.1.bias"


def generator_state() -> dict[str, torch.Tensor]:
    return official_layout.random_state(official_layout.shapes(2, 1))


def states(folder: Path) -> dict[str, tuple[str, object | None]]:
    """File → its state and what is wrong with it, of those that aren't bundled."""
    return {row.asset.file: (row.state, row.problem) for row in verified(folder) if not row.asset.bundled}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def taken_in(tmp_path: Path, content: object, name: str = "net.pth") -> Imported:
    torch.save(content, tmp_path / name)
    return import_file(tmp_path / name, tmp_path / "weights")


def write_smpl(path: Path, **more: Any) -> None:
    path.write_bytes(pickle.dumps(smpl_arrays() | more, 2))


def test_the_official_generator_paints_the_same(tmp_path: Path) -> None:
    state = official_layout.random_state(official_layout.shapes(4, 2))
    done = taken_in(tmp_path, state, "net_epoch_30_id_G.pth")
    assert done.path == tmp_path / "weights" / "impersonator.safetensors"
    assert f"--generator {done.path}" in done.changes and "non-commercial" in done.licence
    net, about = load_generator(done.path)
    assert (about.architecture, about.sizes) == ("paper", {"width": 4, "n_blocks": 2, "n_down": 3})
    assert isinstance(net, PaperGenerator)
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())
    torch.manual_seed(1)
    photo, target, grid = torch.rand(1, 6, 32, 32), torch.rand(1, 6, 32, 32), torch.rand(1, 32, 32, 2) * 2 - 1
    with torch.no_grad():
        layer = net.paint(target, [net.read(photo)], [grid])
    *_, colour, mask = official_layout.front(state, [photo], target, [grid], 2)
    assert (layer.colour - colour).abs().max() < 1e-4 and (layer.mask - mask).abs().max() < 1e-4
    assert states(tmp_path / "weights")["impersonator.safetensors"] == ("whole", None)


@pytest.mark.parametrize(("warping", "first"), [("concat", 9), ("texture", 6), ("feature", 3)])
def test_the_official_baselines_are_recognised(tmp_path: Path, warping: str, first: int) -> None:
    state = official_layout.random_state(official_layout.shapes(4, 1))
    if warping != "feature":
        state = {name: value for name, value in state.items() if not name.startswith("src_model")}
    state["tsf_model.encoders.0.0.weight"] = torch.rand(4, first, 7, 7)
    done = taken_in(tmp_path, {f"module.{name}": value for name, value in state.items()})
    assert done.path.name == f"impersonator-{warping}.safetensors"
    net, about = load_generator(done.path)
    assert about.architecture == f"paper-{warping}"
    assert all(torch.equal(value, state[name]) for name, value in net.state_dict().items())


def test_hmr_keeps_no_body(tmp_path: Path) -> None:
    state = official_state(tiny_body())
    done = taken_in(tmp_path, state, "hmr_tf2pt.pth")
    assert done.path.name == "hmr.safetensors"
    stored = read_tensors(done.path)
    assert not [name for name in stored if "smpl" in name] and max(t.numel() for t in stored.values()) < 3e6
    assert all(torch.equal(stored[name], value) for name, value in state.items() if "smpl" not in name)
    assert torch.allclose(stored["joints"], tiny_body().joint_template, atol=1e-6)
    assert torch.allclose(stored["joint_shapedirs"], tiny_body().joint_shapedirs, atol=1e-6)
    assert isinstance(load_hmr(done.path), Hmr)


def test_networks_of_the_losses(tmp_path: Path) -> None:
    vgg, sphere = vgg_state(), sphere_state()
    done = taken_in(tmp_path, vgg, "vgg19-dcbb9e9d.pth")
    assert done.path.name == "vgg19.safetensors"
    for name, value in load_vgg(done.path).state_dict().items():
        assert torch.equal(value, vgg[name])
    assert done.path.stat().st_size < 60e6  # without its classifier
    done = taken_in(tmp_path, sphere, "sphere20a_20171020.pth")
    assert done.path.name == "sphereface20.safetensors"
    for name, value in load_sphereface(done.path).state_dict().items():
        assert torch.equal(value, sphere[name])
    assert not [name for name in read_tensors(done.path) if name.startswith("fc6")]


@pytest.mark.parametrize(
    ("name", "gender"),
    [
        ("basicModel_f_lbs_10_207_0_v1.0.0.pkl", "female"),
        ("SMPL_MALE.pkl", "male"),
        ("neutral_smpl_with_cocoplus_reg.pkl", "neutral"),
    ],
)
def test_smpl_becomes_plain_arrays(tmp_path: Path, name: str, gender: str) -> None:
    write_smpl(tmp_path / name)
    done = import_file(tmp_path / name, tmp_path / "weights")
    assert done.path.name == f"SMPL_{gender.upper()}.npz"
    with np.load(done.path, allow_pickle=False) as stored:  # nothing in it is a pickle
        assert all(stored[key].dtype != object for key in stored.files)
    body, before = load_body("smpl", tmp_path / "weights"), load_body(tmp_path / name)
    assert body.name == f"smpl-{gender}"
    for key in ("v_template", "shapedirs", "posedirs", "J_regressor", "lbs_weights", "faces", "uv", "mirror"):
        assert torch.equal(getattr(body, key), getattr(before, key)), key
    assert states(tmp_path / "weights")[done.path.name] == ("whole", None)


def test_smpl_of_impersonator_is_the_neutral_one(tmp_path: Path) -> None:
    """Its file's name doesn't say so, but only the neutral body comes with COCO's joints."""
    write_smpl(tmp_path / "smpl_model.pkl", cocoplus_regressor=scipy.sparse.csc_matrix(np.ones((19, 803))))
    assert import_file(tmp_path / "smpl_model.pkl", tmp_path / "weights").path.name == "SMPL_NEUTRAL.npz"
    write_smpl(tmp_path / "body.pkl")
    with pytest.raises(UsageError, match="but whose"):
        import_file(tmp_path / "body.pkl", tmp_path / "weights")


def write_mapper(path: Path) -> np.ndarray:
    """An OBJ as the official mapper.txt, for the tiny body, with other coordinates than its own. Returns what the
    official code makes of it: (F, 2)."""
    rng = np.random.default_rng(0)
    uv, faces = rng.uniform(0, 1, (500, 2)).round(4), rng.integers(0, 500, (len(tiny_body().faces), 3))
    lines = ["v 0.1 0.2 0.3", *(f"vt {u:.4f} {v:.4f}" for u, v in uv), "vn 0 0 1"]
    lines += ["f " + " ".join(f"1/{corner + 1}/1" for corner in face) for face in faces]
    path.write_text("\n".join(lines) + "\n")
    corners = np.stack([uv[:, 0], 1 - uv[:, 1]], 1)[faces]
    v2 = corners[:, 2]
    return v2 + 0.5 * (corners[:, 0] - v2) + 0.5 * (corners[:, 1] - v2)


def test_the_official_texture_coordinates_make_its_correspondence_map(tmp_path: Path) -> None:
    own = tmp_path / "weights"
    write_smpl(tmp_path / "SMPL_NEUTRAL.pkl")
    import_file(tmp_path / "SMPL_NEUTRAL.pkl", own)
    body = load_body("smpl", own)
    assert torch.allclose(body.face_uv, body.uv[body.uv_faces].mean(1))
    expected = write_mapper(tmp_path / "mapper.txt")
    done = import_file(tmp_path / "mapper.txt", own)
    assert done.path.name == "smpl_map.npz" and "--body smpl" in done.changes
    body = load_body("smpl", own)
    assert np.allclose(body.face_uv, expected, atol=1e-6) and torch.equal(body.shown().face_uv, body.face_uv)
    assert states(own)["smpl_map.npz"] == ("whole", None)
    (own / "manifest.json").unlink()
    assert states(own)["smpl_map.npz"] == ("unlisted", None)

    np.savez(own / "smpl_map.npz", face_uv=expected[:-1])
    with pytest.raises(WeightsError, match=r"import mapper\.txt again"):
        load_body("smpl", own)
    for text in ("v 1 2 3\nf 1/7/1 2/7/1 3/7/1\n", "v 1 2 3\n", "vt 0.5 0.5\nf 1 1 1\n", "vt x y\n"):
        (tmp_path / "mapper.txt").write_text(text)
        with pytest.raises(WeightsError, match=r"no mapper\.txt of texture coordinates"):
            import_file(tmp_path / "mapper.txt", own, overwrite=True)


def test_nothing_is_overwritten_unasked(tmp_path: Path) -> None:
    state = generator_state()
    done = taken_in(tmp_path, state)
    before = done.path.read_bytes()
    state[NAMED] = state[NAMED] + 1
    with pytest.raises(UsageError, match="--overwrite"):
        taken_in(tmp_path, state)
    assert done.path.read_bytes() == before
    assert names(tmp_path / "weights") == {"manifest.json", "impersonator.safetensors"}
    import_file(tmp_path / "net.pth", tmp_path / "weights", overwrite=True)
    assert torch.equal(load_generator(done.path)[0].state_dict()[NAMED], state[NAMED])
    assert states(tmp_path / "weights")["impersonator.safetensors"] == ("whole", None)
    assert names(tmp_path / "weights") == {"manifest.json", "impersonator.safetensors"}


def broken(folder: Path, kind: str) -> Path:
    path, state = folder / f"{kind}.pth", generator_state()
    if kind == "code":
        torch.save(state | {"more": Harm(folder / "ran")}, path)
    elif kind == "code in a body":
        path = folder / "SMPL_NEUTRAL.pkl"
        write_smpl(path, more=Harm(folder / "ran"))
    elif kind == "truncated":
        torch.save(state, path)
        path.write_bytes(path.read_bytes()[:100_000])
    elif kind == "truncated body":
        path = folder / "SMPL_NEUTRAL.pkl"
        write_smpl(path)
        path.write_bytes(path.read_bytes()[:100_000])
    elif kind == "no number":
        torch.save(state | {NAMED: torch.full((2,), float("nan"))}, path)
    elif kind == "other layout":
        torch.save(state | {NAMED: torch.zeros(3)}, path)
    elif kind == "other generator":
        torch.save(generator_state() | {"extra": torch.zeros(1)}, path)
    elif kind == "another network":
        torch.save({"layer1.weight": torch.zeros(3)}, path)
    elif kind == "text":
        path.write_text("hello")
    elif kind == "empty":
        path.touch()
    return path


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("code", "carries more than tensors"),
        ("code in a body", "refused"),
        ("truncated", "neither a whole PyTorch checkpoint"),
        ("truncated body", "refused"),
        ("no number", NAMED + " holds numbers that aren't finite"),
        ("other layout", r"is \(3,\), not \(2,\)"),
        ("other generator", "extra has no place in it"),
        ("another network", "none of the files that can be imported"),
        ("text", "neither a whole PyTorch checkpoint"),
        ("empty", "neither a whole PyTorch checkpoint"),
        ("missing", "no such file"),
    ],
)
def test_what_cannot_be_used_is_one_line_and_leaves_nothing(tmp_path: Path, kind: str, message: str) -> None:
    path = broken(tmp_path, kind)
    with pytest.raises(WeightsError, match=message) as caught:
        import_file(path, tmp_path / "weights")
    assert "\n" not in str(caught.value) and path.name in str(caught.value)
    assert not (tmp_path / "weights").exists() and not (tmp_path / "ran").exists()


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = taken_in(tmp_path, generator_state())
    before = done.path.read_bytes()

    def full(*args: object) -> None:
        Path(str(args[1])).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lwgan_cli.generator.checkpoints.save_file", full)
    with pytest.raises(LwganError, match="No space"):
        import_file(tmp_path / "net.pth", tmp_path / "weights", overwrite=True)
    assert done.path.read_bytes() == before
    assert names(tmp_path / "weights") == {"manifest.json", "impersonator.safetensors"}


def test_the_inventory_says_what_is_wrong(tmp_path: Path) -> None:
    own = tmp_path / "weights"
    own.mkdir()
    rows = inventory(own)
    assert next(row.asset.file for row in rows if row.asset.bundled) == "body.npz"
    assert {row.state for row in rows if row.asset.bundled} == {"whole"}
    assert {row.state for row in rows if not row.asset.bundled} == {"absent"}
    # laid there by hand, whole and not
    torch.save(generator_state(), tmp_path / "net.pth")
    shutil.copy(tmp_path / "net.pth", own / "impersonator.safetensors")
    (own / "vgg19.safetensors").write_bytes(b"no weights")
    found = {row.asset.file: row for row in verified(own)}
    assert found["impersonator.safetensors"].problem is None
    assert found["impersonator.safetensors"].state == "unlisted"
    assert found["vgg19.safetensors"].state == "wrong"
    # damaged after it was imported
    done = import_file(tmp_path / "net.pth", own, overwrite=True)
    data = bytearray(done.path.read_bytes())
    data[-1] ^= 1
    done.path.write_bytes(data)
    row = {row.asset.file: row for row in inventory(own)}["impersonator.safetensors"]
    assert row.state == "wrong" and row.problem is not None and "sha256" in row.problem


def test_folders_of_the_user_are_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LWGAN_WEIGHTS", str(tmp_path / "mine"))
    assert search_path() == [find_weights_dir()] and user_weights_dir() == tmp_path / "mine"
    torch.save(generator_state(), tmp_path / "net.pth")
    done = import_file(tmp_path / "net.pth", user_weights_dir())
    (tmp_path / "given").mkdir()
    assert search_path(tmp_path / "given") == [tmp_path / "given", tmp_path / "mine", find_weights_dir()]
    assert find_file("impersonator.safetensors") == done.path
    with pytest.raises(LwganError, match="no such folder"):
        search_path(tmp_path / "nowhere")
