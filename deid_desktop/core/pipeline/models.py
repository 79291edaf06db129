"""Loads the networks and models of the stages when they are first needed."""

from __future__ import annotations

import warnings
from functools import cached_property

from deid_desktop.core.analyse import Analyser
from deid_desktop.core.attributes import Attribute
from deid_desktop.core.compose import GlassesModel, OcclusionModel, ShapeModel
from deid_desktop.core.detect import Detector
from deid_desktop.core.generate import Generator
from deid_desktop.core.recognise import Recogniser
from deid_desktop.core.shortage import MEMORY, shortage
from deid_desktop.core.types import Array, Identity, Surrogate


class Models:
    """What one thread works with; ``device``: where the generator runs now."""

    def __init__(self, device: str) -> None:
        self.device = device

    @cached_property
    def detector(self) -> Detector:
        """The face detector."""
        return Detector()

    @cached_property
    def _recogniser(self) -> Recogniser:
        return Recogniser()

    @cached_property
    def _analyser(self) -> Analyser:
        return Analyser(self._recogniser)

    @cached_property
    def _generator(self) -> Generator:
        return Generator(self.device)

    @cached_property
    def _shapes(self) -> ShapeModel:
        return ShapeModel(self._generator.tensors("shape."))

    @cached_property
    def _glasses(self) -> GlassesModel:
        return GlassesModel(self._generator.tensors("glasses."))

    @cached_property
    def _occlusion(self) -> OcclusionModel:
        return OcclusionModel()

    @property
    def donor_embeddings(self) -> Array:
        """Embeddings of the donors (n, 128)."""
        return self._generator.donor_embeddings

    def lend(self, other: Models) -> None:
        """Give another thread what threads can share."""
        for part in ("detector", "_generator", "_shapes", "_glasses", "_occlusion"):
            other.__dict__[part] = getattr(self, part)

    def warm(self) -> None:
        """Load all models now."""
        self.detector.warm()
        _ = self._analyser, self._shapes, self._glasses, self._occlusion

    def _generate(
        self, identities: list[Identity], attributes: list[Attribute], size: int
    ) -> list[Surrogate]:
        try:
            return self._generator.generate(identities, attributes, size=size)
        except RuntimeError as error:
            if self.device == "cpu" or not shortage(error):
                raise
            fault = "is out of memory" if shortage(error) == MEMORY else "stopped answering"
            warnings.warn(f"The graphics card {fault}; going on on the CPU.", stacklevel=2)
            self.device = "cpu"
            self.__dict__["_generator"] = Generator("cpu")
            return self._generator.generate(identities, attributes, size=size)
