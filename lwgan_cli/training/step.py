"""One step of training: what the generator makes of a batch, what that costs, and what is learnt from it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from lwgan_cli.generator.architectures import Generator
from lwgan_cli.generator.conditions import SEEN, shrink
from lwgan_cli.generator.networks import PatchDiscriminator, init_weights
from lwgan_cli.generator.paper import Layer, PaperGenerator
from lwgan_cli.generator.refiner import Correction, correct
from lwgan_cli.training import losses
from lwgan_cli.training.config import TrainConfig
from lwgan_cli.training.sample import Sample
from lwgan_cli.training.sphereface import SphereFace20, crop_heads, load_sphereface
from lwgan_cli.training.vgg import LEVEL_WEIGHTS, Vgg19, load_vgg

SEEN_BY_CRITIC = slice(8, 12)  # of the target's planes: the body's mask and normals
CRITIC_WIDTH, CRITIC_LAYERS = 32, 3
CRITIC_SHARE = 2  # the critic looks at a part of the picture, this much smaller than the whole on each side
WARM_UP = 100  # steps in which Adam's step grows to its full size
ALONE = 300  # steps for which the critic learns without being listened to
CLIP = 1.0  # norm of the gradient


@dataclass(frozen=True)
class Painted:
    """What the generator makes of a sample, (B, …, H, W) in [0, 1]: picture 3, the person's alpha 1, plate 3.

    photos  of each source what G_SID makes of it, (P, 4, h, w), the person's colours times alpha, and alpha; none where
            G_SID doesn't paint
    correction  of the texture warp; None where the generator paints anew
    """

    picture: torch.Tensor
    alpha: torch.Tensor
    plate: torch.Tensor
    photos: tuple[torch.Tensor, ...] = ()
    correction: Correction | None = None


class Painter(nn.Module):
    """The generator's three streams as one function of a sample, which is what processes share gradients of."""

    def __init__(self, generator: Generator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, sample: Sample) -> Painted:
        features = self.generator.encode(sample.sources)
        correction = self.generator(sample.conditions, repeated(features, len(sample) // sample.people))
        small = shrink(sample.plate, (sample.hole.shape[2], sample.hole.shape[3]))
        change = self.generator.plate(small, sample.hole) - small
        painted = composed(sample, correction, change)
        if not isinstance(self.generator, PaperGenerator):
            return replace(painted, correction=correction)
        layers = [self.generator.reconstruct(feature) for feature in features]
        return replace(painted, photos=tuple(_foreground(layer) for layer in layers if layer is not None))


def _foreground(layer: Layer) -> torch.Tensor:
    alpha = 1 - layer.mask
    return torch.cat([(layer.colour + 1) / 2 * alpha, alpha], 1)


def repeated(value: Any, count: int) -> Any:
    """The tensors (P, …) in tuples and lists, each row `count` times in a row; one person's rows broadcast."""
    if isinstance(value, torch.Tensor):
        return value if len(value) == 1 else value.repeat_interleave(count, 0)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(repeated(item, count) for item in value))
    if isinstance(value, list | tuple):
        return type(value)(repeated(item, count) for item in value)
    return value


def composed(sample: Sample, correction: Correction | None, change: torch.Tensor | None) -> Painted:
    """The sample's warp, corrected, over its plate, changed by `change` (B, 3, h, w); None for neither."""
    rgba, plate = sample.rgba, sample.plate
    if correction is not None:
        rgba = correct(rgba, correction)
    if change is not None:
        larger = F.interpolate(change.float(), plate.shape[2:], mode="bilinear", align_corners=False)
        plate = (plate + larger).clamp(0, 1)
    alpha = rgba[:, 3:]
    return Painted(rgba[:, :3] * alpha + plate * (1 - alpha), alpha, plate)


@dataclass(frozen=True)
class Judges:
    """Networks that losses ask: the critic learns, the others are the user's files."""

    critic: PatchDiscriminator | None
    vgg: Vgg19 | None
    sphereface: SphereFace20 | None

    @classmethod
    def of(cls, config: TrainConfig) -> Judges:
        """Those that the config's losses need. Raises WeightsError for a file that can't be used."""
        weights = config.losses
        critic = None
        if "adversarial" in weights or "matching" in weights:
            critic = PatchDiscriminator(3 + 4, CRITIC_WIDTH, CRITIC_LAYERS)
            init_weights(critic)
        return cls(
            critic,
            load_vgg(config.vgg) if "perceptual" in weights and config.vgg else None,
            load_sphereface(config.sphereface) if "face" in weights and config.sphereface else None,
        )

    def to(self, device: str) -> Judges:
        moved = (network.to(device) if network is not None else None for network in vars(self).values())
        return Judges(*moved)


@dataclass
class State:
    """What a run has come to: everything that a checkpoint holds.

    painter   with the generator that learns; averaged: its exponential mean, which is what is used
    critic    None where no loss asks one
    """

    painter: Painter
    averaged: Generator
    critic: PatchDiscriminator | None
    optimizers: dict[str, torch.optim.Adam]
    step: int = 0
    history: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def new(cls, generator: Generator, judges: Judges, lr: float) -> State:
        averaged = copy.deepcopy(generator).eval().requires_grad_(False)
        optimizers = {"generator": torch.optim.Adam(generator.parameters(), lr, (0.5, 0.99))}
        if judges.critic is not None:
            optimizers["critic"] = torch.optim.Adam(judges.critic.parameters(), lr, (0.5, 0.99))
        return cls(Painter(generator), averaged, judges.critic, optimizers)


@dataclass(frozen=True)
class Step:
    """The step function. painter, critic: as `State` holds them, or wrapped for several processes."""

    state: State
    judges: Judges
    weights: Mapping[str, float]
    config: TrainConfig
    painter: nn.Module
    critic: nn.Module | None

    def __call__(self, sample: Sample) -> dict[str, float]:
        """Learns from a sample and returns the losses, and PSNR of the person by the generator and without it."""
        state = self.state
        device = sample.target.device.type
        for optimizer in state.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = self.config.lr * min(1.0, (state.step + 1) / WARM_UP)
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            painted: Painted = self.painter(sample)
            terms = self._of_generator(sample, painted)
        total = sum((self.weights[name] * term for name, term in terms.items()), painted.picture.new_zeros(()))
        self._descend("generator", state.painter, total)
        numbers = {name: float(term.detach()) for name, term in terms.items()}
        if self.critic is not None:
            with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
                judged = self._of_critic(sample, painted)
            self._descend("critic", self.critic, judged)
            numbers["critic"] = float(judged.detach())
        state.step += 1
        average(state.averaged, state.painter.generator, min(self.config.ema, state.step / (state.step + 10)))
        with torch.no_grad():
            plain = composed(sample, None, None).picture
            person = (sample.alpha > 0.5).float()
            numbers["psnr"], numbers["psnr_none"] = (
                _psnr(each, sample.target, person) for each in (painted.picture, plain)
            )
        return numbers

    def _of_generator(self, sample: Sample, painted: Painted) -> dict[str, torch.Tensor]:
        wanted, judges = self.weights, self.judges
        target, *photos = _pairs(sample, painted)
        result, real = target.result, target.real
        terms: dict[str, torch.Tensor] = {}

        def add(name: str, of: Callable[[_Pair], torch.Tensor]) -> None:
            """The target's term, and those of the photos where they are painted too."""
            if name in wanted:
                terms[name] = torch.stack([of(pair) for pair in (target, *photos)]).sum()

        add("l1", lambda pair: losses.l1(pair.result, pair.real, pair.weight))
        add("attention", lambda pair: losses.attention(pair.alpha, pair.silhouette, pair.clear))
        if (vgg := judges.vgg) is not None:
            add(
                "perceptual",
                lambda pair: losses.feature_distance(vgg(pair.result * 2 - 1), vgg(pair.real * 2 - 1), LEVEL_WEIGHTS),
            )
        for name, loss in (("colour", losses.colour), ("gradient", losses.gradient), ("detail", losses.detail)):
            if name in wanted:
                terms[name] = loss(result, real, target.weight)
        if "copying" in wanted and (made := painted.correction) is not None:
            seen = sample.conditions.planes[:, SEEN]
            terms["copying"] = losses.copying(made.residual.float(), made.gate.float(), seen)
        if "plate" in wanted:
            hole = F.interpolate(sample.hole, real.shape[2:], mode="bilinear", align_corners=False)
            terms["plate"] = losses.l1(painted.plate.float(), sample.scene, hole * sample.surveyed)
        if (sphereface := judges.sphereface) is not None:
            ours, theirs = (sphereface(crop_heads(picture * 2 - 1, sample.heads)) for picture in (result, real))
            terms["face"] = losses.feature_distance(ours, theirs)
        if (critic := self.state.critic) is not None and self.state.step >= ALONE:
            critic.requires_grad_(False)  # the generator's step needs none of its gradients
            fake, true = (critic.features(self._shown(sample, each)) for each in (result, real))
            critic.requires_grad_(True)
            if "adversarial" in wanted:
                terms["adversarial"] = losses.adversarial(fake[-1])
            if "matching" in wanted:
                terms["matching"] = losses.feature_matching(fake, true)
        return terms

    def _of_critic(self, sample: Sample, painted: Painted) -> torch.Tensor:
        assert self.critic is not None
        both = torch.cat([self._shown(sample, each) for each in (sample.target, painted.picture.detach())])
        real, fake = self.critic(both).chunk(2)
        return losses.discrimination(real, fake)

    def _shown(self, sample: Sample, picture: torch.Tensor) -> torch.Tensor:
        """The part of the picture that the critic sees this step, beside the conditions: (B, 7, h, w)."""
        height, width = picture.shape[2] // CRITIC_SHARE, picture.shape[3] // CRITIC_SHARE
        # golden ratio's multiples are spread evenly, and known without drawing them
        top, left = (
            int((self.state.step * ratio) % 1 * (whole - part + 1))
            for ratio, whole, part in ((0.618034, picture.shape[2], height), (0.754878, picture.shape[3], width))
        )
        planes = sample.conditions.planes[:, SEEN_BY_CRITIC]
        larger = F.interpolate(planes, picture.shape[2:], mode="bilinear", align_corners=False)
        both = torch.cat([picture * 2 - 1, larger], 1)
        return both[:, :, top : top + height, left : left + width]

    def _descend(self, name: str, network: nn.Module, loss: torch.Tensor) -> None:
        optimizer = self.state.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), CLIP)
        optimizer.step()


