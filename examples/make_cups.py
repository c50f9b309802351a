"""Makes a small collection of cups, for the tutorial: python examples/make_cups.py FOLDER [COUNT]

Each cup is watertight, y up, in a folder of its own; its handle points to +x. Run it with the Python that has urform.
"""

import sys
from pathlib import Path

import numpy as np
import trimesh

COUNT = 80


def body(height: float, top: float, foot: float, bulge: float, wall: float) -> trimesh.Trimesh:
    """The cup without a handle: an outline turned around the y axis."""
    up = np.linspace(0, 1, 24)
    outer = foot + (top - foot) * up + bulge * np.sin(np.pi * up)
    outside = np.stack([outer, up * height], axis=1)
    inside = np.stack([np.maximum(outer - wall, 0.02), np.maximum(up * height, wall)], axis=1)[::-1]
    outline = np.concatenate([[[0, 0]], outside, inside, [[0, wall]]])
    return trimesh.creation.revolve(outline, sections=64)  # turned around z


def handle(height: float, radius: float, reach: float, thick: float, square: float) -> trimesh.Trimesh:
    """A ring, round or nearly square, of which the cup's wall cuts away a half."""
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    ring = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ring /= (np.abs(ring) ** square).sum(axis=1, keepdims=True) ** (1 / square)
    path = np.stack([radius + reach * ring[:, 0], np.zeros(48), height * (0.5 + 0.32 * ring[:, 1])], axis=1)
    along = np.roll(path, -1, axis=0) - np.roll(path, 1, axis=0)
    across = np.cross(along / np.linalg.norm(along, axis=1, keepdims=True), [0.0, 1.0, 0.0])
    around = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    offsets = np.cos(around)[:, None] * across[:, None] + np.sin(around)[:, None] * np.array([0.0, 1.0, 0.0])
    numbers = np.arange(48 * 24).reshape(48, 24)
    first, right, down = numbers, np.roll(numbers, -1, axis=1), np.roll(numbers, -1, axis=0)
    corner = np.roll(right, -1, axis=0)
    faces = np.concatenate([np.stack([first, right, corner], axis=2), np.stack([first, corner, down], axis=2)])
    mesh = trimesh.Trimesh((path[:, None] + thick * offsets).reshape(-1, 3), faces.reshape(-1, 3), process=False)
    trimesh.repair.fix_normals(mesh)
    return mesh


def cup(generator: np.random.Generator) -> trimesh.Trimesh:
    """One cup: a mug, a tea cup or a beaker."""
    top, height = 0.5, generator.uniform(0.6, 1.6)
    foot, bulge = top * generator.uniform(0.45, 1.05), generator.uniform(-0.04, 0.16)
    wall = generator.uniform(0.05, 0.09)
    mesh = body(height, top, foot, bulge, wall)
    if generator.random() < 0.85:
        thick = generator.uniform(0.045, 0.08)
        middle = (top + foot) / 2 + bulge - wall / 2
        ring = handle(height, middle, generator.uniform(0.25, 0.45), thick, generator.choice([2.0, 2.0, 4.0]))
        hollow = body_hollow(height, top, foot, bulge, wall)
        mesh = trimesh.boolean.union([mesh, trimesh.boolean.difference([ring, hollow])])
    mesh.apply_transform(trimesh.transformations.rotation_matrix(-np.pi / 2, [1, 0, 0]))
    mesh.visual = trimesh.visual.TextureVisuals(
        material=trimesh.visual.material.PBRMaterial(baseColorFactor=[*generator.uniform(0.2, 0.95, 3), 1.0])
    )
    return mesh


def body_hollow(height: float, top: float, foot: float, bulge: float, wall: float) -> trimesh.Trimesh:
    """The space that a cup holds, and what lies above it: no handle reaches into it."""
    up = np.linspace(0, 1, 24)
    inner = np.maximum(foot + (top - foot) * up + bulge * np.sin(np.pi * up) - wall / 2, 0.02)
    outline = np.concatenate([[[0, -1]], [[inner[0], -1]], np.stack([inner, up * height], axis=1)])
    outline = np.concatenate([outline, [[inner[-1], height + 1], [0, height + 1]]])
    return trimesh.creation.revolve(outline, sections=64)


def main() -> None:
    """Write the collection."""
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    for index in range(int(sys.argv[2]) if len(sys.argv) == 3 else COUNT):
        folder = Path(sys.argv[1]) / f"cup{index:02d}"
        folder.mkdir(parents=True, exist_ok=True)
        cup(np.random.default_rng(index)).export(folder / "model.glb")


if __name__ == "__main__":
    main()
