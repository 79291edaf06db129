"""Reads one face of the photo: landmarks, irises, expression, pose, gender, age, skin, identity.

Second stage of the flow. Models (origins and licences in ``docs/models.md``): MediaPipe face
landmarker and blendshapes (Apache-2.0), dlib age and gender networks (CC0), SFace (Apache-2.0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from deid_desktop.core import mesh
from deid_desktop.core.geometry import procrustes, similarity_2d, warp_crop
from deid_desktop.core.networks import open_network
from deid_desktop.core.recognise import Recogniser
from deid_desktop.core.types import Analysis, Array, Face, Pixels
from deid_desktop.core.weights import model_path

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

BLENDSHAPES = [
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft",
    "browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft",
    "eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight",
    "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft",
    "eyeSquintRight", "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen",
    "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft",
    "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight",
    "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight", "mouthRollLower",
    "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight",
    "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight",
]  # fmt: skip
"""ARKit names, in the order of the model's output (model card "MediaPipe BlendShape V2")."""

_BLENDSHAPE_INPUTS = [
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65,
    66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136,
    144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168,
    172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270, 276,
    282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318,
    321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380,
    381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466,
    468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
]  # fmt: skip

MAX_YAW, MAX_PITCH = 75.0, 40.0
"""Degrees beyond which the far side of the face is guessed, not seen."""
TURNED = "The face is turned too far away for a surrogate."
UNSTEADY, UNSTEADY_UNSURE = 0.034, 0.022
"""Unsteadiness of the landmarks from which they describe no face: the network answers every crop
with a face, but where there is none, another crop gives another one. The lower limit is for boxes
of which the detector is not ``SURE``: hands and knees are among them."""
SURE = 0.84
"""Score of a box that hardly ever is anything but a face."""
_MIRRORED = 0.65
"""Weight of a mirrored crop, which moves the landmarks of a face half as much again."""
_CHILD = 14
"""Years below which somebody counts as a child."""
_AROUND = 1.5
"""Side of the landmark network's crop, in sizes of the face."""
_FOLLOWS = 0.2
"""Mean distance from the detector's points, as a share of that between eyes and mouth, up to which
landmarks still lie on the face of the picture before."""
_SETTLED = 2
"""Looks more that it takes until landmarks stay where they are."""
_NUDGES = ((0.06, 0.0), (-0.06, 0.0), (0.0, 0.06), (0.0, -0.06))
"""Moves of the crop, as shares of its side, under which landmarks of a face stay where they are."""


