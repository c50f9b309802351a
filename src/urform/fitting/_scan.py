"""Scans as users have them: meshes and point clouds in the order of their files, parts and normals included."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from urform.files import read_npy
from urform.formats import MESH_SUFFIXES, read_mesh

POINT_SUFFIXES = frozenset({".xyz", ".npy"})


def scan_suffixes() -> frozenset[str]:
    """What the files of scans end in: all meshes that are read, and points."""
    return frozenset(POINT_SUFFIXES | MESH_SUFFIXES)


@dataclass(frozen=True)
class Scan:
    """A mesh or a point cloud.

    Attributes:
        path: the file it came from.
        vertices: in the file's own unit and order.
        faces: vertex indices in the file's order; none for a point cloud.
        normals: of a point cloud, of unit length, outwards; None where the file has none.
        face_group: the part that each face belongs to, by an OBJ file's `g` or `o` lines; empty where it has none.
        polygon: the polygon of the file that each face is a piece of; None for a point cloud.
    """

    path: Path
    vertices: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]
    normals: Float[np.ndarray, "V 3"] | None = None
    face_group: tuple[str, ...] = ()
    polygon: Int[np.ndarray, " F"] | None = None

    @property
    def is_mesh(self) -> bool:
        """Whether it has faces."""
        return len(self.faces) > 0


def read_scan(path: Path) -> Scan:
    """Read a mesh of any format that `load_mesh` reads, or points: OBJ and PLY without faces, .xyz, .npy.

    Points in .xyz and .npy have three numbers a row, or six with a normal.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged, has another ending, no points, or coordinates or normals that are not finite.
    """
    path, suffix = Path(path), Path(path).suffix.lower()
    if suffix not in scan_suffixes():
        raise ValueError(f"{path}: a scan must end in one of {', '.join(sorted(scan_suffixes()))}, got {suffix!r}")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file, expected a mesh or a point cloud")
    scan = _read_numbers(path) if suffix in POINT_SUFFIXES else _read_mesh(path)
    if not len(scan.vertices):
        raise ValueError(f"{path}: has no points, expected a mesh or a point cloud")
    for what, rows in (("points", scan.vertices), ("normals", scan.normals)):
        bad = 0 if rows is None else int((~np.isfinite(rows)).any(axis=1).sum())
        if bad:
            raise ValueError(f"{path}: {bad} of {len(scan.vertices)} {what} are NaN or infinite, expected finite ones")
    return scan


def _read_mesh(path: Path) -> Scan:
    mesh = read_mesh(path)
    normals = None if mesh.normals is None or len(mesh.faces) else _unit(mesh.normals)
    return Scan(path, mesh.vertices, mesh.faces, normals, mesh.face_group, mesh.polygon)


def _read_numbers(path: Path) -> Scan:
    expected = "points must be rows of 3 numbers, or 6 with normals"
    rows = read_npy(path, "iuf", expected) if path.suffix.lower() == ".npy" else _read_text(path)
    if not rows.size:
        rows = np.zeros((0, 3))
    if rows.ndim != 2 or rows.shape[1] not in (3, 6):
        raise ValueError(f"{path}: {expected}, got shape {rows.shape}")
    rows = rows.astype(np.float64)
    if rows.shape[1] == 6 and np.isfinite(rows).all() and _are_colors(rows[:, 3:]):
        raise ValueError(f"{path}: columns 4 to 6 look like colors, expected normals; leave them out")
    return Scan(path, rows[:, :3], _no_faces(), _unit(rows[:, 3:]) if rows.shape[1] == 6 else None)


def _are_colors(rows: np.ndarray) -> bool:
    """Whether rows of three are no normals: none points backwards, and their lengths differ from one another."""
    lengths = np.linalg.norm(rows, axis=1)
    return bool(len(rows)) and bool((rows >= 0).all()) and not bool(np.ptp(lengths) < 0.01 * lengths.max(initial=0))


def _read_text(path: Path) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an empty file, which has no points and is refused for that
            return np.loadtxt(path, ndmin=2)
    except ValueError as error:
        raise ValueError(f"{path}: cannot be read as points: {(str(error) or 'damaged').splitlines()[0]}") from error


def _no_faces() -> Int[np.ndarray, "0 3"]:
    return np.zeros((0, 3), np.int64)


def _unit(vectors: np.ndarray) -> Float[np.ndarray, "V 3"]:
    vectors = np.asarray(vectors, np.float64)
    with np.errstate(invalid="ignore"):  # of infinite ones, which become NaN and are refused
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
