"""Face recognition: turns an aligned face into an embedding whose cosine measures likeness.

This is the recogniser *in the loop*: the search and the verdict use it. Model: SFace (Zhong et
al. 2021, OpenCV Zoo ``face_recognition_sface_2021dec``, Apache-2.0).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from deid_desktop.core.geometry import similarity_2d, warp_crop
from deid_desktop.core.types import Array, Pixels
from deid_desktop.core.weights import model_path

TEMPLATE = np.array(
    [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655],
     [70.7299, 92.2041]]
)  # fmt: skip
"""Where the five points lie in the 112-pixel crop (Deng et al., ArcFace, 2019)."""

SIZE = 112


def align(pixels: Pixels, points: Array) -> Pixels:
    """Cut the (112, 112, 3) crop in which ``points`` (5, 2) lie on the template."""
    return warp_crop(pixels, similarity_2d(points, TEMPLATE), SIZE)


class Recogniser:
    """SFace behind one call. Use from one thread."""

    def __init__(self) -> None:
        self._net = cv2.dnn.readNetFromONNX(str(model_path("face_recognition_sface_2021dec.onnx")))

    def embed(self, crops: Sequence[Pixels]) -> Array:
        """Return unit embeddings (n, 128) of aligned ``crops`` (112, 112, 3)."""
        vectors = []
        for crop in crops:  # the graph is exported for one picture at a time
            self._net.setInput(cv2.dnn.blobFromImage(crop, 1.0, (SIZE, SIZE), swapRB=False))
            vectors.append(self._net.forward().ravel())
        stacked = np.stack(vectors).astype(np.float32)
        return stacked / np.linalg.norm(stacked, axis=1, keepdims=True)

    def embed_face(self, pixels: Pixels, points: Array) -> Array:
        """Return the unit embedding (128,) of the face with ``points`` (5, 2)."""
        return self.embed([align(pixels, points)])[0]
