"""The commands: each a dataclass whose fields are its flags."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from tyro.conf import OmitArgPrefixes, Positional

from urform.cli._files import check_files
from urform.cli._flags import with_flags
from urform.cli._lines import print_lines
from urform.config import REFINE, PrepareConfig, Refine, ShapeChoice, require

# Heavy imports stand inside `run`: `urform --help` and a wrong flag answer at once.


@dataclass(frozen=True)
class Synth:
    """Generate objects of a category: watertight meshes with materials. The same seed gives the same objects."""

    category: Positional[str]
    """Category to generate: chair, lamp, plane, sofa or table."""
    out: Path
    """Folder of the objects; existing ones stay."""
    count: int = 500
    """Number of objects."""
    seed: int = 0
    """Seed of the series."""

    def run(self) -> int:
        """Draw and write."""
        from urform.synth import synthesize

        folders = synthesize(self.category, self.count, self.seed, self.out)
        print(f"{len(folders)} {self.category}s in {self.out}")
        return 0


@dataclass(frozen=True)
class Deform:
    """Enlarge a small collection by copies with other proportions; every second copy is mirrored."""

    meshes: Positional[Path]
    """Folder of meshes, a .sh3f library or a .csv list, as `urform prepare` reads them."""
    out: Path
    """Folder of the copies; existing ones stay."""
    copies: int = 4
    """Copies of each mesh."""
    seed: int = 0
    """Seed of the series."""
    hold_out: Path | None = None
    """File that names meshes without copies, one a line: the test objects."""

    def run(self) -> int:
        """Deform and write; exit code 1 where a mesh was skipped."""
        from urform.synth import deform_sources

        copied, skipped = deform_sources(self.meshes, self.out, self.copies, self.seed, self.hold_out)
        for name, reason in skipped.items():
            print(f"urform: {name} skipped: {reason}", file=sys.stderr)
        print(f"{self.copies} copies of {copied} meshes in {self.out}, {len(skipped)} skipped")
        return 1 if skipped else 0


@dataclass(frozen=True)
class Prepare:
    """Turn a collection of meshes into training data: SDF samples, surface samples, views, splits and a report."""

    meshes: Positional[str]
    """Folder of meshes (OBJ, GLB, PLY, OFF, STL, ...) or ShapeNet's, a .sh3f library, or a .csv list; path or URL."""
    out: str
    """Data folder, a path or a URL (s3://, gs://, ...); shapes that are done with the same settings stay."""
    config: OmitArgPrefixes[PrepareConfig] = field(default_factory=PrepareConfig)
    """Settings."""
    hold_out: Path | None = None
    """File that names the test instances, one a line or as a split file; replaces the fraction."""
    split: tuple[Path, ...] = ()
    """Split files: prepare the shapes that they name, and no others."""
    workers: int = 0
    """Number of processes; 0 = one a core."""
    time_limit_s: float = 900.0
    """Time limit of a mesh, seconds; a slower mesh is skipped; 0 = no limit."""
    memory_gb: float = 8.0
    """Memory limit of a mesh, GiB; 0 = no limit."""
    cluster: str | None = None
    """Address of a Ray cluster: auto, HOST:PORT, ray://HOST:PORT, or local to try it."""

    def run(self) -> int:
        """Prepare, then say what was skipped."""
        from urform.prepare import prepare, summarise

        limits = {"workers": self.workers, "time_limit_s": self.time_limit_s, "memory_gb": self.memory_gb}
        more = {"cluster": self.cluster, "splits": self.split}
        reports = prepare(self.meshes, self.out, self.config, self.hold_out, **limits, **more)
        print(with_flags(summarise(reports), type(self)))
        if not any(report.outcome == "done" for report in reports):
            raise ValueError(f"{self.meshes}: none of the {len(reports)} meshes could be prepared, see above")
        return 0


