"""What half and twice of each constant of the mesher, of the cut-out by color and of fits would cost.

    python benchmarks/constants.py mesher [--resolution 64] [--shapes 20]
    python benchmarks/constants.py cutout [--count 12]
    python benchmarks/constants.py fit [--count 6]

`mesher`: training chairs of the shipped model, half of them real. Printed for each value of a constant are the field's
evaluations and calls, the share of the dense mesh's vertices that are farther than 0.3 voxels from ours, and the number
of meshes in which `tolerance` moves a vertex by more than the 0.1 cells that it promises.

`cutout`: pictures of --count synthetic chairs, rendered at 320 pixels, before a wall and a floor with a gradient and a
grain of other colors each. Printed is the intersection over union of the true outline and the cut-out, mean and median.

`fit`: the shipped model fitted to --count synthetic chairs, as meshes, as clouds of 2,000 points with and without
normals, and as their front halves. Printed are mean and median of the Chamfer distance (`deepsdf`, unit box
diagonal, x 1000).
"""

from __future__ import annotations

import argparse
import functools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import igl
import numpy as np

import urform
from urform.fitting import Scan, _evidence, _fit, evidence_of, fit, starts_for
from urform.formats import load_mesh
from urform.geometry import (
    Normalisation,
    TexturedMesh,
    _following,
    _halving,
    chamfer_deepsdf,
    extract_isosurface,
    face_normals,
    sample_faces,
    sample_visible_surface,
)
from urform.pictures import _grabcut
from urform.render import LEVELS, render_views
from urform.synth import synthesize

MESHER = (
    (_following, "_UNTOLD"),
    (_following, "_FEW"),
    (_halving, "_WORSE"),
    (_halving, "_SURE"),
    (_halving, "_ALONE"),
    (_halving, "_BESIDE"),
    (_halving, "_FINE"),
    (_halving, "_COARSE"),
)
CUTOUT = (
    *("WORK_SIZE", "SUPERPIXELS", "COLOR_SIGMA", "BACKGROUND_LIKE", "BACKGROUND_COLORS", "FEWEST_SURE", "MOST_SURE"),
    *("FRAME", "ODDS", "THIN", "PIECE", "GAP", "SURE_SHARE", "HOLE", "CRUMB", "FARTHEST"),
    *("CLEAREST", "EDGE_VARIANCE"),
)
FITS = (
    (_evidence, "SURFACE_POINTS", ("mesh",)),
    (_evidence, "NEAR_SPREAD", ("cloud", "cloud with normals")),
    (_evidence, "NORMAL_STEP", ("cloud with normals", "front with normals")),
    (_fit, "NORM_WEIGHT", ("mesh", "cloud")),
)
PROBABILITIES = ("SURE_BACKGROUND", "MAYBE_OBJECT", "FRAME_BACKGROUND")  # of what is left to 1, half and twice
ODD = ("THIN", "GAP")  # sizes of kernels


def varied(module: ModuleType, name: str) -> Iterator[Any]:
    """The module's constant with half, then with twice its value."""
    usual = getattr(module, name)
    for factor in (0.5, 2):
        setattr(module, name, _scaled(name, usual, factor))
        yield getattr(module, name)
    setattr(module, name, usual)


def _scaled(name: str, usual: Any, factor: float) -> Any:
    if name in PROBABILITIES:
        return 1 - (1 - usual) * factor
    if isinstance(usual, tuple):
        return tuple(number * factor for number in usual)
    value = type(usual)(usual * factor)
    return value | 1 if name in ODD else value


class Counted:
    """A field that counts points and calls."""

    def __init__(self, model: urform.Model, latent: np.ndarray):
        self._sdf, self.points, self.calls = functools.partial(model.sdf, latent=latent), 0, 0

    def __call__(self, points: np.ndarray) -> np.ndarray:
        self.points, self.calls = self.points + len(points), self.calls + 1
        return self._sdf(points)


