"""Blender add-on: a picture to a mesh, by a server that `urform serve` runs.

Install this one file (Edit > Preferences > Add-ons > Install), start `urform serve`, and open the tab "urform" in the
sidebar of the 3D view. The mesh comes with its colors and with the camera of the photograph. Blender's own Python is
enough; nothing else is installed.
"""

import base64
import json
import math
import struct
import urllib.error
import urllib.request
import uuid
from array import array
from pathlib import Path

import bpy
from bpy.props import BoolProperty, IntProperty, PointerProperty, StringProperty
from mathutils import Matrix, Vector

bl_info = {
    "name": "urform: picture to mesh",
    "author": "The urform authors",
    "version": (0, 1, 0),
    "blender": (3, 2, 0),
    "location": "3D view > Sidebar > urform",
    "description": "Turns one picture of an object into a watertight mesh",
    "category": "Import-Export",
}
TIMEOUT_S = 120
SENSOR_MM = 36.0


class UrformError(Exception):
    """What the server, or the network, has to say."""


def ask(server, picture, fields):
    """Send a picture to the server and give its answer as a dictionary."""
    parted = uuid.uuid4().hex
    parts = [(f'name="{name}"', str(value).encode()) for name, value in fields.items()]
    parts.append(('name="picture"; filename="picture"', picture))
    body = b"".join(
        f"--{parted}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    )
    kind = {"Content-Type": f"multipart/form-data; boundary={parted}"}
    address = server.rstrip("/") + "/api/reconstruct"
    try:
        request = urllib.request.Request(address, body + f"--{parted}--\r\n".encode(), kind)
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            raise UrformError(json.load(error).get("error", str(error))) from None
    except (OSError, ValueError) as error:
        raise UrformError(f"no answer from {server} ({error}); is `urform serve` running?") from None


def read_glb(content):
    """Vertices, faces and colors (or None) of a GLB file of one mesh, as Blender has them: z up."""
    (length,) = struct.unpack_from("<I", content, 12)
    tree = json.loads(content[20 : 20 + length])
    start = 28 + length
    kinds = {5121: ("B", 1), 5123: ("H", 2), 5125: ("I", 4), 5126: ("f", 4)}
    widths = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}

    def read(index):
        accessor = tree["accessors"][index]
        view = tree["bufferViews"][accessor["bufferView"]]
        code, size = kinds[accessor["componentType"]]
        width = widths[accessor["type"]]
        first = start + view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        values = array(code, content[first : first + accessor["count"] * width * size])
        return [tuple(values[i : i + width]) for i in range(0, len(values), width)]

    primitive = tree["meshes"][0]["primitives"][0]
    vertices = [(x, -z, y) for x, y, z in read(primitive["attributes"]["POSITION"])]
    corners = [corner for (corner,) in read(primitive["indices"])]
    faces = [tuple(corners[i : i + 3]) for i in range(0, len(corners), 3)]
    color = primitive["attributes"].get("COLOR_0")
    # Linear, as Blender keeps them, too.
    colors = None if color is None else [tuple(part / 65535 for part in row) for row in read(color)]
    return vertices, faces, colors


def add_mesh(name, content):
    """Put the mesh of a GLB file into the scene; gives the object."""
    vertices, faces, colors = read_glb(content)
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices, [], faces)
    for polygon in mesh.polygons:
        polygon.use_smooth = True
    if colors is not None:
        attribute = mesh.color_attributes.new("Color", "BYTE_COLOR", "POINT")
        for place, color in zip(attribute.data, colors):
            place.color = color
        mesh.materials.append(colored_material())
    created = bpy.data.objects.new(name, mesh)
    bpy.context.collection.objects.link(created)
    bpy.context.view_layer.objects.active = created
    created.select_set(True)
    return created


