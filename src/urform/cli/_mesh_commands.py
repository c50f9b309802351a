"""The commands that write meshes of templates and shapes: each a dataclass whose fields are its flags."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from tyro.conf import OmitArgPrefixes, Positional

from urform.cli._files import check_files
from urform.config import ShapeChoice

if TYPE_CHECKING:
    from urform.correspondence import MeshCounts, MeshOptions
    from urform.inference import Model

_Item = TypeVar("_Item")
PUBLISHED_VIEW = 30

# Heavy imports stand inside `run`: `urform --help` and a wrong flag answer at once.


@dataclass(frozen=True)
class MeshSettings:
    """How shapes are meshed, and from what."""

    weights: str = "chair"
    """A shipped category, a run folder or a weights file."""
    checkpoint: int | None = None
    """Epoch of a run folder's snapshot; default: its newest weights."""
    resolution: int = 128
    """Cells along an axis, 8 to 512."""
    mesher: Literal["sparse", "dense"] = "sparse"
    """'sparse' evaluates the network near the surface, 'dense' at every point of the lattice. The meshes differ only in
    specks."""
    faces: int | None = None
    """Simplify meshes to this many faces."""
    registered: bool = False
    """Write the template's mesh, moved by the inverse warp; all shapes get the same vertices and faces."""
    normals: bool = False
    """Store the normals of the field with the vertices."""
    uncertainty: int = 0
    """Number of perturbed latents whose disagreement is stored with each vertex; 0 = none."""
    overwrite: bool = False
    """Replace existing meshes."""

    def __post_init__(self) -> None:
        if self.registered and (self.faces is not None or self.uncertainty or self.mesher == "dense"):
            raise ValueError(
                "--registered must go without --faces, --uncertainty, --mesher dense: its vertices are the template's"
            )
        if self.uncertainty == 1 or self.uncertainty < 0:
            raise ValueError(f"--uncertainty must be 0, or at least 2, got {self.uncertainty}")

    def model(self):
        """The model that is meshed."""
        from urform.inference import load

        if self.checkpoint is None:
            return load(self.weights)
        folder = Path(self.weights) / "snapshots"
        path = folder / f"{self.checkpoint:06d}.safetensors"
        if not path.exists():
            there = ", ".join(str(int(file.stem)) for file in sorted(folder.glob("*.safetensors"))) or "none"
            raise FileNotFoundError(f"{path}: no snapshot of epoch {self.checkpoint}, there are: {there}")
        return load(path)

    def options(self) -> MeshOptions:
        """The same, for the library."""
        from urform.correspondence import MeshOptions

        dense = self.mesher == "dense"
        return MeshOptions(self.resolution, dense, self.faces, self.registered, self.normals, self.uncertainty)


@dataclass(frozen=True)
class MeshTemplate:
    """Write the template as a mesh, colored by its coordinates."""

    out: Positional[Path]
    """File: .ply, .glb, .obj or .stl (z up, in millimetres)."""
    size: float = 100.0
    """Longest side of an STL file, millimetres."""
    weights: str = "chair"
    """A shipped category, a run folder or a weights file."""
    checkpoint: int | None = None
    """Epoch of a run folder's snapshot; default: its newest weights."""
    resolution: int = 256
    """Cells along an axis, 8 to 512."""

    def run(self) -> int:
        """Mesh and write."""
        from urform.correspondence import colored_template
        from urform.formats import as_written, save_mesh

        check_files(self, "out")
        mesh = colored_template(MeshSettings(self.weights, self.checkpoint).model(), self.resolution)
        save_mesh(as_written(mesh, self.out.suffix, self.size), self.out)
        print(f"{self.out}: {len(mesh.vertices)} vertices, {len(mesh.faces)} faces")
        return 0


@dataclass(frozen=True)
class MeshShapes:
    """Mesh shapes from the latents that training learned, or from a file of latents."""

    out: Path
    """Folder; meshes are `<dataset>/<category>/<instance>.ply` in it."""
    ids: tuple[int, int] | None = None
    """First shape and one past the last, in the order of training or of the split; default: all."""
    split: Path | None = None
    """Split file: only its shapes."""
    latents: Path | None = None
    """File of latents (.pkl or .npz, `urform embeddings`), instead of the learned ones; needs --split."""
    original_scale: Path | None = None
    """Data folder with the normalisation to undo; default: meshes stay in normalised space."""
    settings: OmitArgPrefixes[MeshSettings] = field(default_factory=MeshSettings)
    """How."""
    choice: OmitArgPrefixes[ShapeChoice] = field(default_factory=ShapeChoice)
    """Which shapes of the split are taken."""

    def run(self) -> int:
        """Mesh, and say what was left out."""
        from urform.correspondence import mesh_shapes
        from urform.data import DataFolder, ShapeKey, choose_shapes, read_split
        from urform.files import check_outputs
        from urform.published import read_latents

        model = self.settings.model()
        known, missing = model.latents, []
        if self.latents is not None and self.split is None:
            raise ValueError("--split must be given with --latents: it says what the shapes are called")
        if self.split is not None:
            keys = read_split(self.split)
            if self.latents is not None:
                stored = read_latents(self.latents)
                known = {str(key): stored[key.instance] for key in keys if key.instance in stored}
            missing = [str(key) for key in keys if str(key) not in known]
            known = {str(key): known[str(key)] for key in keys if str(key) in known}
        if not known:
            place = self.latents or self.settings.weights
            raise ValueError(f"{self.split or place}: none of its shapes has a latent in {place}")
        size = model.config.latent_size
        if any(len(latent) != size for latent in known.values()):
            raise ValueError(f"{self.latents}: latents must have {size} numbers, as {self.settings.weights} has")
        if missing and self.choice.strict:
            raise ValueError(f"{len(missing)} shapes of {self.split} have no latent, first: {missing[0]}")
        if missing:
            print(f"{len(missing)} shapes have no latent, first: {missing[0]}", file=sys.stderr)
        chosen = dict(_range(list(known.items()), self.ids))
        if self.original_scale is not None and not self.original_scale.is_dir():
            raise FileNotFoundError(f"--original-scale {self.original_scale}: no such data folder")
        restore = None if self.original_scale is None else DataFolder(self.original_scale)
        if restore is not None:
            surfaces = [restore.surface_path(ShapeKey.parse(name)) for name in chosen]
            check_outputs(self.out, [self.out / f"{name}.ply" for name in chosen], surfaces)
            found = choose_shapes(restore, [*map(ShapeKey.parse, chosen)], ("normalisation",), self.choice)
            chosen = {str(key): chosen[str(key)] for key in found.keys}
        inputs = [restore.surface_path(ShapeKey.parse(name)) for name in chosen] if restore else []
        options, overwrite = self.settings.options(), self.settings.overwrite
        return report(mesh_shapes(model, chosen, self.out, options, restore, overwrite, inputs), self.out)


