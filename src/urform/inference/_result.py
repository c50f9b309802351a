"""What comes of a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, UInt8

from urform.formats import PRINT_SIZE_MM, as_written, save_mesh
from urform.render import Camera

if TYPE_CHECKING:
    import trimesh


@dataclass(frozen=True)
class Reconstruction:
    """The result of one picture.

    Attributes:
        mesh: watertight, y up, front +z, in the unit ball.
        latent: (L,) the shape's latent code.
        framed: what the encoder saw, RGBA.
        background: how the background was removed: alpha, plain, grabcut, network or kept.
        camera: the camera of the picture; `project` gives places in `framed`. None if the model has no camera network.
        camera_confidence: 0..1, confidence of the azimuth; low for objects that look alike from several sides.
        strangeness: how little the picture looks like the category; one in twenty of its own pictures is above 1.
        overlap: intersection over union of the mesh's outline and the object in the picture, seen from that camera.
        encode_s: seconds from picture to latent.
        mesh_s: seconds from latent to mesh.
        refine_s: seconds of the refinement between the two.
        warnings: a sentence for each reason to doubt the mesh.
        category: of the model.
        category_probabilities: of the categories that the model was chosen from, and of `none` of them; None if it was
            not chosen by the picture.
        textured: the same surface with a UV texture, see `textured`; None where none was asked for.
        disagreement: of several pictures of one object: how far their latents are from the mean, see `Encoded`.
    """

    mesh: trimesh.Trimesh
    latent: Float[np.ndarray, " L"]
    framed: UInt8[np.ndarray, "S S 4"] = field(repr=False)
    background: str
    encode_s: float
    mesh_s: float
    refine_s: float = 0.0
    camera: Camera | None = None
    camera_confidence: float | None = None
    overlap: float | None = None
    strangeness: float | None = None
    warnings: tuple[str, ...] = ()
    category: str = ""
    category_probabilities: Mapping[str, float] | None = None
    textured: trimesh.Trimesh | None = None
    disagreement: float | None = None

    def save(self, path: str | Path, size_mm: float = PRINT_SIZE_MM) -> None:
        """Write the mesh as .glb, .obj, .ply or .stl; the suffix decides. A .glb file gets the texture, if any.

        Args:
            path: the file.
            size_mm: longest side of an STL file, which is `printable`; the other formats keep the mesh as it is.

        Raises:
            ValueError: another suffix, or a size that is not positive.
        """
        path = Path(path)
        if self.textured is not None and path.suffix.lower() == ".glb":
            save_mesh(self.textured, path)
        else:
            save_mesh(as_written(self.mesh, path.suffix, size_mm), path)
