import json
import shutil
from pathlib import Path

import pytest

from urform.cli import main
from urform.data import ShapeKey, read_families, read_split, split_by_list, split_keys


def key(name: str, dataset: str = "d") -> ShapeKey:
    return ShapeKey(dataset, "c", name)


KEYS = [key(f"shape{index}") for index in range(400)]


def test_the_fraction_is_met_and_adding_shapes_moves_none() -> None:
    train, test = split_keys(KEYS, {}, 0.2, 0)
    assert 50 < len(test) < 110
    assert sorted(train + test) == sorted(KEYS)
    more_train, more_test = split_keys([*KEYS, *(key(f"new{index}") for index in range(400))], {}, 0.2, 0)
    assert set(train) <= set(more_train)
    assert set(test) <= set(more_test)
    assert split_keys(reversed(KEYS), {}, 0.2, 0) == (train, test)
    assert split_keys(KEYS, {}, 0.2, 1) != (train, test)
    assert split_keys(KEYS, {}, 0, 0) == (sorted(KEYS), [])


def test_families_stay_together() -> None:
    families = {shape: f"family{index // 4}" for index, shape in enumerate(KEYS) if index < 200}
    train, test = split_keys(KEYS, families, 0.3, 0)
    assert not {families.get(shape) for shape in train} & {families.get(shape) for shape in test} - {None}
    assert 5 < len({families[shape] for shape in test if shape in families}) < 30
    alone = split_keys(KEYS[200:], {}, 0.3, 0)
    assert set(alone[1]) <= set(test)


def test_lists(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("\ufeff# held out\nshape3\n\nshape1\n", encoding="utf-8")
    train, test = split_by_list(KEYS, tmp_path / "list.txt")
    assert test == [key("shape1"), key("shape3")]
    assert len(train) == 398
    (tmp_path / "split.json").write_text(json.dumps({"other": {"x": ["shape2"]}}))
    assert split_by_list(KEYS, tmp_path / "split.json")[1] == [key("shape2")]


@pytest.mark.parametrize(
    "text", ['{"d": {"b": "ac"}}', '{"d": {"b": {"a": 1}}}', '{"d": {"b": ["a"]}, "d": {"b": ["c"]}}', '{"d": ["b"]}']
)
def test_split_files_that_would_name_other_shapes_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(ValueError, match=r"s\.json: not a split file, expected JSON like"):
        read_split(tmp_path / "s.json")


def test_messages(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"test_fraction must be at least 0 and less than 1, got 1\.5"):
        split_keys(KEYS, {}, 1.5, 0)
    with pytest.raises(FileNotFoundError, match="no such list of test instances"):
        split_by_list(KEYS, tmp_path / "none.txt")
    (tmp_path / "l.txt").write_text("shape1\nnobody\n")
    with pytest.raises(ValueError, match="names 1 instances that are not among the shapes, first: nobody"):
        split_by_list(KEYS, tmp_path / "l.txt")
    with pytest.raises(FileNotFoundError, match=r"no such list, expected a \.csv file"):
        read_families(tmp_path / "none.csv", KEYS)
    (tmp_path / "f.csv").write_text("instance,family\nshape1,a\nshape1,b\n")
    with pytest.raises(ValueError, match="line 3: puts 'shape1' into 'b' and before into 'a'"):
        read_families(tmp_path / "f.csv", KEYS)
    (tmp_path / "f.csv").write_text("title,family\nshape1,a\n")
    with pytest.raises(ValueError, match="line 2: names no shape, expected one in a column 'instance' or 'name'"):
        read_families(tmp_path / "f.csv", KEYS)
    (tmp_path / "f.csv").write_text("name,title,Creator\nshape1,Chair,ann\nshape2,Stool,bob\n")
    assert list(read_families(tmp_path / "f.csv", KEYS, "creator").values()) == ["ann", "bob"]
    with pytest.raises(ValueError, match="expected a column 'maker'"):
        read_families(tmp_path / "f.csv", KEYS, "maker")
    (tmp_path / "f.csv").write_text("instance\nshape1\n")
    with pytest.raises(ValueError, match="expected a column 'family'"):
        read_families(tmp_path / "f.csv", KEYS)


@pytest.fixture
def folder(data: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "data"
    for name in ("SdfSamples", "SurfaceSamples", "solid"):
        shutil.copytree(data / name, copy / name)
    return copy


def run(text: str) -> int:
    return main(text.split())


def names(folder: Path, name: str) -> list[str]:
    path = folder / "splits" / f"{name}.json"
    return [key.instance for key in read_split(path)]


def test_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "SdfSamples/tiny/solid/lamp.npz").unlink()
    (folder / "families.csv").write_text("instance,family\nbox0,cube\nbox1,cube\nlamp,cube\n")
    assert run(f"data split {folder} --test-fraction 0.5 --seed 2 --families {folder}/families.csv") == 0
    printed = capsys.readouterr().out
    train, test = names(folder, "tiny_solid_train"), names(folder, "tiny_solid_test")
    assert sorted(train + test) == ["ball", "box0", "box1", "box2", "box3"]
    assert ("box0" in train) == ("box1" in train)
    assert f"tiny_solid_train.json: {len(train)} shapes of tiny/solid" in printed
    assert f"tiny_solid_test.json: {len(test)} shapes of tiny/solid" in printed
    assert "1 shapes without SDF samples are in neither: lamp" in printed


def test_command_with_a_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "families.csv").write_text("instance,family\nbox0,cube\nbox1,cube\n")
    (folder / "test.txt").write_text("box0\n")
    flags = f"--test-list {folder}/test.txt --families {folder}/families.csv --name mine"
    assert run(f"data split {folder} --dataset tiny --category solid {flags}") == 0
    assert names(folder, "mine_test") == ["box0"]
    assert "1 families are on both sides of the list: cube" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ("none", "none: no such data folder; `urform prepare` makes it"),
        (
            "{folder} --category chair",
            "--dataset and --category must mean one of the folders of SdfSamples (tiny",
        ),
        ("{folder} --test-list none.txt", "none.txt: no such list of test instances"),
        ("{folder} --test-fraction 2", "--test-fraction must be at least 0"),
        ("{folder} --name a/b", "--name must be a name without slashes, got 'a/b'"),
    ],
)
def test_wrong_commands(folder: Path, flags: str, message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("data split " + flags.format(folder=folder)) == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert message in errors[0]