@dataclass(frozen=True)
class _Pair:
    """What was painted and what it should be: pictures (B, 3, H, W) with their weights, alpha and silhouette
    (B, 1, H, W) and where that counts."""

    result: torch.Tensor
    real: torch.Tensor
    weight: torch.Tensor
    alpha: torch.Tensor
    silhouette: torch.Tensor
    clear: torch.Tensor


def _pairs(sample: Sample, painted: Painted) -> list[_Pair]:
    """The targets, then each source's photos as far as they are painted."""
    near = losses.person_weight(torch.maximum(sample.alpha, sample.rgba[:, 3:]))
    pairs = [_Pair(painted.picture.float(), sample.target, near, painted.alpha.float(), sample.alpha, sample.clear)]
    for source, photo in zip(sample.sources, painted.photos, strict=False):
        own, alpha = photo.float(), source.planes[:, 3:4]
        whole = torch.ones_like(alpha)
        pairs.append(_Pair(own[:, :3], (source.planes[:, :3] + 1) / 2 * alpha, whole, own[:, 3:], alpha, whole))
    return pairs


@torch.no_grad()
def average(averaged: nn.Module, network: nn.Module, decay: float) -> None:
    """The exponential mean of a network's parameters, in place."""
    for mean, value in zip(averaged.parameters(), network.parameters(), strict=True):
        mean.lerp_(value.to(mean.dtype), 1 - decay)


def _psnr(result: torch.Tensor, real: torch.Tensor, mask: torch.Tensor) -> float:
    error = ((result.float() - real) ** 2 * mask).sum() / (3 * mask.sum()).clamp(min=1)
    return float(-10 * torch.log10(error.clamp(min=1e-9)))
