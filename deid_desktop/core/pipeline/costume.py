"""A surrogate made ready to play a person in many frames: the same face, whatever the frame shows.

What a photo decides once (texture, shape, strength, cover) is decided here once for all frames;
pose, light and expression come from each.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2

from deid_desktop.core.compose import (
    GlassesModel,
    OcclusionModel,
    Scene,
    ShapeModel,
    SurrogateLayer,
    Touch,
    compose,
    prepare,
)
from deid_desktop.core.compose.expression import expression_change
from deid_desktop.core.types import Analysis, Array, Pixels, Surrogate


@dataclass(frozen=True, eq=False)
class Costume:
    """One surrogate for one person, in every frame.

    ``analysis``: of the person, where it was seen best. ``strength``, ``cover``, ``seed``,
    ``wear``, ``touch``: see `compose`. ``expression``, ``expressed``: which is shown, how much.
    ``donors`` (m, 128): embeddings that no frame may come near to.
    """

    surrogate: Surrogate
    analysis: Analysis
    shapes: ShapeModel
    glasses: GlassesModel
    occlusion: OcclusionModel
    donors: Array
    strength: float
    cover: int
    seed: int
    touch: Touch
    expression: str
    expressed: float
    wear: float = 1.0

    def scaled(self, size: int) -> Costume:
        """Return the same with a texture of ``size`` texels a side."""
        own = self.surrogate
        if own.texture.shape[0] == size:
            return self
        texture = cv2.resize(own.texture, (size, size), interpolation=cv2.INTER_AREA)
        return replace(self, surrogate=replace(own, texture=texture))

    def scene(self, pixels: Pixels, vertices: Array, *, work: tuple[float, float]) -> Scene:
        """Read the scene around landmarks (478, 3) of a frame; ``work`` as for `prepare`."""
        return prepare(
            pixels,
            replace(self.analysis, mesh=vertices),
            shapes=self.shapes,
            glasses=self.glasses,
            occlusion=self.occlusion,
            size=self.surrogate.texture.shape[0],
            work=work,
        )

    def layer(self, scene: Scene) -> SurrogateLayer:
        """Render the surrogate into a scene that `scene` has read."""
        return compose(
            scene,
            self.surrogate,
            shape_strength=self.strength,
            expression=expression_change(self.expression, self.expressed, scene.fit),
            cover=self.cover,
            seed=self.seed,
            wear=self.wear,
            touch=self.touch,
        )
