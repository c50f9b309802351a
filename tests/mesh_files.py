"""Mesh files of one box, 1 x 2 x 3, written in all the ways that formats know: the material of the tests of reading."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

BOX = np.array([[x, y, z] for x in (0, 1) for y in (0, 2) for z in (0, 3)], np.float64)
QUADS = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
TRIANGLES = QUADS[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)
U_OUTLINE = np.array([[0, 0], [3, 0], [3, 3], [2, 3], [2, 1], [1, 1], [1, 3], [0, 3]])
U = np.array([[x, y, z] for z in (0, 1) for x, y in U_OUTLINE], np.float64)
"""A prism with a notch: its floor and its ceiling are concave; area 30, 14 of them in these two."""
U_POLYGONS = [
    [*range(7, -1, -1)],
    [*range(8, 16)],
    *([i, (i + 1) % 8, (i + 1) % 8 + 8, i + 8] for i in range(8)),
]
COMPONENTS = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "u4": 5125, "f4": 5126}
KINDS = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}


class Gltf:
    """A glTF document that grows: arrays become accessors, the rest is written into `doc`."""

    def __init__(self) -> None:
        self.doc: dict[str, Any] = {
            "asset": {"version": "2.0"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0}],
            "meshes": [{"primitives": [{"attributes": {}}]}],
            "accessors": [],
            "bufferViews": [],
        }
        self.data = b""

    @property
    def primitive(self) -> dict[str, Any]:
        return self.doc["meshes"][0]["primitives"][0]

    def view(self, content: bytes, **more: Any) -> int:
        self.data += bytes(-len(self.data) % 4)
        view = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content), **more}
        self.doc["bufferViews"].append(view)
        self.data += content
        return len(self.doc["bufferViews"]) - 1

    def array(self, values: Any, kind: str = "f4", pad: int = 0, **more: Any) -> int:
        """An accessor of the values; `pad` unused bytes follow each row."""
        rows = np.asarray(values, f"<{kind}")
        accessor = {"componentType": COMPONENTS[kind], "count": len(rows), "type": KINDS[rows.shape[1:]], **more}
        if kind == "f4" and rows.ndim == 2:
            accessor |= {"min": rows.min(axis=0).tolist(), "max": rows.max(axis=0).tolist()}
        if rows.ndim == 3:
            rows = rows.swapaxes(1, 2)  # glTF stores columns
        flat = np.ascontiguousarray(rows).reshape(len(rows), -1).view(np.uint8)
        stride = {"byteStride": flat.shape[1] + pad} if pad else {}
        content = np.concatenate([flat, np.full((len(flat), pad), 7, np.uint8)], axis=1).tobytes()
        self.doc["accessors"].append({"bufferView": self.view(content, **stride), **accessor})
        return len(self.doc["accessors"]) - 1

    def glb(self) -> bytes:
        doc = {**self.doc, "buffers": [{"byteLength": len(self.data)}, *self.doc.get("buffers", [])]}
        text = json.dumps(doc).encode()
        chunks = [(b"JSON", text + b" " * (-len(text) % 4)), (b"BIN\0", self.data + bytes(-len(self.data) % 4))]
        body = b"".join(struct.pack("<I", len(content)) + kind + content for kind, content in chunks)
        return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def box(vertices: np.ndarray = BOX) -> Gltf:
    """The plain twin."""
    file = Gltf()
    file.primitive["attributes"]["POSITION"] = file.array(vertices)
    file.primitive["indices"] = file.array(TRIANGLES.ravel(), "u2")
    return file


def quantised() -> Gltf:
    file = Gltf()
    file.doc["extensionsRequired"] = file.doc["extensionsUsed"] = ["KHR_mesh_quantization"]
    file.primitive["attributes"]["POSITION"] = file.array(BOX * 10_000, "i2", pad=2, normalized=True)
    file.primitive["indices"] = file.array(TRIANGLES.ravel(), "u1")
    file.doc["nodes"] = [{"mesh": 0, "scale": [3.2767] * 3}]
    return file


def quantised_plain_integers() -> Gltf:
    file = Gltf()
    file.doc["extensionsRequired"] = file.doc["extensionsUsed"] = ["KHR_mesh_quantization"]
    file.primitive["attributes"]["POSITION"] = file.array(BOX * 10, "u1", pad=1)
    file.primitive["indices"] = file.array(TRIANGLES.ravel(), "u1")
    file.doc["nodes"] = [{"mesh": 0, "scale": [0.1, 0.1, 0.1]}]
    return file


def _sparse(file: Gltf, accessor: int, rows: Any, values: Any, kind: str) -> None:
    file.doc["accessors"][accessor]["sparse"] = {
        "count": len(rows),
        "indices": {"bufferView": file.view(np.array(rows, "<u2").tobytes()), "componentType": 5123},
        "values": {"bufferView": file.view(np.array(values, f"<{kind}").tobytes())},
    }


def sparse() -> Gltf:
    wrong = BOX.copy()
    wrong[[1, 6]] = 9
    file = box(wrong)
    _sparse(file, 0, [1, 6], BOX[[1, 6]], "f4")
    return file


def sparse_without_base() -> Gltf:
    file = box()
    del file.doc["accessors"][0]["bufferView"]
    _sparse(file, 0, range(1, 8), BOX[1:], "f4")
    return file


def sparse_indices() -> Gltf:
    file = box()
    wrong = TRIANGLES.ravel().copy()
    wrong[[5, 9]] = 0
    file.primitive["indices"] = file.array(wrong, "u2")
    _sparse(file, file.primitive["indices"], [5, 9], TRIANGLES.ravel()[[5, 9]], "u2")
    return file


def morph() -> Gltf:
    file = box(BOX * [1, 1, 0.5])
    target = file.array(BOX * [0, 0, 1])
    other = file.array(BOX * [5, 0, 0])
    file.primitive["targets"] = [{"POSITION": target}, {"POSITION": other}]
    file.doc["meshes"][0]["weights"] = [0.5, 0]
    return file


def morph_of_node() -> Gltf:
    file = morph()
    file.doc["meshes"][0]["weights"] = [0, 1]
    file.doc["nodes"][0]["weights"] = [0.5, 0]
    return file


def skin() -> Gltf:
    """Upper and lower vertices follow two joints; the node of the mesh is elsewhere, which says nothing."""
    file = box(BOX * [1, 0.5, 1])
    upper = BOX[:, 1] > 0
    joints = np.zeros((8, 4), int)
    joints[upper, 0] = 1
    weights = np.zeros((8, 4))
    weights[:, 0] = 1
    file.primitive["attributes"] |= {"JOINTS_0": file.array(joints, "u1"), "WEIGHTS_0": file.array(weights)}
    matrices = np.stack([np.eye(4), np.eye(4)])
    matrices[1, 1, 3] = 4
    file.doc["skins"] = [{"joints": [1, 2], "inverseBindMatrices": file.array(matrices)}]
    file.doc["nodes"] = [
        {"mesh": 0, "skin": 0, "translation": [7, 7, 7], "scale": [9, 1, 1]},
        {"children": [2]},
        {"translation": [0, -3, 0]},
    ]
    file.doc["scenes"] = [{"nodes": [0, 1]}]
    return file


def skin_of_rough_weights() -> Gltf:
    """The weights of a vertex are half of what they should be, or missing."""
    file = skin()
    rough = np.zeros((8, 4))
    rough[BOX[:, 1] > 0, 0] = 0.5
    file.primitive["attributes"]["WEIGHTS_0"] = file.array(rough)
    return file


def skin_of_bytes() -> Gltf:
    """Two sets of joints, with weights of a byte each."""
    file = skin()
    joints = np.tile((BOX[:, 1:2] > 0).astype(int), 4)
    for number, weight in enumerate((153, 102)):
        weights = np.zeros((8, 4))
        weights[:, number] = weight
        file.primitive["attributes"] |= {
            f"JOINTS_{number}": file.array(joints, "u2"),
            f"WEIGHTS_{number}": file.array(weights, "u1", normalized=True),
        }
    return file


def mirrored() -> Gltf:
    """A matrix that mirrors, above a scale that mirrors two axes."""
    file = box()
    matrix = np.diag([-2.0, 1, 1, 1])
    file.doc["nodes"] = [{"matrix": matrix.ravel().tolist(), "children": [1]}, {"mesh": 0, "scale": [0.5, -1, -1]}]
    return file


def long_quaternion() -> Gltf:
    """A rotation whose four numbers are too long together, as those of few bits are."""
    file = box(BOX[:, [0, 2, 1]])
    file.doc["nodes"][0]["rotation"] = [1, 0, 0, 1]
    return file


def colored_bytes() -> Gltf:
    file = box()
    file.primitive["attributes"]["COLOR_0"] = file.array(np.full((8, 4), 128), "u1", normalized=True)
    return file


def sparse_normals() -> Gltf:
    file = box()
    file.primitive["attributes"]["NORMAL"] = file.array(np.tile([0, 0, 1], (8, 1)))
    _sparse(file, file.primitive["attributes"]["NORMAL"], [1], [[0, 1, 0]], "f4")
    return file


def morph_of_sparse_bytes() -> Gltf:
    """A target that moves few vertices, by whole numbers."""
    file = box(BOX * [1, 1, 0.5])
    file.doc["extensionsRequired"] = ["KHR_mesh_quantization"]
    target = file.array(np.zeros((8, 3)), "i1", pad=1)
    _sparse(file, target, [1, 3, 5, 7], (BOX * [0, 0, 10])[[1, 3, 5, 7]], "i1")
    file.primitive["targets"], file.doc["meshes"][0]["weights"] = [{"POSITION": target}], [0.05]
    return file


def instances() -> Gltf:
    """Two halves, open where they meet, of which one is turned; both are made 3 long."""
    file = Gltf()
    file.doc["extensionsUsed"] = ["EXT_mesh_gpu_instancing"]
    open_half = TRIANGLES[[*range(6), *range(8, 12)]]  # without the faces at the greatest y
    file.primitive["attributes"]["POSITION"] = file.array(BOX * [1, 0.5, 1 / 3])
    file.primitive["indices"] = file.array(open_half.ravel(), "u2")
    places = {
        "TRANSLATION": file.array([[0, 0, 0], [1, 2, 0]]),
        "ROTATION": file.array([[0, 0, 0, 127], [0, 0, 127, 0]], "i1", normalized=True),
        "SCALE": file.array([[1, 1, 3], [1, 1, 3]]),
    }
    file.doc["nodes"][0]["extensions"] = {"EXT_mesh_gpu_instancing": {"attributes": places}}
    return file


def _primitives(kind: int, runs: list[list[int]], indexed: bool = True) -> Gltf:
    file = Gltf()
    position = file.array(BOX)
    file.doc["meshes"][0]["primitives"] = [
        {"attributes": {"POSITION": position}, "indices": file.array(run, "u2"), "mode": kind}
        if indexed
        else {"attributes": {"POSITION": file.array(BOX[run])}, "mode": kind}
        for run in runs
    ]
    return file


def fans() -> Gltf:
    return _primitives(6, QUADS.tolist())


def fans_without_indices() -> Gltf:
    return _primitives(6, QUADS.tolist(), indexed=False)


def strips() -> Gltf:
    return _primitives(5, QUADS[:, [0, 1, 3, 2]].tolist())


def strips_without_indices() -> Gltf:
    return _primitives(5, QUADS[:, [0, 1, 3, 2]].tolist(), indexed=False)


def triangles_without_indices() -> Gltf:
    return _primitives(4, [TRIANGLES.ravel().tolist()], indexed=False)


def interleaved() -> Gltf:
    file = box()
    file.primitive["attributes"]["POSITION"] = file.array(BOX, pad=8)
    return file


def nodes() -> Gltf:
    """A box that is put together again by its nodes: a matrix, then translation, rotation and scale."""
    file = box(BOX[:, [1, 2, 0]] * 0.5)
    half = np.eye(4)
    half[:3, :3] *= 2
    half[:3, 3] = [5, 6, 7]
    # (y, z, x) to (x, y, z): a turn by 120 degrees around (1, 1, 1).
    file.doc["nodes"] = [
        {"matrix": half.T.ravel().tolist(), "children": [1]},
        {"mesh": 0, "rotation": [0.5, 0.5, 0.5, 0.5], "translation": [1, 0, 0], "scale": [1, 1, 1]},
    ]
    return file


def no_default_scene() -> Gltf:
    file = box()
    del file.doc["scene"]
    return file


def draco() -> Gltf:
    import DracoPy

    file = Gltf()
    content = DracoPy.encode(BOX.astype(np.float32), TRIANGLES.astype(np.uint32), quantization_bits=0)
    file.doc["extensionsRequired"] = file.doc["extensionsUsed"] = ["KHR_draco_mesh_compression"]
    file.doc["accessors"] = [
        {"componentType": 5126, "count": 8, "type": "VEC3"},
        {"componentType": 5125, "count": 36, "type": "SCALAR"},
    ]
    file.primitive["attributes"] = {"POSITION": 0}
    file.primitive["indices"] = 1
    compressed = {"bufferView": file.view(content), "attributes": {"POSITION": 0}}
    file.primitive["extensions"] = {"KHR_draco_mesh_compression": compressed}
    return file


def draco_strips() -> Gltf:
    """What Draco packs are triangles, also where the primitive is a strip."""
    file = draco()
    file.primitive["mode"] = 5
    return file


SAME_BOX = (
    box,
    colored_bytes,
    draco,
    draco_strips,
    fans,
    fans_without_indices,
    instances,
    interleaved,
    long_quaternion,
    mirrored,
    morph,
    morph_of_node,
    morph_of_sparse_bytes,
    no_default_scene,
    nodes,
    quantised,
    quantised_plain_integers,
    skin,
    skin_of_bytes,
    skin_of_rough_weights,
    sparse,
    sparse_indices,
    sparse_normals,
    sparse_without_base,
    strips,
    strips_without_indices,
    triangles_without_indices,
)


def obj(vertices: np.ndarray = BOX, polygons: Any = QUADS) -> str:
    lines = [f"v {x:g} {y:g} {z:g}" for x, y, z in vertices]
    return "\n".join([*lines, *(f"f {' '.join(str(i + 1) for i in face)}" for face in polygons), ""])


def negative_obj() -> str:
    """Vertices and faces take turns, and each face counts backwards from its own line."""
    lines = []
    for face in QUADS:
        lines += [f"v {x:g} {y:g} {z:g}" for x, y, z in BOX[face]]
        lines.append("f -4 -3 -2 -1")
    return "\n".join(lines) + "\n"


def off(vertices: np.ndarray, polygons: Any, color: str = "") -> str:
    rows = [" ".join(map(str, row)) for row in vertices.tolist()]
    faces = [" ".join(map(str, [len(face), *face])) + color for face in polygons]
    return "\n".join(["OFF", f"{len(rows)} {len(faces)} 0", *rows, *faces, ""])


def ply(vertices: np.ndarray, polygons: Any, order: str = "<", more: dict[str, np.ndarray] | None = None) -> bytes:
    """A PLY file in text (`=`) or binary (`<`, `>`), with more columns of the vertices, floats or bytes."""
    more = more or {}
    kinds = {"=": "ascii", "<": "binary_little_endian", ">": "binary_big_endian"}
    properties = [f"property {'uchar' if value.dtype == np.uint8 else 'float'} {name}" for name, value in more.items()]
    header = [
        f"ply\nformat {kinds[order]} 1.0\nelement vertex {len(vertices)}",
        *(f"property float {axis}" for axis in "xyz"),
        *properties,
        f"element face {len(polygons)}\nproperty uchar flag\nproperty list uchar int vertex_indices\nend_header\n",
    ]
    head = "\n".join(header).encode()
    if order == "=":
        rows = [[*row, *(value[i] for value in more.values())] for i, row in enumerate(vertices.tolist())]
        rows += [[9, len(face), *face] for face in polygons]
        return head + "".join(" ".join(map(str, row)) + "\n" for row in rows).encode()
    kind = np.dtype(
        [(axis, f"{order}f4") for axis in "xyz"] + [(n, np.dtype(f"{order}{v.dtype.str[1:]}")) for n, v in more.items()]
    )
    table = np.zeros(len(vertices), kind)
    for name, column in {**dict(zip("xyz", vertices.T, strict=True)), **more}.items():
        table[name] = column
    faces = b"".join(bytes([9, len(face)]) + np.array(face, f"{order}i4").tobytes() for face in polygons)
    return head + table.tobytes() + faces


def dae(
    polygons: Any,
    vertices: np.ndarray,
    up: str = "Y_UP",
    scale: str = "1 1 1",
    rgb: np.ndarray | None = None,
    uv: np.ndarray | None = None,
    picture: str = "",
) -> str:
    """A COLLADA file of polygons: `rgb` and `uv` are those of the vertices, `picture` is the texture."""
    corners = [corner for face in polygons for corner in face]
    sources, inputs, columns = _dae_source("p", vertices, "XYZ"), "", [corners]
    for name, semantic, table, letters in (("c", "COLOR", rgb, "RGB"), ("t", "TEXCOORD", uv, "ST")):
        if table is not None:
            sources += _dae_source(name, table, letters)
            inputs += f'<input semantic="{semantic}" source="#{name}" offset="{len(columns)}" set="0"/>'
            columns.append(corners)
    numbers = " ".join(str(number) for row in zip(*columns, strict=True) for number in row)
    skin = f"""<library_images><image id="i"><init_from>{picture}</init_from></image></library_images>
