"""The generator that ships: nothing before training, something after; its size and its ablations."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import affine_grid, mse_loss
from torch.utils.flop_counter import FlopCounterMode

from lwgan_cli.generator.conditions import ALPHA, BODY, SEEN, Conditions, SourceInput
from lwgan_cli.generator.paper import PaperGenerator
from lwgan_cli.generator.refiner import EDGE, WARPINGS, Correction, DefaultGenerator, SourceFeatures, UnitClamp, correct
from lwgan_cli.generator.window import Window
from lwgan_cli.records import Flow

TINY = dict(width=8, n_blocks=1, background_width=4)


def random(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def some_conditions(batch: int = 1, size: tuple[int, int] = (48, 32), sources: int = 1) -> Conditions:
    planes = random(batch, 18, *size) * 2 - 1
    grid = affine_grid(torch.eye(2, 3).expand(batch, -1, -1), [batch, 1, *size], align_corners=False)
    everywhere = torch.ones(batch, *size, dtype=torch.bool)
    flows = tuple(Flow(grid, random(batch, *size, seed=k), everywhere) for k in range(sources))
    return Conditions(planes, flows, (planes[:, :3] + 1) / 2)


def some_source(size: tuple[int, int] = (48, 32), seed: int = 5) -> SourceInput:
    return SourceInput(random(1, 14, *size, seed=seed) * 2 - 1, Window((0, 0), (size[1], size[0])), (size[1], size[0]))


def awake(net: DefaultGenerator) -> DefaultGenerator:
    """With heads that aren't 0: as if trained."""
    with torch.no_grad():
        for head in (net.decoder.head[0], net.plate_decoder.head[0]):
            head.weight.copy_(0.1 * torch.randn(head.weight.shape, generator=torch.Generator().manual_seed(3)))
    return net


def over(rgba: torch.Tensor, plate: float = 0.3) -> torch.Tensor:
    return rgba[:, :3] * rgba[:, 3:] + plate * (1 - rgba[:, 3:])


# -- what it does to a picture -----------------------------------------------------------------------------


@pytest.mark.parametrize("warping", WARPINGS)
def test_untrained_it_changes_nothing(warping: str) -> None:
    net = DefaultGenerator(**TINY, warping=warping).eval()
    given = some_conditions(2)
    rgba = random(2, 4, 144, 96, seed=1)
    rgba[:, 3, :40] = 0.0  # nobody there
    rgba[:, 3, 40:60] *= 0.01  # next to nobody
    rgba[:, 3, 80:] = 1.0
    found = correct(rgba, net(given, net.encode([some_source()])))
    assert (over(found) - over(rgba)).abs().max() < 1 / 255
    assert torch.equal(found[:, 3:], rgba[:, 3:])
    clear = rgba[:, 3:].expand(-1, 3, -1, -1) > 1 / 255
    assert torch.equal(found[:, :3][clear], rgba[:, :3][clear])
    plate, hole = random(1, 3, 32, 64), random(1, 1, 32, 64)
    assert torch.equal(net.plate(plate, hole), plate)


def test_each_part_of_a_correction_does_its_own() -> None:
    zero = torch.zeros(1, 1, 4, 4)
    none, colour = zero.expand(-1, 3, -1, -1), torch.full((1, 3, 4, 4), 0.5)
    rgba = random(1, 4, 8, 8) * 0.5 + 0.25
    more = correct(rgba, Correction(none + 0.1, zero, zero, colour))
    assert torch.allclose(more[:, :3], rgba[:, :3] + 0.1) and torch.equal(more[:, 3:], rgba[:, 3:])
    half = correct(rgba, Correction(none, zero + 0.5, zero, colour))
    assert torch.allclose(half[:, :3], rgba[:, :3] / 2 + 0.25)
    thin = correct(rgba, Correction(none, zero, zero - 0.2, colour))
    assert torch.allclose(thin[:, 3:], rgba[:, 3:] - 0.2) and torch.equal(thin[:, :3], rgba[:, :3])
    bounds = correct(rgba, Correction(none + 1, zero, zero - 1, colour))
    assert bounds.max() <= 1 and bounds.min() >= 0