class Landmarker:
    """The 478-point landmark network with a region that follows the face."""

    _SIZE = 256

    def __init__(self) -> None:
        self._net = cv2.dnn.readNetFromTFLite(str(model_path("face_landmarks_detector.tflite")))

    def mesh(self, pixels: Pixels, points: Array, *, before: Array | None = None) -> Array:
        """Return landmarks (478, 3) in photo pixels, starting from the ``points`` (5, 2).

        The first pass looks where the detector saw eyes and mouth, the second where the first
        found the whole face. Landmarks of the same face in a picture just ``before`` spare the
        first pass, and are steadier than the points, as long as what they lead to lies on these.
        """
        eyes, mouth = points[:2].mean(0), points[3:].mean(0)
        across = points[1] - points[0]
        span = max(float(np.linalg.norm(across)), float(np.linalg.norm(mouth - eyes)))
        if before is not None:
            vertices = self.near(pixels, before)
            away = np.linalg.norm(_five_points(vertices) - points, axis=1).mean()
            if away < _FOLLOWS * span:
                return vertices
        vertices = self._look(
            pixels, (eyes + mouth) / 2, span * 3.4, float(np.arctan2(across[1], across[0]))
        )
        return self.near(pixels, vertices)

    def settled(self, pixels: Pixels, points: Array) -> Array:
        """Return landmarks (478, 3) as they come to be in a face that is followed.

        Those of `mesh` still creep, by 0.2 pixels of a face of 87, until the region that the
        network looks in has settled. To a recogniser that is 0.04 of likeness.
        """
        vertices = self.mesh(pixels, points)
        for _ in range(_SETTLED):
            vertices = self.near(pixels, vertices)
        return vertices

    def near(self, pixels: Pixels, vertices: Array) -> Array:
        """Return landmarks (478, 3) of a face that is known to be where others are."""
        return self._look(pixels, *_region(vertices))

    def unsteadiness(self, pixels: Pixels, vertices: Array) -> float:
        """Return how far landmarks (478, 3) move when the network's crop does, or is mirrored.

        Root mean square over the mesh, as a share of the face's size, of four nudges or of the
        mirrored crop, whichever is more: about 0.01 on faces, 0.05 and more on hands, shoes and
        backs of heads, and on faces of which half is hidden.
        """
        centre, size, angle = _region(vertices)
        moved = [
            self._look(pixels, centre + np.multiply(nudge, size), size, angle) - vertices
            for nudge in _NUDGES
        ]
        mirrored = self._look(pixels, centre, size, angle, mirrored=True) - vertices
        by_nudge = _spread(np.stack(moved))
        return max(by_nudge, _MIRRORED * _spread(mirrored)) / (size / _AROUND)

    def _look(
        self, pixels: Pixels, centre: NDArray[np.floating], size: float, angle: float, *,
        mirrored: bool = False,
    ) -> Array:  # fmt: skip
        scale = self._SIZE / size
        cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
        matrix = np.array([[cos, sin, 0.0], [-sin, cos, 0.0]])
        matrix[:, 2] = self._SIZE / 2 - matrix[:, :2] @ centre
        crop = warp_crop(pixels, matrix, self._SIZE)
        if mirrored:
            crop = np.ascontiguousarray(crop[:, ::-1])
        self._net.setInput(cv2.dnn.blobFromImage(crop, 1 / 255))
        found = np.array(self._net.forward("Identity")).reshape(478, 3)
        if mirrored:
            found[:, 0] = self._SIZE - 1 - found[:, 0]
            found[: mesh.VERTICES] = found[: mesh.VERTICES][mesh.MIRROR]
        back = cv2.invertAffineTransform(matrix)
        flat = found[:, :2] @ back[:, :2].T + back[:, 2]
        return np.c_[flat, found[:, 2] / scale].astype(np.float32)


def _region(vertices: Array) -> tuple[NDArray[np.floating], float, float]:
    """Return centre (2,), side and angle (radians) of the square to look for the face in."""
    across = vertices[263, :2] - vertices[33, :2]
    angle = float(np.arctan2(across[1], across[0]))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    upright = vertices[: mesh.VERTICES, :2] @ turn.T
    low, high = upright.min(0), upright.max(0)
    return ((low + high) / 2) @ turn, float((high - low).max()) * _AROUND, angle


def _spread(moves: Array) -> float:
    """Return the root mean square length, in the picture, of moves (…, 478, 3) of the mesh."""
    return float(np.sqrt(np.square(moves[..., : mesh.VERTICES, :2]).sum(-1).mean()))


