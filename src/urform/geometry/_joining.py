"""One body from the components of a mesh: what belongs to it is tied to it, the rest is dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.spatial import KDTree

from urform.geometry._triangles import label_components

if TYPE_CHECKING:
    import trimesh

GAP = 0.05
"""Normalised units; so near to the body, a component belongs to it: three cells of 128."""
LARGE = 0.1
"""Of the largest component's area; so large, a component belongs to the body wherever it is."""


class _Link(NamedTuple):
    """Where a component is nearest to the body.

    Attributes:
        distance: between the two places.
        place: on the component.
        body: on the body.
    """

    distance: float
    place: Float[np.ndarray, " 3"]
    body: Float[np.ndarray, " 3"]


def join_components(mesh: trimesh.Trimesh, gap: float = GAP, large: float = LARGE) -> trimesh.Trimesh:
    """Make one body of a closed mesh, so that no piece stays in the air.

    The body grows from the largest component. A component that is large, or near to the body, belongs to it: a thin
    bridge of six triangles joins the two where they are nearest. What is small and far away is dropped.

    Args:
        mesh: closed, faces oriented.
        gap: how near is near.
        large: how large is large, as a share of the largest component's area.

    Returns:
        A closed mesh of one component. Its `metadata` has `longest_bridge`, 0 where there is none, and counts in
        `dropped_components` what was dropped here, too.
    """
    import trimesh

    vertices, faces = np.asarray(mesh.vertices), np.asarray(mesh.faces)
    label, areas = label_components(vertices, faces)
    if len(areas) == 1:
        mesh.metadata["longest_bridge"] = 0.0
        return mesh
    links = _links(vertices, label, areas, gap, large)
    body = int(areas.argmax())
    of_body = label == body
    for number, link in links.items():
        faces = _bridged(vertices, faces, of_body, label == number, link)
        of_body |= label == number
    mesh_of_body = trimesh.Trimesh(vertices, faces[of_body[faces[:, 0]]], process=False, metadata=dict(mesh.metadata))
    mesh_of_body.remove_unreferenced_vertices()
    dropped = len(areas) - 1 - len(links)
    mesh_of_body.metadata["dropped_components"] = mesh.metadata.get("dropped_components", 0) + dropped
    mesh_of_body.metadata["longest_bridge"] = max((link.distance for link in links.values()), default=0.0)
    return mesh_of_body


def _links(
    vertices: Float[np.ndarray, "V 3"],
    label: Int[np.ndarray, " V"],
    areas: Float[np.ndarray, " K"],
    gap: float,
    large: float,
) -> dict[int, _Link]:
    """The components that belong to the body of the largest one, in the order in which it takes them up."""
    fresh, links = int(areas.argmax()), {}
    nearest = {number: _Link(np.inf, vertices[0], vertices[0]) for number in range(len(areas)) if number != fresh}
    while nearest:
        rest = np.flatnonzero(np.isin(label, list(nearest)))
        grown = vertices[label == fresh]
        distance, index = (np.asarray(part) for part in KDTree(grown).query(vertices[rest]))
        for number in nearest:
            own = np.flatnonzero(label[rest] == number)
            first = own[distance[own].argmin()]
            if distance[first] < nearest[number].distance:
                nearest[number] = _Link(float(distance[first]), vertices[rest[first]], grown[index[first]])
        belong = [n for n, link in nearest.items() if link.distance <= gap or areas[n] >= large * areas.max()]
        if not belong:
            break
        fresh = min(belong, key=lambda number: nearest[number].distance)
        links[fresh] = nearest.pop(fresh)
    return links


def _bridged(
    vertices: Float[np.ndarray, "V 3"],
    faces: Int[np.ndarray, "F 3"],
    of_body: Bool[np.ndarray, " V"],
    of_piece: Bool[np.ndarray, " V"],
    link: _Link,
) -> Int[np.ndarray, "G 3"]:
    """The faces with a bridge: a face of the body and one of the piece give way to a tube between their edges."""
    middle = vertices[faces].mean(axis=1)
    ends = []
    for side, place in ((of_body, link.place), (of_piece, link.body)):
        candidates = np.flatnonzero(side[faces].all(axis=1))
        ends.append(candidates[np.square(middle[candidates] - place).sum(axis=1).argmin()])
    here, there = faces[ends[0]], faces[ends[1]][::-1]  # the two look at each other, so one runs the other way round
    turns = [np.roll(there, turn) for turn in range(3)]
    there = min(turns, key=lambda corners: float(np.linalg.norm(vertices[corners] - vertices[here], axis=1).sum()))
    onward, across = np.roll(here, -1), np.roll(there, -1)
    tube = np.concatenate([np.stack([here, onward, across], axis=1), np.stack([here, across, there], axis=1)])
    return np.concatenate([np.delete(faces, ends, axis=0), tube])