def test_what_grows_beyond_the_warp_has_the_carried_colours() -> None:
    """Where nobody was drawn the warp's colours mean nothing."""
    zero = torch.zeros(1, 1, 4, 4)
    rgba = torch.cat([torch.full((1, 3, 8, 8), 0.9), torch.zeros(1, 1, 8, 8)], 1)
    colour = torch.full((1, 3, 4, 4), 0.2)
    found = correct(rgba, Correction(zero.expand(-1, 3, -1, -1), zero, zero + 0.7, colour))
    assert torch.allclose(found[:, :3], torch.tensor(0.2)) and torch.allclose(found[:, 3:], torch.tensor(0.7))


def test_detail_passes_where_the_gate_is_shut_and_goes_where_it_is_open() -> None:
    fine = (torch.arange(64)[:, None] + torch.arange(64)) % 2 * 0.5 + 0.25
    rgba = torch.cat([fine.expand(1, 3, 64, 64), torch.ones(1, 1, 64, 64)], 1)
    gate = torch.zeros(1, 1, 16, 16)
    gate[..., 8:] = 1.0
    zero = torch.zeros(1, 1, 16, 16)
    found = correct(rgba, Correction(zero.expand(-1, 3, -1, -1), gate, zero, torch.full((1, 3, 16, 16), 0.5)))
    assert torch.equal(found[..., :28], rgba[..., :28])
    assert torch.allclose(found[0, :3, :, 36:], torch.tensor(0.5))


def test_the_gate_clamps_and_still_learns() -> None:
    x = torch.tensor([-0.5, -0.5, 0.0, 0.0, 0.4, 1.5, 1.5], requires_grad=True)
    y = UnitClamp.apply(x)
    assert torch.equal(y.detach(), torch.tensor([0.0, 0, 0, 0, 0.4, 1, 1]))
    y.backward(torch.tensor([1.0, -1, 1, -1, 1, 1, -1]))  # steps go against the gradient
    assert torch.equal(x.grad, torch.tensor([0.0, -1, 1, -1, 1, 1, 0]))


