from __future__ import annotations

from pathlib import Path

import pytest

from lwgan_cli.errors import UsageError
from lwgan_cli.training.config import DataSource, TrainConfig, parse_people, parse_weight


def test_the_default_recipe_needs_no_files() -> None:
    losses = TrainConfig().losses
    assert {"l1", "matching", "adversarial", "attention"} <= losses.keys()
    assert losses.keys().isdisjoint({"perceptual", "face"})


def test_the_papers_recipe_has_the_papers_weights(tmp_path: Path) -> None:
    config = TrainConfig(recipe="paper", vgg=tmp_path, sphereface=tmp_path)
    assert config.losses == dict(perceptual=10, face=5, attention=1, adversarial=1)


@pytest.mark.parametrize(("loss", "flag"), [("perceptual", "--vgg"), ("face", "--sphereface")])
def test_a_loss_that_needs_a_file_says_so(loss: str, flag: str) -> None:
    others = {name: 0.0 for name in ("perceptual", "face") if name != loss}
    with pytest.raises(UsageError, match=f"{flag} FILE; --loss {loss}=0"):
        TrainConfig(recipe="paper", loss_weights=others)
    assert loss not in TrainConfig(recipe="paper", loss_weights=dict(perceptual=0, face=0)).losses


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(steps=0), "--steps 0"),
        (dict(time_limit=float("nan")), "--time-limit nan"),
        (dict(ema=1.0), "--ema 1.0"),
        (dict(crop=100), "--crop 100"),
        (dict(size=250), "--size 250"),
        (dict(people=(5, 5)), "--people 5:5"),
        (dict(recipe="none"), "--recipe none"),
        (dict(loss_weights=dict(l2=1.0)), "--loss l2=1.0"),
        (dict(loss_weights=dict(l1=-1.0)), "--loss l1=-1.0"),
        (dict(workers=-1), "--workers -1"),
    ],
)
def test_values_that_make_no_sense_are_refused_by_name(options: dict, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TrainConfig(**options)


def test_texts_are_read(tmp_path: Path) -> None:
    assert parse_weight("face=0") == ("face", 0.0)
    assert parse_people("40") == (0, 40) and parse_people("100:250") == (100, 250)
    assert DataSource.parse("synthetic") == DataSource()
    assert DataSource.parse(f"iper:{tmp_path}") == DataSource("iper", tmp_path)
    for parse, text in ((parse_weight, "face"), (parse_weight, "l1=x"), (parse_people, "a:b")):
        with pytest.raises(UsageError, match=f"'{text}'"):
            parse(text)
    for text in ("films", "iper:", f"videos:{tmp_path / 'none'}"):
        with pytest.raises(UsageError, match="--data"):
            DataSource.parse(text)
