"""Finding and checking weights, and reading official SMPL files, harmless and harmful."""

from __future__ import annotations

import json
import os
import pickle
import sys
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import torch
from smplx.vertex_ids import vertex_ids

from lwgan_cli.assets import (
    find_file,
    find_weights_dir,
    load_manifest,
    plain,
    read_npz,
    read_pickle,
    record_sha256,
    sha256_of,
    verify,
)
from lwgan_cli.body.load import load_body
from lwgan_cli.body.model import skin
from lwgan_cli.errors import WeightsError
from tests.body.reference import assert_equals_smplx
from tests.tiny import tiny_body


@pytest.fixture
def chumpy(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """Modules with classes that pickle as chumpy's do."""

    class Ch:
        def __init__(self, **state: Any) -> None:
            self.__dict__.update(state, _dirty_vars=set(), _itr=None, _depends_on_deps={}, _status="new")

    class Select(Ch):
        pass

    modules = {name: ModuleType(name) for name in ("chumpy", "chumpy.ch", "chumpy.reordering")}
    for cls, home in ((Ch, "chumpy.ch"), (Select, "chumpy.reordering")):
        cls.__module__, cls.__qualname__ = home, cls.__name__
        setattr(modules[home], cls.__name__, cls)
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return modules


def smpl_arrays() -> dict[str, Any]:
    """The tiny body in the keys, types and shapes of `SMPL_NEUTRAL.pkl`, with 300 shape directions."""
    tiny = tiny_body()
    random = np.random.default_rng(0)
    shapedirs = np.concatenate([tiny.shapedirs.numpy(), random.normal(size=(tiny.n_vertices, 3, 290))], 2)
    kintree = np.stack([np.array(tiny.parents), np.arange(24)]).astype(np.int64) % 2**32
    return {
        "v_template": tiny.v_template.double().numpy(),
        "shapedirs": shapedirs.astype(np.float64),
        "posedirs": random.normal(size=(tiny.n_vertices, 3, 207)) * 0.003,
        "J_regressor": scipy.sparse.csc_matrix(tiny.J_regressor.double().numpy()),
        "weights": tiny.lbs_weights.double().numpy(),
        "kintree_table": kintree.astype(np.uint32),
        "f": tiny.faces.numpy().astype(np.uint32),
        "bs_type": "lrotmin",
        "bs_style": "lbs",
        "J": tiny.joint_template.double().numpy(),
    }


def write_official_pickle(path: Path, chumpy: dict[str, ModuleType], protocol: int = 2) -> dict[str, Any]:
    arrays = smpl_arrays()
    ch, select = chumpy["chumpy.ch"].Ch, chumpy["chumpy.reordering"].Select
    shapedirs = arrays["shapedirs"]
    # As SMPL's authors cut ten of their directions out of more: a selection by flat indices.
    wider = np.concatenate([shapedirs, np.zeros((*shapedirs.shape[:2], 5))], 2)
    kept = np.arange(wider.size).reshape(wider.shape)[..., : shapedirs.shape[2]].ravel()
    content = arrays | {
        "v_template": ch(x=arrays["v_template"]),
        "posedirs": ch(x=arrays["posedirs"]),
        "weights": ch(x=arrays["weights"]),
        "shapedirs": select(a=ch(x=wider), idxs=kept, preferred_shape=shapedirs.shape),
    }
    data = pickle.dumps(content, protocol=protocol)
    if protocol < 3:
        # Where scipy's classes lived, when the official files were written.
        data = data.replace(b"scipy.sparse._csc\n", b"scipy.sparse.csc\n")
        assert b"scipy.sparse.csc\n" in data
    path.write_bytes(data)
    return arrays


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_official_pickle_loads_without_chumpy(
    tmp_path: Path, chumpy: dict[str, ModuleType], protocol: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrays = write_official_pickle(tmp_path / "SMPL_NEUTRAL.pkl", chumpy, protocol)
    for name in chumpy:
        monkeypatch.setitem(sys.modules, name, None)  # importing it fails
    body = load_body("smpl", tmp_path)
    tiny = tiny_body()
    assert body.name == "smpl-neutral"
    assert body.sha256 == sha256_of(tmp_path / "SMPL_NEUTRAL.pkl")
    assert body.shapedirs.shape == (tiny.n_vertices, 3, 10)
    assert torch.equal(body.shapedirs, tiny.shapedirs)
    assert torch.equal(body.v_template, tiny.v_template)
    assert body.parents == tiny.parents
    assert np.allclose(body.posedirs, arrays["posedirs"])
    assert torch.equal(body.mirror, tiny.mirror)
    assert_equals_smplx(body)


def test_official_npz_equals_the_pickle(tmp_path: Path, chumpy: dict[str, ModuleType]) -> None:
    arrays = write_official_pickle(tmp_path / "SMPL_MALE.pkl", chumpy)
    # numpy stores the sparse regressor as a pickled object.
    np.savez(tmp_path / "SMPL_FEMALE.npz", **arrays)
    from_pickle = load_body(tmp_path / "SMPL_MALE.pkl")
    from_npz = load_body(tmp_path / "SMPL_FEMALE.npz")
    assert (from_pickle.name, from_npz.name) == ("smpl-male", "smpl-female")
    poses = torch.randn(2, 24, 3, generator=torch.Generator().manual_seed(0))
    betas = torch.linspace(-1, 1, 10)
    assert torch.equal(skin(from_pickle, poses, betas)[0], skin(from_npz, poses, betas)[0])


def test_neutral_is_preferred_and_a_subfolder_is_searched(tmp_path: Path, chumpy: dict[str, ModuleType]) -> None:
    (tmp_path / "smpl").mkdir()
    write_official_pickle(tmp_path / "SMPL_MALE.pkl", chumpy)
    write_official_pickle(tmp_path / "smpl" / "SMPL_NEUTRAL.pkl", chumpy)
    assert load_body("smpl", tmp_path).name == "smpl-neutral"


def test_body_of_smpls_vertex_count_has_smpls_landmarks(tmp_path: Path) -> None:
    # A sphere of 82 rings of 84 and two poles has SMPL's 6890 vertices and 13776 faces.
    rings, around = 82, 84
    polar = np.pi * np.arange(1, rings + 1) / (rings + 1)
    azimuth = 2 * np.pi * np.arange(around) / around
    p, a = np.meshgrid(polar, azimuth, indexing="ij")
    sphere = np.stack([np.sin(p) * np.sin(a), np.cos(p), np.sin(p) * np.cos(a)], -1).reshape(-1, 3)
    vertices = np.concatenate([sphere, [[0, 1, 0], [0, -1, 0]]])
    index = np.arange(rings * around).reshape(rings, around)
    right = np.roll(index, -1, 1)
    quads = np.stack([index[:-1], index[1:], right[1:], right[:-1]], -1).reshape(-1, 4)
    top = np.stack([np.full(around, len(sphere)), index[0], right[0]], -1)
    bottom = np.stack([np.full(around, len(sphere) + 1), right[-1], index[-1]], -1)
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]], top, bottom])
    assert (len(vertices), len(faces)) == (6890, 13776)
    open_joints = load_body("open").joint_template.numpy()
    nearest = np.linalg.norm(vertices[:, None] - open_joints, axis=-1).argmin(1)
    regressor = np.zeros((24, 6890))
    regressor[np.arange(24), np.arange(24) * 280] = 1
    np.savez(
        tmp_path / "SMPL_NEUTRAL.npz", v_template=vertices, shapedirs=np.zeros((6890, 3, 10)),
        posedirs=np.zeros((6890, 3, 207)), J_regressor=regressor, weights=np.eye(24)[nearest],
        kintree_table=np.stack([np.array(tiny_body().parents) % 2**32, np.arange(24)]), f=faces,
    )  # fmt: skip
    body = load_body("smpl", tmp_path)
    # As in smplx.vertex_ids["smplh"].
    theirs = vertex_ids["smplh"]
    assert body.landmarks["nose"] == theirs["nose"]
    assert body.landmarks["right_eye"] == theirs["reye"]
    assert body.landmarks["left_ear"] == theirs["lear"]
    for side, letter in (("left", "l"), ("right", "r")):
        for finger in ("thumb", "index", "middle", "ring", "pinky"):
            assert body.landmarks[f"{side}_{finger}_tip"] == theirs[f"{letter}{finger}"]
        for name, theirs_name in (("big_toe", "BigToe"), ("small_toe", "SmallToe"), ("heel", "Heel")):
            assert body.landmarks[f"{side}_{name}"] == theirs[letter.upper() + theirs_name]
    assert set(body.landmarks) == set(load_body("open").landmarks)


