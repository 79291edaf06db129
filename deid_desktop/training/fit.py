"""Trains the generator and writes its weights.

Everything but the code network is closed form. The network learns to predict texture and shape
coefficients from a 64-number donor code and the attributes, on donors *and* on random mixes of
them, so that the space between donors is smooth; a penalty on the correlation between codes and
attributes keeps gender, age and ancestry out of the codes, so that a slider moves one thing.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from deid_desktop.core import mesh
from deid_desktop.core.attributes import network_inputs
from deid_desktop.core.generate import CODE, FORMAT, SMALL, CodeNetwork, texels
from deid_desktop.core.types import Array
from deid_desktop.training import statistics
from deid_desktop.training.atlas import AGES, crease_atlas
from deid_desktop.training.basis import (
    DonorTexture,
    attribute_maps,
    attribute_of,
    donor_textures,
    texture_basis,
)  # fmt: skip
from deid_desktop.training.dataset import Sample
from deid_desktop.training.glasses import fit_glasses, wears_glasses
from deid_desktop.training.shapes import shape_model

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """How long and how large, and after how many steps to save; ``TINY`` is for tests."""

    components: int = 124
    variants: int = 8
    steps: int = 3000
    save_every: int = 1000
    seed: int = 0


TINY = Settings(components=12, variants=2, steps=150, save_every=50)


@dataclass(frozen=True, eq=False)
class People:
    """One row for each donor: indices of their pictures, attributes and other facts."""

    neutral: list[int]
    smiling: list[int | None]


def build_tensors(
    donors: list[Sample], portraits: list[Sample], settings: Settings
) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Compute all tensors but the network's; also return the network's training targets."""
    tensors, accuracy = fit_glasses([p for p in portraits if p.age_known])
    log.info("glasses told right in %.1f %% of %d portraits", 100 * accuracy, len(portraits))
    bare = [p for p in portraits if not wears_glasses(p, tensors)]
    normal = statistics.normalised_portraits(bare, 256)
    log.info("%d portraits used for statistics", len(normal))
    textures = donor_textures(donors)
    maps = attribute_maps(textures, normal)
    basis = texture_basis(textures, maps, settings.components)
    log.info("%d components explain %.1f %%", settings.components, 100 * basis.explained)
    people = _people(donors)
    shapes = shape_model(donors, people.neutral, bare)
    atlas = crease_atlas(normal, variants=settings.variants, seed=settings.seed)
    neutral = basis.codes[people.neutral]
    smiling = np.stack(
        [
            basis.codes[n if s is None else s]
            for n, s in zip(people.neutral, people.smiling, strict=True)
        ]
    )
    # A donor without a smiling picture smiles as donors do on average.
    known = np.array([s is not None for s in people.smiling])
    smiling[~known] = neutral[~known] + (smiling - neutral)[known].mean(0)
    attributes = network_inputs([attribute_of(donors[i]) for i in people.neutral])
    host: dict[str, Array] = {
        **tensors,
        "codes": np.stack([neutral, smiling]),
        "maps": maps.maps[:, texels(SMALL)].reshape(len(maps.maps), -1),
        "coarse.basis": basis.coarse,
        "fine.basis": basis.fine,
        "atlas": atlas,
        "atlas.ages": np.array(AGES, np.float32),
        "donor.gender": np.array([donors[i].gender for i in people.neutral], np.float32),
        "donor.age": np.array([donors[i].age for i in people.neutral], np.float32),
        "donor.embedding": np.stack([donors[i].embedding for i in people.neutral]),
        "donor.iris": np.stack([iris_colour(textures[i]) for i in people.neutral]),
        **shapes.tensors(),
    }
    packed: dict[str, Tensor] = {"donor.attributes": attributes}
    for name, value in host.items():
        tensor = torch.from_numpy(np.ascontiguousarray(value, np.float32))
        packed |= _pack(name, tensor)
    targets = torch.cat([torch.from_numpy(neutral), torch.from_numpy(shapes.codes)], 1)
    return packed, [targets.float(), attributes]