<library_effects><effect id="e"><profile_COMMON><newparam sid="s"><surface type="2D"><init_from>i</init_from></surface>
</newparam><newparam sid="r"><sampler2D><source>s</source></sampler2D></newparam><technique sid="k"><lambert><diffuse>
<texture texture="r" texcoord="UV"/></diffuse></lambert></technique></profile_COMMON></effect></library_effects>
<library_materials><material id="m"><instance_effect url="#e"/></material></library_materials>"""
    bound = """<bind_material><technique_common><instance_material symbol="m" target="#m"/></technique_common>
</bind_material>"""
    return f"""<?xml version="1.0"?>
<COLLADA xmlns="http://www.collada.org/2005/11/COLLADASchema" version="1.4.1">
<asset><unit name="inch" meter="0.0254"/><up_axis>{up}</up_axis></asset>
{skin if picture else ""}<library_geometries><geometry id="g"><mesh>{sources}
<vertices id="v"><input semantic="POSITION" source="#p"/></vertices>
<polylist count="{len(polygons)}" material="m"><input semantic="VERTEX" source="#v" offset="0"/>{inputs}
<vcount>{" ".join(str(len(face)) for face in polygons)}</vcount><p>{numbers}</p></polylist></mesh></geometry>
</library_geometries><library_visual_scenes><visual_scene id="s"><node><scale>{scale}</scale>
<instance_geometry url="#g">{bound if picture else ""}</instance_geometry></node></visual_scene></library_visual_scenes>
<scene><instance_visual_scene url="#s"/></scene></COLLADA>"""


def _dae_source(name: str, table: np.ndarray, letters: str) -> str:
    params = "".join(f'<param name="{letter}" type="float"/>' for letter in letters)
    values = " ".join(map(str, np.asarray(table).ravel()))
    return f"""<source id="{name}"><float_array id="{name}a" count="{np.size(table)}">{values}</float_array>
