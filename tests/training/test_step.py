from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from lwgan_cli.generator.architectures import build
from lwgan_cli.training.config import TrainConfig
from lwgan_cli.training.sample import Sample, Staged, draw_batch
from lwgan_cli.training.step import ALONE, Judges, Painter, State, Step, average, composed, repeated
from tests.training.people import body, subject

TINY = {"default": dict(width=8, n_blocks=1, background_width=8), "paper": dict(width=8, n_blocks=1, n_down=2)}


def sample(people: int = 2, count: int = 2, seed: int = 0) -> Sample:
    staged = [Staged(body(), subject(index, 1)) for index in range(people)]
    with torch.no_grad():
        return draw_batch(staged, count, (32, 48), np.random.default_rng(seed))


def make_step(architecture: str = "default", step: int = 0, **options: Any) -> Step:
    config = TrainConfig(output=Path("unused"), architecture=architecture, **options)
    torch.manual_seed(0)
    judges = Judges.of(config)
    state = State.new(build(architecture, **TINY[architecture.split("-")[0]]), judges, config.lr)
    state.step = step
    return Step(state, judges, config.losses, config, state.painter, state.critic)


def test_an_untrained_generator_paints_the_texture_warp() -> None:
    given = sample()
    painted = Painter(build("default", **TINY["default"]))(given)
    plain = composed(given, None, None)
    assert (painted.picture - plain.picture).abs().max() < 1 / 255
    assert torch.equal(painted.plate, given.plate)


def test_people_of_a_batch_are_painted_as_they_would_be_alone() -> None:
    """Features of each person's photo reach that person's targets, and no others."""
    torch.manual_seed(0)
    generator = build("default", **TINY["default"])
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    staged = [Staged(body(), subject(index, 1)) for index in range(2)]
    with torch.no_grad():
        both = Painter(generator)(draw_batch(staged, 2, (32, 48), np.random.default_rng(4)))
        # photos are shown in windows of one size, so that each alone sees what it sees in the pair
        given = draw_batch(staged, 2, (32, 48), np.random.default_rng(4))
        for row in range(2):
            rows = slice(2 * row, 2 * row + 2)
            alone = Painter(generator)(_rows(given, rows, row))
            assert torch.allclose(alone.picture, both.picture[rows], atol=1e-5)
    assert not torch.allclose(both.picture, composed(given, None, None).picture, atol=0.05)


def _rows(given: Sample, rows: slice, person: int) -> Sample:
    from dataclasses import fields, replace

    from lwgan_cli.generator.conditions import Conditions
    from lwgan_cli.records import Flow

    seen = given.conditions
    flows = tuple(Flow(f.grid[rows], f.visible[rows], f.mask[rows]) for f in seen.flows)
    parts = {f.name: getattr(given, f.name)[rows] for f in fields(given) if f.name not in ("conditions", "sources")}
    sources = tuple(replace(s, planes=s.planes[person : person + 1]) for s in given.sources)
    return Sample(Conditions(seen.planes[rows], flows, seen.colour[rows]), sources, **parts)


@pytest.mark.parametrize(
    "architecture",
    [
        "default",
        "paper",
        *(pytest.param(f"default-{each}", marks=pytest.mark.slow) for each in ("concat", "texture", "feature")),
    ],
)
def test_steps_make_the_losses_smaller(architecture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lwgan_cli.training.step.WARM_UP", 1)
    step = make_step(architecture, recipe="default", loss_weights=dict(adversarial=0, matching=0), lr=2e-3)
    given = sample()
    numbers = [step(given) for _ in range(12 if architecture == "paper" else 25)]  # it learns faster, and takes longer
    total = [sum(step.weights[name] * row.get(name, 0.0) for name in step.weights) for row in numbers]
    assert total[-1] < 0.95 * total[0]
    assert numbers[-1]["psnr"] > numbers[0]["psnr"]


def test_the_papers_source_stream_learns_to_paint_the_photo() -> None:
    """Its reconstruction counts (paper, section 3.4), so that G_SID's decoder learns too."""
    step, given = make_step("paper", recipe="default", loss_weights=dict(adversarial=0, matching=0), lr=4e-3), sample()
    painted = step.state.painter(given)
    source = given.sources[0].planes
    assert len(painted.photos) == 1 and painted.photos[0].shape == (2, 4, *source.shape[2:])

    @torch.no_grad()
    def apart() -> float:
        alpha = source[:, 3:4]
        true = torch.cat([(source[:, :3] + 1) / 2 * alpha, alpha], 1)
        return float((step.state.painter(given).photos[0] - true).abs().mean())

    before = apart()
    for _ in range(12):
        step(given)
    assert apart() < 0.8 * before
    assert not Painter(build("paper-concat", **TINY["paper"]))(given).photos


def test_psnr_without_the_generator_is_told_too() -> None:
    step, given = make_step(), sample()
    numbers = step(given)
    person = (given.alpha > 0.5).float()
    error = ((composed(given, None, None).picture - given.target) ** 2 * person).sum() / (3 * person.sum())
    assert numbers["psnr_none"] == pytest.approx(-10 * float(torch.log10(error)), abs=1e-3)
    assert numbers["psnr"] == pytest.approx(numbers["psnr_none"], abs=1e-3)  # untrained


def test_the_critic_is_heard_after_a_while() -> None:
    given = sample()
    early, late = make_step(), make_step(step=ALONE)
    before = [parameter.clone() for parameter in early.state.critic.parameters()]  # type: ignore[union-attr]
    assert {"adversarial", "matching"}.isdisjoint(early(given))
    assert {"adversarial", "matching", "critic"} <= late(given).keys()
    assert any(
        not torch.equal(a, b)
        for a, b in zip(before, early.state.critic.parameters(), strict=True)  # type: ignore[union-attr]
    )
    assert all(parameter.requires_grad for parameter in late.state.critic.parameters())  # type: ignore[union-attr]


def test_the_average_follows_slowly() -> None:
    fast, slow = torch.nn.Linear(2, 2), torch.nn.Linear(2, 2)
    before = slow.weight.detach().clone()
    average(slow, fast, 0.9)
    assert torch.allclose(slow.weight, 0.9 * before + 0.1 * fast.weight)


def test_rows_are_repeated_for_each_persons_targets() -> None:
    value = torch.tensor([1.0, 2.0])
    assert repeated(value, 3).tolist() == [1, 1, 1, 2, 2, 2]
    assert repeated(value[:1], 3).tolist() == [1]  # one person's broadcast
    nested = repeated([(value, None)], 2)
    assert nested[0][0].tolist() == [1, 1, 2, 2] and nested[0][1] is None
