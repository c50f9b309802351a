"""The commands that fit shapes and carry things between them: each a dataclass whose fields are its flags."""

from __future__ import annotations

from dataclasses import dataclass
from json import dumps
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from urform.cli._files import check_files
from urform.cli._lines import print_lines

# Heavy imports stand inside `run`, as in `_commands`.


@dataclass(frozen=True)
class Fit:
    """Find the latent and the mesh of one object from a scan, a part of a scan, or photographs."""

    scan: Positional[tuple[Path, ...]]
    """A mesh or points (OBJ, PLY, ... or .xyz, .npy), front +z; and/or photographs of the same object."""
    out: Path
    """Folder of `<name>.json` (the latent) and the mesh, which has the coordinates of the scan."""
    weights: str = "chair"
    """A shipped category, a run folder or a weights file."""
    partial: bool = False
    """The scan shows a part of the object; places without points may be anything."""
    like: Path | None = None
    """Mesh or points with the bounding box of the whole object, in the coordinates of the scan."""
    normalised: bool = False
    """The scan already lies in normalised space, the unit ball."""
    up: Literal["y", "z"] = "y"
    """Axis that points up in the scan; with z the front is -y. Files of .dae and .3mf say it themselves."""
    steps: int = 400
    """Steps of the optimisation."""
    seed: int = 0
    """Seed of the points that it draws."""
    format: str = "glb"
    """File format of the mesh: glb, obj, ply or stl. STL from photographs alone stands z up and is 100 mm long."""
    resolution: int = 128
    """Cells along an axis, 8 to 512."""

    def run(self) -> int:
        """Print one JSON line."""
        from urform.fitting import fit_files
        from urform.inference import load

        options = {"partial": self.partial, "normalised": self.normalised, "like": self.like, "up": self.up}
        more = {"steps": self.steps, "seed": self.seed, "file_format": self.format, "resolution": self.resolution}
        return print_lines([fit_files(load(self.weights), self.scan, self.out, **options, **more)], type(self))


@dataclass(frozen=True)
class _Transfer:
    source: Annotated[str, arg(name="from")]
    """A mesh, a training shape, or what `urform fit` wrote (.json)."""
    to: tuple[str, ...]
    """Meshes, point clouds, photographs, training shapes (dataset/category/instance), or what `urform fit` wrote."""
    out: Path
    """Folder of the results."""
    weights: str = "chair"
    """A shipped category, a run folder or a weights file."""
    steps: int = 400
    """Steps of the fit of each mesh and of points."""
    seed: int = 0
    """Seed of fits and of points on surfaces."""
    resolution: int = 128
    """Cells along an axis of surfaces of the model, 8 to 512."""
    place_weight: float = 0.0
    """Weight of the position of points beside their canonical points; 0 = canonical points alone."""

    def transfer(self, kind: Literal["labels", "keypoints", "colors"], file: Path | None) -> int:
        """Print one JSON line a target; 2 if one of them failed."""
        from urform.correspondence import transfer_files
        from urform.inference import load

        found = transfer_files(
            load(self.weights),
            kind,
            self.source,
            self.to,
            self.out,
            file,
            steps=self.steps,
            seed=self.seed,
            resolution=self.resolution,
            place_weight=self.place_weight,
        )
        return print_lines(found, type(self))


@dataclass(frozen=True)
class TransferLabels(_Transfer):
    """Carry labels of the vertices or faces of one shape to others."""

    labels: Path | None = None
    """One label a vertex or face: lines (.txt), an array (.npy) or a list (.json); default: groups of an OBJ file."""

    def run(self) -> int:
        """Write `<name>.ply`, colored by label, and `<name>.txt` for each target."""
        return self.transfer("labels", self.labels)


@dataclass(frozen=True)
class _Keypoints:
    keypoints: Path
    """JSON, {name: [x, y, z]} in the coordinates of --from; or a shape.json of `urform synth`."""


@dataclass(frozen=True)
class TransferKeypoints(_Transfer, _Keypoints):
    """Carry named points of one shape to others."""

    def run(self) -> int:
        """Write `<name>.json`, in its own coordinates, for each target."""
        return self.transfer("keypoints", self.keypoints)


@dataclass(frozen=True)
class TransferColors(_Transfer):
    """Carry the colors of a mesh (material, texture or vertex) to others."""

    def run(self) -> int:
        """Write `<name>.ply`, with a color a vertex, for each target."""
        return self.transfer("colors", None)


@dataclass(frozen=True)
class EvaluateCorrespondence:
    """Score correspondences on synthetic shapes: PCK of keypoints, mIoU of carried labels."""

    data: Path
    """Data folder of shapes from `urform synth`."""
    split: Path
    """Split file: the test shapes."""
    weights: str = "chair"
    """A shipped category, a run folder or a weights file."""
    unseen: tuple[str, ...] = ()
    """Names of keypoints that training left out; they are also scored separately."""
    json: Path | None = None
    """Write the result to this file."""

    def run(self) -> int:
        """Print the table."""
        from urform.data import DataFolder, read_split
        from urform.evaluation import evaluate_correspondence, format_correspondence
        from urform.files import write_atomically
        from urform.inference import load

        check_files(self, "json")
        keys = read_split(self.split)
        result = evaluate_correspondence(load(self.weights), DataFolder(self.data), keys, self.unseen)
        print(format_correspondence(result))
        if self.json is not None:
            write_atomically(self.json, (dumps(result, indent=1) + "\n").encode())
        return 0


@dataclass(frozen=True)
class Register:
    """Give scans of one category the same vertices and faces; --modes adds the shape model."""

    meshes: Positional[tuple[Path, ...]]
    """Meshes (OBJ, GLB, PLY, OFF, STL, ...) or points with normals (.xyz, .npy, .ply), front +z."""
    out: Path
    """Folder of `<name>.<format>`, `template.<format>`, `residuals.csv` and, with --modes, `modes`."""
    weights: str = "chair"
    """A shipped category, a run folder or a weights file."""
    modes: int = 0
    """Principal modes of the statistical shape model; 0 = no model."""
    faces: int = 8000
    """Faces of the registered meshes, about."""
    format: str = "ply"
    """File format of the meshes: glb, obj, ply or stl."""
    steps: int = 400
    """Steps of the fit of each latent."""
    seed: int = 0
    """Seed of the sampled points."""
    resolution: int = 128
    """Cells along an axis of the template's mesh before it is simplified, 8 to 512."""
    force: bool = False
    """Register scans that are unlike any shape of the category too."""
    up: Literal["y", "z"] = "y"
    """Axis that points up in the meshes; with z the front is -y. Files of .dae and .3mf say it themselves."""

    def run(self) -> int:
        """Print one JSON line a mesh; 2 if one of them failed."""
        from urform.correspondence import RegisterOptions, register_files
        from urform.inference import load

        options = RegisterOptions(
            self.faces, self.modes, self.format, self.steps, self.seed, self.resolution, self.force, self.up
        )
        return print_lines(register_files(load(self.weights), self.meshes, self.out, options), type(self))
