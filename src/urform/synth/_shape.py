"""The result of a synthesis, and the assembly of parts that makes it."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import trimesh
from manifold3d import Manifold, OpType
from numpy.typing import NDArray

from urform.files import sync
from urform.synth._materials import Finish
from urform.synth._solids import Numbers


@dataclass(frozen=True)
class SyntheticShape:
    """A labelled watertight mesh, in metres, y up, the front at +z, the feet on y = 0."""

    mesh: trimesh.Trimesh
    """One closed surface without interior walls."""
    face_part: NDArray
    """Index into `part_names` of each face, (F,)."""
    part_names: tuple[str, ...]
    face_material: NDArray
    """Index into `materials` of each face, (F,)."""
    materials: tuple[Finish, ...]
    keypoints: dict[str, NDArray]
    """Named points (3,) in metres."""
    family: str
    parameters: dict[str, float | str]


class UnfitShapeError(Exception):
    """The drawn parts do not make one connected object of a sensible size; draw again."""


@dataclass
class Assembly:
    """Parts gathered one after the other, then united.

    A part's material is a role ("frame", "soft", "metal"), resolved to a color when the shape is built.
    """

    parts: list[tuple[str, str, Manifold]] = field(default_factory=list)
    keypoints: dict[str, NDArray] = field(default_factory=dict)
    parameters: dict[str, float | str] = field(default_factory=dict)

    def add(self, part: str, role: str, solid: Manifold) -> None:
        """Adds one solid."""
        self.parts.append((part, role, solid))

    def add_pair(self, part: str, role: str, solid: Manifold) -> None:
        """Adds a solid and its mirror image at the other side (x -> -x)."""
        self.add(part, role, solid)
        self.add(part, role, solid.mirror((1, 0, 0)))

    def mark(self, name: str, point: Numbers) -> None:
        """Names a point (3,) in the middle plane."""
        self.keypoints[name] = np.asarray(point, float)

    def mark_pair(self, name: str, point: Numbers) -> None:
        """Names a point (3,) and its mirror image, as `name_left` at +x (the sitter's left) and `name_right`."""
        point = np.asarray(point, float) * (1, 1, 1)
        point[0] = abs(point[0])
        self.keypoints[f"{name}_left"] = point
        self.keypoints[f"{name}_right"] = point * (-1, 1, 1)

    def note(self, **parameters: float | str) -> None:
        """Records drawn parameters."""
        self.parameters |= {k: v if isinstance(v, str) else round(float(v), 4) for k, v in parameters.items()}

    def build(self, family: str, palette: dict[str, Finish], least_faces: int = 300) -> SyntheticShape:
        """Unites the parts.

        Raises:
            UnfitShapeError: The parts are not connected, or the mesh has too few faces or more than 12,000.
        """
        originals = [solid.as_original() for _, _, solid in self.parts]
        union = Manifold.batch_boolean(originals, OpType.Add).simplify(2e-4)
        # Components of negative volume are voids that no one can see: they are filled.
        bodies = [body for body in union.decompose() if body.volume() > 0]
        if len(bodies) != 1 or not least_faces <= bodies[0].num_tri() <= 12_000:
            raise UnfitShapeError(f"{len(bodies)} bodies, {union.num_tri()} faces")
        vertices, faces, source = _arrays(bodies[0])
        floor = np.array([0.0, vertices[:, 1].min(), 0.0])
        mesh = trimesh.Trimesh(vertices - floor, faces, process=False)
        owner = {solid.original_id(): i for i, solid in enumerate(originals)}
        part_of_face = np.array([owner[s] for s in source])
        part_names = tuple(dict.fromkeys(part for part, _, _ in self.parts))
        materials = tuple(dict.fromkeys(palette[role] for _, role, _ in self.parts))
        return SyntheticShape(
            mesh=mesh,
            face_part=np.array([part_names.index(part) for part, _, _ in self.parts])[part_of_face],
            part_names=part_names,
            face_material=np.array([materials.index(palette[role]) for _, role, _ in self.parts])[part_of_face],
            materials=materials,
            keypoints={name: point - floor for name, point in self.keypoints.items()},
            family=family,
            parameters=self.parameters,
        )


def _arrays(body: Manifold) -> tuple[NDArray, NDArray, NDArray]:
    """Vertices (V, 3), faces (F, 3) and, for each face, the original id of its solid (F,)."""
    mesh = body.to_mesh64()
    target = np.arange(len(mesh.vert_properties))
    target[np.asarray(mesh.merge_from_vert, int)] = np.asarray(mesh.merge_to_vert, int)
    used, faces = np.unique(target[np.asarray(mesh.tri_verts, int)], return_inverse=True)
    run_lengths = np.diff(np.asarray(mesh.run_index, int)) // 3
    source = np.repeat(np.asarray(mesh.run_original_id, int), run_lengths)
    return np.asarray(mesh.vert_properties)[used, :3], faces.reshape(-1, 3), source


def save_shape(shape: SyntheticShape, folder: Path) -> None:
    """Writes model.obj, model.mtl and shape.json into `folder`, which appears complete or not at all.

    Raises:
        ValueError: the folder has something else in it.
    """
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise ValueError(f"{folder}: is there and holds no synthetic object, choose another folder")
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    (unfinished / "model.obj").write_text(_obj(shape))
    (unfinished / "model.mtl").write_text(
        "".join("newmtl {}\nKd {:.4f} {:.4f} {:.4f}\n\n".format(m.name, *m.rgb) for m in shape.materials)
    )
    description = {
        "family": shape.family,
        "parameters": shape.parameters,
        "keypoints": {name: np.round(point, 6).tolist() for name, point in shape.keypoints.items()},
    }
    (unfinished / "shape.json").write_text(json.dumps(description, indent=1) + "\n")
    for path in unfinished.iterdir():
        sync(path)
    unfinished.rename(folder)  # takes the place of an empty one


def _obj(shape: SyntheticShape) -> str:
    """Wavefront text: one vertex list, the faces grouped by part and material."""
    lines = ["mtllib model.mtl"]
    lines += ["v {:.9f} {:.9f} {:.9f}".format(*v) for v in shape.mesh.vertices]
    for part, name in enumerate(shape.part_names):
        for material, surface in enumerate(shape.materials):
            chosen = (shape.face_part == part) & (shape.face_material == material)
            if chosen.any():
                lines += [f"g {name}", f"usemtl {surface.name}"]
                lines += ["f {} {} {}".format(*f) for f in shape.mesh.faces[chosen] + 1]
    return "\n".join(lines) + "\n"
