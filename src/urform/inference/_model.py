"""A trained model, arrays in and out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float, UInt8

from urform.geometry import extract_isosurface, join_components, simplify
from urform.inference._camera import check_seen
from urform.inference._doubts import Answer, doubts, shows_outline
from urform.inference._refine import refined
from urform.inference._result import Reconstruction
from urform.inference._seen_again import painted, seen_again
from urform.inference._together import joined, mean_of_latents
from urform.models import TRUNK_SIZE, Decoder, PoseEstimate, decode_pose, load_trunk, mirrored_pose, to_input
from urform.pictures import SEEN, CutOut, Hints, Picture, cut_out_hinted, frame, picture
from urform.weights import Weights, find_weights, load_weights, shipped_categories

if TYPE_CHECKING:
    import trimesh

COARSE = 16  # cells of the mesher's first lattice: its spacing is about the clamping distance
STRANGEST = 1.4  # a picture beyond it shows something else; of held-out views of chairs none lies there
_NO_CAMERAS = "refinement needs a model that tells cameras; `urform train pose` makes one"
POINTS_AT_ONCE = 4096  # points at once: activations of this many stay in a core's cache


class StrangeError(ValueError):
    """A picture does not look like the category of a model.

    Attributes:
        category: of the model.
        strangeness: of the picture.
        most: strangeness that is allowed.
    """

    def __init__(self, category: str, strangeness: float, most: float):
        self.category, self.strangeness, self.most = category, strangeness, most
        super().__init__(
            f"does not look like a {category}: strangeness {strangeness:.1f}, expected at most {most}; "
            "`force` makes a mesh all the same"
        )


class Model:
    """Template, warp and encoder of a category: arrays in, arrays out.

    Args:
        weights: see `urform.load`.
        device: torch device of the networks.

    Attributes:
        category: its name.
        latents: training shape's id, `dataset/category/instance`, to its latent (L,).
        clamp: distance up to which training told signed distances apart, normalised units.
    """

    def __init__(self, weights: Weights, device: str | torch.device = "cpu"):
        self.category = weights.category
        self.config = weights.config
        self.clamp = weights.clamp
        self._device = torch.device(device)
        self._decoder = weights.decoder.to(self._device).eval()
        self._encoder = None if weights.encoder is None else weights.encoder.to(self._device).eval()
        self._familiarity = None if weights.familiarity is None else weights.familiarity.to(self._device).eval()
        self._pose = None if weights.pose is None else weights.pose.to(self._device).eval()
        latents = weights.latents.detach().cpu().numpy().astype(np.float32)
        self.latents: dict[str, np.ndarray] = dict(zip(weights.keys, latents, strict=True))

    @property
    def decoder(self) -> Decoder:
        """The decoder as a torch module on the model's device, for code that needs gradients."""
        return self._decoder

    @property
    def has_encoder(self) -> bool:
        """Whether the model can encode pictures: only after `urform train encoder` or `train joint`."""
        return self._encoder is not None

    @torch.inference_mode()
    def sdf(self, points: Float[np.ndarray, "N 3"], latent: Float[np.ndarray, " L"]) -> Float[np.ndarray, " N"]:
        """Signed distance of points in normalised space, negative inside, accurate up to about `clamp`."""
        code = self._latent(latent)
        return self._chunked(lambda chunk: self._decoder(chunk[None], code)[0], points)

    @torch.inference_mode()
    def canonical(self, points: Float[np.ndarray, "N 3"], latent: Float[np.ndarray, " L"]) -> Float[np.ndarray, "N 3"]:
        """Canonical points of points of a shape; points of two shapes with equal canonical points correspond."""
        code = self._latent(latent)
        return self._chunked(lambda chunk: self._decoder.canonical(chunk[None], code)[0], points)

    def normals(self, points: Float[np.ndarray, "N 3"], latent: Float[np.ndarray, " L"]) -> Float[np.ndarray, "N 3"]:
        """Unit gradients of the signed distance: the normals, at points of the surface."""
        code = self._latent(latent)

        def gradient(chunk: torch.Tensor) -> torch.Tensor:
            chunk.requires_grad_()
            (slope,) = torch.autograd.grad(self._decoder(chunk[None], code).sum(), chunk)
            return torch.nn.functional.normalize(slope, dim=1)

        return self._chunked(gradient, points)

    @torch.inference_mode()
    def template_sdf(self, points: Float[np.ndarray, "N 3"]) -> Float[np.ndarray, " N"]:
        """Signed distance of the template at canonical points."""
        return self._chunked(self._decoder.template, points)

    @torch.inference_mode()
    def encode(self, framed: UInt8[np.ndarray, "B S S 4"]) -> Float[np.ndarray, "B L"]:
        """Latents of framed pictures, each the mean over the picture and its mirror image where training showed both.

        Raises:
            ValueError: the model has no encoder yet.
        """
        if self._encoder is None:
            raise ValueError("the model has no image encoder yet; `urform train encoder` adds it")
        pictures = to_input(torch.from_numpy(framed)).to(self._device)
        if self.config.pictures != "framed" or not self.config.mirrored:
            return self._encoder(pictures).float().cpu().numpy()
        both = torch.cat([pictures, pictures.flip(-1)])
        return self._encoder(both).float().view(2, len(framed), -1).mean(dim=0).cpu().numpy()

    @property
    def tells_camera(self) -> bool:
        """Whether the model estimates camera and strangeness of a picture; `urform train pose` teaches it."""
        return self._pose is not None and self._familiarity is not None

    def pose(self, framed: UInt8[np.ndarray, "B 128 128 4"]) -> PoseEstimate:
        """The cameras of framed pictures, each the mean over the picture and its mirror image.

        Raises:
            ValueError: the model has no camera network.
        """
        return self._looked_at(framed)[0]

    def strangeness(self, framed: UInt8[np.ndarray, "B 128 128 4"]) -> Float[np.ndarray, " B"]:
        """How little framed pictures look like the category; one in twenty of its own pictures is above 1.

        Raises:
            ValueError: the model has no camera network.
        """
        return self._looked_at(framed)[1]

    @property
    def can_refine(self) -> bool:
        """Whether `refine` is possible: the model tells cameras and knows at least two training shapes."""
        return self.tells_camera and len(self.latents) > 1

    @property
    def refines(self) -> bool:
        """Whether pictures are refined unless one asks for something else."""
        return self.can_refine and self.config.refinement > 0

    def refine(
        self, latent: Float[np.ndarray, " L"], framed: UInt8[np.ndarray, "B 128 128 4"]
    ) -> Float[np.ndarray, " L"]:
        """A latent whose shape fills the outline of an object better; the given one where none is found.

        Args:
            latent: the encoder's.
            framed: one or more pictures of the object.

        Raises:
            ValueError: the model cannot, see `can_refine`.
        """
        if not self.can_refine:
            raise ValueError(_NO_CAMERAS)
        return refined(self, latent, framed, [self.pose(each[None]) for each in framed])

    def _refined(self, latent: np.ndarray, cuts: Sequence[CutOut], asked: bool) -> np.ndarray:
        """The latent refined by the pictures that show the whole object, an error if one asked for it and none does."""
        whole = [check_seen(frame(cut.rgba, TRUNK_SIZE)) for cut in cuts if shows_outline(cut)]
        if whole:
            return self.refine(latent, np.stack(whole))
        if asked:
            raise ValueError("refinement needs a picture that shows the whole object without its background")
        return latent

    @torch.inference_mode()
    def _looked_at(self, framed: np.ndarray) -> tuple[PoseEstimate, np.ndarray]:
        if self._pose is None or self._familiarity is None:
            raise ValueError("the model cannot tell the camera of a picture; `urform train pose` teaches it")
        pictures = to_input(torch.from_numpy(framed)).to(self._device)
        features = load_trunk(str(self._device))(torch.cat([pictures, pictures.flip(-1)]))
        plain, flipped = self._pose(features).float().chunk(2)
        strange = self._familiarity(features).view(2, -1).mean(dim=0).cpu().numpy()
        return decode_pose(((plain + mirrored_pose(flipped)) / 2).cpu()), strange

    def frame(self, rgba: UInt8[np.ndarray, "H W 4"]) -> UInt8[np.ndarray, "S S 4"]:
        """A cut-out object as the encoder wants to see it."""
        return SEEN[self.config.pictures](rgba, self.config.image_size)

    def mesh(
        self,
        latent: Float[np.ndarray, " L"],
        resolution: int = 128,
        faces: int | None = None,
        normals: bool = False,
        dense: bool = False,
    ) -> trimesh.Trimesh:
        """Watertight iso-surface of a shape in the unit ball, of one component; see `join_components`.

        Args:
            latent: its latent code.
            resolution: cells along an axis.
            faces: number of faces to simplify to; None = no simplification.
            normals: give the vertices the normals of the field, instead of means over the faces.
            dense: evaluate every point of the lattice; the mesh is the same to a tenth of a cell, except for specks
                that the sparse mesher misses.

        Raises:
            ValueError: the shape has no surface, or an argument is out of range.
        """
        coarse, radius = (resolution, None) if dense else (COARSE, 1.0)
        mesh = extract_isosurface(lambda points: self.sdf(points, latent), resolution, coarse=coarse, radius=radius)
        mesh = join_components(mesh)
        if faces is not None:
            mesh = simplify(mesh, faces)
        if normals:
            mesh.vertex_normals = self.normals(np.asarray(mesh.vertices, np.float32), latent)
        return mesh

    def template_mesh(self, resolution: int = 128) -> trimesh.Trimesh:
        """The mesh of the template."""
        return extract_isosurface(self.template_sdf, resolution, radius=1.0)

    def reconstruct(
        self,
        image: Picture,
        resolution: int = 128,
        keep_background: bool = False,
        color: bool = True,
        force: bool = False,
        hints: Hints | None = None,
        texture: bool = False,
        refine: bool | None = None,
    ) -> Reconstruction:
        """Turn one picture into a mesh.

        Args:
            image: a path, the bytes of a file, a PIL image or an array, see `urform.pictures.picture`.
            resolution: cells along an axis of the mesh.
            keep_background: do not remove the background.
            color: color the mesh from the picture, if the model estimates cameras.
            force: make a mesh even if the picture does not look like the category.
            hints: what a person says of the object in the picture: a box, points.
            texture: also give the result `textured`, for which the model must estimate cameras.
            refine: improve the shape by the outline of the object; None = where the weights say that it helps.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is no picture, the picture shows no object or another one, the shape has no surface, or
                the model cannot make a texture.
        """
        cut = cut_out_hinted(picture(image), hints or Hints(keep_background=keep_background))
        return self.reconstruct_object(cut, resolution, color=color, force=force, texture=texture, refine=refine)

    def reconstruct_object(
        self,
        cut: CutOut | Sequence[CutOut],
        resolution: int = 128,
        faces: int | None = None,
        color: bool = True,
        force: bool = False,
        texture: bool = False,
        refine: bool | None = None,
    ) -> Reconstruction:
        """Turn an object that is already cut out into a mesh; see `reconstruct`.

        Several pictures of one object give one mesh, that of their mean latent. `framed`, `camera` and the numbers of
        the result are those of the first picture.
        """
        cuts = [cut] if isinstance(cut, CutOut) else list(cut)
        if not cuts:
            raise ValueError("cut must hold at least one picture, got none")
        if texture and not (self.tells_camera and color):
            raise ValueError("texture needs `color` and a model that tells cameras; `urform train pose` makes one")
        started = time.perf_counter()
        looked = [self._looked_at(frame(each.rgba, TRUNK_SIZE)[None]) for each in cuts if self.tells_camera]
        for each, (_, strangeness) in zip(cuts, looked, strict=False):
            if strangeness[0] > STRANGEST and each.method != "kept" and not force:
                raise StrangeError(self.category, float(strangeness[0]), STRANGEST)
        framed = np.stack([check_seen(self.frame(each.rgba)) for each in cuts])
        encoded = mean_of_latents(self.encode(framed), self.latents.values())
        latent, encode_s = encoded.latent, time.perf_counter() - started
        if refine and not self.can_refine:
            raise ValueError(_NO_CAMERAS)
        if self.refines if refine is None else refine:
            latent = self._refined(latent, cuts, asked=bool(refine))
        done = time.perf_counter()
        mesh = self.mesh(latent, resolution, faces)
        times = (encode_s, time.perf_counter() - done, done - started - encode_s)
        many = encoded.disagreement if len(cuts) > 1 else None
        results = [
            Reconstruction(mesh, latent, each, cut.method, *times, category=self.category, disagreement=many)
            for cut, each in zip(cuts, framed, strict=True)
        ]
        if looked:
            results = [seen_again(*each) for each in zip(results, cuts, looked, strict=True)]
        warnings = [doubts(Answer(self, *each)) for each in zip(cuts, results, strict=True)]
        result = replace(results[0], warnings=joined(warnings))
        return painted(result, results, cuts, texture) if looked and color else result

    def _latent(self, latent: np.ndarray) -> torch.Tensor:
        size = self.config.latent_size
        if np.shape(latent) != (size,):
            raise ValueError(f"latent must have shape ({size},), got {np.shape(latent)}")
        return torch.as_tensor(latent, dtype=torch.float32, device=self._device)[None]

    def _chunked(self, function, points: np.ndarray) -> np.ndarray:
        if points.ndim != 2 or points.shape[1] != 3:
            raise ValueError(f"points must have shape (N, 3), got {points.shape}")
        rows = torch.from_numpy(np.ascontiguousarray(points, np.float32))
        size = POINTS_AT_ONCE if self._device.type == "cpu" else 64 * POINTS_AT_ONCE
        parts = [function(chunk.to(self._device)).cpu() for chunk in rows.split(size)]
        return torch.cat(parts).numpy() if parts else np.zeros(0, np.float32)


def load(name: str | Path | None = None, device: str | torch.device = "cpu") -> Model:
    """Load a model.

    Args:
        name: a shipped category ("chair"), a run folder or a weights file; None = the only shipped category.
        device: torch device of the networks.

    Raises:
        FileNotFoundError: there is no such model.
        ValueError: the weights file is damaged, or several categories are shipped and `name` is missing.
    """
    if name is None:
        shipped = shipped_categories()
        if len(shipped) != 1:
            raise ValueError(
                f"name must be given, one of {', '.join(shipped) or 'your own weights'}; `urform.load_models()` "
                "chooses a category for each picture"
            )
        name = shipped[0]
    return Model(load_weights(find_weights(name)), device)
