"""What half and twice of each constant of the mesher and of the cut-out by color would cost.

    python benchmarks/constants.py mesher [--resolution 64] [--shapes 20]
    python benchmarks/constants.py cutout [--count 12]

`mesher`: training chairs of the shipped model, half of them real. Printed for each value of a constant are the field's
evaluations and calls, the share of the dense mesh's vertices that are farther than 0.3 voxels from ours, and the number
of meshes in which `tolerance` moves a vertex by more than the 0.1 cells that it promises.

`cutout`: pictures of --count synthetic chairs, rendered at 320 pixels, before a wall and a floor with a gradient and a
grain of other colors each. Printed is the intersection over union of the true outline and the cut-out, mean and worst.
"""

from __future__ import annotations

import argparse
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import igl
import numpy as np

import urform
from urform.formats import load_mesh
from urform.geometry import _following, _halving, extract_isosurface
from urform.pictures import _grabcut
from urform.render import LEVELS, render_views
from urform.synth import synthesize

MESHER = (
    (_following, "_UNTOLD"),
    (_following, "_FEW"),
    (_halving, "_WORSE"),
    (_halving, "_SURE"),
    (_halving, "_ALONE"),
)
CUTOUT = (
    *("WORK_SIZE", "SUPERPIXELS", "COLOR_SIGMA", "BACKGROUND_LIKE", "BACKGROUND_COLORS", "FEWEST_SURE", "MOST_SURE"),
    *("FRAME", "ODDS", "THIN", "PIECE", "GAP", "SURE_SHARE", "HOLE", "CRUMB", "FARTHEST"),
)
PROBABILITIES = ("SURE_BACKGROUND", "MAYBE_OBJECT")  # of what is left to 1, half and twice
ODD = ("THIN", "GAP")  # sizes of kernels


def varied(module: ModuleType, name: str) -> Iterator[Any]:
    """The module's constant with half, then with twice its value."""
    usual = getattr(module, name)
    for factor in (0.5, 2):
        value = 1 - (1 - usual) * factor if name in PROBABILITIES else type(usual)(usual * factor)
        setattr(module, name, value | 1 if name in ODD else value)
        yield getattr(module, name)
    setattr(module, name, usual)


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
            score(f"{name} {value:g}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("mesher", "cutout"))
    parser.add_argument("--resolution", type=int, default=64)
    parser.add_argument("--shapes", type=int, default=20)
    parser.add_argument("--count", type=int, default=12)
    given = parser.parse_args()
    if given.what == "mesher":
        mesher(given.resolution, given.shapes)
    else:
        cutout(given.count)


if __name__ == "__main__":
    main()
