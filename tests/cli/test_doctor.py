from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from lwgan_cli.cli.main import run
from lwgan_cli.doctor import Finding

GOOD = Finding("versions", "numpy", "good", "1.26.4")
ABSENT = Finding("weights", "SMPL_NEUTRAL.pkl", "absent", "for research", "get it from there")
BROKEN = Finding("weights", "body.npz", "broken", "sha256 differs", "restore it")


@pytest.fixture
def findings(monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """What the examination finds."""
    found = [GOOD, ABSENT]

    def examine(config: object, self_test: bool) -> Iterator[Finding]:
        print("a library talks")
        yield from found

    monkeypatch.setattr("lwgan_cli.doctor.examine", examine)
    return found


def test_what_is_absent_is_told_with_its_remedy(findings: list[Finding], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor"]) == 0
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()][:5] == [
        ["versions"],
        ["ok", "numpy", "1.26.4"],
        [],
        ["weights"],
        ["absent", "SMPL_NEUTRAL.pkl", "for", "research"],
    ]
    assert "→ get it from there" in out and "all that is needed works" in out.splitlines()[-1]
    assert err == "a library talks\n"


def test_what_is_broken_is_exit_code_1(findings: list[Finding], capsys: pytest.CaptureFixture[str]) -> None:
    findings.append(BROKEN)
    assert run(["doctor"]) == 1
    assert capsys.readouterr().out.splitlines()[-1].startswith("1 BROKEN: body.npz")


def test_json_is_one_object(findings: list[Finding], capsys: pytest.CaptureFixture[str]) -> None:
    findings.append(BROKEN)
    assert run(["doctor", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert not told["ok"] and [each["state"] for each in told["findings"]] == ["good", "absent", "broken"]
    assert told["findings"][2] == {
        "part": "weights", "name": "body.npz", "state": "broken", "detail": "sha256 differs", "remedy": "restore it",
    }  # fmt: skip


def test_an_unknown_device_is_wrong_usage(findings: list[Finding], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--device", "cuda:99"]) == 2
    assert "--device" in capsys.readouterr().err