def mesher(resolution: int, shapes: int) -> None:
    model = urform.load("chair")
    names = []
    for kind in ("real/", "synthetic/"):
        of_kind = [name for name in model.latents if name.startswith(kind)]
        names += [of_kind[i] for i in np.linspace(0, len(of_kind) - 1, shapes // 2).astype(int)]
    latents = [model.latents[name] for name in names]
    dense = [np.asarray(model.mesh(latent, resolution, dense=True).vertices) for latent in latents]

    def score(what: str) -> None:
        points = calls = moved = far = total = 0
        for latent, truth in zip(latents, dense, strict=True):
            field = Counted(model, latent)
            mesh, exact = (
                extract_isosurface(field, resolution, radius=1.0, tolerance=tolerance) for tolerance in (0.1, 0.0)
            )
            points, calls = points + field.points, calls + field.calls
            squared, *_ = igl.point_mesh_squared_distance(truth, np.asarray(mesh.vertices), np.asarray(mesh.faces))
            far, total = far + int((np.sqrt(squared) * resolution / 2 > 0.3).sum()), total + len(truth)
            squared, *_ = igl.point_mesh_squared_distance(
                np.asarray(mesh.vertices), np.asarray(exact.vertices), np.asarray(exact.faces)
            )
            moved += bool(np.sqrt(np.asarray(squared).max()) * resolution / 2 > 0.1)
        print(f"{what:20s} {points:9d} evaluations {calls:5d} calls  far {far / total:.3%}  moved {moved}", flush=True)

    score("as it is")
    for module, name in MESHER:
        for value in varied(module, name):
            score(f"{name.strip('_')} {value:g}")


def pictures(count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pictures of chairs in rooms, and their outlines."""
    with tempfile.TemporaryDirectory() as folder:
        meshes = [load_mesh(made / "model.obj") for made in synthesize("chair", count, 7, Path(folder))]
    for index, mesh in enumerate(meshes):
        rng = np.random.default_rng([7, index])
        rgba = next(render_views(mesh, LEVELS["easy"], 1, 320, 4, rng)).frame.color
        room = np.empty((320, 320, 3))
        horizon = int(rng.integers(120, 240))
        for part in (slice(0, horizon), slice(horizon, 320)):
            color, slope = rng.uniform(60, 230, 3), rng.uniform(-0.15, 0.15, 2)
            down, across = np.mgrid[part, 0:320]
            room[part] = color + (slope[0] * (down - 160) + slope[1] * (across - 160))[..., None]
        grain = cv2.GaussianBlur(rng.normal(0, 1, (320, 320)), (0, 0), 1.5)
        room = np.clip(room + rng.uniform(5, 25) * grain[..., None] + rng.normal(0, 3, room.shape), 0, 255)
        alpha = rgba[..., 3:] / 255
        yield np.round(rgba[..., :3] * alpha + room * (1 - alpha)).astype(np.uint8), rgba[..., 3] > 127


def cutout(count: int) -> None:
    shown = list(pictures(count))

    def score(what: str) -> None:
        overlaps = []
        for picture, truth in shown:
            found = _grabcut.segment_photo(picture) > 127
            overlaps.append((found & truth).sum() / (found | truth).sum())
        print(f"{what:24s} mean {np.mean(overlaps):.3f}  median {np.median(overlaps):.3f}", flush=True)

    score("as it is")
    for name in (*CUTOUT, *PROBABILITIES):
        for value in varied(_grabcut, name):
            score(f"{name} {value}")


def scans(mesh: TexturedMesh) -> dict[str, tuple[Scan, bool]]:
    """What `fit` may be given of an object, and whether it is a part."""
    vertices = Normalisation.of(mesh.vertices).apply(mesh.vertices)
    points, face = sample_visible_surface(vertices, mesh.faces, 2000, np.random.default_rng(0))
    normals, front = face_normals(vertices, mesh.faces)[face], points[:, 2] > 0
    none = np.zeros((0, 3), np.int64)
    return {
        "mesh": (Scan(Path("mesh"), vertices, mesh.faces), False),
        "cloud": (Scan(Path("cloud"), points, none), False),
        "cloud with normals": (Scan(Path("cloud"), points, none, normals), False),
        "front with normals": (Scan(Path("front"), points[front], none, normals[front]), True),
    }


def fits(count: int) -> None:
    model, unmoved = urform.load("chair"), Normalisation(np.zeros(3), 1.0)
    with tempfile.TemporaryDirectory() as folder:
        meshes = [load_mesh(made / "model.obj") for made in synthesize("chair", count, 7, Path(folder))]
    given = [scans(mesh) for mesh in meshes]

    def score(what: str, kinds: Sequence[str]) -> None:
        for kind in kinds:
            found = [distance(*shape[kind], shape["mesh"][0]) for shape in given]
            print(f"{what:22s} {kind:20s} mean {np.mean(found):.2f}  median {np.median(found):.2f}", flush=True)

    def distance(scan: Scan, partial: bool, truth: Scan) -> float:
        evidence = evidence_of(scan, unmoved, partial, np.random.default_rng(0))
        mesh = model.mesh(fit(model, evidence, starts_for(model, evidence)).latent, 96)
        drawn = np.random.default_rng(0)
        found = sample_faces(np.asarray(mesh.vertices), np.asarray(mesh.faces), 10_000, drawn)
        target, _ = sample_visible_surface(truth.vertices, truth.faces, 10_000, drawn)
        return 1000 * chamfer_deepsdf(found, target) / float(np.square(np.ptp(truth.vertices, axis=0)).sum())

    score("as it is", list(given[0]))
    for module, name, kinds in FITS:
        for value in varied(module, name):
            score(f"{name} {value:g}", kinds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("mesher", "cutout", "fit"))
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--shapes", type=int, default=20)
    parser.add_argument("--count", type=int)
    given = parser.parse_args()
    if given.what == "mesher":
        mesher(given.resolution, given.shapes)
    elif given.what == "cutout":
        cutout(given.count or 12)
    else:
        fits(given.count or 6)


if __name__ == "__main__":
    main()
