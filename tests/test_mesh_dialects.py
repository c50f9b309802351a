"""Sound mesh files that look odd are read as their plain twin; what changes a shape unseen is refused by its name."""

import struct
from pathlib import Path

import numpy as np
import pytest

from tests import mesh_files
from tests.mesh_files import BOX, QUADS, TRIANGLES
from tests.test_mesh_files import BINARY_STL, STL, check, read
from urform.formats import load_mesh


def off(head: str, more: str = "") -> str:
    """An OFF file whose vertices have more numbers."""
    vertices = [f"{x} {y} {z}{more}" for x, y, z in BOX]
    faces = [f"4 {' '.join(map(str, face))}" for face in QUADS]
    return "\n".join([head, "8 6 0", *vertices, *faces, ""]).lstrip()


def requiring(name: str) -> bytes:
    file = mesh_files.box()
    file.doc["extensionsRequired"] = file.doc["extensionsUsed"] = [name]
    return file.glb()


def later() -> bytes:
    file = mesh_files.box()
    file.doc["asset"]["minVersion"] = "2.1"
    return file.glb()


def strips(order: str) -> bytes:
    """A PLY file of two rows of strips; -1 begins a new one, and triangles of it turn by turns."""
    runs = [[*(int(face[place]) for place in (0, 1, 3, 2)), -1] for face in QUADS]
    rows = [[corner for run in half for corner in run] for half in (runs[:4], runs[4:])]
    head = mesh_files.ply(BOX, [], order).replace(b"element face 0", b"element tristrips 2")
    head = head.replace(b"property uchar flag\n", b"").replace(b"list uchar int", b"list int int")
    if order == "=":
        return head + "".join(" ".join(map(str, [len(row), *row])) + "\n" for row in rows).encode()
    return head + b"".join(np.array([len(row), *row], f"{order}i4").tobytes() for row in rows)


COUNTED = "the number of triangles is missing, the size of the file tells 12"
ENDLESS = "`endsolid` is missing, the file may lack more than its 12 facets"
SOUND = {  # the file, its content, and what is noted
    "off": ("a.off", off("off"), ()),
    "no word": ("a.off", off(""), ()),
    "NOFF": ("a.off", off("NOFF", " 0 0 1"), ()),
    "noff": ("a.off", off("noff", " 0 0 1"), ()),
    "NCOFF": ("a.off", off("NCOFF", " 0 0 1 255 0 0 255"), ()),
    "CNOFF": ("a.off", off("CNOFF", " 0 0 1 255 0 0 255"), ()),
    "STCNOFF": ("a.off", off("STCNOFF", " 0 0 1 1 0 0 1 0.5 0.5"), ()),
    "nOFF of 3": ("a.off", off("nOFF\n3"), ()),
    "no endsolid": ("a.stl", STL.replace("endsolid box\n", ""), (ENDLESS,)),
    "parted words": ("a.stl", STL.replace("endsolid", "end solid").replace("endfacet", "end facet"), ()),
    "one line": ("a.stl", STL.replace("\n", " "), ()),
    "count of 0": ("a.stl", BINARY_STL[:80] + bytes(4) + BINARY_STL[84:], (COUNTED,)),
    "count of ones": ("a.stl", BINARY_STL[:80] + b"\xff" * 4 + BINARY_STL[84:], (COUNTED,)),
    **{f"strips {order}": ("a.ply", strips(order), ()) for order in "=<>"},
    **{
        name: ("a.glb", requiring(name), (f"required extensions that change no surface ({name}), left out",))
        for name in ("KHR_lights_punctual", "KHR_materials_clearcoat", "KHR_xmp_json_ld", "EXT_mesh_features", "VRM")
    },
    **{name: ("a.glb", requiring(name), ()) for name in ("KHR_texture_transform", "EXT_texture_webp")},
    "more after a GLB": ("a.glb", mesh_files.box().glb() + b"signature of a shop", ()),
}


@pytest.mark.parametrize(("name", "content", "notes"), SOUND.values(), ids=SOUND)
def test_sound_files_are_read_as_their_plain_twin(
    tmp_path: Path, name: str, content: str | bytes, notes: tuple[str, ...]
) -> None:
    mesh = read(tmp_path / name, content)
    check(mesh, 22, (1, 2, 3), 6)
    assert mesh.notes == notes


def _wrong(name: str, old: str, new: str) -> str:
    text = mesh_files.dae(QUADS, BOX) if name.endswith("dae") else mesh_files.obj()
    assert old in text
    return text.replace(old, new, 1)


REFUSED = {  # content that would give another shape, and what is said of it
    "no number of DAE": ("a.dae", _wrong("a.dae", "1.0 2.0 3.0", "NaN 2.0 3.0"), "positions that are NaN or infinite"),
    "no scene": ("a.dae", _wrong("a.dae", '<scene><instance_visual_scene url="#s"/></scene>', ""), "shows no scene"),
    "digits of Python": ("a.obj", _wrong("a.obj", "v 1 2 3", "v 1_0 2 3"), "line 8: not a line of an OBJ file"),
    "other file": ("a.obj", "call other.obj\n" + mesh_files.obj(), r"other files \(`call`\) are not read"),
    "patches": ("a.obj", mesh_files.obj() + "bzp 1 2 3\n", "free-form curves and surfaces .`bzp`. are not read"),
    "capitals": ("a.obj", mesh_files.obj().replace("f ", "F "), r"no triangles .*unknown kinds \('F' the first\)"),
    "nOFF of 4": ("a.off", off("nOFF\n4", " 1"), "nOFF is not read, expected a text file of three dimensions"),
    "wrong count": ("a.stl", BINARY_STL[:80] + struct.pack("<I", 13) + BINARY_STL[84:], "has 12 of its 13 triangles"),
    "wrong kind": ("a.glb", mesh_files.box().glb().replace(b'"scene": 0', b'"scene":[]'), "missing or of a wrong kind"),
    "later glTF": ("a.glb", later(), "is glTF 2.1, expected 2.0"),
}


@pytest.mark.parametrize(("name", "content", "reason"), REFUSED.values(), ids=REFUSED)
def test_what_would_be_another_shape_is_refused(tmp_path: Path, name: str, content: str | bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        read(tmp_path / name, content)


def test_parts_of_3mf_that_are_not_the_thing_are_left_out(tmp_path: Path) -> None:
    triangles = "".join(f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in np.asarray(TRIANGLES))
    box = mesh_files.threemf_object(BOX, triangles)
    support = mesh_files.threemf_object(BOX + 5, triangles).replace('id="1" type="model"', 'id="2" type="support"')
    item = '<item objectid="1"/>'
    mesh_files.threemf(tmp_path / "a.3mf", box + support, item + '<item objectid="2"/>')
    mesh = load_mesh(tmp_path / "a.3mf")
    check(mesh, 22, (1, 3, 2), 6)
    assert mesh.notes == ("1 supports of a printer, left out",)
    for name, resources, build, reason in (
        ("twice", box + box, item, "object 1 of 3D/3dmodel.model is there twice"),
        ("nothing", box, "", "builds nothing"),
    ):
        mesh_files.threemf(tmp_path / f"{name}.3mf", resources, build)
        with pytest.raises(ValueError, match=reason):
            load_mesh(tmp_path / f"{name}.3mf")
