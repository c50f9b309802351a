"""A folder of everything that goes wrong: each is named with its reason, the rest is prepared."""

import json
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import trimesh

from tests.meshes import exported
from urform.config import PrepareConfig
from urform.data import read_split
from urform.prepare import prepare

TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
SMALL = PrepareConfig(samples=500, surface_points=50, easy_views=1, hard_views=0, view_size=32, test_fraction=0)


def box(file_type: str) -> bytes:
    return exported(trimesh.creation.box((1, 0.8, 0.6)), file_type)


OBJ = box("obj").decode()


def png_header(width: int, height: int) -> bytes:
    """A picture that says how large it is and has next to nothing behind that."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")


def textured(texture: str) -> str:
    return f"newmtl skin\nKd 0.5 0.5 0.5\nmap_Kd {texture}\n"


def gltf(**changes: object) -> bytes:
    content = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3"}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "buffers": [{"uri": "nowhere.bin", "byteLength": 36}],
    }
    return json.dumps({**content, **changes}).encode()


PLY_HEADER = (
    "ply\nformat binary_little_endian 1.0\nelement vertex {vertices}\nproperty float x\nproperty float y\n"
    "property float z\nelement face {faces}\nproperty list uchar int vertex_indices\nend_header\n"
)
LAUGHS = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a0 "ha">{}]><COLLADA>&a29;</COLLADA>'.format(
    "".join(f'<!ENTITY a{i} "&a{i - 1};&a{i - 1};">' for i in range(1, 30))
)

UNREADABLE = {  # file: what it holds; each must be skipped
    "empty.obj": b"",
    "empty.glb": b"",
    "empty.stl": b"",
    "empty.ply": b"",
    "empty.off": b"",
    "cut.glb": box("glb")[:300],
    "cut_header.glb": box("glb")[:10],
    "cut.stl": box("stl")[:200],
    "cut.ply": box("ply")[:-40],
    "cut.off": box("off")[:-60],
    "nan.obj": TRIANGLE.replace("v 1 0 0", "v nan 0 0").encode(),
    "infinite.obj": TRIANGLE.replace("v 1 0 0", "v inf 0 0").encode(),
    "huge.obj": OBJ.replace("0.5", "1e200").encode(),
    "point.obj": b"v 1 1 1\nv 1 1 1\nv 1 1 1\nf 1 2 3\n",
    "points_only.obj": b"v 0 0 0\nv 1 0 0\nv 0 1 0\n",
    "points_only.ply": PLY_HEADER.format(vertices=1, faces=0).encode() + b"\0" * 12,
    "lines_only.obj": b"v 0 0 0\nv 1 0 0\nl 1 2\n",
    "degenerate.obj": b"v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 2\nf 1 1 3\n",
    "no_such_vertex.obj": TRIANGLE.replace("f 1 2 3", "f 1 2 99").encode(),
    "many_declared.ply": PLY_HEADER.format(vertices=10**12, faces=10**12).encode() + b"\0" * 64,
    "many_declared.stl": b"\0" * 80 + struct.pack("<I", 2**32 - 1) + b"\0" * 100,
    "picture.obj": png_header(4, 4),
    "text.glb": b"this is no mesh",
    "text.stl": b"this is no mesh either",
    "zeros.glb": b"\0" * 4096,
    "zeros.3mf": b"\0" * 4096,
    "laughs.dae": LAUGHS.encode(),
    "cycle.gltf": gltf(nodes=[{"children": [1], "mesh": 0}, {"children": [0]}]),
    "no_buffer.gltf": gltf(),
    "not_json.gltf": b"{",
    "list.gltf": b"[1, 2]",
    "scene.blend": b"BLENDER",
    "scene.fbx": b"Kaydara FBX",
    "library.sh3f": b"PK",
    "packed.obj.gz": b"\x1f\x8b",
}
QUARANTINED = {
    "flat.obj": TRIANGLE.encode(),
    "grid.obj": b"".join(
        [f"v {i % 5} 0 {i // 5}\n".encode() for i in range(25)]
        + [f"f {i + 1} {i + 2} {i + 7} {i + 6}\n".encode() for i in range(20) if i % 5 < 4]
    ),
}
GOOD = {
    "St\u00fchle und \u6905\u5b50/ein Stuhl.obj": OBJ.encode(),
    "a b.obj": OBJ.encode(),
    "a_b.obj": OBJ.encode(),
    "n" * 200 + ".obj": OBJ.encode(),
    "far.obj": "\n".join(
        f"v {' '.join(str(float(x) + 1e6) for x in line.split()[1:4])}" if line.startswith("v ") else line
        for line in OBJ.splitlines()
    ).encode(),
    "inside_out.stl": b"",  # written below
    "no_materials.obj": b"mtllib gone.mtl\nusemtl skin\n" + OBJ.encode(),
    "no_texture.obj": b"mtllib no_texture.mtl\nusemtl skin\n" + OBJ.encode(),
    "bad_texture.obj": b"mtllib bad_texture.mtl\nusemtl skin\n" + OBJ.encode(),
    "bomb.obj": b"mtllib bomb.mtl\nusemtl skin\n" + OBJ.encode(),
    "comments.obj": b"# " + b"x" * 1_000_000 + b"\n" + OBJ.encode(),
    "obj_inside.OBJ": OBJ.encode(),
}
NOTES = {
    "no_materials": "gone.mtl is missing",
    "no_texture": "texture gone.png is missing",
    "bad_texture": "texture bad.png cannot be read",
    "bomb": "texture bomb.png has more than 70 million pixels, left out",
}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    for name, content in {**UNREADABLE, **QUARANTINED, **GOOD}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    inside_out = trimesh.creation.box()
    inside_out.invert()
    inside_out.export(folder / "inside_out.stl")
    (folder / "no_texture.mtl").write_text(textured("gone.png"))
    (folder / "bad_texture.mtl").write_text(textured("bad.png"))
    (folder / "bad.png").write_bytes(b"no picture")
    (folder / "bomb.mtl").write_text(textured("bomb.png"))
    (folder / "bomb.png").write_bytes(png_header(20_000, 20_000))
    (folder / "folder.obj").mkdir()
    (folder / "round").symlink_to(folder, target_is_directory=True)
    (folder / "broken_link.obj").symlink_to(folder / "nowhere.obj")
    (folder / "link.obj").symlink_to(folder / "a b.obj")
    with zipfile.ZipFile(folder / "climbing.zip", "w") as archive:
        archive.writestr("../../climbed.obj", OBJ)
    with tarfile.open(folder / "climbing.tar.gz", "w:gz") as archive:
        archive.add(folder / "a b.obj", "../climbed.obj")
    return folder


def test_everything_is_named_and_the_rest_is_prepared(hostile: Path, tmp_path: Path) -> None:
    reports = prepare(hostile, tmp_path / "data", SMALL, workers=2, time_limit_s=60, memory_gb=2)
    by_file = {Path(report.source).name: report for report in reports}
    skipped = [*UNREADABLE, "broken_link.obj", "climbing.zip", "climbing.tar.gz"]
    assert len(skipped) + len(QUARANTINED) + len(NOTES) >= 40
    good = [*(Path(name).name for name in GOOD), "link.obj"]
    expected = (
        dict.fromkeys(skipped, "skipped") | dict.fromkeys(QUARANTINED, "quarantined") | dict.fromkeys(good, "done")
    )
    outcomes = {name: report.outcome for name, report in by_file.items()}
    assert {name: by_file[name] for name in expected if outcomes[name] != expected[name]} == {}
    for name in skipped:
        report = by_file[name]
        assert name in report.reason, report.reason
        assert "\n" not in report.reason
        assert len(report.reason) > len(report.source) + 10, report.reason
    for name in QUARANTINED:
        assert "`thicken`" in by_file[name].reason
    for stem, note in NOTES.items():
        assert by_file[f"{stem}.obj"].notes.startswith(note)
    assert len(reports) == len(skipped) + len(QUARANTINED) + len(good)
    split = read_split(tmp_path / "data" / "splits" / "shapes_object_train.json")
    assert len({key.instance for key in split}) == len(good)
    page = (tmp_path / "data" / "Reports" / "shapes" / "object" / "report.html").read_text()
    assert all(report.instance in page for report in reports)
    assert not (tmp_path / "climbed.obj").exists()
    assert not (tmp_path / "data" / ".staging").exists()


def test_surface_points_far_from_the_origin_stay_on_the_surface(hostile: Path, tmp_path: Path) -> None:
    folder = tmp_path / "far"
    folder.mkdir()
    (folder / "far.obj").symlink_to(hostile / "far.obj")
    prepare(folder, tmp_path / "data", SMALL, workers=1, time_limit_s=0)
    cloud = trimesh.load(tmp_path / "data" / "SurfaceSamples" / "shapes" / "object" / "far.ply")
    assert isinstance(cloud, trimesh.PointCloud)
    offset = np.abs(np.asarray(cloud.vertices) - 1e6) / [0.5, 0.4, 0.3]
    np.testing.assert_allclose(offset.max(axis=1), 1, atol=1e-5)
