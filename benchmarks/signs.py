"""Sign errors on solids whose inside is known, beside plain winding numbers and ray parity.

    python benchmarks/signs.py [--samples 100000]

Method: a ball, and a chair of 20 overlapping boxes (each finely triangulated, every box closed), are damaged in seven
ways. The points are the published sample distribution around the undamaged, visible surface; the truth is analytic (in
the ball, in any of the boxes). Printed: share of points with the wrong sign, in %, and the time of the signs alone.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import igl
import numpy as np
import trimesh

from urform.geometry import Nearest, RayScene, SignedDistance, clean, hidden_sign, sample_visible_surface, solid_sign
from urform.geometry import sample_sdf as sample

Solid = tuple[np.ndarray, np.ndarray, Callable[[np.ndarray], np.ndarray]]


def ball() -> Solid:
    """A ball of radius 0.8."""
    mesh = trimesh.creation.icosphere(5, 0.8)
    return np.asarray(mesh.vertices), np.asarray(mesh.faces), lambda points: np.linalg.norm(points, axis=1) < 0.8


def chair() -> Solid:
    """Twenty boxes: seat, legs, stretchers, posts, slats, arms."""
    boxes = [((0, 0, 0), (0.8, 0.1, 0.8))]
    boxes += [((x, -0.4, z), (0.1, 0.85, 0.1)) for x in (-0.34, 0.34) for z in (-0.34, 0.34)]
    boxes += [((x, -0.5, 0), (0.06, 0.06, 0.7)) for x in (-0.34, 0.34)]
    boxes += [((0, -0.45, z), (0.7, 0.06, 0.06)) for z in (-0.34, 0.34)]
    boxes += [((x, 0.4, -0.35), (0.1, 0.85, 0.08)) for x in (-0.35, 0.35)]
    boxes += [((0, y, -0.35), (0.75, 0.1, 0.05)) for y in (0.35, 0.55, 0.75)]
    boxes += [((x, 0.3, 0), (0.08, 0.06, 0.75)) for x in (-0.37, 0.37)]
    boxes += [((x, 0.15, 0.33), (0.06, 0.35, 0.06)) for x in (-0.37, 0.37)]
    boxes += [((x, 0.3, -0.2), (0.12, 0.04, 0.2)) for x in (-0.37, 0.37)]
    assert len(boxes) == 20
    parts = []
    for centre, extent in boxes:
        part = trimesh.creation.box(extent).subdivide().subdivide().subdivide()
        part.apply_translation(centre)
        parts.append(part)
    mesh = trimesh.util.concatenate(parts)
    assert isinstance(mesh, trimesh.Trimesh)
    low = np.array([np.subtract(c, np.divide(e, 2)) for c, e in boxes])
    high = np.array([np.add(c, np.divide(e, 2)) for c, e in boxes])

    def inside(points: np.ndarray) -> np.ndarray:
        answer = np.zeros(len(points), bool)
        for a, b in zip(low, high, strict=True):
            answer |= ((points > a) & (points < b)).all(axis=1)
        return answer

    return np.asarray(mesh.vertices), np.asarray(mesh.faces), inside


def damages(vertices: np.ndarray, faces: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The solid and seven broken forms of it."""
    rng = np.random.default_rng(0)
    flipped_parts, every_third = faces.copy(), faces.copy()
    label = trimesh.graph.connected_component_labels(trimesh.graph.face_adjacency(faces), node_count=len(faces))
    turned = label % 3 == 0 if label.max() else vertices[faces].mean(axis=1)[:, 0] > 0.3
    flipped_parts[turned] = flipped_parts[turned, ::-1]
    every_third[::3] = every_third[::3, ::-1]
    wall = np.array([[-0.3, -0.03, -0.3], [0.3, -0.03, -0.3], [0.3, 0.03, 0.3], [-0.3, 0.03, 0.3]])
    upright = np.array([[0, -0.04, -0.3], [0, 0.04, -0.3], [0, 0.04, 0.3], [0, -0.04, 0.3]])
    walls = np.concatenate([wall, upright])
    quads = np.array([[0, 1, 2], [0, 2, 3], [4, 5, 6], [4, 6, 7]]) + len(vertices)
    holes = faces[rng.permutation(len(faces))[: int(0.98 * len(faces))]]
    mixed = every_third[rng.permutation(len(faces))[: int(0.98 * len(faces))]]
    return {
        "as it is": (vertices, faces),
        "2 % of the faces missing": (vertices, holes),
        "parts flipped": (vertices, flipped_parts),
        "every third face flipped": (vertices, every_third),
        "all faces doubled": (vertices, np.concatenate([faces, faces])),
        "doubled, the second flipped": (vertices, np.concatenate([faces, faces[:, ::-1]])),
        "interior walls": (np.concatenate([vertices, walls]), np.concatenate([faces, quads])),
        "third flipped, 2 % missing": (vertices, mixed),
    }


