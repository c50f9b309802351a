"""The published data folder: where each file of a shape lies, and split files."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from urform.config import is_name, shortened
from urform.data._archive import check_expansion
from urform.data._parts import Parts
from urform.geometry import Normalisation, SdfSamples


class ShapeKey(NamedTuple):
    """What names a shape in a data folder; `str` gives `dataset/category/instance`."""

    dataset: str
    category: str
    instance: str

    def __str__(self) -> str:
        return "/".join(self)

    @classmethod
    def parse(cls, text: str) -> ShapeKey:
        """The inverse of `str`.

        Raises:
            ValueError: it has not three names, or one that could lead elsewhere as part of a path.
        """
        parts = text.split("/")
        if len(parts) != 3 or not all(map(is_name, parts)):
            raise ValueError(f"{shortened(text)} is no name of a shape, expected dataset/category/instance")
        return cls(*parts)


@dataclass(frozen=True)
class DataFolder:
    """Paths and readers of a data folder (FORMATS section 1).

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


def read_split(path: Path) -> list[ShapeKey]:
    """Read a split file: `{dataset: {category: [instance, ...]}}`.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a split file, or nothing in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such split file; `urform prepare` writes them to DATA/splits")
    try:
        content = json.loads(path.read_text())
        keys = [
            ShapeKey(dataset, category, str(instance))
            for dataset, categories in content.items()
            for category, instances in categories.items()
            for instance in instances
        ]
    except (ValueError, AttributeError, TypeError, RecursionError) as error:
        raise ValueError(
            f'{path}: not a split file, expected JSON like {{"dataset": {{"category": ["instance"]}}}}'
        ) from error
    if not keys:
        raise ValueError(f"{path}: the split names no instance, expected at least one")
    if bad := next((str(key) for key in keys if not all(map(is_name, key))), None):
        raise ValueError(f"{path}: {shortened(bad)} is no name of a shape, expected dataset, category and instance")
    return keys


def split_content(keys: Iterable[ShapeKey]) -> bytes:
    """The content of a split file."""
    content: dict[str, dict[str, list[str]]] = {}
    for key in keys:
        content.setdefault(key.dataset, {}).setdefault(key.category, []).append(key.instance)
    return (json.dumps(content, indent=1) + "\n").encode()


def write_split(path: Path, keys: Iterable[ShapeKey]) -> None:
    """Write a split file, atomically."""
    write_atomically(path, split_content(keys))


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under a temporary name, then rename it: it is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_bytes(content)
        replace_durably(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def replace_durably(partial: Path, path: Path) -> None:
    """Give a finished file its name; not even a loss of power leaves an empty or half one under it."""
    sync(partial)
    partial.replace(path)
    with contextlib.suppress(OSError):  # not every system lets folders be synced
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def sync(path: Path) -> None:
    """Have a file's content on the disk, not only on its way there."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())


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
