"""`lwgan weights` as a shell sees it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from lwgan_cli.cli.main import run
from tests.generator import official_layout


@pytest.fixture
def generator(tmp_path: Path) -> Path:
    path = tmp_path / "net_epoch_30_id_G.pth"
    torch.save(official_layout.random_state(official_layout.shapes(2, 1)), path)
    return path


def test_import_says_what_changes(generator: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "my weights"
    assert run(["weights", "import", str(generator), "--weights", str(own)]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == f"{own / 'impersonator.safetensors'}: generator of the official implementation, paper"
    assert lines[1].startswith(f"changes: `--generator {own / 'impersonator.safetensors'}`")
    assert "non-commercial" in lines[2] and str(own) in lines[3] and err == ""
    assert run(["weights", "import", str(generator), "--weights", str(own)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and "--overwrite" in err
    assert run(["weights", "import", str(generator), "--weights", str(own), "--overwrite", "--json"]) == 0
    out, _ = capsys.readouterr()
    assert json.loads(out)["path"] == str(own / "impersonator.safetensors")


def test_without_a_folder_it_goes_to_the_users_own(
    generator: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LWGAN_WEIGHTS", str(tmp_path / "own"))
    assert run(["weights", "path", "--json"]) == 0
    before = json.loads(capsys.readouterr().out)
    assert before["user"] == str(tmp_path / "own") and before["user"] not in before["searched"]
    assert run(["weights", "import", str(generator)]) == 0
    assert (tmp_path / "own" / "impersonator.safetensors").is_file()
    capsys.readouterr()
    assert run(["weights", "path"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == str(tmp_path / "own")


def test_list_and_verify(generator: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "own"
    assert run(["weights", "import", str(generator), "--weights", str(own)]) == 0
    capsys.readouterr()
    assert run(["weights", "list", "--weights", str(own), "--json"]) == 0
    files = {each["file"]: each for each in json.loads(capsys.readouterr().out)["files"]}
    assert files["body.npz"]["state"] == "whole" and files["body.npz"]["bundled"]
    assert files["SMPL_NEUTRAL.pkl"]["state"] == "absent" and files["SMPL_NEUTRAL.pkl"]["path"] is None
    assert files["impersonator.safetensors"]["state"] == "whole"
    assert all(each["licence"] and each["source"] for each in files.values())
    assert run(["weights", "verify", "--weights", str(own)]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(files) + 1  # and how to get those that are absent

    path = own / "impersonator.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    assert run(["weights", "verify", "--weights", str(own)]) == 4
    out, err = capsys.readouterr()
    assert "impersonator.safetensors  wrong" in out
    assert err.count("\n") == 1 and err.startswith(f"lwgan: {path}: sha256")
    assert run(["weights", "verify", "--weights", str(own), "--json"]) == 4
    assert json.loads(capsys.readouterr().out)["files"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["import", "nothing.pth"], 4, "nothing.pth: no such file"),
        (["import", "text.pth"], 4, "text.pth: neither a whole PyTorch checkpoint"),
        (["list", "--weights", "nowhere"], 4, "--weights nowhere: no such folder"),
        (["lose"], 2, "No such command"),
    ],
)
def test_failures_are_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.pth").write_text("hello")
    assert run(["weights", *arguments]) == code
    out, err = capsys.readouterr()
    assert out == "" and err.count("\n") == 1 and message in err