@pytest.mark.parametrize("warping", WARPINGS)
def test_it_learns(warping: str) -> None:
    """A few steps on one sample: something beyond the warp, as hair would be."""
    torch.manual_seed(0)
    net = DefaultGenerator(**TINY, warping=warping)
    given, source = some_conditions(), some_source()
    given = Conditions(given.planes, given.flows, torch.full_like(given.colour, 0.8))
    rgba = torch.zeros(1, 4, 96, 64)
    rgba[:, :3], rgba[:, 3, 30:60, 20:40] = 0.8, 1.0
    wanted = over(rgba)
    wanted[..., 16:30, 20:40] = 0.7
    optimizer = torch.optim.Adam(net.parameters(), 5e-3)
    losses = []
    for _ in range(40):
        loss = mse_loss(over(correct(rgba, net(given, net.encode([source])))), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


def test_the_background_learns_inside_its_hole_alone() -> None:
    net = awake(DefaultGenerator(**TINY))
    plate, hole = random(1, 3, 32, 48), torch.zeros(1, 1, 32, 48)
    hole[..., 8:20, 10:30] = 1.0
    change = (net.plate(plate, hole) - plate).abs().sum(1, keepdim=True)
    assert change[hole == 0].max() == 0 and change[hole == 1].mean() > 1e-3


# -- the streams -------------------------------------------------------------------------------------------


def outcome(net: DefaultGenerator, given: Conditions, sources: list[SourceInput]) -> torch.Tensor:
    with torch.no_grad():
        found = net(given, net.encode(sources))
    return torch.cat([found.residual, found.gate, found.alpha], 1)


def test_a_source_given_twice_changes_nothing() -> None:
    net, given = awake(DefaultGenerator(**TINY).eval()), some_conditions()
    twice = Conditions(given.planes, given.flows * 2, given.colour)
    once = outcome(net, given, [some_source()])
    assert torch.allclose(outcome(net, twice, [some_source()] * 2), once, atol=1e-5)
    assert once.abs().max() > 0.01


def test_the_order_of_sources_does_not_matter() -> None:
    net, given = awake(DefaultGenerator(**TINY).eval()), some_conditions(sources=2)
    sources = [some_source(seed=k) for k in (5, 6)]
    turned = Conditions(given.planes, given.flows[::-1], given.colour)
    assert torch.allclose(outcome(net, given, sources), outcome(net, turned, sources[::-1]), atol=1e-5)


def test_frames_of_a_batch_do_not_mix() -> None:
    net, given = awake(DefaultGenerator(**TINY).eval()), some_conditions(3)
    together = outcome(net, given, [some_source()])
    (flow,) = given.flows
    alone = Conditions(
        given.planes[1:2], (Flow(flow.grid[1:2], flow.visible[1:2], flow.mask[1:2]),), given.colour[1:2]
    )  # fmt: skip
    assert torch.allclose(together[1:2], outcome(net, alone, [some_source()]), atol=1e-5)


@pytest.mark.parametrize("warping", WARPINGS)
def test_what_the_ablations_look_at(warping: str) -> None:
    """W_T sees no source, W_C no flow, W_F and the Liquid Warping Block both."""
    torch.manual_seed(1)
    net = awake(DefaultGenerator(**TINY, warping=warping).eval())
    given, source = some_conditions(), some_source()
    (flow,) = given.flows
    moved = Conditions(given.planes, (Flow(flow.grid.flip(1), flow.visible, flow.mask),), given.colour)
    once = outcome(net, given, [source])
    other_source = not torch.equal(once, outcome(net, given, [some_source(seed=6)]))
    other_flow = not torch.equal(once, outcome(net, moved, [source]))
    assert (other_source, other_flow) == {"texture": (False, False), "concat": (True, False)}.get(warping, (True, True))


def test_feature_warping_is_at_one_level() -> None:
    """Of W_F's source features, only the coarsest level's are read."""
    torch.manual_seed(1)
    net = awake(DefaultGenerator(**TINY, warping="feature").eval())
    given = some_conditions()
    (whole,) = net.encode([some_source()])
    assert whole.features is not None
    for level in range(3):
        levels = list(whole.features.levels)
        levels[level] = levels[level] + 1
        changed = SourceFeatures(whole.planes, whole.features._replace(levels=tuple(levels)))
        same = torch.equal(net(given, [changed]).residual, net(given, [whole]).residual)
        assert same == (level < 2)


def test_what_a_photo_shows_stays_as_it_is() -> None:
    """Colours change where no photo saw the surface, and in part where one half saw it; alpha everywhere."""
    net, given = awake(DefaultGenerator(**TINY).eval()), some_conditions()
    planes = given.planes.clone()
    planes[:, ALPHA], planes[:, SEEN] = 1, 0
    columns = planes.shape[3] // 2
    planes[:, SEEN, :, :columns] = 1
    correction = net(replace(given, planes=planes), net.encode([some_source()]))
    for changed in (correction.residual, correction.gate):
        assert not changed[..., :columns].any() and changed[..., columns:].abs().max() > 0.01
    assert correction.alpha[..., :columns].abs().max() > 0.01


def test_the_body_is_never_seen_through() -> None:
    """Further inside than its outline may be wrong, alpha only grows."""
    net, given = awake(DefaultGenerator(**TINY).eval()), some_conditions()
    planes = given.planes.clone()
    planes[:, BODY] = 0
    planes[:, BODY, 10:30, 8:24] = 1
    alpha = net(replace(given, planes=planes), net.encode([some_source()])).alpha
    inner = alpha[..., 10 + EDGE : 30 - EDGE, 8 + EDGE : 24 - EDGE]
    assert inner.min() >= 0 and inner.max() > 0.01
    assert alpha[..., 10 : 10 + EDGE, 8:24].min() < -0.01 and alpha[..., :10, :].min() < -0.01


def test_an_unknown_warping_is_refused() -> None:
    with pytest.raises(ValueError, match="melting"):
        DefaultGenerator(**TINY, warping="melting")


def test_it_is_small_and_quick() -> None:
    """At most 16 M parameters in all, and 9 GFLOP (a multiplication and an addition are two) a frame of 256²."""
    net = DefaultGenerator().eval()
    assert sum(p.numel() for p in net.parameters()) <= 16e6
    given, source = some_conditions(size=(256, 256)), some_source((256, 256))
    with torch.no_grad():
        features = net.encode([source])
        with FlopCounterMode(display=False) as counter:
            net(given, features)
    assert 1e9 < counter.get_total_flops() <= 9e9


@pytest.mark.slow
def test_it_is_eight_times_as_fast_as_the_papers() -> None:
    """A target frame of 256², source features given; processor time of one thread, which other work disturbs least."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        given, source = some_conditions(size=(256, 256)), some_source((256, 256))
        seconds = []
        for net in (DefaultGenerator().eval(), PaperGenerator().eval()):
            with torch.no_grad():
                features = net.encode([source])
                seconds.append(min(timed(lambda net=net, features=features: net(given, features)) for _ in range(5)))
    finally:
        torch.set_num_threads(before)
    assert seconds[1] >= 8 * seconds[0]


def timed(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return time.thread_time() - began