<technique_common><accessor source="#{name}a" count="{len(table)}" stride="{len(letters)}">{params}</accessor>
</technique_common></source>"""


def textured_obj(path: Path, picture: str) -> None:
    """One triangle with a texture, and so below."""
    path.with_suffix(".mtl").write_text(f"newmtl m\nmap_Kd {picture}\n")
    path.write_text(
        f"mtllib {path.stem}.mtl\nusemtl m\nv 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nf 1/1 2/2 3/3\n"
    )


def textured_ply(path: Path, picture: str) -> None:
    names = "".join(f"property float {name}\n" for name in ("x", "y", "z", "s", "t"))
    head = f"ply\nformat ascii 1.0\ncomment TextureFile {picture}\nelement vertex 3\n{names}"
    path.write_text(
        head + "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
        "0 0 0 0 0\n1 0 0 1 0\n0 1 0 0 1\n3 0 1 2\n"
    )


def textured_gltf(path: Path, picture: str) -> None:
    content = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], "<f4").tobytes() + np.eye(3, 2, dtype="<f4").tobytes()
    path.with_suffix(".bin").write_bytes(content)
    accessor = {"componentType": 5126, "count": 3}
    document = {
        "asset": {"version": "2.0"},
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0, "TEXCOORD_0": 1}, "material": 0}]}],
        "materials": [{"pbrMetallicRoughness": {"baseColorTexture": {"index": 0}}}],
        "textures": [{"source": 0}],
        "images": [{"uri": picture}],
        "accessors": [{**accessor, "bufferView": 0, "type": "VEC3"}, {**accessor, "bufferView": 1, "type": "VEC2"}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}, {"buffer": 0, "byteOffset": 36, "byteLength": 24}],
        "buffers": [{"uri": path.with_suffix(".bin").name, "byteLength": 60}],
    }
    path.write_text(json.dumps(document))


def textured_dae(path: Path, picture: str) -> None:
    path.write_text(dae([[0, 1, 2]], np.eye(3), uv=np.eye(3, 2), picture=picture))


def textured_3mf(path: Path, picture: str) -> None:
    resources = (
        f'<m:texture2d id="7" path="/{picture}" contenttype="image/png"/>'
        '<m:texture2dgroup id="8" texid="7"><m:tex2coord u="0" v="0"/><m:tex2coord u="1" v="0"/>'
        '<m:tex2coord u="0" v="1"/></m:texture2dgroup>'
    )
    triangle = '<triangle v1="0" v2="1" v3="2" pid="8" p1="0" p2="1" p3="2"/>'
    files = {picture: (path.parent / picture).read_bytes()}
    threemf(path, resources + threemf_object(np.eye(3), triangle), '<item objectid="1"/>', files)


def threemf_object(vertices: np.ndarray, triangles: str, more: str = "") -> str:
    points = "".join(f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in vertices)
    return (
        f'<object id="1" type="model" {more}><mesh><vertices>{points}</vertices>'
        f"<triangles>{triangles}</triangles></mesh></object>"
    )


def threemf(
    path: Path,
    resources: str,
    build: str,
    files: dict[str, bytes] | None = None,
    more: str = "",
    model: str = "3D/3dmodel.model",
) -> None:
    """A 3MF file; beside the model the files of the package."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            model,
            f'<?xml version="1.0"?><model {more} unit="millimeter" '
            'xmlns="http://schemas.microsoft.com/3dmanufacturing/core/2015/02" '
            'xmlns:m="http://schemas.microsoft.com/3dmanufacturing/material/2015/02">'
            f"<resources>{resources}</resources><build>{build}</build></model>",
        )
        for name, content in (files or {}).items():
            archive.writestr(name, content)


def stl(polygons: np.ndarray, name: str = "box") -> str:
    """A text STL file of one solid."""
    loops = (
        "facet normal 0 0 0\nouter loop\n" + "".join(f"vertex {x} {y} {z}\n" for x, y, z in corners)
        for corners in polygons
    )
    return f"solid {name}\n" + "".join(f"{loop}endloop\nendfacet\n" for loop in loops) + f"endsolid {name}\n"