class Harmful:
    """Writes a file when it is unpickled."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call, self.arguments


@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_pickle_with_code_is_refused_and_does_not_run(tmp_path: Path, protocol: int) -> None:
    witness = tmp_path / "ran"
    harmful = {
        "os": Harmful(os.mkdir, str(witness)),
        "builtins": Harmful(exec, f"open({str(witness)!r}, 'w')"),
        "numpy": Harmful(np.savetxt, str(witness), np.zeros(1)),
        "scipy": Harmful(scipy.sparse.save_npz, str(witness), scipy.sparse.eye(1).tocsc()),
        "getattr": Harmful(getattr, "", "upper"),
    }
    for name, value in harmful.items():
        path = tmp_path / f"{name}.pkl"
        path.write_bytes(pickle.dumps(smpl_arrays() | {"J": value}, protocol=protocol))
        with pytest.raises(WeightsError, match="refused"):
            load_body(path)
        assert not witness.exists()
        with np.errstate(all="ignore"):
            np.savez(tmp_path / f"{name}.npz", **smpl_arrays() | {"J": np.array(value, dtype=object)})
        with pytest.raises(WeightsError, match="refused"):
            load_body(tmp_path / f"{name}.npz")
        assert not witness.exists()
    # The witness would have been there: the same bytes harm in plain pickle's hands.
    pickle.loads(pickle.dumps(harmful["os"], protocol=protocol))
    assert witness.exists()


def test_dotted_names_do_not_lead_out_of_numpy(tmp_path: Path) -> None:
    # Protocol 4 may name an attribute of an attribute.
    path = tmp_path / "dotted.pkl"
    for name in ("ndarray.tofile", "os.system", "core.os.system"):
        payload = b"\x80\x04\x8c\x05numpy\x8c" + bytes([len(name)]) + name.encode() + b"\x93."
        path.write_bytes(payload)
        with pytest.raises(WeightsError, match="refused"):
            read_pickle(path)


def test_unknown_chumpy_types_are_named(tmp_path: Path, chumpy: dict[str, ModuleType]) -> None:
    stacked = type("vstack", (), {"__module__": "chumpy.reordering"})
    chumpy["chumpy.reordering"].vstack = stacked
    with (tmp_path / "x.pkl").open("wb") as file:
        pickle.dump({"v_template": stacked()}, file)
    content = read_pickle(tmp_path / "x.pkl")
    with pytest.raises(WeightsError, match="vstack"):
        plain(content["v_template"])


def test_files_of_another_layout_are_named(tmp_path: Path) -> None:
    path = tmp_path / "body.pkl"
    arrays = smpl_arrays()
    path.write_bytes(pickle.dumps({k: v for k, v in arrays.items() if k != "posedirs"}))
    with pytest.raises(WeightsError, match="lacks posedirs"):
        load_body(path)
    path.write_bytes(pickle.dumps(arrays | {"weights": arrays["weights"][:, :22]}))
    with pytest.raises(WeightsError, match=r"weights \(\d+, 22\)"):
        load_body(path)
    path.write_bytes(pickle.dumps(arrays | {"f": arrays["f"] + 10_000}))
    with pytest.raises(WeightsError, match="faces name vertices"):
        load_body(path)
    path.write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(WeightsError, match="list"):
        load_body(path)
    path.write_bytes(pickle.dumps(arrays)[:-1000])
    with pytest.raises(WeightsError, match="refused"):
        load_body(path)
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK no zip")
    with pytest.raises(WeightsError, match="npz"):
        load_body(broken)


def test_every_bundled_file_is_what_the_manifest_says() -> None:
    folder = find_weights_dir()
    manifest = load_manifest(folder)
    bundled = [asset for asset in manifest.values() if asset.bundled]
    assert "body.npz" in {asset.file for asset in bundled}
    for asset in bundled:
        assert verify(folder / asset.file) == asset.sha256
        assert asset.licence
        assert asset.source
    assert all(asset.sha256 is None for asset in manifest.values() if not asset.bundled)


def test_damaged_file_is_refused(tmp_path: Path) -> None:
    folder = find_weights_dir()
    (tmp_path / "manifest.json").write_bytes((folder / "manifest.json").read_bytes())
    data = bytearray((folder / "body.npz").read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / "body.npz").write_bytes(data)
    with pytest.raises(WeightsError, match="damaged"):
        load_body("open", tmp_path)
    record_sha256(tmp_path / "body.npz")
    assert verify(tmp_path / "body.npz") == sha256_of(tmp_path / "body.npz")


def test_missing_and_unreadable_places_are_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="nowhere"):
        find_weights_dir(tmp_path / "nowhere")
    with pytest.raises(WeightsError, match="no such weights file"):
        verify(tmp_path / "x.npz")
    assert find_file("no-such-file.bin", tmp_path) is None
    (tmp_path / "manifest.json").write_text(json.dumps({"assets": [{"file": "x"}]}))
    with pytest.raises(WeightsError, match="not a manifest"):
        load_manifest(tmp_path)


def test_users_folder_comes_before_the_bundled_one(tmp_path: Path) -> None:
    (tmp_path / "body.npz").write_bytes(b"mine")
    assert find_file("body.npz", tmp_path) == tmp_path / "body.npz"
    assert find_file("body.npz") == find_weights_dir() / "body.npz"


def test_npz_members_of_version_two_headers_are_read(tmp_path: Path) -> None:
    values = np.arange(6.0).reshape(2, 3)
    with (tmp_path / "a.npy").open("wb") as file:
        np.lib.format.write_array(file, values, version=(2, 0))
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.write(tmp_path / "a.npy", "a.npy")
    assert np.array_equal(read_npz(tmp_path / "a.npz")["a"], values)