class Analyser:
    """All readings of one face. Use from one thread."""

    def __init__(self, recogniser: Recogniser) -> None:
        self._recogniser = recogniser
        self._landmarker = Landmarker()
        self._blendshapes = cv2.dnn.readNetFromTFLite(str(model_path("face_blendshapes.tflite")))
        self._age = open_network("age-v1.onnx")
        self._gender = open_network("gender-v1.onnx")

    def analyse(self, pixels: Pixels, face: Face, *, embedding: Array | None = None) -> Analysis:
        """Read ``face`` in the photo's ``pixels``; its ``embedding`` (128,) may be known."""
        if embedding is None:
            embedding = self._recogniser.embed_face(pixels, face.points)
        vertices = self.landmarks(pixels, face)
        pose = procrustes(mesh.XYZ, vertices[: mesh.VERTICES])
        points = _eyes_and_nose(vertices)
        gender = self.gender(pixels, points)
        years: Array = self._years(pixels, points, mirrored=False) / 2
        years += self._years(pixels, points, mirrored=True) / 2
        reason = doubt(face, vertices, pose.degrees())
        limit = UNSTEADY if face.score >= SURE else UNSTEADY_UNSURE
        if not reason and self._landmarker.unsteadiness(pixels, vertices) > limit:
            reason = "What was found here may not be a face, or too much of it is hidden."
        return Analysis(
            mesh=vertices,
            blendshapes=self.blendshapes(vertices),
            pose=pose.degrees(),
            gender=gender,
            age=_mean_age(years, gender),
            childhood=float(years[:_CHILD].sum()),
            skin_tone=skin_tone(pixels, vertices),
            embedding=embedding,
            reliable=not reason,
            reason=reason,
        )

    def landmarks(self, pixels: Pixels, face: Face) -> Array:
        """Return the landmarks (478, 3) alone."""
        return self._landmarker.mesh(pixels, face.points)

    def blendshapes(self, vertices: Array) -> Array:
        """Return the 52 expression coefficients, 0…1, of landmarks (478, 3)."""
        flat = np.ascontiguousarray(vertices[_BLENDSHAPE_INPUTS, :2][None], np.float32)
        self._blendshapes.setInput(flat)
        return np.array(self._blendshapes.forward(), np.float32).ravel()

    def drawn_blendshapes(self, pixels: Pixels, vertices: Array) -> Array:
        """Return the 52 coefficients that a face which was drawn with landmarks (478, 3) shows."""
        return self.blendshapes(self.drawn_mesh(pixels, vertices))

    def drawn_mesh(self, pixels: Pixels, vertices: Array) -> Array:
        """Return the landmarks (478, 3) that a face which was drawn with others shows."""
        return self._landmarker.near(pixels, vertices)

    def gender(self, pixels: Pixels, points: Array) -> float:
        """Return −1 (female) … 1 (male), given eye centres and nose tip (3, 2)."""
        return float(2 * self._estimate(self._gender, pixels, points, 32)[1] - 1)

    def drawn_age(self, pixels: Pixels, vertices: Array) -> float:
        """Return the estimated age of a face that was drawn with landmarks (478, 3)."""
        return self.age(pixels, _eyes_and_nose(vertices))

    def drawn_gender(self, pixels: Pixels, vertices: Array) -> float:
        """Return the estimated gender, −1…1, of a face that was drawn with landmarks (478, 3)."""
        return self.gender(pixels, _eyes_and_nose(vertices))

    def apparent_gender(self, pixels: Pixels, points: Array) -> float:
        """Return −1 (female) … 1 (male) of a face whose five points (5, 2) are known."""
        return self.gender(pixels, _eyes_and_nose(self._landmarker.mesh(pixels, points)))

    def age(self, pixels: Pixels, points: Array) -> float:
        """Return the estimated age in years, corrected for the network's bias."""
        years = self._years(pixels, points, mirrored=False)
        return _mean_age(years, self.gender(pixels, points))

    def _years(self, pixels: Pixels, points: Array, *, mirrored: bool) -> NDArray[np.float32]:
        """Return the chances (81,) of each age from 0 to 80 years."""
        return self._estimate(self._age, pixels, points, 64, mirrored=mirrored)

    def _estimate(
        self,
        network: InferenceSession,
        pixels: Pixels,
        points: Array,
        size: int,
        *,
        mirrored: bool = False,
    ) -> NDArray[np.float32]:
        """Return the mean answer over slightly different crops: one alone jumps by years."""
        target = (_DLIB_POINTS + _DLIB_PADDING) / (2 * _DLIB_PADDING + 1) * size
        crops = []
        for zoom, shift in _JITTER:
            placed = (target - size / 2) * zoom + size / 2 + np.multiply(shift, size)
            crop = warp_crop(pixels, similarity_2d(points, placed), size)
            crops.append(np.ascontiguousarray(crop[:, ::-1]) if mirrored else crop)
        blob = cv2.dnn.blobFromImages(crops, 1 / 256, mean=_DLIB_MEAN)
        (answers,) = network.run(None, {network.get_inputs()[0].name: blob})
        return np.asarray(answers.reshape(len(crops), -1).mean(0))


def agreement(before: Array, after: Array) -> float:
    """Return how alike two expressions are: the cosine of their coefficients (52,)."""
    return float(before @ after / (np.linalg.norm(before) * np.linalg.norm(after)))


def _eyes_and_nose(vertices: Array) -> Array:
    """Return eye centres and nose tip (3, 2) of landmarks (478, 3)."""
    return np.stack([vertices[v, :2].mean(0) for v in (mesh.LEFT_EYE, mesh.RIGHT_EYE, [4])])


def _five_points(vertices: Array) -> Array:
    """Return where landmarks (478, 3) see the five points (5, 2) of ``Face.points``."""
    return np.concatenate([_eyes_and_nose(vertices), vertices[[61, 291], :2]])


def _mean_age(chances: Array, gender: float) -> float:
    """Return the corrected mean of the chances (81,) of each age."""
    return corrected_age(float(chances @ np.r_[0.25, np.arange(1, 81)]), gender)