@dataclass(frozen=True)
class Reconstruct:
    """Turn pictures into watertight meshes, each with a preview and a page."""

    images: Positional[tuple[Path, ...]]
    """Picture files."""
    out: Path
    """Folder of the results."""
    category: str = "auto"
    """A shipped category, see `urform categories`; auto: the one that the picture shows."""
    weights: Path | None = None
    """Run folder or weights file, instead of shipped weights."""
    format: str = "glb"
    """File format of the meshes: glb, obj or ply, y up in the unit ball; or stl, for printers, z up in millimetres."""
    size: float | None = None
    """Longest side of an STL file, millimetres; default 100."""
    resolution: int = 128
    """Cells along an axis, 8 to 512."""
    faces: int | None = None
    """Simplify the mesh to this many faces."""
    keep_background: bool = False
    """Do not remove the background."""
    box: str = ""
    """x0,y0,x1,y1 in pixels: the object fills this box. For one picture."""
    point: tuple[str, ...] = ()
    """x,y of pixels of the object. For one picture."""
    color: bool = True
    """Color the meshes from the pictures."""
    texture: bool = False
    """Give GLB files a UV texture of 1024 x 1024 texels, and at most 10,000 faces, in place of vertex colors."""
    refine: Refine = "auto"
    """Improve the shape by the outline of the object in the picture; auto: where the weights say that it helps."""
    together: bool = False
    """The pictures show one object from several sides, and make one mesh."""
    force: bool = False
    """Make a mesh even if the picture does not look like the category."""

    def run(self) -> int:
        """Print one JSON line an image; 2 if one of them failed."""
        from urform.inference import load_models, reconstruct_files
        from urform.pictures import Hints

        if not self.images:
            raise ValueError("no picture given, expected at least one file")
        said = bool(self.box or self.point)
        hints = Hints.parse(self.box, " ".join(self.point), "", self.keep_background) if said else None
        models = load_models(self.category, self.weights)
        return print_lines(
            reconstruct_files(
                self.images,
                self.out,
                models,
                self.keep_background,
                hints,
                self.together,
                file_format=self.format,
                resolution=self.resolution,
                faces=self.faces,
                size_mm=self.size,
                color=self.color,
                force=self.force,
                texture=self.texture,
                refine=REFINE[self.refine],
            ),
            type(self),
        )


@dataclass(frozen=True)
class Evaluate:
    """Score single-view reconstruction of a prepared split by a published protocol, beside baselines."""

    data: Path
    """Data folder with the test shapes and, for the retrieval baselines, the training shapes."""
    split: Path
    """Split file: the test shapes."""
    weights: str = "chair"
    """A shipped category, a run folder or a weights file."""
    protocol: str = "deepsdf"
    """Which published protocol: deepsdf, deepsdf-emd, disn, onet, meshrcnn or what3d, see docs/evaluation.md."""
    views: tuple[Literal["fixed", "random", "all"], ...] = ()
    """Views: fixed (the first), random (one by seed and name), all (the mean). Default: fixed random; disn: all."""
    original_scale: bool = False
    """For deepsdf and deepsdf-emd: measure in the units of the meshes, as published, not at unit box diagonal."""
    resolution: int = 128
    """Cells along an axis of the meshes."""
    refine: Refine = "auto"
    """Score the shapes after refinement, and beside them those of the encoder alone; auto: as `urform reconstruct`."""
    seed: int = 0
    """Seed of surface points and random views."""
    json: Path | None = None
    """Write the result, with a value for each shape, to this file."""
    csv: Path | None = None
    """Write a line for each shape and method to this file."""
    sheet: Path | None = None
    """Also draw the shapes, worst first, into this PNG file."""
    meshes: Path | None = None
    """Score the meshes of this folder instead of those of a model; they are found by the names of their instances."""
    normalised: bool = False
    """With --meshes: they lie in normalised space, instead of that of the original meshes."""
    choice: OmitArgPrefixes[ShapeChoice] = field(default_factory=ShapeChoice)
    """Which shapes of the split are taken."""

    def run(self) -> int:
        """Print the table."""
        from urform.evaluation import format_csv, format_table
        from urform.files import write_atomically

        check_files(self, "json", "csv", "sheet")
        result = self._of_model() if self.meshes is None else self._of_meshes(self.meshes)
        print(format_table(result))
        if self.json is not None:
            write_atomically(self.json, (json.dumps(result, indent=1) + "\n").encode())
        if self.csv is not None:
            write_atomically(self.csv, format_csv(result).encode())
        return 0

    def _of_model(self) -> dict[str, Any]:
        from urform.evaluation import evaluate
        from urform.inference import load

        require(not self.normalised, "normalised", "omitted without --meshes", self.normalised)
        return evaluate(
            load(self.weights),
            self.data,
            self.split,
            self.sheet,
            self.choice,
            protocol=self.protocol,
            views=self.views,
            resolution=self.resolution,
            original_scale=self.original_scale,
            seed=self.seed,
            refine=REFINE[self.refine],
        )

    def _of_meshes(self, meshes: Path) -> dict[str, Any]:
        from urform.evaluation import evaluate_meshes

        require(self.sheet is None, "sheet", "omitted with --meshes", str(self.sheet))
        require(not self.views, "views", "omitted with --meshes", self.views)
        return evaluate_meshes(
            meshes,
            self.data,
            self.split,
            self.protocol,
            self.normalised,
            self.original_scale,
            self.seed,
            self.choice,
        )


@dataclass(frozen=True)
class Export:
    """Copy the weights of a run as 16-bit floats, half the size, for sharing."""

    run_folder: Positional[Path]
    """Run folder or weights file."""
    out: Path
    """Folder of `model.safetensors` and `config.json`."""

    def run(self) -> int:
        """Write both."""
        from urform.weights import export_weights

        path = export_weights(self.run_folder, self.out)
        print(f"{path}: {path.stat().st_size / 2**20:.1f} MiB")
        return 0