def train_network(
    targets: Tensor, attributes: Tensor, settings: Settings, *, checkpoint: Path | None = None
) -> tuple[dict[str, Tensor], list[float]]:
    """Train the code network; return its tensors and the loss of every hundredth step.

    Training starts again from ``checkpoint`` where there is one, and ends the same as without
    the interruption, because every step draws from a generator seeded by its number. A checkpoint
    of other targets or attributes is not used.
    """
    torch.manual_seed(settings.seed)
    network = CodeNetwork(targets.shape[1])
    for parameter in network.refine[-1].parameters():  # training starts from the linear part
        torch.nn.init.zeros_(parameter)
    code = torch.nn.Parameter(0.5 * torch.randn(len(targets), CODE))
    optimiser = torch.optim.Adam([*network.parameters(), code], 3e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.steps)
    standard = (attributes - attributes.mean(0)) / (attributes.std(0) + 1e-3)
    losses: list[float] = []
    start = 0
    data = hashlib.sha256(torch.cat([targets, attributes], 1).numpy().tobytes()).hexdigest()
    state = _saved(checkpoint, data)
    if state is not None:
        network.load_state_dict(state["network"])
        with torch.no_grad():
            code.copy_(state["code"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        start, losses = state["step"], state["losses"]
    for step in range(start, settings.steps):
        draw = torch.Generator().manual_seed(settings.seed * 1_000_003 + step)
        mix = _random_mixes(len(targets), draw)
        noise = 0.03 * torch.randn(len(mix), CODE, generator=draw)
        predicted = network(mix @ code + noise, mix @ attributes)
        error = (predicted - mix @ targets).pow(2).mean()
        spread = (code - code.mean(0)) / (code.std(0) + 1e-3)
        leak = (spread.T @ standard / len(code)).pow(2).mean()
        loss = error + 0.5 * leak + 1e-4 * code.pow(2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        if step % 100 == 0:
            losses.append(float(loss.detach()))
            log.info("step %d loss %.4f leak %.5f", step, losses[-1], float(leak.detach()))
        if checkpoint is not None and (step + 1) % settings.save_every == 0:
            state = {
                "data": data,
                "network": network.state_dict(), "code": code.detach(), "step": step + 1,
                "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict(),
                "losses": losses,
            }  # fmt: skip
            torch.save(state, checkpoint)
    tensors = {f"network.{k}": v.detach() for k, v in network.state_dict().items()}
    return {**tensors, "code": code.detach()}, losses


def _saved(checkpoint: Path | None, data: str) -> dict[str, Any] | None:
    """Return the state of a training on the same data, if there is one."""
    if checkpoint is None or not checkpoint.exists():
        return None
    state: dict[str, Any] = torch.load(checkpoint, weights_only=True)
    return state if state.get("data") == data else None


def write_weights(tensors: dict[str, Tensor], path: Path) -> None:
    """Write the weights as safetensors with the layout's version."""
    ready = {k: v.contiguous() for k, v in tensors.items()}
    save_file(ready, str(path), metadata={"format": FORMAT})
    assert set(load_file(str(path))) == set(tensors)


def iris_colour(texture: DonorTexture) -> Array:
    """Return a donor's iris colour relative to its skin (3,), greyed by 40 % as eyes look dull."""
    scale = texture.coarse.shape[0]
    colours = []
    for contour in (mesh.LEFT_EYE, mesh.RIGHT_EYE):
        x, y = (mesh.UV[contour].mean(0) * scale).astype(int)
        patch = texture.coarse[y - 2 : y + 3, x - 3 : x + 4].reshape(-1, 3)
        colours.append(np.median(patch, axis=0))
    mean = np.mean(colours, axis=0)
    return (0.6 * mean + 0.4 * mean.mean()).astype(np.float32)


def _people(donors: list[Sample]) -> People:
    neutral = [i for i, s in enumerate(donors) if not s.smiling]
    smiling = {s.person: i for i, s in enumerate(donors) if s.smiling}
    return People(neutral, [smiling.get(donors[i].person) for i in neutral])


def _random_mixes(count: int, draw: torch.Generator) -> Tensor:
    """Return the donors themselves and as many random mixes of two to six (n, count)."""
    chance = torch.rand(count, count, generator=draw)
    size = torch.randint(2, 7, (count, 1), generator=draw)
    kept = chance.argsort(1).argsort(1) < size
    weights = torch.rand(count, count, generator=draw) * kept
    return torch.cat([torch.eye(count), weights / weights.sum(1, keepdim=True)])


_EIGHT_BIT = {"coarse.basis", "fine.basis", "atlas"}


def _pack(name: str, tensor: Tensor) -> dict[str, Tensor]:
    """Store large tensors with eight bits and a scale a row, the others with sixteen or more."""
    if name in _EIGHT_BIT:
        scale = tensor.abs().amax(-1, keepdim=True) / 127
        return {
            name: (tensor / scale).round().to(torch.int8),
            f"{name}.scale": scale.float(),
        }
    return {name: tensor.half() if tensor.numel() > 20_000 else tensor}
