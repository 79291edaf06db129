"""Makes surrogate faces: donor weights and attributes in, texture and shape out.

Third stage of the flow. A surrogate's texture is the average face of its attributes (maps learned
over hundreds of people), plus what its k donors have in common with nobody else: a small network
turns the mixed donor codes and the attributes into coefficients of a texture basis and of a shape
basis. Skin detail that mixing averages away is given back its variance, and an atlas adds the
creases of the age. Textures are normalised: about 1, without light and skin tone, which are the
photo's. Idea: k-Same-Net (Meden et al. 2017, 2018); weights: ``docs/generator.md``.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from torch import Tensor, nn
from torch.nn import functional

from deid_desktop.core import mesh
from deid_desktop.core.attributes import (
    ANCESTRIES,
    YOUNG_MEN,
    YOUNG_WOMEN,
    Attribute,
    attribute_terms,
    male_share,
    network_inputs,
)
from deid_desktop.core.geometry import blur
from deid_desktop.core.regions import regions
from deid_desktop.core.types import Array, DeidError, Identity, Surrogate
from deid_desktop.core.weights import model_path
from deid_desktop.core.wrinkles import relief

LARGE, SMALL, TINY = 512, 256, 128
"""Texels a side at full quality, for previews, and for the many candidates of a search."""

FORMAT = "1"
"""Version of the weights' layout; other versions are refused."""

CODE = 64
_SAGGING = 0.3
"""Share of what age does to the shape; chosen when the composer exaggerated it several times."""
_SHAVED = 0.65
"""Share of the atlas's relief that is left out where beards grow: shadows of shaved chins, in
patches from several people, are stains."""
_BEARD = 0.83
"""Share of what is single donors' own that goes where beards grow, but for the finest octave."""
_DEEPEST = 0.04
"""How much darker or lighter than skin the atlas's relief may be: beyond are streaks of hair and
light that some maps hold, scratches on anybody else."""
_REDDISH = (0.85, 1.0, 1.05)
"""What a wrinkle takes of red, green and blue: light is reddened in the depth of skin."""
_FADED = 0.4
"""Share of their darkness that brows lose until 80."""
_INDIVIDUALITY, _WOMENS = 2.0, 1.0
"""How far a mix is pushed away from the average face: people differ more, and come no nearer to
donors; and how much farther, in women, from the average of women of those attributes: they are more
alike, and their skin is mottled later than men's."""
_FORMS, _SKIN = 1.3, 0.8
"""How much farther its forms are pushed, and how far what is finer: pushed as far, skin is mottled,
and nobody is told by it. Where gender goes beyond −1…1, forms are not: they would hide it."""
_BOTH_SIDES, _ONE_SIDE = 1.45, 0.5
"""How much farther, where both sides of the face agree, and where they do not: there donors' stains
and one-sided features would become disfigurements. Brows stay: paler than skin they are none."""
_PORES = 0.8
"""Share of the skin detail's lost variance that is given back."""


class GeneratorError(DeidError):
    """The request cannot be met, or the weights do not fit this version."""