def plain_winding(vertices: np.ndarray, faces: np.ndarray, points: np.ndarray, nearest: Nearest) -> np.ndarray:
    """Winding number of the mesh as it comes."""
    return np.asarray(igl.fast_winding_number(vertices, faces, points)) > 0.5


def parity(vertices: np.ndarray, faces: np.ndarray, points: np.ndarray, nearest: Nearest) -> np.ndarray:
    """Inside where one ray crosses the mesh an odd number of times."""
    scene, direction = RayScene(vertices, faces), np.array([0.31, 0.83, 0.46])
    origins, count, active = points.copy(), np.zeros(len(points), int), np.arange(len(points))
    while len(active):
        hits = scene.first_hits(origins[active], np.broadcast_to(direction, (len(active), 3)))
        met = hits.face >= 0
        active = active[met]
        count[active] += 1
        origins[active] += (hits.distance[met] + 1e-4)[:, None] * direction
    return count % 2 == 1


def hidden(vertices: np.ndarray, faces: np.ndarray, points: np.ndarray, nearest: Nearest) -> np.ndarray:
    """None of 128 rays escapes."""
    return hidden_sign(vertices, faces)(points, nearest)


def urform(vertices: np.ndarray, faces: np.ndarray, points: np.ndarray, nearest: Nearest) -> np.ndarray:
    """What `urform prepare` does."""
    return solid_sign(vertices, faces)(points, nearest)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=100_000)
    count = parser.parse_args().samples
    methods = {"urform": urform, "winding number": plain_winding, "ray parity": parity, "128 rays": hidden}
    print(f"| solid | damage | {' | '.join(methods)} |\n|---|---|{'---|' * len(methods)}")
    seconds = dict.fromkeys(methods, 0.0)
    for name, (vertices, faces, truth) in {"ball": ball(), "chair": chair()}.items():
        rng = np.random.default_rng(0)
        vertices, faces, _ = clean(vertices, faces)
        surface, _ = sample_visible_surface(vertices, faces, 30_000, rng)
        drawn = sample(SignedDistance(vertices, faces), surface, count, 0.005, 0.0005, rng)
        points = np.concatenate([drawn.pos, drawn.neg])[:, :3].astype(np.float64)
        for damage, (broken_vertices, broken_faces) in damages(vertices, faces).items():
            cleaned = clean(broken_vertices, broken_faces)[:2]
            errors = []
            for method, run in methods.items():
                mesh = (broken_vertices, broken_faces) if run in (plain_winding, parity) else cleaned
                mesh = np.ascontiguousarray(mesh[0], np.float64), np.ascontiguousarray(mesh[1], np.int64)
                _, face, closest = map(np.asarray, igl.point_mesh_squared_distance(points, *mesh))
                started = time.perf_counter()
                inside = run(*mesh, points, Nearest(face, points - closest))
                seconds[method] += time.perf_counter() - started
                errors.append(f"{100 * (inside != truth(points)).mean():.2f}")
            print(f"| {name} | {damage} | {' | '.join(errors)} |", flush=True)
    rates = [f"{16 * count / seconds[method] / 1000:.0f}" for method in methods]
    print(f"| both | thousand signs a second | {' | '.join(rates)} |")


if __name__ == "__main__":
    main()
