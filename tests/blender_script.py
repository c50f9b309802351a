"""Runs inside Blender: installs the add-on, asks a server, writes what came into a JSON file."""

import json
import runpy
import sys

import bpy  # pyright: ignore[reportMissingImports] (it is Blender's)

addon, server, picture, result = sys.argv[sys.argv.index("--") + 1 :]
names = runpy.run_path(addon, run_name="urform_blender")
names["register"]()
settings = bpy.context.scene.urform
settings.server, settings.picture, settings.resolution = server, picture, 64
for default in list(bpy.data.objects):
    bpy.data.objects.remove(default)
found: dict[str, object] = {"outcome": list(bpy.ops.urform.reconstruct())}
made = next(thing for thing in bpy.data.objects if thing.type == "MESH")
corners = [made.matrix_world @ vertex.co for vertex in made.data.vertices]
edges = {}
for polygon in made.data.polygons:
    for edge in polygon.edge_keys:
        edges[edge] = edges.get(edge, 0) + 1
colors = made.data.color_attributes["Color"].data
found["faces"] = len(made.data.polygons)
found["low"] = [min(corner[axis] for corner in corners) for axis in range(3)]
found["high"] = [max(corner[axis] for corner in corners) for axis in range(3)]
found["closed"] = set(edges.values()) == {2}
found["colors"] = len({tuple(round(part, 2) for part in place.color_srgb[:3]) for place in colors})
scene = bpy.context.scene
scene.render.resolution_x = scene.render.resolution_y = 128
from bpy_extras.object_utils import world_to_camera_view  # noqa: E402  # pyright: ignore[reportMissingImports]

seen = [world_to_camera_view(scene, scene.camera, corner) for corner in corners]
found["seen_low"] = [min(place[axis] for place in seen) for axis in range(2)]
found["seen_high"] = [max(place[axis] for place in seen) for axis in range(2)]
settings.server = "http://127.0.0.1:9"
try:
    found["without_server"] = list(bpy.ops.urform.reconstruct())
except RuntimeError as error:
    found["without_server"] = str(error)
names["unregister"]()
with open(result, "w") as file:  # noqa: PTH123
    json.dump(found, file)
