"""What is true of the shapes of a data folder: their stored surfaces, and the meshes that they were prepared from."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from urform.data import DataFolder, ShapeKey
from urform.formats import load_mesh
from urform.geometry import (
    UPRIGHT,
    Normalisation,
    SignedDistance,
    SignMethod,
    Solid,
    Up,
    clean,
    guarded_sign,
    hidden_sign,
    solid_sign,
    up_of,
    winding_sign,
)
from urform.sources import Source, find_sources, local_copy

_SIGNS: dict[str, SignMethod] = {
    "solid": solid_sign,
    "winding": winding_sign,
    "guarded": guarded_sign,
    "hidden": hidden_sign,
}
_SAME = 1e-3  # normalised units that a mesh's place and size may differ from those it was prepared with


class TrueMeshes:
    """Finds the meshes of shapes by the folders that `.datasources.json` names, as `urform prepare` wrote them there.

    Args:
        data: the data folder.
    """

    def __init__(self, data: DataFolder):
        self._data = data
        self._places: dict[str, str] | None = None
        self._sources: dict[tuple[str, str], dict[ShapeKey, Source]] = {}

    def found(self, keys: Iterable[ShapeKey]) -> list[ShapeKey]:
        """Those of the shapes that have their mesh."""
        answer = []
        for key in keys:
            try:
                self.source(key)
            except (FileNotFoundError, ValueError):
                continue
            answer.append(key)
        return answer

    def source(self, key: ShapeKey) -> Source:
        """Where the mesh of a shape lies.

        Raises:
            FileNotFoundError: it is not there; the message names the shape and the folder.
            ValueError: it cannot be read, by its name alone.
        """
        place = self._place(key)
        group = (key.dataset, key.category)
        if group not in self._sources:
            where = place if "://" in place else Path(place)
            try:
                sources = find_sources(where, key.dataset, key.category, self._data.root / ".sources")
            except (FileNotFoundError, ValueError) as error:
                raise FileNotFoundError(f"the mesh of {key} is needed: {error}") from error
            self._sources[group] = {source.key: source for source in sources}
        source = self._sources[group].get(key)
        if source is None:
            raise FileNotFoundError(f"{place}: has no mesh of {key}, which it was prepared from")
        if source.problem:
            raise ValueError(source.problem)
        return source

    def solid(self, key: ShapeKey) -> Solid:
        """The mesh of a shape in normalised space, its inside told by the sign method that it was prepared with.

        Raises:
            FileNotFoundError: it is not there.
            ValueError: it cannot be read, or is another mesh than that.
        """
        source = self.source(key)
        with local_copy(source) as path:
            mesh = load_mesh(path).turned(UPRIGHT[up_of(path, self._up(key))])
        if source.rotation:
            mesh = mesh.turned(np.reshape(source.rotation, (3, 3)))
        stored, own = self._data.normalisation(key), Normalisation.of(mesh.vertices)
        moved = float(np.abs(stored.offset - own.offset).max()) * stored.scale
        if moved > _SAME or abs(stored.scale / own.scale - 1) > _SAME:
            raise ValueError(f"{source.place}: is not the mesh that {key} was prepared from; prepare it again")
        vertices, faces, _ = clean(stored.apply(mesh.vertices), mesh.faces)
        sign = _SIGNS[self._sign(key)]

        def contains(points: np.ndarray) -> np.ndarray:
            return SignedDistance(vertices, faces, sign)(points) < 0

        return Solid(vertices, faces, contains, visible=True)

    def _place(self, key: ShapeKey) -> str:
        """The folder, list, library or URL of the meshes of the shape's dataset."""
        file = self._data.datasources_path
        if self._places is None:
            self._places = self._data.datasources()
        if key.dataset not in self._places:
            raise FileNotFoundError(
                f'{file}: names no folder for the mesh of {key}; expected {{"{key.dataset}": FOLDER}} in it, '
                "as `urform prepare` writes it"
            )
        return self._places[key.dataset]

    def _sign(self, key: ShapeKey) -> str:
        name = self._report(key).get("sign")
        return name if isinstance(name, str) and name in _SIGNS else "solid"

    def _up(self, key: ShapeKey) -> Up:
        return "z" if self._report(key).get("up") == "z" else "y"

    def _report(self, key: ShapeKey) -> dict[str, Any]:
        """The report of a shape; empty where another program prepared it."""
        try:
            return dict(json.loads(self._data.report_path(key).read_text()))
        except (OSError, ValueError, TypeError, RecursionError):
            return {}


def stored_surface(data: DataFolder, key: ShapeKey) -> Float[np.ndarray, "N 3"]:
    """The surface points of a shape in normalised space.

    Raises:
        FileNotFoundError: there are none.
        ValueError: the file is damaged or has no points.
    """
    path = data.surface_path(key)
    try:
        points = data.normalisation(key).apply(data.surface(key))
    except AttributeError as error:  # what trimesh makes of a file without points has no vertices
        raise ValueError(f"{path}: has no surface points; prepare the shape again") from error
    except ValueError as error:
        raise ValueError(f"{path}: cannot be read as surface points ({error}); prepare the shape again") from error
    if not len(points) or not np.isfinite(points).all():
        raise ValueError(f"{path}: has no surface points, or some are not finite; prepare the shape again")
    return points