@dataclass(frozen=True)
class MeshImages:
    """Mesh the shapes of a split from one view each."""

    data: Path
    """Data folder with views."""
    split: Path
    """Split file, of training or test shapes."""
    out: Path
    """Folder; meshes are `<dataset>/<category>/<instance>.ply` in it."""
    view: int | Literal["usual", "random"] | None = "usual"
    """Number of the view; 'usual' = 30 for models that see resized pictures, as published, else 0."""
    copy_pictures: bool = False
    """Also copy the view beside the mesh."""
    ids: tuple[int, int] | None = None
    """Number of the first shape and one past the last, in the order of the split; default: all."""
    seed: int = 0
    """Seed of the random views."""
    original_scale: bool = False
    """Undo the normalisation, so that meshes have the coordinates of the originals."""
    settings: OmitArgPrefixes[MeshSettings] = field(default_factory=MeshSettings)
    """How."""
    choice: OmitArgPrefixes[ShapeChoice] = field(default_factory=ShapeChoice)
    """Which shapes of the split are taken."""

    def run(self) -> int:
        """Mesh, and say what was left out."""
        from urform.correspondence import copy_views, encoded_views, mesh_shapes, pictured_shapes
        from urform.data import DataFolder, read_split

        model, data = self.settings.model(), DataFolder(self.data)
        named = _range(list(dict.fromkeys(read_split(self.split))), self.ids)
        needs = ("normalisation",) if self.original_scale else ()
        view = None if self.view in ("random", None) else self._usual(model) if self.view == "usual" else self.view
        keys = pictured_shapes(data, named, view, self.choice, needs)
        latents = dict(encoded_views(model, data, keys, view, self.seed))
        restore, inputs = data if self.original_scale else None, [data.surface_path(key) for key in keys]
        options, overwrite = self.settings.options(), self.settings.overwrite
        counts = mesh_shapes(model, latents, self.out, options, restore, overwrite, inputs)
        if self.copy_pictures:
            print(f"{copy_views(data, keys, view, self.seed, self.out)} pictures beside them")
        return report(counts, self.out)

    @staticmethod
    def _usual(model: Model) -> int:
        return PUBLISHED_VIEW if model.config.pictures == "resized" else 0


def _range(items: list[_Item], ids: tuple[int, int] | None) -> list[_Item]:
    """Those of these numbers."""
    first, end = ids or (0, len(items))
    if not 0 <= first < end <= len(items):
        raise ValueError(f"--ids must be two rising numbers within 0 and {len(items)}, the shapes there are, got {ids}")
    return items[first:end]


def report(counts: MeshCounts, out: Path) -> int:
    """Print what became of the shapes; 2 where none has a surface."""
    print(
        f"{counts.written} meshes in {out}, {counts.kept} were there, {len(counts.failed)} without a surface; "
        f"{counts.dropped} small components dropped"
    )
    if counts.found:
        mean, least = sum(counts.found) / len(counts.found), min(counts.found)
        print(f"{mean:.0%} of the template's vertices found their place, in the worst shape {least:.0%}")
    if counts.failed:
        print("without a surface: " + ", ".join(counts.failed))
    return 2 if counts.failed and not counts.written + counts.kept else 0


@dataclass(frozen=True)
class Morph:
    """Turn one shape into another: meshes in equal steps and an animated picture."""

    first: Positional[str]
    """A training shape, a latent file of `urform fit`, a picture, a mesh or points."""
    last: Positional[str]
    """The same kinds."""
    out: Path
    """Folder of the meshes and of morph.gif."""
    steps: int = 8
    """Number of meshes, both ends included."""
    weights: str = "chair"
    """A shipped category, a run folder or a weights file."""
    resolution: int = 128
    """Cells along an axis, 8 to 512."""
    registered: bool = False
    """Move the template's mesh: all steps get the same vertices and faces."""

    def run(self) -> int:
        """Mesh, draw and write."""
        from urform.correspondence import MOST_STEPS, morph
        from urform.files import check_outputs
        from urform.fitting import files_behind, resolve_subject
        from urform.inference import load

        outputs = [
            self.out / name
            for name in (*(f"{step:02d}.ply" for step in range(min(self.steps, MOST_STEPS))), "morph.gif")
        ]
        check_outputs(self.out, outputs, [file for text in (self.first, self.last) for file in files_behind(text)])
        model = load(self.weights)
        first, last = (resolve_subject(model, text) for text in (self.first, self.last))
        files = morph(model, first, last, self.steps, self.out, self.resolution, self.registered)
        print(f"{len(files)} of {self.steps} meshes and morph.gif in {self.out}")
        return 0
