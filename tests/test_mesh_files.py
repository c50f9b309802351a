"""Every way to write a box into a file gives that box, or is refused by its name."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from trimesh.visual import ColorVisuals

from tests import mesh_files
from tests.mesh_files import BOX, QUADS, TRIANGLES, U_POLYGONS, Gltf, U
from tests.meshes import exported
from urform.formats import glb_bytes, load_mesh, read_mesh, save_mesh
from urform.formats._gltf_file import GltfFile
from urform.formats._polygons import triangulate_polygons
from urform.geometry import GREY, Material, TexturedMesh


def read(path: Path, content: bytes | str) -> TexturedMesh:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return load_mesh(path)


def check(mesh: TexturedMesh, area: float, extents: tuple[float, float, float], volume: float) -> None:
    """Area, extents and, by faces that look outwards, the volume."""
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    assert solid.area == pytest.approx(area, rel=1e-6)
    np.testing.assert_allclose(solid.extents, extents, rtol=1e-6)
    assert abs(solid.volume) == pytest.approx(volume, rel=1e-6)


@pytest.mark.parametrize("make", mesh_files.SAME_BOX, ids=lambda make: make.__name__)
def test_gltf_is_read_as_its_plain_twin(tmp_path: Path, make: Callable[[], Gltf]) -> None:
    if make in (mesh_files.draco, mesh_files.draco_strips):
        pytest.importorskip("DracoPy", reason="decodes Draco")
    check(read(tmp_path / "box.glb", make().glb()), 22, (1, 2, 3), 6)


def test_what_is_mirrored_is_not_turned_inside_out(tmp_path: Path) -> None:
    file, skin = mesh_files.box(), mesh_files.skin()
    file.doc["nodes"][0]["scale"] = [-1, 1, 1]
    skin.doc["nodes"].append({"scale": [-1, 1, 1], "children": [1]})
    skin.doc["scenes"] = [{"nodes": [0, 3]}]
    meshes = [read(tmp_path / "box.glb", each.glb()) for each in (mesh_files.box(), file, skin)]
    volumes = [trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).volume for mesh in meshes]
    assert volumes == pytest.approx([volumes[0]] * 3)


def _requires(name: str) -> Gltf:
    file = mesh_files.box()
    file.doc["extensionsRequired"] = file.doc["extensionsUsed"] = [name]
    return file


def _bad_index() -> Gltf:
    file = mesh_files.box()
    file.primitive["indices"] = file.array([0, 1, 99], "u2")
    return file


def _bad_joint() -> Gltf:
    file = mesh_files.skin()
    file.doc["skins"][0]["joints"] = [1]
    return file


def _odd_corners() -> Gltf:
    file = mesh_files.box()
    file.primitive["indices"] = file.array([0, 1, 2, 3], "u2")
    return file


def _short_view() -> Gltf:
    file = mesh_files.box()
    file.doc["accessors"][0]["count"] = 50
    return file


def _packed() -> Gltf:
    file = mesh_files.box()
    file.doc["extensionsUsed"] = ["EXT_meshopt_compression"]
    file.doc["bufferViews"][0]["buffer"] = 1
    file.doc["buffers"] = [{"byteLength": 200}]
    return file


def _changed(change: Callable[[Gltf], object]) -> Gltf:
    file = mesh_files.box()
    change(file)
    return file


def _two_parents(file: Gltf) -> None:
    file.doc["nodes"] += [{"children": [0], "translation": [5, 0, 0]}, {"children": [0]}]
    file.doc["scenes"] = [{"nodes": [1, 2]}]


def _uneven_instances(file: Gltf) -> None:
    places = {"TRANSLATION": file.array(np.eye(3)), "SCALE": file.array(np.ones((2, 3)))}
    file.doc["nodes"][0]["extensions"] = {"EXT_mesh_gpu_instancing": {"attributes": places}}


def _no_weights(file: Gltf) -> None:
    file.primitive["attributes"]["JOINTS_0"] = file.array(np.zeros((8, 4)), "u1")
    file.doc["nodes"][0]["skin"], file.doc["skins"] = 0, [{"joints": [0]}]


def _restart(file: Gltf) -> None:
    """The greatest number starts a strip again in OpenGL, not in glTF."""
    file.primitive.update(mode=5, indices=file.array([0, 1, 2, 255, 3, 4, 5], "u1"))


def _too_many_instances(file: Gltf) -> None:
    """More places than memory has room for, of an accessor that takes no place in the file."""
    file.doc["accessors"].append({"componentType": 5126, "count": 8_000_000, "type": "VEC3"})
    places = {"TRANSLATION": len(file.doc["accessors"]) - 1}
    file.doc["nodes"][0]["extensions"] = {"EXT_mesh_gpu_instancing": {"attributes": places}}


BROKEN = {  # what is wrong with a box: how it is made so, and what is said
    "accessor": (lambda f: f.primitive.update(indices=-1), r"accessors\[-1\] is referred to and not there"),
    "position": (lambda f: f.primitive["attributes"].update(POSITION=9), r"accessors\[9\] .* the file has 2"),
    "node": (lambda f: f.doc["scenes"][0].update(nodes=[-1]), r"nodes\[-1\] is referred to"),
    "child": (lambda f: f.doc["nodes"][0].update(children=[4]), r"nodes\[4\] is referred to"),
    "matrix": (
        lambda f: f.doc["nodes"][0].update(matrix=[1, 0, 0, 0.5, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]),
        "last row of a node's matrix",
    ),
    "mesh": (lambda f: f.doc["nodes"][0].update(mesh=-1), r"meshes\[-1\] is referred to"),
    "material": (lambda f: f.primitive.update(material=-1), r"materials\[-1\] is referred to"),
    "scene": (lambda f: f.doc.update(scene=-1), r"scenes\[-1\] is referred to"),
    "view": (lambda f: f.doc["accessors"][0].update(bufferView=-1), r"bufferViews\[-1\] is referred to"),
    "offset": (lambda f: f.doc["bufferViews"][0].update(byteOffset=-12), "`byteOffset` is -12"),
    "count": (lambda f: f.doc["accessors"][0].update(count=-1), "`count` is -1"),
    "stride": (lambda f: f.doc["bufferViews"][0].update(byteStride=4), "rows of 12 bytes in steps of 4"),
    "component": (lambda f: f.doc["accessors"][0].update(componentType=5124), "5124 is none of glTF's"),
    "width": (lambda f: f.doc["accessors"][0].update(type="VEC2"), "expected x, y and z"),
    "color": (lambda f: f.primitive["attributes"].update(COLOR_0=f.array(np.ones((3, 3)))), "COLOR_0 has 3 rows"),
    "parents": (_two_parents, "node 0 has two parents"),
    "circle": (lambda f: f.doc["nodes"][0].update(children=[0]), "one another's children"),
    "no data": (
        lambda f: f.doc["accessors"].__setitem__(0, {"componentType": 5126, "count": 10**11, "type": "VEC3"}),
        "100000000000 rows and no data",
    ),
    "mode": (lambda f: f.primitive.update(mode=9), "a primitive has mode 9, expected 0 to 6"),
    "float indices": (lambda f: f.primitive.update(indices=f.array(np.arange(36) % 8)), "no whole numbers"),
    "normalised indices": (lambda f: f.doc["accessors"][1].update(normalized=True), "normalised ones"),
    "restart": (_restart, "a face names vertex 255, its primitive has 8"),
    "uneven": (_uneven_instances, r"EXT_mesh_gpu_instancing have \[2, 3\] rows"),
    "no weights": (_no_weights, "JOINTS_0 and no WEIGHTS_0"),
    "instances": (_too_many_instances, "shows? their meshes too often"),
}


@pytest.mark.parametrize(("change", "reason"), BROKEN.values(), ids=BROKEN)
def test_gltf_that_breaks_its_rules_is_refused(tmp_path: Path, change: Callable[[Gltf], object], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(tmp_path / "box.glb", _changed(change).glb())


def test_gltf_shows_each_node_once_and_no_hidden_one(tmp_path: Path) -> None:
    def hidden(file: Gltf) -> None:
        file.doc["nodes"].append({"children": [2], "extensions": {"KHR_node_visibility": {"visible": False}}})
        file.doc["nodes"].append({"mesh": 0, "translation": [9, 0, 0]})
        file.doc["scenes"] = [{"nodes": [0, 1]}]

    def no_scene(file: Gltf) -> None:
        del file.doc["scenes"], file.doc["scene"]

    for change in (hidden, no_scene, lambda file: file.doc["scenes"][0].update(nodes=[0, 0])):
        check(read(tmp_path / "box.glb", _changed(change).glb()), 22, (1, 2, 3), 6)


def _version_1() -> Gltf:
    file = mesh_files.box()
    file.doc["asset"]["version"] = "1.0"
    return file


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (_requires("EXT_meshopt_compression"), "requires EXT_meshopt_compression, which is not read"),
        (_requires("KHR_something_new"), "requires KHR_something_new"),
        (_bad_index(), "a face names vertex 99, its primitive has 8"),
        (_bad_joint(), "a vertex names joint 1, its skin has 1"),
        (_odd_corners(), "has 4 corners, expected a multiple of 3"),
        (_short_view(), "accessor 0 reaches beyond its buffer view"),
        (_packed(), "packed by EXT_meshopt_compression"),
        (_version_1(), "is glTF 1.0, expected 2.0"),
    ],
    ids=["meshopt", "unknown", "index", "joint", "corners", "short", "packed", "version"],
)
def test_gltf_that_is_not_read_is_refused_by_name(tmp_path: Path, file: Gltf, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(tmp_path / "box.glb", file.glb())


def test_lines_and_pictures_that_are_left_out_of_gltf_are_in_the_notes(tmp_path: Path) -> None:
    file = mesh_files.box()
    primitives = file.doc["meshes"][0]["primitives"]
    primitives.append({"attributes": {"POSITION": 0}, "mode": 1})
    file.doc["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": {"index": i}}} for i in range(2)]
    file.doc["textures"] = [{"source": 0}, {"extensions": {"KHR_texture_basisu": {"source": 1}}}]
    file.doc["images"] = [{"uri": "gone.png"}, {"mimeType": "image/ktx2"}]
    primitives[0]["material"] = 0
    primitives.append({**primitives[0], "material": 1})
    notes = read(tmp_path / "box.glb", file.glb()).notes
    assert notes == (
        "texture gone.png is missing",
        "texture 1 is not read (KHR_texture_basisu)",
        "1 sets of lines or points, left out",
    )


def test_gltf_textures_are_placed_as_the_file_says(tmp_path: Path) -> None:
    file = mesh_files.box()
    uv = np.linspace(0, 1, 16).reshape(8, 2)
    file.primitive["attributes"] |= {
        "TEXCOORD_0": file.array(np.zeros((8, 2))),
        "TEXCOORD_1": file.array(np.round(uv * 65535), "u2", normalized=True),
    }
    moved = {"offset": [0.5, 0.25], "scale": [2, 2]}
    texture = {"index": 0, "texCoord": 1, "extensions": {"KHR_texture_transform": moved}}
    file.doc["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": texture}}]
    file.doc["textures"], file.doc["images"] = [{"source": 0}], [{"uri": "green.png"}]
    file.primitive["material"] = 0
    Image.new("RGB", (2, 2), (0, 255, 0)).save(tmp_path / "green.png")
    mesh = read(tmp_path / "box.glb", file.glb())
    expected = (uv * 2 + [0.5, 0.25])[TRIANGLES] * [1, -1] + [0, 1]
    np.testing.assert_allclose(mesh.corner_uv, expected, atol=1e-4)
    texture = mesh.materials[0].texture
    assert texture is not None
    assert texture[0, 0].tolist() == [0, 255, 0]


DIALECTS = {
    "plain": mesh_files.obj(),
    "negative": mesh_files.negative_obj(),
    "tabs": mesh_files.obj().replace(" ", "\t"),
    "indented": mesh_files.obj().replace("\nf", "\n \t f"),
    "comments": "# a box\n" + mesh_files.obj().replace("\n", " # a line\n"),
    "continued": mesh_files.obj().replace("f 1 2 ", "f 1 2 \\\n "),
    "continued_loosely": mesh_files.obj().replace("f 1 2 ", "f 1 2 \\ \t\n "),
    "fourth_number": mesh_files.obj().replace("\nv 0 2 0", "\nv 0 2 0 1.0"),
    "carriage_returns": mesh_files.obj().replace("\n", "\r"),
    "windows": mesh_files.obj().replace("\n", "\r\n"),
    "comment_like_a_path": "# from C:\\models\\\n" + mesh_files.obj(),
    "slashes": "vt 0 0\nvn 0 0 1\n"
    + mesh_files.obj(polygons=[[0, 1, 3, 2]]).replace("f 1 2 4 3", "f 1/1/1 2//1 4/1 3")
    + "".join(f"f {' '.join(str(i + 1) for i in face)}\n" for face in QUADS[1:]),
}


@pytest.mark.parametrize("text", DIALECTS.values(), ids=DIALECTS)
def test_every_dialect_of_obj_is_read(tmp_path: Path, text: str) -> None:
    check(read(tmp_path / "box.obj", text), 22, (1, 2, 3), 6)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_obj_files_may_begin_with_a_mark_of_their_encoding(tmp_path: Path, encoding: str) -> None:
    check(read(tmp_path / "box.obj", mesh_files.obj().encode(encoding)), 22, (1, 2, 3), 6)


def test_lines_of_obj_that_are_not_read_are_in_the_notes(tmp_path: Path) -> None:
    text = mesh_files.obj().replace("f 1", "F 1", 1).replace("f 5 7", "f 5/7 7", 1) + "xyz 1 2 3\nf 1 2\ns off\n"
    assert read(tmp_path / "a.obj", text).notes == (
        "2 lines of unknown kinds ('F' the first), left out",
        "1 corners name texture coordinates that are not there",
        "1 faces of fewer than three corners, left out",
    )
    for content in (mesh_files.obj().encode("utf-16-le"), mesh_files.obj().encode() + bytes(50)):
        with pytest.raises(ValueError, match="holds zero bytes"):
            read(tmp_path / "a.obj", content)


STL = mesh_files.stl(BOX[TRIANGLES])
BINARY_STL = exported(trimesh.Trimesh(BOX, TRIANGLES, process=False), "stl")


@pytest.mark.parametrize(
    "content",
    [
        STL,
        STL.upper(),
        STL.replace("\n", "\r"),
        "\ufeff" + STL.replace(" ", "\t"),
        BINARY_STL,
        b"solid " + BINARY_STL[6:],
        b"solid box".ljust(80) + BINARY_STL[80:] + b"more",
    ],
    ids=["text", "capitals", "carriage_returns", "tabs", "binary", "binary_called_solid", "solid_and_longer"],
)
def test_every_dialect_of_stl_is_read(tmp_path: Path, content: bytes | str) -> None:
    check(read(tmp_path / "box.stl", content), 22, (1, 2, 3), 6)


def test_stl_is_read_whole_or_refused(tmp_path: Path) -> None:
    two = read(tmp_path / "two.stl", STL + mesh_files.stl(BOX[TRIANGLES] + [5, 0, 0], "facet and vertex 1 2 3"))
    check(two, 44, (6, 2, 3), 12)
    assert read(tmp_path / "a.stl", BINARY_STL + bytes(7)).notes == ("7 bytes after the last triangle, left out",)
    for content, reason in (
        (STL[:-200], "has the end of 10 of its 11 facets, the file is cut off"),
        (BINARY_STL[:-1], "has 11 of its 12 triangles, the file is cut off"),
        (BINARY_STL[:70], "has 0 of its 0 triangles, the file is cut off"),
        (mesh_files.stl(BOX[QUADS]), "has 24 corners of 6 facets, expected triangles"),
    ):
        with pytest.raises(ValueError, match=reason):
            read(tmp_path / "a.stl", content)


def test_nodes_of_dae_that_multiply_are_refused(tmp_path: Path) -> None:
    """Each node shows the one before twice: two to the power of 25 boxes."""
    twice = "".join(f'<node id="n{i}">{f"""<instance_node url="#n{i - 1}"/>""" * 2}</node>' for i in range(1, 26))
    library = f'<library_nodes><node id="n0"><instance_geometry url="#g"/></node>{twice}</library_nodes>'
    shown, text = '<instance_geometry url="#g"></instance_geometry>', mesh_files.dae(QUADS, BOX)
    text = text.replace("<library_visual", f"{library}<library_visual", 1)
    check(read(tmp_path / "a.dae", text.replace(shown, '<instance_node url="#n0"/>')), 22, (1, 2, 3), 6)
    with pytest.raises(ValueError, match="its nodes show their geometries too often"):
        read(tmp_path / "a.dae", text.replace(shown, '<instance_node url="#n25"/>'))
    with pytest.raises(ValueError, match=r"left out: .*maxindex=99"):
        read(tmp_path / "a.dae", mesh_files.dae(QUADS, BOX).replace("<p>0 ", "<p>99 "))


@pytest.mark.parametrize("shift", range(8))
@pytest.mark.parametrize("suffix", ["obj", "off", "text.ply", "little.ply", "big.ply", "dae"])
def test_concave_polygons_keep_their_notch(tmp_path: Path, suffix: str, shift: int) -> None:
    polygons = [[*face[shift % len(face) :], *face[: shift % len(face)]] for face in U_POLYGONS]
    contents = {
        "obj": lambda: mesh_files.obj(U, polygons),
        "off": lambda: mesh_files.off(U, polygons),
        "text.ply": lambda: mesh_files.ply(U, polygons, "="),
        "little.ply": lambda: mesh_files.ply(U, polygons, "<"),
        "big.ply": lambda: mesh_files.ply(U, polygons, ">"),
        "dae": lambda: mesh_files.dae(polygons, U),
    }
    mesh = read(tmp_path / f"u.{suffix}", contents[suffix]())
    check(mesh, 30, (3, 3, 1), 7)
    assert len(mesh.faces) == 2 * 6 + 8 * 2


def test_a_concave_quadrilateral_is_cut_inside() -> None:
    arrow = np.array([[0, 0, 0], [2, -1, 0], [0, 3, 0], [-2, -1, 0]], np.float64)
    for shift in range(4):
        cut = triangulate_polygons(np.roll(arrow, shift, axis=0), np.array([4]))
        assert trimesh.Trimesh(np.roll(arrow, shift, axis=0), cut.corner, process=False).area == pytest.approx(6)


@pytest.mark.parametrize("order", ["=", "<", ">"])
def test_ply_may_mix_triangles_and_quads(tmp_path: Path, order: str) -> None:
    mixed = [*QUADS[:3].tolist(), *TRIANGLES[6:].tolist()]
    colors = {name: np.arange(8, dtype=np.uint8) * 30 for name in ("red", "green", "blue")}
    mesh = read(tmp_path / "box.ply", mesh_files.ply(BOX, mixed, order, colors))
    check(mesh, 22, (1, 2, 3), 6)
    np.testing.assert_allclose(mesh.corner_rgb[..., 0] * 255, mesh.faces * 30, atol=1e-9)


def test_what_is_cut_off_is_refused(tmp_path: Path) -> None:
    for order in "=<":
        with pytest.raises(ValueError, match="fewer than its 6 elements `face`, the file is cut off"):
            read(tmp_path / "box.ply", mesh_files.ply(BOX, QUADS, order)[:-8])
    with pytest.raises(ValueError, match="has 5 of its 6 faces"):
        read(tmp_path / "box.off", mesh_files.off(BOX, QUADS).rstrip().rpartition("\n")[0])


def test_what_is_more_than_the_header_says_is_in_the_notes(tmp_path: Path) -> None:
    for name, content, note in (
        ("a.off", mesh_files.off(BOX, QUADS) + "4 0 1 2 3\n", "1 lines after the last face, left out"),
        ("a.ply", mesh_files.ply(BOX, QUADS, "=") + b"9 3 0 1 2\n", "5 words after the last element, left out"),
        ("a.ply", mesh_files.ply(BOX, QUADS, ">") + b"12345678\n", "8 bytes after the last element, left out"),
    ):
        mesh = read(tmp_path / name, content)
        check(mesh, 22, (1, 2, 3), 6)
        assert mesh.notes == (note,)
    assert read(tmp_path / "a.ply", mesh_files.ply(BOX, QUADS) + b"\n").notes == ()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.obj", "v 0 0 0\nf 1 2 3\n", "a face names a vertex that is not there, the file has 1"),
        ("a.obj", "v 0 0 0\nf -2 1 1\n", "line 2: not a line of an OBJ file: 'f -2 1 1'"),
        ("a.obj", "v 0 0 0\nf 0 1 1\n", "line 2"),
        ("a.obj", "v 0 0 1.#INF\n", "line 1: not a line of an OBJ file: 'v 0 0 1.#INF'"),
        ("a.obj", "v 0 0 0\ncstype bezier\n", "line 2: free-form curves and surfaces .`cstype`. are not read"),
        ("a.ply", "ply\nformat ascii 1.0\nelement tristrips 0\nend_header\n", "has no vertices with x, y and z"),
        ("a.ply", "ply\nformat ascii 1.0\nelement vertex 1\n" + "property float x\n" * 2, "has no header"),
        (
            "a.ply",
            "ply\nformat ascii 1.0\nelement vertex 1\nproperty int x\nproperty float x\nend_header\n0 0\n",
            "the property 'x' is declared twice",
        ),
        ("a.ply", "ply\nformat ascii 1.0\n" + "element vertex 1\nproperty float x\n" * 2 + "end_header\n0\n", "twice"),
        (
            "a.ply",
            "ply\nformat ascii 1.0\nelement vertex -1\nproperty float x\nend_header\n",
            "or less than none of it",
        ),
        ("a.obj", "v 0 0 0\nf 1 1 99999999999999999999\n", "line 2: not a line of an OBJ file"),
        ("a.off", "OFF\n-1 5 0\n", "has -1 vertices and 5 faces by its header"),
        ("a.off", "OFF\n1 1 0\n0 0\n3 0 0 0\n", "vertex 0 has 2 numbers"),
        ("a.off", mesh_files.off(BOX, QUADS).replace("\n4 ", "\n-4 ", 1), "face 0 has 1 of its -4 corners"),
        ("a.off", "OFF\n8\n6\n0\n", "no line with the numbers of its vertices and faces"),
        ("a.off", "OFF\n2 1 0\n0 0 0 1 1 1\n3 0 1 1\n", "or several vertices or faces share a line"),
        ("a.ply", "ply\nformat ascii 1.0\nelement vertex 1\nproperty half x\nend_header\n", "the type 'half'"),
        ("a.dae", mesh_files.dae(QUADS, BOX).replace("<scale>", "<skew>9 0 1 0 1 0 0</skew><scale>"), "`skew`"),
        ("a.off", "OFF BINARY\n", "OFF BINARY is not read"),
        ("a.off", "4OFF\n1 0 0\n", "4OFF is not read"),
        ("a.dae", mesh_files.dae(QUADS, BOX).replace("<scene>", "<instance_controller url='#x'/><scene>"), "skins"),
    ],
)
def test_what_is_not_read_is_refused_by_name(tmp_path: Path, name: str, content: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(tmp_path / name, content)


def test_ply_lists_of_negative_length_are_refused(tmp_path: Path) -> None:
    """A length of -1 would lead back to itself, as often as the header says."""
    head = (
        mesh_files.ply(BOX[:3], [[0, 1, 2]])
        .replace(b"list uchar int", b"list int int")
        .replace(b"face 1", b"face 99999999")
    )
    start, rest = (
        head[: head.index(b"end_header\n") + 11 + 36],
        b"".join(bytes([9]) + np.array(row, "<i4").tobytes() for row in [[3, 0, 1, 2], *[[-1, 0, 0, 0]] * 50]),
    )
    with pytest.raises(ValueError, match="fewer than its 99999999 elements `face`"):
        read(tmp_path / "a.ply", start + rest)


def test_ply_files_may_begin_with_a_mark_and_end_their_lines_anyhow(tmp_path: Path) -> None:
    content = mesh_files.ply(BOX, QUADS, "=")
    for text in (b"\xef\xbb\xbf" + content, content.replace(b"\n", b"\r"), content.replace(b"\n", b"\r\n")):
        check(read(tmp_path / "a.ply", text), 22, (1, 2, 3), 6)


def test_ply_headers_may_speak_of_their_end(tmp_path: Path) -> None:
    content = mesh_files.ply(BOX, QUADS, "=").replace(b"format", b"comment end_header\nformat", 1)
    check(read(tmp_path / "a.ply", content), 22, (1, 2, 3), 6)


def test_off_has_colors(tmp_path: Path) -> None:
    mesh = read(tmp_path / "a.off", "# a comment\n" + mesh_files.off(BOX, QUADS, " 255 0 51"))
    assert mesh.corner_rgb[3, 1].tolist() == [1, 0, 0.2]


def test_dae_is_turned_y_up_and_keeps_its_scale(tmp_path: Path) -> None:
    check(read(tmp_path / "y.dae", mesh_files.dae(QUADS, BOX, scale="2 1 1")), 32, (2, 2, 3), 12)
    mesh = read(tmp_path / "z.dae", mesh_files.dae(QUADS, BOX, "Z_UP"))
    check(mesh, 22, (1, 3, 2), 6)
    assert mesh.vertices[:, 1].min() == 0  # what stood on the floor stands on it


def test_3mf_is_turned_y_up(tmp_path: Path) -> None:
    trimesh.Trimesh(BOX, TRIANGLES, process=False).export(tmp_path / "box.3mf")
    check(load_mesh(tmp_path / "box.3mf"), 22, (1, 3, 2), 6)


def test_dae_has_vertex_colors_and_textures(tmp_path: Path) -> None:
    mesh = read(tmp_path / "a.dae", mesh_files.dae(TRIANGLES, BOX, rgb=BOX / 3))
    check(mesh, 22, (1, 2, 3), 6)
    np.testing.assert_allclose(mesh.corner_rgb, BOX[mesh.faces] / 3)
    assert (mesh.materials, mesh.notes) == ((Material((1.0, 1.0, 1.0)),), ())
    Image.new("RGB", (2, 2), (9, 8, 7)).save(tmp_path / "skin.png")
    mesh_files.textured_dae(tmp_path / "b.dae", "skin.png")
    (material,) = load_mesh(tmp_path / "b.dae").materials
    assert material.texture is not None
    assert material.texture[0, 0].tolist() == [9, 8, 7]
    wrong = mesh_files.dae(TRIANGLES, BOX, rgb=BOX[:3])
    with pytest.raises(ValueError, match="its vertex colors have the shape"):
        read(tmp_path / "c.dae", wrong)


COLOURS = (
    '<basematerials id="5"><base name="red" displaycolor="#FF0000"/><base name="x" displaycolor="#00FF0080"/>'
    '</basematerials><m:colorgroup id="6"><m:color color="#0000FF"/><m:color color="#FFFFFF"/></m:colorgroup>'
)
WITH_COLOURS = (  # the object's own, one of a triangle, those of corners
    '<triangle v1="0" v2="1" v3="2"/><triangle v1="0" v2="1" v3="2" pid="5" p1="0"/>'
    '<triangle v1="0" v2="1" v3="2" pid="6" p1="0" p2="1" p3="0"/>'
)


def test_3mf_has_colors_and_textures(tmp_path: Path) -> None:
    shape = mesh_files.threemf_object(np.eye(3), WITH_COLOURS, 'pid="5" pindex="1"')
    mesh_files.threemf(tmp_path / "a.3mf", COLOURS + shape, '<item objectid="1"/>')
    mesh = load_mesh(tmp_path / "a.3mf")
    blue, white = [0, 0, 1], [1, 1, 1]
    assert mesh.corner_rgb.tolist() == [[[0, 1, 0]] * 3, [[1, 0, 0]] * 3, [blue, white, blue]]
    assert (mesh.materials, mesh.notes) == ((Material((1.0, 1.0, 1.0)),), ())
    plain = mesh_files.threemf_object(np.eye(3), '<triangle v1="0" v2="1" v3="2"/>')
    mesh_files.threemf(tmp_path / "b.3mf", plain, '<item objectid="1"/>')
    assert load_mesh(tmp_path / "b.3mf").corner_rgb == pytest.approx(0.7)
    Image.new("RGB", (2, 2), (9, 8, 7)).save(tmp_path / "skin.png")
    mesh_files.textured_3mf(tmp_path / "c.3mf", "skin.png")
    mesh = load_mesh(tmp_path / "c.3mf")
    texture = mesh.materials[mesh.face_material[0]].texture
    assert texture is not None
    assert texture[0, 0].tolist() == [9, 8, 7]
    assert mesh.corner_uv.tolist() == [[[0, 0], [1, 0], [0, 1]]]


_THREEMF_TRIANGLES = "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in np.asarray(TRIANGLES))


def test_3mf_places_its_objects(tmp_path: Path) -> None:
    box = mesh_files.threemf_object(BOX, _THREEMF_TRIANGLES)
    group = '<object id="2"><components><component objectid="1"/>{}</components></object>'
    mirrored = group.format('<component objectid="1" transform="-1 0 0 0 1 0 0 0 1 0 5 0"/>')
    mesh_files.threemf(tmp_path / "a.3mf", box + mirrored, '<item objectid="2" transform="2 0 0 0 2 0 0 0 2 0 0 0"/>')
    check(load_mesh(tmp_path / "a.3mf"), 2 * 4 * 22, (4, 6, 14), 2 * 8 * 6)
    for name, content, reason in (
        ("round", group.format('<component objectid="2"/>'), "object 2 is a part of itself"),
        ("gone", group.format('<component objectid="9"/>'), "object 9 of .* is referred to and not there"),
        ("short", group.format('<component objectid="1" transform="1 0 0"/>'), "a transform has 3 numbers"),
        ("color", '<basematerials id="5"><base displaycolor="red"/></basematerials>', "'red' is no color"),
        ("slices", "<slicestack/>", "`slicestack` is not read"),
    ):
        mesh_files.threemf(tmp_path / f"{name}.3mf", box + content, '<item objectid="2"/>')
        with pytest.raises(ValueError, match=reason):
            load_mesh(tmp_path / f"{name}.3mf")


def test_3mf_begins_where_its_package_says(tmp_path: Path) -> None:
    box, item = mesh_files.threemf_object(BOX, _THREEMF_TRIANGLES), '<item objectid="1"/>'
    kind = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
    relations = f'<Relationships><Relationship Target="/A/root.model" Type="{kind}"/></Relationships>'.encode()
    mesh_files.threemf(tmp_path / "other.3mf", mesh_files.threemf_object(9 * BOX, _THREEMF_TRIANGLES), item)
    with zipfile.ZipFile(tmp_path / "other.3mf") as archive:
        files = {"3D/3dmodel.model": archive.read("3D/3dmodel.model"), "_rels/.rels": relations}
    mesh_files.threemf(tmp_path / "a.3mf", box, item, files, model="A/root.model")
    check(load_mesh(tmp_path / "a.3mf"), 22, (1, 3, 2), 6)
    mesh_files.threemf(tmp_path / "b.3mf", box, item, more='requiredextensions="m"')
    check(load_mesh(tmp_path / "b.3mf"), 22, (1, 3, 2), 6)
    more = 'requiredextensions="m v" xmlns:v="http://schemas.3mf.io/3dmanufacturing/volumetric/2022/01"'
    mesh_files.threemf(tmp_path / "c.3mf", box, item, more=more)
    with pytest.raises(ValueError, match="volumetric/2022/01, which is not read"):
        load_mesh(tmp_path / "c.3mf")


def test_3mf_that_multiplies_its_parts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urform.formats._threemf.MOST_FACES", 1000)
    objects = mesh_files.threemf_object(np.eye(3), '<triangle v1="0" v2="1" v3="2"/>')
    for number in range(2, 40):
        objects += (
            f'<object id="{number}"><components>{f"""<component objectid="{number - 1}"/>""" * 2}</components></object>'
        )
    mesh_files.threemf(tmp_path / "a.3mf", objects, '<item objectid="39"/>')
    with pytest.raises(ValueError, match="it shows its objects too often"):
        load_mesh(tmp_path / "a.3mf")


def test_vertices_that_no_face_uses_say_nothing(tmp_path: Path) -> None:
    mesh = read(tmp_path / "box.obj", "v 90 0 0\n" + mesh_files.negative_obj())
    check(mesh, 22, (1, 2, 3), 6)
    assert mesh.notes == ("1 vertices that no face uses, left out",)
    assert len(read_mesh(tmp_path / "box.obj").vertices) == len(mesh.vertices) + 1


UV = "vt 0 0\nvt 1 0\nvt 1 1\n" + mesh_files.obj(polygons=[]) + "f 1/1 2/2 4/3\n"


@pytest.mark.parametrize("head", ["", "mtllib gone.mtl\nusemtl skin\n", "usemtl skin\n"])
def test_texture_coordinates_without_a_texture_are_neutral_grey(tmp_path: Path, head: str) -> None:
    assert read(tmp_path / "a.obj", head + UV).materials[0].rgb == GREY
    columns = {"s": np.zeros(8, np.float32), "t": np.zeros(8, np.float32)}
    assert read(tmp_path / "a.ply", mesh_files.ply(BOX, QUADS, "=", columns)).materials[0].rgb == GREY


@pytest.mark.parametrize(
    "line",
    [
        "../images/a b.png",
        "-s 2 2 1 -o 0.5 0 0 ../images/a b.png",
        "-clamp on -bm 0.5 ..\\images\\a b.png",
        "-blendu off -mm 0 1 C:\\other\\machine\\a b.png",
    ],
)
def test_textures_beside_the_folder_of_an_obj_are_read(tmp_path: Path, line: str) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "images").mkdir()
    place = tmp_path / ("models" if "machine" in line else "images")
    Image.new("RGB", (2, 2), (0, 255, 0)).save(place / "a b.png")
    (tmp_path / "models" / "m.mtl").write_text(f"newmtl skin\nKd 0 0 0\n\tmap_Kd {line}\n")
    mesh = read(tmp_path / "models" / "model.obj", "mtllib m.mtl\nusemtl skin\n" + UV)
    assert mesh.notes == ("5 vertices that no face uses, left out",)
    texture = mesh.materials[0].texture
    assert texture is not None
    assert texture[0, 0].tolist() == [0, 255, 0]
    expected = np.array([[0, 0], [1, 0], [1, 1]], np.float64)
    np.testing.assert_allclose(mesh.corner_uv[0], expected * 2 + [0.5, 0] if "-s" in line else expected)


def test_each_texture_is_read_once_and_all_together_fit_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (300, 300), (0, 255, 0)).save(tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to("a.png")
    Image.new("RGB", (300, 300), (0, 0, 255)).save(tmp_path / "c.png")
    names = [*("a.png", "b.png", "./a.png") * 1000, "c.png"]
    entries = [f"newmtl m{number}\nmap_Kd {name}\n" for number, name in enumerate(names)]
    (tmp_path / "m.mtl").write_text("".join(entries))
    faces = "".join(f"usemtl m{number}\nf 1/1 2/2 4/3\n" for number in range(len(names)))
    text = "mtllib m.mtl\n" + UV + faces
    textures = {id(material.texture) for material in read(tmp_path / "a.obj", text).materials}
    assert len(textures) == 3  # of the first faces, which have none, and of the two pictures
    monkeypatch.setattr("urform.formats._textures.MAX_PIXELS_TOGETHER", 300 * 300)
    mesh = read(tmp_path / "a.obj", text)
    assert "textures have more than 0 million pixels together, some left out" in mesh.notes
    assert len({id(material.texture) for material in mesh.materials}) == 2


@pytest.mark.parametrize("name", ["n" * 5000, "gone.x", "..", "/proc/self/mem"])
def test_names_that_no_file_has_are_missing_files(tmp_path: Path, name: str) -> None:
    mesh = read(tmp_path / "a.obj", f"mtllib {name}\n" + mesh_files.obj())
    assert mesh.notes == (f"{name[:200]} is missing, its materials with it",)
    (tmp_path / "m.mtl").write_text(f"newmtl skin\nmap_Kd {name}\n")
    (note,) = read(tmp_path / "a.obj", "mtllib m.mtl\nusemtl skin\n" + mesh_files.obj()).notes
    assert note.startswith(f"texture {name[:200]}")
    assert len(note) < 300


def test_obj_groups_and_polygons_are_kept_in_order(tmp_path: Path) -> None:
    lines = mesh_files.obj().splitlines()
    mesh = read(tmp_path / "a.obj", "\n".join([*lines[:8], "g low", *lines[8:10], "g high", *lines[10:]]))
    assert mesh.face_group == ("low",) * 4 + ("high",) * 8
    assert mesh.polygon.tolist() == np.repeat(np.arange(6), 2).tolist()


def test_glb_files_have_normals_and_a_matt_material(tmp_path: Path) -> None:
    for name, colors in (("grey", None), ("colored", np.full((42, 4), 100, np.uint8))):
        ball = trimesh.creation.icosphere(1)
        if colors is not None:
            ball.visual = ColorVisuals(ball, vertex_colors=colors)
        (tmp_path / "a.glb").write_bytes(glb_bytes(ball))
        doc = GltfFile(tmp_path / "a.glb").doc
        primitive = doc["meshes"][0]["primitives"][0]
        surface = doc["materials"][primitive["material"]]
        assert surface["name"] == name
        assert surface["pbrMetallicRoughness"]["metallicFactor"] == 0
        assert "NORMAL" in primitive["attributes"]
        assert ("COLOR_0" in primitive["attributes"]) == (name == "colored")


def test_colors_of_glb_are_linear(tmp_path: Path) -> None:
    """A screen's 188 of 255 is half of the light, as glTF wants vertex colors."""
    mesh = trimesh.creation.box()
    mesh.visual = ColorVisuals(mesh, vertex_colors=np.tile([188, 30, 0, 255], (8, 1)).astype(np.uint8))
    save_mesh(mesh, tmp_path / "box.glb")
    content = (tmp_path / "box.glb").read_bytes()
    tree = json.loads(content[20 : 20 + int.from_bytes(content[12:16], "little")])
    accessor = tree["accessors"][tree["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"]]
    assert accessor["componentType"] == 5123
    assert accessor["normalized"]
    start = 28 + int.from_bytes(content[12:16], "little") + tree["bufferViews"][accessor["bufferView"]]["byteOffset"]
    red, green, blue, alpha = np.frombuffer(content, "<u2", 4, start) / 65535
    assert red == pytest.approx(0.5029, abs=1e-3)
    assert green == pytest.approx(0.01298, abs=1e-4)
    assert (blue, alpha) == (0, 1)
    loaded = load_mesh(tmp_path / "box.glb")
    np.testing.assert_allclose(
        loaded.corner_rgb[0, 0] * loaded.materials[0].rgb, np.array([188, 30, 0]) / 255, atol=1e-3
    )