def colored_material():
    """A matt material in the colors of the vertices."""
    material = bpy.data.materials.get("urform") or bpy.data.materials.new("urform")
    material.use_nodes = True
    nodes = material.node_tree.nodes
    surface = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    surface.inputs["Roughness"].default_value = 0.9
    colors = next((node for node in nodes if node.type == "VERTEX_COLOR"), None) or nodes.new("ShaderNodeVertexColor")
    colors.layer_name = "Color"
    material.node_tree.links.new(colors.outputs["Color"], surface.inputs["Base Color"])
    return material


def add_camera(name, said):
    """Put the camera of the photograph into the scene, and look through it."""
    azimuth, elevation, roll = (math.radians(said[part]) for part in ("azimuth_deg", "elevation_deg", "roll_deg"))
    direction = Vector(
        (math.cos(elevation) * math.cos(azimuth), -math.cos(elevation) * math.sin(azimuth), math.sin(elevation))
    )
    x, y, z = said["target"]
    target = Vector((x, -z, y))
    data = bpy.data.cameras.new(name)
    data.sensor_width = SENSOR_MM
    data.angle = math.radians(said["fov_deg"])
    camera = bpy.data.objects.new(name, data)
    turn = direction.to_track_quat("Z", "Y").to_matrix().to_4x4() @ Matrix.Rotation(-roll, 4, "Z")
    camera.matrix_world = Matrix.Translation(target + said["distance"] * direction) @ turn
    bpy.context.collection.objects.link(camera)
    bpy.context.scene.camera = camera
    return camera


class UrformSettings(bpy.types.PropertyGroup):
    """What the panel asks for."""

    server: StringProperty(name="Server", default="http://127.0.0.1:7860")  # type: ignore[valid-type]
    picture: StringProperty(name="Picture", subtype="FILE_PATH")  # type: ignore[valid-type]
    category: StringProperty(  # type: ignore[valid-type]
        name="Category", default="auto", description="A category of the server; auto: the one that the picture shows"
    )
    resolution: IntProperty(name="Cells along an axis", default=128, min=8, max=256)  # type: ignore[valid-type]
    camera: BoolProperty(name="Add the camera", default=True)  # type: ignore[valid-type]


class UrformReconstruct(bpy.types.Operator):
    """Turn the picture into a mesh."""

    bl_idname = "urform.reconstruct"
    bl_label = "Picture to mesh"
    bl_options = {"REGISTER", "UNDO"}

    def execute(self, context):
        """Ask the server and build what it answers."""
        settings = context.scene.urform
        path = Path(bpy.path.abspath(settings.picture))
        fields = {"category": settings.category, "resolution": settings.resolution}
        try:
            answer = ask(settings.server, path.read_bytes(), fields)
        except (UrformError, OSError) as error:
            self.report({"ERROR"}, f"urform: {error}")
            return {"CANCELLED"}
        for warning in answer["warnings"]:
            self.report({"WARNING"}, warning)
        add_mesh(path.stem, base64.b64decode(answer["mesh"]))
        if settings.camera and answer["camera"]:
            add_camera(f"{path.stem} camera", answer["camera"])
        return {"FINISHED"}


class UrformPanel(bpy.types.Panel):
    """The tab in the sidebar."""

    bl_idname = "VIEW3D_PT_urform"
    bl_label = "urform"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "urform"

    def draw(self, context):
        """Draw settings and button."""
        for name in ("server", "picture", "category", "resolution", "camera"):
            self.layout.prop(context.scene.urform, name)
        self.layout.operator(UrformReconstruct.bl_idname)


CLASSES = (UrformSettings, UrformReconstruct, UrformPanel)


def register():
    """Called by Blender when the add-on is switched on."""
    for kind in CLASSES:
        bpy.utils.register_class(kind)
    bpy.types.Scene.urform = PointerProperty(type=UrformSettings)


def unregister():
    """Called by Blender when the add-on is switched off."""
    del bpy.types.Scene.urform
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)


if __name__ == "__main__":
    register()
