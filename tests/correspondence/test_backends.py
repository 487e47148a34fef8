"""Both back-ends against what PyTorch3D 0.7.9 returned, recorded with its own conventions (+x left)."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from lwgan_cli.correspondence import choose_backend, rasterize
from lwgan_cli.errors import UsageError

RECORD = Path(__file__).parents[1] / "data" / "pytorch3d_fragments.npz"
NAMES = ("soup", "square", "sphere")


@pytest.fixture(scope="module")
def record() -> dict[str, torch.Tensor]:
    with np.load(RECORD) as data:
        return {name: torch.from_numpy(data[name]) for name in data.files}


def mesh(record: dict[str, torch.Tensor], name: str) -> tuple[torch.Tensor, torch.Tensor]:
    flip = torch.tensor([-1.0, 1.0, 1.0])
    return (record[f"{name}_verts_ndc"] * flip)[None], record[f"{name}_faces"].long()


@pytest.mark.parametrize("name", NAMES)
def test_torch_equals_what_pytorch3d_returned(record, name):
    verts, faces = mesh(record, name)
    theirs = record[f"{name}_pix_to_face"].long()
    ours = rasterize(verts, faces, theirs.shape[0], backend="torch")
    # PyTorch3D leaves pixel centres exactly on an edge empty; only the square has such.
    drawn = theirs >= 0
    if name == "square":
        assert (~drawn & ours.mask[0]).sum() == 16
        assert ours.mask[0][drawn].all()
    else:
        assert torch.equal(ours.mask[0], drawn)
    assert torch.equal(ours.pix_to_face[0][drawn], theirs[drawn])
    depth = (ours.zbuf[0] - record[f"{name}_zbuf"]).abs()[drawn]
    bary = (ours.bary_coords[0] - record[f"{name}_bary"]).abs()[drawn]
    # The largest differences are PyTorch3D's epsilon in thin triangles.
    assert depth.max() < 2e-3 and depth.median() < 2e-5
    assert bary.max() < 1e-3 and bary.median() < 1e-5


class Replay(ModuleType):
    """Stands where PyTorch3D would: takes what the adapter sends, answers with what was recorded."""

    def __init__(self, record: dict[str, torch.Tensor], name: str) -> None:
        super().__init__("pytorch3d")
        self.record, self.name, self.sent = record, name, {}

    def rasterize_meshes(self, meshes: SimpleNamespace, **options: object) -> tuple[torch.Tensor, ...]:
        self.sent = {"verts": meshes.verts, "faces": meshes.faces, **options}
        batch, n_faces = len(meshes.verts), meshes.faces.shape[1]
        one = self.record[f"{self.name}_pix_to_face"].long()
        faces = torch.stack([torch.where(one >= 0, one + b * n_faces, one) for b in range(batch)])
        zbuf = self.record[f"{self.name}_zbuf"].expand(batch, -1, -1)
        bary = self.record[f"{self.name}_bary"].expand(batch, -1, -1, -1)
        return faces[..., None], zbuf[..., None], bary[..., None, :], zbuf[..., None]


@pytest.fixture
def replay(record, monkeypatch, request) -> Replay:
    fake = Replay(record, request.param)
    rasterize_meshes = ModuleType("pytorch3d.renderer.mesh.rasterize_meshes")
    rasterize_meshes.rasterize_meshes = fake.rasterize_meshes
    structures = ModuleType("pytorch3d.structures")
    structures.Meshes = SimpleNamespace
    for module in (ModuleType("pytorch3d.renderer"), ModuleType("pytorch3d.renderer.mesh")):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    for module in (fake, rasterize_meshes, structures):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.delitem(sys.modules, "lwgan_cli.correspondence.raster_pytorch3d", raising=False)
    monkeypatch.setattr("lwgan_cli.correspondence.rasterizer.find_spec", lambda name: SimpleNamespace())
    yield fake
    sys.modules.pop("lwgan_cli.correspondence.raster_pytorch3d", None)


@pytest.mark.parametrize("replay", NAMES, indirect=True)
def test_the_adapter_speaks_pytorch3ds_conventions(record, replay):
    name = replay.name
    verts, faces = mesh(record, name)
    size = record[f"{name}_pix_to_face"].shape[0]
    ours = rasterize(verts.expand(2, -1, -1), faces, size, backend="pytorch3d")
    torch.testing.assert_close(replay.sent["verts"][1], record[f"{name}_verts_ndc"])
    assert replay.sent["faces"].shape == (2, *faces.shape)
    assert replay.sent["faces_per_pixel"] == 1 and replay.sent["blur_radius"] == 0.0
    assert replay.sent["perspective_correct"] is False and replay.sent["cull_backfaces"] is False
    for b in range(2):
        assert torch.equal(ours.pix_to_face[b], record[f"{name}_pix_to_face"].long())
        assert torch.equal(ours.zbuf[b], record[f"{name}_zbuf"])
        assert torch.equal(ours.bary_coords[b], record[f"{name}_bary"])


@pytest.mark.parametrize("replay", ["square"], indirect=True)
def test_the_adapter_spans_the_shorter_side_only(record, replay):
    verts, faces = mesh(record, "square")
    rasterize(verts, faces, (32, 64), backend="pytorch3d")
    assert replay.sent["image_size"] == (32, 64)
    scale = torch.tensor([2.0, 1.0, 1.0])
    torch.testing.assert_close(replay.sent["verts"][0], record["square_verts_ndc"] * scale)


def test_pytorch3d_itself_equals_its_record(record):
    pytest.importorskip("pytorch3d")
    for name in NAMES:
        verts, faces = mesh(record, name)
        ours = rasterize(verts, faces, record[f"{name}_pix_to_face"].shape[0], backend="pytorch3d")
        assert torch.equal(ours.pix_to_face[0], record[f"{name}_pix_to_face"].long())


def test_backends_are_chosen_by_device_and_installation(monkeypatch):
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    monkeypatch.setattr("lwgan_cli.correspondence.rasterizer.find_spec", lambda name: None)
    assert choose_backend("auto", cpu) == choose_backend("auto", cuda) == "torch"
    with pytest.raises(UsageError, match="--rasterizer torch"):
        choose_backend("pytorch3d", cuda)
    with pytest.raises(UsageError, match="'opengl'"):
        choose_backend("opengl", cpu)
    monkeypatch.setattr("lwgan_cli.correspondence.rasterizer.find_spec", lambda name: SimpleNamespace())
    assert choose_backend("auto", cpu) == "torch"
    assert choose_backend("auto", cuda) == choose_backend("pytorch3d", cpu) == "pytorch3d"
    assert choose_backend("torch", cuda) == "torch"


def test_devices_without_the_scatter_get_their_fragments_from_a_cpu(record, monkeypatch):
    verts, faces = mesh(record, "sphere")
    direct = rasterize(verts, faces, 64)
    monkeypatch.setattr("lwgan_cli.correspondence.rasterizer.SCATTER_DEVICES", ())
    detour = rasterize(verts, faces, 64)
    for name in ("pix_to_face", "bary_coords", "zbuf"):
        assert torch.equal(getattr(direct, name), getattr(detour, name))
