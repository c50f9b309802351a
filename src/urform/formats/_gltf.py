"""glTF files as a viewer shows them at rest: nodes, instances, morph weights and skins applied. Source: glTF 2.0."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from urform.formats._gltf_file import GltfFile
from urform.formats._gltf_materials import GltfMaterials
from urform.formats._srgb import display_of
from urform.geometry import WHITE, Material, TexturedMesh

MOST = 40_000_000  # vertices and triangles of all instances
PLACING = 500  # vertices and triangles that take as long as placing an instance
_KINDS = _TRIANGLES, _STRIP, _FAN = 4, 5, 6
_DRACO = "KHR_draco_mesh_compression"
_INSTANCES = "EXT_mesh_gpu_instancing"
_VISIBILITY = "KHR_node_visibility"


def read_gltf(path: Path) -> TexturedMesh:
    """Read the default scene of a glTF file, its animations aside.

    Raises:
        ValueError: it is damaged, needs what is not read, or has no triangles.
    """
    return _Scene(GltfFile(path)).mesh()


class _Scene:
    def __init__(self, file: GltfFile):
        self._file = file
        self._materials = GltfMaterials(file)
        self._placed = self._matrices()
        self._made: dict[tuple[int, tuple[float, ...]], list[tuple[dict[str, Any], TexturedMesh]]] = {}
        self._not_triangles = 0
        self._size = 0  # vertices and faces of all that is shown

    def mesh(self) -> TexturedMesh:
        """All that the scene shows, as one mesh; all nodes where the file has no scene."""
        waiting, seen, parts = deque(self._shown()), set[int](), list[TexturedMesh]()
        while waiting:
            index = waiting.popleft()
            node = self._file.entry("nodes", index)
            if index in seen or not node.get("extensions", {}).get(_VISIBILITY, {}).get("visible", True):
                continue
            seen.add(index)
            waiting += node.get("children", [])
            if "mesh" in node:
                parts += self._parts(index)
        left_out = (f"{self._not_triangles} sets of lines or points, left out",) if self._not_triangles else ()
        return TexturedMesh.joined(parts, (*self._file.notes, *self._materials.notes, *left_out))

    def _shown(self) -> list[int]:
        """The roots of the default scene."""
        if self._file.list("scenes"):
            return self._file.entry("scenes", self._file.doc.get("scene", 0)).get("nodes", [])
        nodes = self._file.list("nodes")
        children = {child for node in nodes for child in node.get("children", [])}
        return [index for index in range(len(nodes)) if index not in children]

    def _matrices(self) -> dict[int, Float[np.ndarray, "4 4"]]:
        """From each node to the scene."""
        nodes = self._file.list("nodes")
        parents: dict[int, int] = {}
        for index, node in enumerate(nodes):
            for child in node.get("children", []):
                self._file.entry("nodes", child)
                if child in parents:
                    raise ValueError(f"node {child} has two parents, expected a tree")
                parents[child] = index
        waiting = [index for index in range(len(nodes)) if index not in parents]
        placed = {index: _local(nodes[index]) for index in waiting}
        while waiting:
            index = waiting.pop()
            for child in nodes[index].get("children", []):
                placed[child] = placed[index] @ _local(nodes[child])
                waiting.append(child)
        if len(placed) < len(nodes):
            raise ValueError("its nodes are one another's children, expected a tree")
        return placed

    def _parts(self, index: int) -> list[TexturedMesh]:
        """What a node shows: a part for each primitive and instance."""
        node = self._file.entry("nodes", index)
        mesh = self._file.entry("meshes", node["mesh"])
        weights = tuple(node.get("weights", mesh.get("weights", [])))
        places = [self._placed[index] @ matrix for matrix in self._instances(node)]
        parts = []
        for primitive, part in self._primitives(node["mesh"], mesh, weights):
            self._count((len(part.vertices) + len(part.faces)) * len(places) + PLACING)
            if "skin" in node:  # which says where the vertices are, wherever the node is
                parts.append(self._skinned(self._primitive(primitive, weights), primitive, node["skin"]).in_use())
                continue
            for place in places:
                placed = replace(part, vertices=part.vertices @ place[:3, :3].T + place[:3, 3])
                parts.append(placed.inside_out() if np.linalg.det(place[:3, :3]) < 0 else placed)
        return parts

    def _primitives(
        self, index: int, mesh: dict[str, Any], weights: tuple[float, ...]
    ) -> list[tuple[dict[str, Any], TexturedMesh]]:
        """What a mesh is made of, and its triangles; read once for all nodes that show it alike."""
        if (index, weights) not in self._made:
            kept = [each for each in mesh["primitives"] if _mode(each) in _KINDS]
            self._not_triangles += len(mesh["primitives"]) - len(kept)
            made = [(primitive, self._primitive(primitive, weights).in_use()) for primitive in kept]
            self._made[index, weights] = [(primitive, part) for primitive, part in made if len(part.faces)]
        return self._made[index, weights]

    def _count(self, size: int) -> None:
        self._size += size
        if self._size > MOST:
            raise ValueError("its nodes show their meshes too often, export it with fewer instances")

    def _instances(self, node: dict[str, Any]) -> list[np.ndarray]:
        """Where copies of a node's mesh stand in the node."""
        extension = node.get("extensions", {}).get(_INSTANCES)
        if extension is None:
            return [np.eye(4)]
        names = {"TRANSLATION": "translation", "ROTATION": "rotation", "SCALE": "scale"}
        columns = {names[name]: self._file.accessor(i) for name, i in extension["attributes"].items() if name in names}
        count = max(map(len, columns.values()), default=0)
        if any(len(column) != count for column in columns.values()):
            raise ValueError(f"the columns of its {_INSTANCES} have {sorted(map(len, columns.values()))} rows")
        self._count(count * PLACING)
        return [_local({name: rows[number] for name, rows in columns.items()}) for number in range(count)]

    def _primitive(self, primitive: dict[str, Any], weights: tuple[float, ...]) -> TexturedMesh:
        """The triangles of a primitive, where its mesh has them."""
        columns = self._columns(primitive)
        vertices = columns["POSITION"].astype(np.float64)
        if vertices.ndim != 2 or vertices.shape[1] != 3:
            raise ValueError(f"its positions have the shape {vertices.shape}, expected x, y and z")
        self._count(len(vertices) // 8)  # many primitives may share them
        for name, column in columns.items():
            if name != "indices" and len(column) != len(vertices):
                raise ValueError(f"{name} has {len(column)} rows, POSITION {len(vertices)}")
        for weight, target in zip(weights, primitive.get("targets", []), strict=False):
            if "POSITION" in target and weight:
                moves = self._file.accessor(target["POSITION"])
                if moves.shape != vertices.shape:
                    raise ValueError(f"a morph target has {len(moves)} vertices, its primitive {len(vertices)}")
                vertices = vertices + weight * moves
        order = columns.get("indices", np.arange(len(vertices))).reshape(-1)
        if order.dtype.kind not in "iu":
            raise ValueError("its indices are no whole numbers, or normalised ones")
        order = order.astype(np.int64)
        if order.max(initial=-1) >= len(vertices):
            raise ValueError(f"a face names vertex {order.max()}, its primitive has {len(vertices)}")
        # Draco decodes strips to triangles.
        faces = _faces(order, _TRIANGLES if _DRACO in primitive.get("extensions", {}) else _mode(primitive))
        uv, material = self._materials.of(primitive, columns, len(vertices))
        rgb = np.ones((len(vertices), 3))
        if "COLOR_0" in columns:
            rgb = display_of(columns["COLOR_0"][:, :3].astype(np.float64))
            material = material if "material" in primitive else Material(WHITE)
        return TexturedMesh(
            vertices, faces, np.nan_to_num(uv)[faces], rgb[faces], np.zeros(len(faces), np.int64), (material,)
        )

    def _columns(self, primitive: dict[str, Any]) -> dict[str, np.ndarray]:
        """Attributes of the vertices by name, and `indices`."""
        named = {**primitive["attributes"], **({"indices": primitive["indices"]} if "indices" in primitive else {})}
        packed = primitive.get("extensions", {}).get(_DRACO)
        if packed is None:
            return {name: self._file.accessor(index) for name, index in named.items()}
        import DracoPy

        decoded = DracoPy.decode(self._file.view(packed["bufferView"]))
        by_id = {entry["unique_id"]: entry["data"] for entry in decoded.attributes}
        columns = {
            name: self._file.accessor(index) for name, index in named.items() if name not in packed["attributes"]
        }
        for name, identity in packed["attributes"].items():
            values = np.asarray(by_id[identity])
            entry = self._file.entry("accessors", named[name])
            is_whole = entry.get("normalized") and values.dtype.kind in "iu"
            columns[name] = np.maximum(values / np.iinfo(values.dtype).max, -1.0) if is_whole else values
        return columns | {"indices": np.asarray(decoded.faces)}

    def _skinned(self, part: TexturedMesh, primitive: dict[str, Any], index: int) -> TexturedMesh:
        """A primitive where the joints of a skin take its vertices."""
        skin = self._file.entry("skins", index)
        for joint in skin["joints"]:
            self._file.entry("nodes", joint)
        moves = np.stack([self._placed[joint] for joint in skin["joints"]])
        if "inverseBindMatrices" in skin:
            inverse = self._file.accessor(skin["inverseBindMatrices"]).reshape(-1, 4, 4).swapaxes(1, 2)
            moves = moves @ inverse[: len(moves)]
        joints, weights = _joints(self._columns(primitive), len(part.vertices))
        if joints.max(initial=0) >= len(moves):
            raise ValueError(f"a vertex names joint {joints.max()}, its skin has {len(moves)}")
        points = np.concatenate([part.vertices, np.ones((len(part.vertices), 1))], axis=1)
        moved = np.zeros((len(part.vertices), 3))
        for joint, weight in zip(joints.T, weights.T, strict=True):
            moved += weight[:, None] * np.einsum("vij,vj->vi", moves[joint, :3], points)
        placed = replace(part, vertices=moved)
        is_mirrored = (np.linalg.det(moves[np.unique(joints[weights > 0]), :3, :3]) < 0).all() and weights.any()
        return placed.inside_out() if is_mirrored else placed


def _mode(primitive: dict[str, Any]) -> int:
    mode = primitive.get("mode", _TRIANGLES)
    if mode not in range(7):
        raise ValueError(f"a primitive has mode {str(mode)[:20]}, expected 0 to 6")
    return mode


def _joints(columns: dict[str, np.ndarray], count: int) -> tuple[Int[np.ndarray, "V J"], Float[np.ndarray, "V J"]]:
    """The joints of each vertex and their weights, which are 1 in sum; without weights it follows the first one."""
    names = [name for name in columns if name.startswith("JOINTS_")]
    if missing := [name for name in names if name.replace("JOINTS", "WEIGHTS") not in columns]:
        raise ValueError(f"a skin has {missing[0]} and no {missing[0].replace('JOINTS', 'WEIGHTS')}")
    if not names:
        return np.zeros((count, 1), np.int64), np.ones((count, 1))
    joints = np.concatenate([columns[name] for name in names], axis=1).astype(np.int64)
    weights = np.concatenate([columns[name.replace("JOINTS", "WEIGHTS")] for name in names], axis=1).astype(np.float64)
    weights[weights.sum(axis=1) <= 0] = np.eye(1, weights.shape[1])
    return joints, weights / weights.sum(axis=1, keepdims=True)


def _local(node: dict[str, Any]) -> Float[np.ndarray, "4 4"]:
    """From a node to its parent."""
    if "matrix" in node:
        matrix = np.array(node["matrix"], np.float64).reshape(4, 4).T
        if not np.allclose(matrix[3], (0, 0, 0, 1), atol=1e-4):
            raise ValueError(f"the last row of a node's matrix is {matrix[3].tolist()}, expected 0, 0, 0, 1")
        return matrix
    x, y, z, w = _unit(np.asarray(node.get("rotation", (0, 0, 0, 1)), np.float64))
    rotation = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    matrix = np.eye(4)
    matrix[:3, :3] = np.array(rotation) * np.asarray(node.get("scale", (1, 1, 1)), np.float64)
    matrix[:3, 3] = node.get("translation", (0, 0, 0))
    return matrix


def _unit(quaternion: Float[np.ndarray, " 4"]) -> Float[np.ndarray, " 4"]:
    """A quaternion of length 1, which one of few bits is not; no turn where there is none."""
    length = np.linalg.norm(quaternion)
    return quaternion / length if length > 0 else np.array([0.0, 0, 0, 1])


def _faces(order: Int[np.ndarray, " N"], mode: int) -> Int[np.ndarray, "F 3"]:
    if mode == _TRIANGLES:
        if len(order) % 3:
            raise ValueError(f"a primitive of triangles has {len(order)} corners, expected a multiple of 3")
        return order.reshape(-1, 3)
    start = np.arange(max(len(order) - 2, 0))
    if mode == _FAN:
        return np.stack([order[start + 1], order[start + 2], np.broadcast_to(order[:1], len(start))], axis=1)
    return np.stack([order[start], order[start + 1 + start % 2], order[start + 2 - start % 2]], axis=1)
