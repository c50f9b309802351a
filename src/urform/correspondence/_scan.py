"""Scans as users have them: meshes and point clouds in the order of their files, parts and normals included."""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import trimesh
from jaxtyping import Float, Int

from urform.correspondence._npy_file import read_npy
from urform.geometry import MESH_SUFFIXES, load_mesh, read_obj

POINT_SUFFIXES = frozenset({".xyz", ".npy"})
SCAN_SUFFIXES = MESH_SUFFIXES | POINT_SUFFIXES


@dataclass(frozen=True)
class Scan:
    """A mesh or a point cloud.

    Attributes:
        path: the file it came from.
        vertices: in the file's own unit and order, y up, the front at +z.
        faces: vertex indices in the file's order; none for a point cloud.
        normals: of a point cloud, of unit length, outwards; None where the file has none.
        face_group: the part that each face belongs to, by an OBJ file's `g` or `o` lines; empty where it has none.
    """

    path: Path
    vertices: Float[np.ndarray, "V 3"]
    faces: Int[np.ndarray, "F 3"]
    normals: Float[np.ndarray, "V 3"] | None = None
    face_group: tuple[str, ...] = ()

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
    if suffix not in SCAN_SUFFIXES:
        raise ValueError(f"{path}: a scan must end in one of {', '.join(sorted(SCAN_SUFFIXES))}, got {suffix!r}")
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file, expected a mesh or a point cloud")
    if suffix == ".obj":
        scan = _read_obj(path)
    elif suffix in POINT_SUFFIXES:
        scan = _read_numbers(path)
    else:
        scan = (_read_ply_points(path) if suffix == ".ply" else None) or _read_mesh(path)
    if not len(scan.vertices):
        raise ValueError(f"{path}: has no points, expected a mesh or a point cloud")
    for what, rows in (("points", scan.vertices), ("normals", scan.normals)):
        bad = 0 if rows is None else int((~np.isfinite(rows)).any(axis=1).sum())
        if bad:
            raise ValueError(f"{path}: {bad} of {len(scan.vertices)} {what} are NaN or infinite, expected finite ones")
    return scan


def _read_mesh(path: Path) -> Scan:
    mesh = load_mesh(path)
    return Scan(path, mesh.vertices, mesh.faces)


def _read_ply_points(path: Path) -> Scan | None:
    """Points of a PLY file, with normals where it has them; None for a file with faces or one to be refused."""
    logging.getLogger("trimesh").setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cloud: Any = trimesh.load(path, process=False)
    except Exception as error:  # the parser raises whatever it likes
        raise ValueError(f"{path}: cannot be read as PLY: {(str(error) or 'damaged').splitlines()[0]}") from error
    if len(getattr(cloud, "faces", ())):
        return None
    vertices = np.asarray(getattr(cloud, "vertices", np.zeros((0, 3))), np.float64).reshape(-1, 3)
    columns = cloud.metadata.get("_ply_raw", {}).get("vertex", {}).get("data", {})
    if not {"nx", "ny", "nz"} <= set(columns):
        return Scan(path, vertices, _no_faces())
    return Scan(path, vertices, _no_faces(), _unit(np.column_stack([columns[name] for name in ("nx", "ny", "nz")])))


def _read_numbers(path: Path) -> Scan:
    expected = "points must be rows of 3 numbers, or 6 with normals"
    rows = read_npy(path, "iuf", expected) if path.suffix.lower() == ".npy" else _read_text(path)
    if not rows.size:
        rows = np.zeros((0, 3))
    if rows.ndim != 2 or rows.shape[1] not in (3, 6):
        raise ValueError(f"{path}: {expected}, got shape {rows.shape}")
    rows = rows.astype(np.float64)
    return Scan(path, rows[:, :3], _no_faces(), _unit(rows[:, 3:]) if rows.shape[1] == 6 else None)


def _read_text(path: Path) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of an empty file, which has no points and is refused for that
            return np.loadtxt(path, ndmin=2)
    except ValueError as error:
        raise ValueError(f"{path}: cannot be read as points: {(str(error) or 'damaged').splitlines()[0]}") from error


def _read_obj(path: Path) -> Scan:
    """Vertices, triangles and groups in the order of the file, which trimesh gives up for materials."""
    obj = read_obj(path)
    is_cloud = not len(obj.faces) and len(obj.normals) == len(obj.vertices)
    return Scan(path, obj.vertices, obj.faces, _unit(obj.normals) if is_cloud else None, obj.face_group)


def _no_faces() -> Int[np.ndarray, "0 3"]:
    return np.zeros((0, 3), np.int64)


def _unit(vectors: np.ndarray) -> Float[np.ndarray, "V 3"]:
    vectors = np.asarray(vectors, np.float64)
    with np.errstate(invalid="ignore"):  # of infinite ones, which become NaN and are refused
        return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