@cache
def texels(size: int) -> NDArray[np.bool_]:
    """Return which texels (size, size) the generator fills: the replaced region and a margin."""
    margin = 2 * (size // 32) + 1
    grown = cv2.dilate(regions(size).core, np.ones((margin, margin)))
    return (grown > 0.5) & mesh.uv_grid(size).inside


@cache
def fringe(size: int = SMALL) -> Array:
    """Return where women's hair hangs into the face (size, size), 0…1: forehead and temples."""
    if size != SMALL:
        return cv2.resize(fringe(), (size, size), interpolation=cv2.INTER_AREA)
    covered = np.zeros((SMALL, SMALL), np.float32)
    for side in (_LEFT_FRINGE, _RIGHT_FRINGE):
        corners = np.round(mesh.UV[side] * SMALL - 0.5).astype(np.int32)
        cv2.fillPoly(covered, [corners], 1.0)
    return blur(cv2.dilate(covered, np.ones((5, 5))), 4)


_LEFT_FRINGE = [9, 107, 66, 105, 63, 70, 156, 143, 34, 162, 21, 54, 103, 67, 109, 10]
_RIGHT_FRINGE = [9, 336, 296, 334, 293, 300, 383, 372, 264, 389, 251, 284, 332, 297, 338, 10]
"""From between the brows along their upper edge to the temple and back along the hairline."""


class CodeNetwork(nn.Module):
    """Donor code and attributes → texture and shape coefficients."""

    def __init__(self, outputs: int, hidden: int = 256) -> None:
        super().__init__()
        inputs = CODE + 3 + ANCESTRIES
        self.linear = nn.Linear(inputs, outputs)
        self.refine = nn.Sequential(
            nn.Linear(inputs, hidden), nn.SiLU(),
            nn.Linear(hidden, hidden), nn.SiLU(),
            nn.Linear(hidden, outputs),
        )  # fmt: skip

    def forward(self, code: Tensor, attributes: Tensor) -> Tensor:
        """Return coefficients (n, outputs) for ``code`` (n, 64), ``attributes`` (n, 7)."""
        x = torch.cat([code, attributes], 1)
        result: Tensor = self.linear(x) + self.refine(x)
        return result


class Generator:
    """The trained generator on one device. Use from one thread."""

    def __init__(self, device: str = "cpu") -> None:
        self.device = torch.device(device)
        with safe_open(str(model_path("generator.safetensors")), framework="pt") as file:
            found = (file.metadata() or {}).get("format")
            if found != FORMAT:
                raise GeneratorError(
                    f"generator.safetensors: the weights have layout {found}, this version reads "
                    f"{FORMAT}; install Deid Desktop again"
                )
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        self._host = {k: v.float().numpy() for k, v in tensors.items() if k in _HOST}
        self._t = {k: _real(k, tensors).to(self.device) for k in tensors if k in _DEVICE}
        outputs = self._t["codes"].shape[2] + self._t["shape.codes"].shape[1]
        self._network = CodeNetwork(outputs)
        prefix = "network."
        self._network.load_state_dict(
            {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
        )
        self._network.to(self.device).eval()
        self._left_out = self._what_is_left_out()
        sides = torch.from_numpy(self._host["donor.gender"][None] * [[-1.0], [1.0]] > 0).float()
        self._usual_mixes = (sides / sides.sum(1, keepdim=True)).to(self.device)
        sizes = (TINY, SMALL, LARGE)
        self._texels = {
            s: torch.from_numpy(np.flatnonzero(texels(s))).to(self.device) for s in sizes
        }
        self._skin = {
            s: torch.from_numpy(regions(s).skin).to(self.device)[None, None] for s in sizes
        }
        self._levels = {SMALL: {name: self._t[name] for name in _COARSE}}

    @torch.inference_mode()
    def _what_is_left_out(self) -> Tensor:
        """Return what the network does not reproduce of each donor at its own attributes."""
        own = torch.cat([self._t["codes"][0], self._t["shape.codes"]], 1)
        return own - self._network(self._t["code"], self._t["donor.attributes"])

    @property
    def donor_count(self) -> int:
        """How many donors there are."""
        return int(self._t["code"].shape[0])

    @property
    def donor_embeddings(self) -> Array:
        """SFace embeddings of the donors (n, 128), unit length."""
        return self._host["donor.embedding"]

    def tensors(self, prefix: str) -> dict[str, Array]:
        """Return what the weights hold for other stages, for example ``glasses.``."""
        return {k.removeprefix(prefix): v for k, v in self._host.items() if k.startswith(prefix)}

    def draw_identity(
        self, attribute: Attribute, *, k: int, seed: int, attempt: int = 0
    ) -> Identity:
        """Draw a surrogate identity of ``k`` donors at random.

        Donors of the attribute's side of gender are drawn first; ancestry is an attribute, not a
        choice of donors. Weights differ a little (±20 %), so that mixes of the same donors differ.

        Raises:
            GeneratorError: fewer than two donors, or more than there are, are asked for.
        """
        side = np.flatnonzero(self._host["donor.gender"] * attribute.gender >= 0)
        if k < 2:
            raise GeneratorError(f"k = {k}: a surrogate mixes at least two donors; choose k ≥ 2")
        if k > len(side):
            raise GeneratorError(f"k = {k}: there are only {len(side)} donors; choose a smaller k")
        rng = np.random.default_rng([seed, attempt])
        donors = rng.choice(side, k, replace=False)
        weights = rng.uniform(0.8, 1.2, k)
        weights /= weights.sum()
        return Identity(
            tuple(int(d) for d in donors),
            tuple(float(w) for w in weights),
            int(rng.integers(2**31)),
        )

    @torch.inference_mode()
    def generate(
        self, identities: list[Identity], attributes: list[Attribute], *, size: int = LARGE
    ) -> list[Surrogate]:
        """Make one surrogate for each identity with its attributes, in one batch.

        Args:
            identities: donor mixes.
            attributes: as many as identities.
            size: ``TINY``, ``SMALL`` or ``LARGE`` texels a side.

        Raises:
            GeneratorError: an attribute is not a number.
        """
        if not all(np.isfinite([a.gender, a.age, a.smile, *a.ancestry]).all() for a in attributes):
            raise GeneratorError("an attribute is not a number; reset the sliders of this face")
        mix = self._mix(identities)
        code, shape = self._coefficients(mix, attributes)
        texture = self._texture(code, mix, identities, attributes, size)
        if not np.isfinite(texture).all():
            raise GeneratorError("the generator gave no usable picture for this face; mask it")
        vertices = self._shape(shape, attributes)
        return [
            Surrogate(
                texture[n], vertices[n], self._iris(identity),
                male_share(attribute), attribute.age, attribute.smile,
            )
            for n, (identity, attribute) in enumerate(zip(identities, attributes, strict=True))
        ]  # fmt: skip

    def _iris(self, identity: Identity) -> Array:
        """Return the darkest or second-darkest iris of the donors: light eyes are rare."""
        irises = self._host["donor.iris"][list(identity.donors)]
        return irises[np.argsort(irises.mean(1))[identity.seed % 2]]

    def _mix(self, identities: list[Identity]) -> Tensor:
        mix = torch.zeros(len(identities), self.donor_count)
        for row, identity in enumerate(identities):
            mix[row, list(identity.donors)] = torch.tensor(identity.weights, dtype=torch.float32)
        return mix.to(self.device)

    def _coefficients(self, mix: Tensor, attributes: list[Attribute]) -> tuple[Tensor, Tensor]:
        """Return texture and shape coefficients: the network's and what it left out of the donors.

        What it left out is known exactly at the donors' own attributes and carried along. How the
        donors themselves smile is left aside, everybody smiles as they do on average: hair fell
        otherwise on the second photo, and would be a stain.
        """
        neutral = self._t["codes"][0]
        inputs = network_inputs(attributes).to(self.device)
        male = torch.tensor([male_share(a) for a in attributes], device=self.device)[:, None]
        usual = self._usual_mixes[:1] + male * (self._usual_mixes[1:] - self._usual_mixes[:1])
        both, average = (
            self._network(donors @ self._t["code"], inputs) + donors @ self._left_out
            for donors in (mix, usual)
        )
        count = neutral.shape[1]
        # The basis is not centred: codes near their mean are the average face, pushed from there.
        middle = neutral.mean(0)
        own, average = both[:, :count], average[:, :count]
        code = middle + _INDIVIDUALITY * (own - middle) + _WOMENS * (1 - male) * (own - average)
        return code, both[:, count:]

    def _texture(
        self,
        code: Tensor,
        mix: Tensor,
        identities: list[Identity],
        attributes: list[Attribute],
        size: int,
    ) -> Array:
        terms = torch.from_numpy(np.stack([attribute_terms(a) for a in attributes]))
        loss = (1 / mix.pow(2).sum(1).sqrt())[:, None, None, None]
        side = min(size, SMALL)
        level = self._level(side)
        own = self._own(code, attributes, side)
        pores = (own - _low_pass(own, side)) * (loss - 1) * _PORES * self._skin[side]
        base = self._spread(terms.to(self.device) @ level["maps"], side, 3)
        beard = self._beards(attributes, side)
        base, own, pores = base - beard[0], own * (1 - beard[1]), pores * (1 - beard[1])
        creases = torch.stack(
            [self._creases(i, a, side) for i, a in zip(identities, attributes, strict=True)]
        )
        picture = _faded(base + own + pores + creases, attributes)
        if size == LARGE:
            fine = self._spread(self._product(code, self._t["fine.basis"]), LARGE, 1)
            fine = fine * (1 + (loss - 1) * _PORES * self._skin[LARGE])
            picture = functional.interpolate(picture, size=(LARGE, LARGE), mode="bicubic") + fine
        picture = picture + self._wrinkles(identities, attributes, size)
        return picture.permute(0, 2, 3, 1).clamp(0.02, 3).cpu().numpy()

    def _own(self, code: Tensor, attributes: list[Attribute], size: int) -> Tensor:
        """Return what is the mixes' own (n, 3, s, s), pushed as far as each side agrees with the
        other.
        """
        level = self._level(size)
        if "average" not in level:
            middle = self._t["codes"][0].mean(0, keepdim=True)
            level["average"] = self._spread(self._product(middle, level["coarse.basis"]), size, 3)
        average = level["average"]
        away = self._spread(self._product(code, level["coarse.basis"]), size, 3) - average
        forms = _low_pass(away, size)
        beyond = torch.tensor([min(max(abs(a.gender) - 1, 0), 1) for a in attributes])
        farther = _FORMS - (_FORMS - 1) * beyond.to(self.device)[:, None, None, None]
        away = farther * forms + _SKIN * (away - forms)
        both = (away + away.flip(3)) / 2
        brows = torch.from_numpy(regions(size).brows).to(self.device)
        both_sides = _BOTH_SIDES - (_BOTH_SIDES - 1) * brows
        return average + both_sides * both + _ONE_SIDE * (away - both)

    def _beards(self, attributes: list[Attribute], size: int) -> tuple[Tensor, Tensor]:
        """Return the shadow of beards in the average (n, 3, s, s), and how much of what is single
        donors' own goes with it (n, 1, s, s).

        The shadow is what young men have where beards grow and young women have not.
        """
        male = torch.tensor([male_share(a) for a in attributes], device=self.device)[
            :, None, None, None
        ]
        level = self._level(size)
        zone = torch.from_numpy(regions(size).stubble).to(self.device)
        if "shadow" not in level:
            shadow = (level["maps"][YOUNG_MEN] - level["maps"][YOUNG_WOMEN])[None]
            level["shadow"] = zone * self._spread(shadow, size, 3)
        return male * level["shadow"], _BEARD * male * zone

    def _product(self, code: Tensor, basis: Tensor) -> Tensor:
        """Return ``code @ basis``; graphics cards multiply with sixteen bits, twice as fast."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            return (code @ basis).float()

    def _level(self, size: int) -> dict[str, Tensor]:
        """Return maps, basis and atlas at ``TINY`` or ``SMALL``; the small one is made once."""
        if size not in self._levels:
            self._levels[size] = {
                name: self._halved(self._t[name], channels) for name, channels in _COARSE.items()
            }
        return self._levels[size]

    def _halved(self, values: Tensor, channels: int) -> Tensor:
        """Return texel values (…, texels · channels) of ``SMALL`` averaged down to ``TINY``."""
        ones = torch.ones(1, len(self._texels[SMALL]), device=self.device)
        covered = functional.avg_pool2d(self._spread(ones, SMALL, 1), 2).clamp(min=0.25)
        rows = []
        for row in values.reshape(-1, 1, values.shape[-1]):
            small = functional.avg_pool2d(self._spread(row, SMALL, channels), 2) / covered
            rows.append(small.flatten(2)[0, :, self._texels[TINY]].T.reshape(-1))
        return torch.stack(rows).reshape(*values.shape[:-1], -1)

    def _creases(self, identity: Identity, attribute: Attribute, size: int) -> Tensor:
        """Return the fine relief of the age (1, size, size): a random patchwork of the atlas.

        Atlas maps are patchworks of at least five people each; here those of the two nearest ages
        and of both genders are laid over each other with smooth random weights of unit power.
        Each age keeps its map, so that a moving slider never swaps one for another. Where women's
        fringes hung into their portraits, men's foreheads stand in for theirs.
        """
        atlas = self._level(size)["atlas"]  # gender, age, variant, texel
        ages = self._host["atlas.ages"]
        rng = np.random.default_rng(identity.seed)
        chosen = rng.integers(atlas.shape[2], size=len(ages))
        mirrored = rng.random(len(ages)) < 0.5
        noise = torch.from_numpy(rng.normal(size=(1, 1, 8, 8)).astype(np.float32))
        field = functional.interpolate(noise, size=(size, size), mode="bicubic")[0, 0]
        place = float(np.interp(attribute.age, ages, np.arange(len(ages))))
        lower = min(int(place), len(ages) - 2)
        way = torch.tensor(place - lower, device=self.device).logit(eps=1e-6)
        older = torch.sigmoid(3 * field.to(self.device) + way)
        hanging = torch.from_numpy(fringe(size)).to(self.device)
        male = 1 - (1 - male_share(attribute)) * (1 - hanging)
        mixed, power = torch.zeros_like(older), torch.zeros_like(older)
        for age, near in ((lower, 1 - older), (lower + 1, older)):
            for side, part in enumerate((1 - male, male)):
                relief = self._spread(atlas[side, age, int(chosen[age])][None], size, 1)[0, 0]
                share = near * part
                mixed += share * (relief.flip(1) if mirrored[age] else relief)
                power += share.pow(2)
        strength = float(np.interp(attribute.age, [20, 35, 60, 80], [0.0, 0.9, 1.1, 1.2]))
        shaved = torch.from_numpy(1 - _SHAVED * regions(size).stubble).to(self.device)
        relief = strength * shaved * mixed / power.sqrt()
        return (_DEEPEST * torch.tanh(relief / _DEEPEST))[None]

    def _wrinkles(
        self, identities: list[Identity], attributes: list[Attribute], size: int
    ) -> Tensor:
        """Return the drawn folds and lines of the ages (n, 3, size, size)."""
        drawn = [
            relief(attribute.age, seed=identity.seed, size=size)
            for identity, attribute in zip(identities, attributes, strict=True)
        ]
        lines = torch.from_numpy(np.stack(drawn))[:, None]
        return (lines * torch.tensor(_REDDISH)[:, None, None]).to(self.device)

    def _shape(self, code: Tensor, attributes: list[Attribute]) -> Array:
        spread = (code @ self._t["shape.basis"]).cpu().numpy().reshape(len(code), -1, 3)
        slopes = self._host["shape.age"]
        added = []
        for attribute in attributes:
            male = male_share(attribute)
            slope = (1 - male) * slopes[0] + male * slopes[1]
            descent = np.tensordot(attribute.ancestry[1:], self._host["shape.ancestry"], 1)
            years = float(np.clip(attribute.age, 18, 80)) - 27
            added.append(_SAGGING * years * slope + descent)
        return (self._host["shape.mean"] + spread + np.stack(added)).astype(np.float32)

    def _spread(self, values: Tensor, size: int, channels: int) -> Tensor:
        """Lay texel values (n, texels · channels) out as pictures (n, channels, size, size)."""
        planes = values.reshape(len(values), -1, channels).transpose(1, 2).contiguous()
        picture = values.new_zeros(len(values), channels, size * size)
        picture[:, :, self._texels[size]] = planes
        return picture.view(-1, channels, size, size)


_COARSE = {"maps": 3, "coarse.basis": 3, "atlas": 1}
"""Tensors over the texels of ``SMALL``, and their channels."""
_HOST = {
    "donor.gender", "donor.age", "donor.embedding", "donor.iris", "atlas.ages",
    "shape.mean", "shape.age", "shape.ancestry", "shape.basis", "shape.expression",
    "glasses.mean", "glasses.weight", "glasses.threshold", "glasses.frames",
}  # fmt: skip
_DEVICE = {
    "code", "codes", "donor.attributes", "maps", "coarse.basis", "fine.basis", "atlas",
    "shape.codes", "shape.basis",
}  # fmt: skip


def _real(name: str, tensors: dict[str, Tensor]) -> Tensor:
    """Return float32; eight-bit tensors carry one scale a row beside them."""
    tensor = tensors[name].float()
    if tensors[name].dtype != torch.int8:
        return tensor
    return tensor * tensors[f"{name}.scale"].float()


def _faded(pictures: Tensor, attributes: list[Attribute]) -> Tensor:
    """Return ``pictures`` (n, 3, s, s) with brows as light as their ages make them."""
    share = [_FADED * float(np.clip((a.age - 45) / 35, 0, 1.5)) for a in attributes]
    fade = torch.tensor(share, device=pictures.device)[:, None, None, None]
    brows = torch.from_numpy(regions(pictures.shape[-1]).brows).to(pictures.device)
    return pictures + fade * brows * (0.85 - pictures).clamp(min=0)


def _low_pass(pictures: Tensor, size: int) -> Tensor:
    """Return ``pictures`` (n, c, s, s) without what is finer than about four texels of 256."""
    small = functional.avg_pool2d(pictures, 4 * size // SMALL)
    return functional.interpolate(small, size=pictures.shape[2:], mode="bilinear")
