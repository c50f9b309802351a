import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.test_archive import make_zip
from urform.files._names import safe_name, unique_names
from urform.sources import Source, find_sources
from urform.sources import _find as sources_module
from urform.sources._furniture import parse_properties

TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"


def put(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(TRIANGLE)


def find(meshes: Path, dataset: str | None = None, category: str | None = None) -> dict[str, Source]:
    sources = find_sources(meshes, dataset, category, meshes.parent / "cache")
    assert sources == sorted(sources, key=lambda source: source.key)
    assert len({source.key for source in sources}) == len(sources)
    return {str(source.key): source for source in sources}


def test_any_folder(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    put(folder, "a/model.obj", "b.OBJ", "sub/größe 1.stl", "c/mesh.ply", "c/mesh.txt", "__MACOSX/a/._model.obj")
    found = find(folder)
    assert list(found) == [f"shapes/object/{name}" for name in ("a", "b", "c", "sub__größe_1")]
    assert found["shapes/object/a"] == Source(found["shapes/object/a"].key, folder / "a" / "model.obj")
    assert set(find(folder, "d", "chair")) == {f"d/chair/{name}" for name in ("a", "b", "c", "sub__größe_1")}


def test_what_prepare_made_inside_the_folder_is_no_mesh(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    put(folder, "a.obj", "out/SurfaceSamples/shapes/object/a.ply", "out/.sources/b.obj", "out/own.obj")
    assert len(find(folder)) == 4
    (folder / "out" / ".datasources.json").write_text("{}")
    assert list(find(folder)) == ["shapes/object/a", "shapes/object/out__own"]


def test_equal_names_are_numbered(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    put(folder, "a.obj", "a.ply", "a/model.glb", "a_2.stl", "b c.obj", "b_c.obj")
    found = {source.key.instance: source.path.name for source in find(folder).values()}
    assert found == {
        "a": "model.glb",
        "a_3": "a.obj",
        "a_4": "a.ply",
        "a_2": "a_2.stl",
        "b_c": "b c.obj",
        "b_c_2": "b_c.obj",
    }


def test_links_are_followed_and_cycles_end(tmp_path: Path) -> None:
    folder = tmp_path / "m"
    put(folder, "real/chair.obj")
    put(tmp_path / "elsewhere", "sofa.obj", "deep/table.obj")
    (folder / "link.obj").symlink_to(tmp_path / "elsewhere" / "sofa.obj")
    (folder / "broken.obj").symlink_to(tmp_path / "gone.obj")
    (folder / "gone").symlink_to(tmp_path / "gone")
    (folder / "a_link_that_sorts_first").symlink_to(folder / "real")
    (folder / "real" / "cycle").symlink_to(folder)
    (folder / "away").symlink_to(tmp_path / "elsewhere" / "deep")
    found = {source.key.instance: source.problem for source in find(folder).values()}
    assert found.keys() == {"real__chair", "link", "away__table", "broken.obj", "gone"}
    assert "broken.obj: is a broken link to" in found["broken.obj"]
    assert "is a broken link" in found["gone"]
    assert not any(found[name] for name in ("real__chair", "link", "away__table"))


def test_what_cannot_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "m"
    put(
        folder,
        "chair.obj",
        "chair.blend",
        "chair.fbx",
        "a.zip",
        "b.tar.gz",
        "c.rar",
        "lib.sh3f",
        "done.zip",
        "note.txt",
    )
    put(folder, "done/x.obj", "locked/y.obj")
    scandir = os.scandir

    def guarded(path: Path):  # the tests may run as root, who may read everything
        if Path(path).name == "locked":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr(sources_module.os, "scandir", guarded)
    problems = {source.key.instance: source.problem for source in find(folder).values()}
    assert not problems.pop("chair")
    assert not problems.pop("done__x")
    endings = {
        "chair.blend": "chair.blend: cannot be read, convert it to .glb or .obj",
        "chair.fbx": "convert it to .glb or .obj",
        "a.zip": "a.zip: is an archive, unpack it with `urform data fetch`",
        "b.tar.gz": "is an archive, unpack it with `urform data fetch`",
        "c.rar": "is packed, unpack it by hand",
        "lib.sh3f": "is a furniture library, give it as MESHES itself",
        "locked": "the folder cannot be read (Permission denied); change its permissions",
    }
    assert problems.keys() == endings.keys()
    for name, ending in endings.items():
        assert problems[name].endswith(ending), name


def test_shapenet(tmp_path: Path) -> None:
    root = tmp_path / "ShapeNetCore.v2"
    put(root, *(f"{synset}/{name}/models/model_normalized.obj" for synset in ("03001627", "04256520") for name in "ab"))
    put(root, "03001627/a/models/other.obj", "03001627/a/images/texture.stl", "taxonomy.json", "04256520.zip", "x.ply")
    (root / "03001627" / "c" / "models").mkdir(parents=True)
    found = find(root)
    assert list(found) == [
        "ShapeNetV2/03001627/a",
        "ShapeNetV2/03001627/b",
        "ShapeNetV2/03001627/c",
        "ShapeNetV2/04256520/a",
        "ShapeNetV2/04256520/b",
        "shapes/object/x",
    ]
    assert found["ShapeNetV2/03001627/a"].path == root / "03001627/a/models/model_normalized.obj"
    assert "model_normalized.obj: no such file" in found["ShapeNetV2/03001627/c"].problem
    assert list(find(root, None, "04256520")) == ["ShapeNetV2/04256520/a", "ShapeNetV2/04256520/b"]
    assert list(find(root / "04256520", None, "sofa")) == ["ShapeNetV2/sofa/a", "ShapeNetV2/sofa/b"]
    (tmp_path / "chairs").symlink_to(root / "03001627")
    assert "mine/03001627/a" in find(tmp_path / "chairs", "mine")
    with pytest.raises(ValueError, match="holds the categories 03001627, 04256520; `category` must be one of them"):
        find(root, None, "lamp")
    for category in ("chair", "chairs", "Chair"):
        assert list(find(root, None, category)) == [f"ShapeNetV2/03001627/{name}" for name in "abc"]


def test_a_folder_called_like_a_synset_need_not_be_shapenet(tmp_path: Path) -> None:
    put(tmp_path / "20240101", "a/scan.obj")
    assert list(find(tmp_path / "20240101")) == ["shapes/object/a__scan"]


CATALOGUE = r"""# A comment
id=library
name=Test
id#1=Maker#chair
name#1=St\u00fchlchen
category#1=Living room
model#1=/maker/chair/chair.obj
multiPartModel#1=true
modelRotation#1=1 0 0 0 0 1 0 -1 0
id#2=Maker#chair
category#2=Living \
    room
model#2=/maker/na%20me/b.zip
name#3 : Caf\u00e9
model#3=/maker/c.3ds
id#4=none
id#5=lost
model#5=/../secret.obj
id#6=web
model#6=http://example.org/a.obj
id#7=skewed
model#7=/maker/chair/chair.obj
modelRotation#7=1 0 0 0 2 0 0 0 1
"""


def make_library(path: Path) -> Path:
    inner = path.with_name("inner.zip")
    make_zip(inner, {"x/b.obj": TRIANGLE.encode(), "x/b.mtl": b""})
    members = {
        "PluginFurnitureCatalog.properties": CATALOGUE.encode("latin-1"),
        "maker/chair/chair.obj": TRIANGLE.encode(),
        "maker/na me/b.zip": inner.read_bytes(),
        "maker/c.3ds": b"3ds",
    }
    inner.unlink()
    return make_zip(path, members)


def test_furniture_library(tmp_path: Path) -> None:
    library = make_library(tmp_path / "Möbel.sh3f")
    (tmp_path / "secret.obj").write_text(TRIANGLE)
    found = {key.split("/")[2]: source for key, source in find(library).items()}
    assert found.keys() == {"Maker_chair", "Maker_chair_2", "Café", "none", "lost", "web", "skewed"}
    chair = found["Maker_chair"]
    assert chair.key.dataset == "Möbel"
    assert chair.path.read_text() == TRIANGLE
    assert (chair.key.category, chair.problem) == ("Living_room", "")
    assert chair.rotation is not None
    np.testing.assert_array_equal(np.reshape(chair.rotation, (3, 3)) @ [1, 2, 3], [1, 3, -2])
    assert found["Maker_chair_2"].path.name == "b.obj"
    assert found["Maker_chair_2"].key.category == "Living_room"
    assert found["none"].key.category == "object"
    assert {source.key.category for source in find(library, category="chair").values()} == {"chair"}
    assert found["Café"].problem.endswith("c.3ds: cannot be read, convert it to .glb or .obj")
    assert found["none"].problem.endswith("none names no model")
    for name in ("lost", "web"):
        assert "which is not in the library" in found[name].problem
    assert "modelRotation of skewed is no rotation" in found["skewed"].problem
    before = chair.path.stat().st_mtime_ns
    assert find(library)["Möbel/Living_room/Maker_chair"].path.stat().st_mtime_ns == before
    os.utime(library, (1, 1))
    assert find(library)["Möbel/Living_room/Maker_chair"].path.stat().st_mtime_ns > before


def test_a_zip_without_catalogue_is_no_library(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"has no PluginFurnitureCatalog\.properties, expected a furniture library"):
        find(make_zip(tmp_path / "a.sh3f", {"a.obj": b""}))
    (tmp_path / "b.sh3f").write_text("no zip")
    with pytest.raises(ValueError, match=r"b\.sh3f: damaged or cut off"):
        find(tmp_path / "b.sh3f")


def test_java_properties() -> None:
    text = (
        "! note\na = 1\nb:2\nc 3\nd\\ e=x\\\n   y\\tz\nf\\=g=h#i\nempty=\nlone\nsmile=\\ud83d\\ude00\nslash=a\\\\\nn=1"
    )
    expected = {"a": "1", "b": "2", "c": "3", "d e": "xy\tz", "f=g": "h#i", "empty": "", "lone": "", "smile": "😀"}
    assert parse_properties(text) == {**expected, "slash": "a\\", "n": "1"}


def test_list(tmp_path: Path) -> None:
    put(tmp_path, "x/a.obj", "x/b/model.obj", "x/c.obj", "x/d.fbx")
    (tmp_path / "list.csv").write_text(
        "\ufeffPath,instance,category,dataset,family,split\n"
        "x/a.obj,Stuhl 1,chair,D,f1,test\n"
        "\n"
        f"{tmp_path}/x/b/model.obj,,,,f1,Train\n"
        "x/c.obj,b,,,,\n"
        "x/d.fbx,,,,,\n"
        "x/none.obj,,,,,\n",
        encoding="utf-8",
    )
    found = find(tmp_path / "list.csv", None, "seat")
    assert list(found) == [
        "D/chair/Stuhl_1",
        "shapes/seat/b",
        "shapes/seat/b_2",
        "shapes/seat/x__d",
        "shapes/seat/x__none",
    ]
    assert (found["D/chair/Stuhl_1"].family, found["D/chair/Stuhl_1"].is_test) == ("f1", True)
    assert (found["shapes/seat/b"].path, found["shapes/seat/b"].is_test) == (tmp_path / "x/c.obj", None)
    assert found["shapes/seat/b_2"].is_test is False
    assert "convert it" in found["shapes/seat/x__d"].problem
    assert found["shapes/seat/x__none"].problem.endswith("none.obj: no such file, expected a mesh")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the header is 'empty', expected a column 'path'"),
        ("file,split\na.obj,test\n", "the header is 'file,split', expected a column 'path'"),
        ("path,famly\na.obj,x\n", "unknown column 'famly', expected some of .*; did you mean 'family'?"),
        ("path,path\na.obj,x\n", "expected every column once"),
        ("path\n", "the list has no row"),
        ("path,split\na.obj,train\nb.obj,val\n", "line 3: unknown split 'val', expected train, test or nothing"),
        ("path,split\n,train\n", "line 2: no path, expected a mesh file"),
        ("path,split\na.obj\n", "line 2: has 1 values, expected 2 as in the header"),
        ("path,instance\na.obj,x\nb.obj,x\n", r"line 3: names the instance shapes/object/x again \(line 2\)"),
    ],
)
def test_wrong_lists(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "l.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        find(tmp_path / "l.csv")


def test_a_list_in_another_encoding(tmp_path: Path) -> None:
    (tmp_path / "l.csv").write_bytes("path\nstühle.obj\n".encode("latin-1"))
    with pytest.raises(ValueError, match="not a CSV file in UTF-8"):
        find(tmp_path / "l.csv")


def test_messages(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no such folder of meshes, \.csv list, \.sh3f library or URL"):
        find(tmp_path / "none")
    with pytest.raises(ValueError, match="no mesh in it, expected files ending in"):
        find(tmp_path)
    put(tmp_path, "a.obj")
    with pytest.raises(ValueError, match=r"expected a folder of meshes, .*; give the folder that holds it"):
        find(tmp_path / "a.obj")
    with (
        zipfile.ZipFile(tmp_path / "a.zip", "w"),
        pytest.raises(ValueError, match="unpack it with `urform data fetch`"),
    ):
        find(tmp_path / "a.zip")


def test_names_are_safe() -> None:
    assert safe_name("a b/c\\d:e") == "a_b_c_d_e"
    assert [safe_name(text) for text in ("", ".", "..", "ü😀")] == ["unnamed", "unnamed", "unnamed", "ü_"]
    assert safe_name("u\u0308") == "ü"
    long = [safe_name("x" * 130 + end) for end in "ab"]
    assert [len(name) for name in long] == [120, 120]
    assert long[0] != long[1]
    assert len(safe_name("椅" * 100).encode()) <= 180
    assert unique_names(["a", "a", "a_2", "a"]) == ["a", "a_3", "a_2", "a_4"]
