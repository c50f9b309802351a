"""The published data folder: where each file of a shape lies, and split files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from urform.data._eyes import read_eyes
from urform.data._parts import Parts
from urform.data._shape_key import ShapeKey
from urform.files import check_expansion
from urform.geometry import Normalisation, SdfSamples

DATASOURCES_FILE = ".datasources.json"
"""Lies in every data folder and says where the meshes of each dataset lie."""


@dataclass(frozen=True)
class DataFolder:
    """Paths and readers of a data folder (docs/formats.md, Data folder).

    Attributes:
        root: the folder.
    """

    root: Path

    def sdf_path(self, key: ShapeKey) -> Path:
        """SDF samples; where only the nested placing exists, that one."""
        folder = self.root / "SdfSamples" / key.dataset / key.category
        flat = folder / f"{key.instance}.npz"
        nested = folder / key.instance / f"{key.instance}.npz"
        return nested if nested.exists() and not flat.exists() else flat

    def surface_path(self, key: ShapeKey) -> Path:
        """Surface samples, in the mesh's own coordinates."""
        return self.root / "SurfaceSamples" / key.dataset / key.category / f"{key.instance}.ply"

    def normalisation_path(self, key: ShapeKey) -> Path:
        """Offset and scale into the unit ball."""
        return self.root / "NormalizationParameters" / key.dataset / key.category / f"{key.instance}.npz"

    def keypoints_path(self, key: ShapeKey) -> Path:
        """Named points, in the mesh's own coordinates; few shapes have them."""
        return self.root / "Keypoints" / key.dataset / key.category / f"{key.instance}.json"

    def parts_path(self, key: ShapeKey) -> Path:
        """Points on the parts of a shape, normalised space; few shapes have them."""
        return self.root / "Parts" / key.dataset / key.category / f"{key.instance}.npz"

    def report_path(self, key: ShapeKey) -> Path:
        """What `urform prepare` says of the shape."""
        return self.root / "Reports" / key.dataset / key.category / f"{key.instance}.json"

    def views_path(self, key: ShapeKey, level: str, kind: str = "image") -> Path:
        """Folder of the views of one level; kinds: image (RGBA), image_rgb (on white), albedo."""
        return self.root / key.category / key.instance / level / kind

    @property
    def datasources_path(self) -> Path:
        """The file that says where the meshes of each dataset lie."""
        return self.root / DATASOURCES_FILE

    def datasources(self) -> dict[str, str]:
        """The folder, list, library or URL of each dataset's meshes; none where the data folder does not say.

        Raises:
            ValueError: the file that says so is damaged.
        """
        try:
            return {str(name): str(place) for name, place in json.loads(self.datasources_path.read_text()).items()}
        except FileNotFoundError:
            return {}
        except (ValueError, AttributeError, RecursionError) as error:
            raise ValueError(
                f"{self.datasources_path}: not a JSON object, expected the folder of each dataset's meshes"
            ) from error

    def sdf_samples(self, key: ShapeKey) -> SdfSamples:
        """Read the SDF samples of a shape.

        Raises:
            FileNotFoundError: there are none.
            ValueError: the file is damaged.
        """
        path = self.sdf_path(key)
        if not path.exists():
            raise FileNotFoundError(f"{path}: no SDF samples of {key}; `urform prepare` makes them")
        return SdfSamples(*_read_npz(path, "pos", "neg"))

    def normalisation(self, key: ShapeKey) -> Normalisation:
        """Read how a shape was normalised."""
        path = self.normalisation_path(key)
        offset, scale = _read_npz(path, "offset", "scale")
        if offset.size != 3 or scale.size != 1 or {offset.dtype.kind, scale.dtype.kind} - set("fiu"):
            raise ValueError(f"{path}: damaged, expected an offset of 3 numbers and a scale; prepare it again")
        return Normalisation(offset.astype(np.float64).reshape(3), float(scale.reshape(())))

    def surface(self, key: ShapeKey) -> Float[np.ndarray, "N 3"]:
        """Read the surface points of a shape, in the mesh's own coordinates."""
        import trimesh

        path = self.surface_path(key)
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no surface samples of {key}; `urform prepare` makes them")
        with path.open("rb") as file:  # not by its path: a texture that it names, EPS say, is none of ours
            cloud: Any = trimesh.load(file, file_type="ply")
        return np.asarray(cloud.vertices, np.float64)

    def keypoints(self, key: ShapeKey) -> dict[str, Float[np.ndarray, " 3"]]:
        """Read the keypoints of a shape, in normalised space; none where there is no file.

        Raises:
            ValueError: the file is damaged.
        """
        path = self.keypoints_path(key)
        if not path.exists():
            return {}
        normalisation = self.normalisation(key)
        return {name: normalisation.apply(point[None])[0] for name, point in read_keypoints(path).items()}

    def parts(self, key: ShapeKey) -> Parts | None:
        """Read points on the parts of a shape, in normalised space; None where there is no file.

        Raises:
            ValueError: the file is damaged.
        """
        path = self.parts_path(key)
        if not path.exists():
            return None
        points, part, names = _read_npz(path, "points", "part", "names")
        if points.ndim != 2 or points.shape[1] != 3 or part.shape != (len(points),):
            raise ValueError(f"{path}: damaged, expected points (P, 3) and a part each; prepare it again")
        return Parts(points, part.astype(np.int64), tuple(str(name) for name in names))

    def view_files(self, key: ShapeKey, levels: Sequence[str] = ("easy", "hard")) -> list[Path]:
        """RGBA views of the levels that exist, in order: easy ones first."""
        return [path for level in levels for path in sorted(self.views_path(key, level).glob("*.png"))]

    def eyes(self, key: ShapeKey, levels: Sequence[str] = ("easy", "hard")) -> Float[np.ndarray, "V 3"]:
        """Where the camera of each of the `view_files` stands, from the middle of the shape, in diagonals of its box.

        Raises:
            FileNotFoundError: the views have no metadata.
            ValueError: they are damaged, or lack a view.
        """
        return np.concatenate([np.zeros((0, 3)), *(read_eyes(self.views_path(key, level)) for level in levels)])


def read_keypoints(path: Path) -> dict[str, Float[np.ndarray, " 3"]]:
    """Read named points, `{"name": [x, y, z]}`, or a file that has them under `keypoints`, as `urform synth` writes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is something else, or names no point.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file")
    try:
        content = json.loads(path.read_text())
        if isinstance(content.get("keypoints"), dict):
            content = content["keypoints"]
        points = {str(name): np.array(point, np.float64) for name, point in content.items()}
    except (AttributeError, ValueError, TypeError, RecursionError, OverflowError):
        points = {}
    if not points or any(point.shape != (3,) or not np.isfinite(point).all() for point in points.values()):
        raise ValueError(f'{path}: not a file of keypoints, expected JSON like {{"seat_front_left": [0.2, 0.4, 0.3]}}')
    return points


def _read_npz(path: Path, *names: str) -> list[np.ndarray]:
    """Arrays of an npz file, nothing unpickled."""
    if not path.is_file():  # opening a pipe would wait for ever
        raise FileNotFoundError(f"{path}: no such file; `urform prepare` makes it")
    try:
        # Opened here, because numpy leaves a damaged file open.
        with path.open("rb") as file, np.load(file) as archive:
            check_expansion(archive.zip, path)
            return [archive[name] for name in names]
    except FileNotFoundError:
        raise
    except Exception as error:  # zipfile, zlib and numpy each have their own
        raise ValueError(
            f"{path}: damaged, expected an npz file with {' and '.join(names)}; prepare it again"
        ) from error