def corrected_age(estimate: float, gender: float) -> float:
    """Mend the age network's bias.

    Of real people of 19, 23, 27 and 38 (donors) it says 25, 28, 30 and 37; of men of 50, 59 and 68
    (portraits of known birth years) 48, 51 and 59, of women of 49, 58 and 68 only 40, 45 and 47.
    Women's correction goes part of that way: the network's noise grows with it.

    Args:
        estimate: years that the network says.
        gender: −1 (female) … 1 (male), as it is seen.
    """
    male = float(np.clip((gender + 1) / 2, 0, 1))
    women = np.interp(estimate, *_WOMEN_ARE)
    men = np.interp(estimate, *_MEN_ARE)
    return float(estimate + (1 - male) * women + male * men)


_WOMEN_ARE = (20, 25, 28, 30, 33, 40, 45, 50, 60), (-4, -5.5, -5, -3, 0, 6, 10.5, 14, 14)
_MEN_ARE = (20, 25, 28, 30, 33, 40, 50, 60), (-4, -5.5, -5, -3, 0, 1.5, 7, 9)
"""Years that the network says, and what is added to them."""


# dlib's face chip (5-point mean shape, reduced to eye centres and nose), padding and mean colour.
_DLIB_POINTS = np.array([[0.2273, 0.2214], [0.7528, 0.2212], [0.4901, 0.6278]])
_DLIB_PADDING = 0.2
_JITTER = (
    (1.0, (0, 0)),
    (0.93, (0, 0.02)),
    (1.07, (0, -0.02)),
    (1.0, (0.03, 0)),
    (1.0, (-0.03, 0)),
)
"""Zooms and shifts, as shares of the crop, over which age and gender are averaged."""
_DLIB_MEAN = (122.782, 117.001, 104.298)


def skin_tone(pixels: Pixels, vertices: Array) -> float:
    """Return the individual typology angle of the cheeks in degrees.

    ITA = atan((L* − 50) / b*), Chardon et al. 1991, of the better-lit skin of four patches. Under-
    exposed photos are brightened first, by what is brightest in them: dim light is no skin tone.
    """
    radius = max(1, int(0.04 * np.ptp(vertices[: mesh.VERTICES, 0])))
    height, width = pixels.shape[:2]
    patches = []
    for vertex in (50, 205, 280, 425):
        x, y = np.clip(np.round(vertices[vertex, :2]), 0, [width - 1, height - 1]).astype(int)
        patch = pixels[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
        patches.append(patch.reshape(-1, 3))
    skin = np.concatenate(patches).astype(np.float32)
    light = skin.mean(1)
    lit = skin[(light >= np.quantile(light, 0.6)) & (light <= np.quantile(light, 0.95))]
    step = max(1, min(height, width) // 200)
    brightest = float(np.percentile(pixels[::step, ::step].max(2), 98))
    gain = float(np.clip(_WHITE / max(brightest, 1.0), 1.0, 2.2))
    colour = np.clip(gain * np.median(lit, axis=0) / 255, 0, 1).astype(np.float32)
    lightness, _, yellow = cv2.cvtColor(colour[None, None], cv2.COLOR_RGB2LAB)[0, 0]
    return float(np.degrees(np.arctan2(lightness - 50, max(float(yellow), _LEAST_YELLOW))))


_WHITE = 240.0
"""Level of what is brightest in a well-exposed photo."""
_LEAST_YELLOW = 8.0
"""The least b* of skin; below, the photo has a blue cast, and the angle would run to its ends."""


def doubt(face: Face, vertices: Array, pose: tuple[float, float, float]) -> str:
    """Say why the landmarks cannot be trusted, or return an empty string."""
    if abs(pose[0]) > MAX_YAW or abs(pose[1]) > MAX_PITCH:
        return TURNED
    found = np.stack(
        [
            vertices[mesh.LEFT_EYE, :2].mean(0),
            vertices[mesh.RIGHT_EYE, :2].mean(0),
            vertices[4, :2],
            vertices[61, :2],
            vertices[291, :2],
        ]
    )
    error = np.linalg.norm(found - face.points, axis=1).mean()
    if error > 0.14 * max(face.box[2], face.box[3]):
        return "The landmarks of this face could not be placed with certainty."
    return ""
