"""Trains the network that sees what lies in front of a face.

    python -m deid_desktop.training occlusion --faces FOLDER... [--out FILE]

No photos with true masks are at hand, so faces get things pasted over them (``occluders``), whose
masks are known. What the faces have in front of them already, a fringe or a beard, is labelled by
the colour rule of the composer (``colour_rule``), which is right on well-lit portraits, and
the network takes that over to hard light, where it is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.random import Generator as Dice
from safetensors.torch import save_file
from torch.nn import functional

from deid_desktop.core import mesh
from deid_desktop.core.analyse import SURE, UNSTEADY_UNSURE, Landmarker
from deid_desktop.core.compose.colour_rule import by_colour
from deid_desktop.core.compose.occlusion import CHANNELS, SIDE, OcclusionNet, inputs
from deid_desktop.core.detect import Detector
from deid_desktop.core.imaging import find_photos, read_photo
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array, Pixels
from deid_desktop.training.occluders import PAINTERS, Patches, shadow, sunglasses

BATCH = 8
_LARGEST = 420
"""Longer side of the photos that faces are learned from, in pixels."""
_CLEAR = 40
"""Height in pixels from which faces of crowds are learned from."""
_LENSES = 0.16
"""Share of faces that get sunglasses."""
_GREY = 0.35
"""Share of faces that are seen without colour: without them, only hues would be learned."""
_TRUST = 0.5
"""Weight of labels that come from the colour rule; those of pasted things weigh 1."""


@dataclass(frozen=True, eq=False)
class Example:
    """A face in texture space (128, 128): ``texture`` 0…255, ``seen``, what the colour rule says
    of it (``front``, ``beard``), and ``doubtful``: not skin, but of what kind is unknown."""

    texture: Pixels
    seen: Array
    front: Array
    beard: Array
    doubtful: Array


def read_examples(folders: Sequence[Path]) -> tuple[list[Example], Patches]:
    """Read the largest face of each photo, and patches of what is around it."""
    detector, landmarker = Detector(), Landmarker()
    examples: list[Example] = []
    hair: list[Pixels] = []
    cloth: list[Pixels] = []
    anything: list[Pixels] = []
    skin: list[Array] = []
    for path in find_photos(folders):
        pixels = _reduced(read_photo(path).pixels)
        height, width = pixels.shape[:2]
        face = detector.detect_near(pixels, (width / 4, height / 4, width / 2, height / 2))
        if face is None:
            continue
        vertices = landmarker.mesh(pixels, face.points)
        example = _example(pixels, vertices)
        examples.append(example)
        sure = regions(SIDE).skin * example.seen * (1 - example.doubtful) > 0.7
        if sure.any():
            skin.append(np.median(example.texture[sure], axis=0))
        size = float(np.ptp(vertices[: mesh.VERTICES, 1]))
        top, chin = vertices[10, :2], vertices[152, :2]
        for kind, centre, side in (
            (hair, top - [0, 0.16 * size], 0.2 * size),
            (cloth, chin + np.array([0.35, 0.4]) * size, 0.18 * size),
            (anything, np.array([0.12 * width, 0.15 * height]), 0.2 * width),
            (anything, vertices[4, :2], 0.5 * size),
        ):
            kind += _patch(pixels, centre, side)
    return examples, Patches(hair, cloth, anything, np.stack(skin))


def read_crowds(folders: Sequence[Path]) -> list[Example]:
    """Read all faces of photos with many, turned and lit as they come."""
    detector, landmarker = Detector(), Landmarker()
    examples = []
    for path in find_photos(folders):
        pixels = read_photo(path).pixels
        for face in detector.detect(pixels):
            if face.box[3] < _CLEAR or face.score < SURE:
                continue
            vertices = landmarker.mesh(pixels, face.points)
            if landmarker.unsteadiness(pixels, vertices) < UNSTEADY_UNSURE:
                examples.append(_example(pixels, vertices))
    return examples


def _reduced(pixels: Pixels) -> Pixels:
    factor = _LARGEST / max(pixels.shape[:2])
    if factor >= 1:
        return pixels
    return cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def _patch(pixels: Pixels, centre: Array, side: float) -> Iterable[Pixels]:
    """Yield a square of the photo (64, 64, 3), if it lies within."""
    x, y = np.round(np.asarray(centre) - side / 2).astype(int)
    count = int(side)
    if x >= 0 and y >= 0 and x + count <= pixels.shape[1] and y + count <= pixels.shape[0]:
        part = pixels[y : y + count, x : x + count]
        yield cv2.resize(part, (64, 64), interpolation=cv2.INTER_AREA)


def _example(pixels: Pixels, vertices: Array) -> Example:
    texture, seen = mesh.unwrap(pixels, vertices, 256), mesh.visibility(vertices, 256)
    rule = by_colour(texture, seen)
    maps = [
        cv2.resize(m, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        for m in (texture, seen, rule.front, rule.beard, rule.strange)
    ]
    return Example(np.clip(maps[0], 0, 255).astype(np.uint8), *maps[1:])


def drawn(dice: Dice, example: Example, patches: Patches) -> tuple[Array, Array, Array]:
    """Paint things over a face by chance.

    Returns what the network looks at (9, s, s), the true maps (3, s, s), and the weight of each
    texel's label (3, s, s).
    """
    texture, seen = example.texture.astype(np.float32), example.seen
    front, beard, doubtful = example.front, example.beard, example.doubtful
    if dice.random() < 0.5:
        texture, seen, front, beard, doubtful = (
            np.ascontiguousarray(m[:, ::-1]) for m in (texture, seen, front, beard, doubtful)
        )
    lenses = np.zeros_like(seen)
    if dice.random() < 0.45:
        texture = (texture * shadow(dice)).astype(np.float32)
    if dice.random() < _LENSES:
        colour, lenses = sunglasses(dice, patches)
        texture = texture + lenses[..., None] * (colour - texture)
    pasted = np.zeros_like(seen)
    odds = np.array([share for _, share in PAINTERS])
    for _ in range(int(dice.choice([0, 1, 2], p=[0.22, 0.58, 0.2]))):
        painter = PAINTERS[dice.choice(len(PAINTERS), p=odds / odds.sum())][0]
        colour, over = painter(dice, patches)
        over = cv2.GaussianBlur(over, (0, 0), float(dice.uniform(0.3, 1.2)))
        cast = cv2.GaussianBlur(np.roll(over, dice.integers(-3, 4, 2), (0, 1)), (0, 0), 2.5)
        texture = texture * (1 - dice.uniform(0, 0.5) * cast * (1 - over))[..., None]
        texture = texture + over[..., None] * (colour - texture)
        pasted = np.maximum(pasted, over)
    grid = mesh.uv_grid(SIDE)
    turned, normals = _poses()[dice.integers(len(_poses()))]
    if dice.random() < 0.5:
        seen = np.minimum(seen, turned)
        texture = _stretched(texture, seen)
    if dice.random() < 0.5:
        texture = (texture * _lit(dice, normals)).astype(np.float32)
    texture = (_developed(dice, texture) * grid.inside[..., None]).astype(np.float32)
    truth = np.stack([np.maximum(front, pasted), beard * (1 - pasted), lenses * (1 - pasted)])
    maps = regions(SIDE)
    unsure = doubtful * (1 - maps.features) * (1 - front) * (1 - beard) * (1 - pasted)
    by_rule = 1 - np.maximum(pasted, lenses)
    inner = cv2.erode(grid.inside.astype(np.uint8), np.ones((7, 7))).astype(np.float32)
    shown = seen * np.maximum(inner, grid.inside * pasted)  # at the rim the colour rule sees beyond
    weight = shown * (1 - (1 - _TRUST) * by_rule * np.maximum(front, doubtful)) * (1 - unsure)
    whole = np.stack([weight, weight, shown]).astype(np.float32)
    return inputs(texture, seen), truth.astype(np.float32), whole


@cache
def _poses() -> list[tuple[Array, Array]]:
    """Return, for many turns of the head, what is shown (s, s) and normals (s, s, 3)."""
    poses = []
    for yaw in range(-70, 71, 14):
        for pitch in (-30, -10, 10, 30):
            a, b = np.radians([yaw, pitch])
            around_y = np.array([[np.cos(a), 0, -np.sin(a)], [0, 1, 0], [np.sin(a), 0, np.cos(a)]])
            around_x = np.array([[1, 0, 0], [0, np.cos(b), -np.sin(b)], [0, np.sin(b), np.cos(b)]])
            vertices = (mesh.XYZ @ around_x.T @ around_y.T).astype(np.float32)
            normals = mesh.uv_grid(SIDE).interpolate(mesh.normals(vertices))
            poses.append((mesh.visibility(vertices, SIDE), normals))
    return poses


def _stretched(texture: Array, seen: Array) -> Array:
    """Return the texture as it is where a photo shows it from aside: smeared across."""
    smeared = cv2.GaussianBlur(texture, (0, 0), sigmaX=3.0, sigmaY=0.5)
    share = np.clip(1.2 - 1.5 * seen, 0, 1)[..., None]
    return (texture * (1 - share) + smeared * share).astype(np.float32)


def _lit(dice: Dice, normals: Array) -> Array:
    """Return a factor (s, s, 3) of hard, coloured light from one side."""
    direction = dice.normal(0, 1, 3) * [1, 1, 0.6] - [0, 0, 0.4]
    facing = np.clip(normals @ (direction / np.linalg.norm(direction)), 0, 1)[..., None]
    ambient = dice.uniform(0.15, 0.8)
    colour = np.exp(dice.normal(0, 0.15, 3))
    return (ambient + dice.uniform(0.4, 1.6) * facing * colour).astype(np.float32)


def _developed(dice: Dice, texture: Array) -> Array:
    """Light, colour, blur and noise of another photo."""
    made = 255 * np.clip(texture / 255, 0, 1) ** np.exp(dice.normal(0, 0.25))
    slope = dice.normal(0, 0.25, (2, 1, 1))
    place = np.linspace(-1, 1, SIDE)
    light = slope[0] * place[None, :, None][0] + slope[1] * place[:, None, None]
    made = made * np.exp(light) * np.exp(dice.normal(0, 0.1, 3) + dice.normal(0, 0.3))
    if dice.random() < _GREY:
        made = np.repeat(made.mean(2, keepdims=True), 3, axis=2)
    if dice.random() < 0.5:
        made = cv2.GaussianBlur(made, (0, 0), float(np.exp(dice.uniform(-1, 1.1))))
    return np.clip(made + dice.normal(0, dice.uniform(0, 8), made.shape), 0, 255)


def train(
    examples: Sequence[Example], patches: Patches, *, steps: int, seed: int = 0
) -> OcclusionNet:
    """Train the network; a step is a batch of ``BATCH`` faces."""
    torch.manual_seed(seed)
    dice = np.random.default_rng(seed)
    net = OcclusionNet().train()
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, total_steps=steps)
    losses: list[float] = []
    for step in range(steps):
        batch = [
            drawn(dice, examples[int(dice.integers(len(examples)))], patches) for _ in range(BATCH)
        ]
        x, truth, weight = (torch.from_numpy(np.stack(part)) for part in zip(*batch, strict=True))
        loss = _loss(net(x), truth, weight)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        losses.append(float(loss.detach()))
        if (step + 1) % 50 == 0:
            print(f"step {step + 1}: loss {np.mean(losses[-50:]):.4f}", flush=True)
    return net.eval()


def _loss(logits: torch.Tensor, truth: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Return weighted cross-entropy and one minus the soft overlap of each map."""
    truth, weight = (
        functional.avg_pool2d(m, m.shape[-1] // logits.shape[-1]) for m in (truth, weight)
    )
    entropy = functional.binary_cross_entropy_with_logits(logits, truth, weight)
    guess = torch.sigmoid(logits)
    both = (guess * truth * weight).sum((0, 2, 3))
    either = ((guess + truth) * weight).sum((0, 2, 3))
    dice_loss = 1 - (2 * both + 50) / (either + 50)
    return entropy + 0.15 * dice_loss.mean()


def save(net: OcclusionNet, path: Path) -> None:
    """Write the weights in half precision."""
    tensors = {n: v.half() if v.is_floating_point() else v for n, v in net.state_dict().items()}
    save_file(tensors, str(path), metadata={"maps": ",".join(CHANNELS)})
