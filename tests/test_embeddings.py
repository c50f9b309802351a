import io
import json
import pickle
import re
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest

from tests.published import NAMES, Malicious, encoder_codes, rows, write_codes
from urform.published import extract_latents, import_experiment, read_latents, write_latents
from urform.weights import FILE_NAME, find_weights, load_weights

WRITTEN_BY_NUMPY_1 = (  # protocol 3, {"a": np.array([1, 2], np.float32)}
    b"\x80\x03}q\x00X\x01\x00\x00\x00aq\x01cnumpy.core.multiarray\n_reconstruct\nq\x02cnumpy\nndarray\nq\x03K\x00\x85q"
    b"\x04C\x01bq\x05\x87q\x06Rq\x07(K\x01K\x02\x85q\x08cnumpy\ndtype\nq\tX\x02\x00\x00\x00f4q\nK\x00K\x01\x87q\x0bRq"
    b"\x0c(K\x03X\x01\x00\x00\x00<q\rNNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tq\x0eb\x89C\x08\x00\x00\x80?\x00\x00\x00"
    b"@q\x0ftq\x10bs."
)


@pytest.mark.parametrize("suffix", [".pkl", ".npz"])
def test_latents_survive_their_file(tmp_path: Path, suffix: str) -> None:
    latents = {
        name: np.random.default_rng(len(name)).normal(size=5).astype(np.float32) for name in ("file", "b.c", "é")
    }
    write_latents(tmp_path / f"mug_embedding{suffix}", latents)
    read = read_latents(tmp_path / f"mug_embedding{suffix}")
    assert list(read) == list(latents)
    for name, latent in latents.items():
        assert read[name].dtype == np.float32
        np.testing.assert_array_equal(read[name], latent)
    if suffix == ".pkl":  # others read it without us
        plain = pickle.loads((tmp_path / "mug_embedding.pkl").read_bytes())
        np.testing.assert_array_equal(plain["b.c"], latents["b.c"])


@pytest.mark.parametrize("suffix", [".pkl", ".npz"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_latents_are_finite(tmp_path: Path, suffix: str, value: float) -> None:
    write_latents(tmp_path / f"a{suffix}", {"b": np.array([1, value], np.float32)})
    with pytest.raises(ValueError, match="'b' must be finite"):
        read_latents(tmp_path / f"a{suffix}")


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("kind", [dict, OrderedDict])
def test_pickles_of_every_protocol_are_read(tmp_path: Path, protocol: int, kind: type) -> None:
    path = tmp_path / "latents.pkl"
    whole = np.arange(12, dtype=np.float32).reshape(3, 4)
    latents = kind(
        a=whole[0],
        b=whole[:, 1][:3].repeat(2)[:4],
        c=whole[2].astype(">f8"),
        d=np.flip(whole[1]),
        e=np.float16(whole[0]),
    )
    path.write_bytes(pickle.dumps(latents, protocol))
    for name, latent in read_latents(path).items():
        np.testing.assert_array_equal(latent, latents[name])
    numpy_1 = path.read_bytes().replace(b"numpy._core", b"numpy.core")
    if protocol < 4:  # later ones have lengths before names
        path.write_bytes(numpy_1)
        assert list(read_latents(path)) == list("abcde")


def test_a_pickle_written_by_numpy_1_is_read(tmp_path: Path) -> None:
    (tmp_path / "old.pkl").write_bytes(WRITTEN_BY_NUMPY_1)
    np.testing.assert_array_equal(read_latents(tmp_path / "old.pkl")["a"], np.array([1, 2], np.float32))


@pytest.mark.parametrize("protocol", range(6))
def test_pickles_are_not_executed(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "latents.pkl"
    path.write_bytes(pickle.dumps({"a": Malicious(tmp_path / "executed")}, protocol))
    with pytest.raises(
        ValueError, match=r"latents\.pkl: refused, reading it would run '(posix|nt)\.mkdir'; expected arr"
    ):
        read_latents(path)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize(
    ("pickled", "refused"),
    [
        (b"cnumpy\nload\n.", "numpy.load"),
        (b"cbuiltins\neval\n(S'1'\ntR.", "builtins.eval"),
        (b"\x80\x04\x8c\x05numpy\x8c\x10core.sys.modules\x93.", "numpy.core.sys.modules"),
        (b"c_codecs\nencode\n(S'1'\nS'rot13'\ntR.", "_codecs.encode' to 'rot13'"),
        (b"cnumpy.core.multiarray\nscalar\n.", "numpy.core.multiarray.scalar"),
    ],
)
def test_other_globals_are_refused_by_name(tmp_path: Path, pickled: bytes, refused: str) -> None:
    path = tmp_path / "latents.pkl"
    path.write_bytes(pickled)
    with pytest.raises(ValueError, match=re.escape(f"refused, reading it would run '{refused}")):
        read_latents(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1], "must hold a dict of arrays, got list"),
        ({}, "holds no latent, expected at least one"),
        ({1: np.ones(2)}, "names must be texts, got 1"),
        ({"a": 1.0}, r"'a' must be an array of floats of shape \(L,\), got float"),
        ({"a": np.ones((1, 2))}, r"'a' must be an array of floats of shape \(L,\), got float64 \(1, 2\)"),
        ({"a": np.arange(2)}, r"got int64 \(2,\)"),
        ({"a": np.ones(2), "b": np.ones(3)}, "the same length, got 2 and, for 'b', 3"),
        ({"a": np.array([{}])}, "refused, it has arrays of 'O8'; expected plain numbers"),
    ],
)
def test_other_pickles_are_refused(tmp_path: Path, content: object, message: str) -> None:
    path = tmp_path / "latents.pkl"
    path.write_bytes(pickle.dumps(content))
    with pytest.raises(ValueError, match=message):
        read_latents(path)


def test_files_that_are_none_are_refused(tmp_path: Path) -> None:
    objects = io.BytesIO()
    np.savez(objects, a=np.array([Malicious(tmp_path / "executed")]), allow_pickle=True)
    whole = pickle.dumps({"a": np.ones(9)})
    for name, content, message in (
        ("a.npz", objects.getvalue(), "damaged, or not an npz file of plain arrays"),
        ("a.npz", b"PK", "damaged, or not an npz file"),
        ("a.pkl", b"", "damaged, or not a pickle of plain arrays"),
        ("a.pkl", whole[: len(whole) // 2], "damaged, or not a pickle of plain arrays"),
        ("a.pkl", b"N" + b"r\xff\xff\xff\x7f" + b".", "number 2147483647 in a file of 7 bytes"),
        ("a.pkl", b"\x80\x05\x96\xff\xff\xff\xff\x01\x00\x00\x00.", "damaged, or not a pickle of plain arrays"),
        ("a.txt", b"", r"kept in a file ending in \.pkl or \.npz, got '\.txt'"),
    ):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=message):
            read_latents(tmp_path / name)
    assert not (tmp_path / "executed").exists()
    with pytest.raises(FileNotFoundError, match="`urform embeddings` writes one"):
        read_latents(tmp_path / "none.pkl")
    with pytest.raises(ValueError, match="kept in a file ending in"):
        write_latents(tmp_path / "a.csv", {})


def write_split(path: Path, names: list[str], category: str = "mug") -> Path:
    path.write_text(json.dumps({"mine": {category: names}}))
    return path


def test_latents_come_in_the_order_of_the_split(experiment: Path, tmp_path: Path) -> None:
    import_experiment(experiment, tmp_path / "run")
    split = write_split(tmp_path / "two.json", ["d", "c"])
    for source in (experiment, tmp_path / "run", str(tmp_path / "run" / FILE_NAME)):
        found = extract_latents(source, split)
        assert list(found.latents) == ["d", "c"]
        np.testing.assert_array_equal(found.latents["d"], rows()[3])
    shipped = load_weights(find_weights("chair"))
    dataset, category, instance = shipped.keys[5].split("/")
    split.write_text(json.dumps({dataset: {category: [instance]}}))
    np.testing.assert_array_equal(extract_latents("chair", split).latents[instance], shipped.latents[5])


def test_latents_alone_are_named_by_the_split(experiment: Path, tmp_path: Path) -> None:
    for name in ("specs.json", "ModelParameters/latest.pth"):
        (experiment / name).unlink()
    split = write_split(tmp_path / "mine.json", ["x", "y", "z", "w"])
    found = extract_latents(experiment, split)
    assert list(found.latents) == ["x", "y", "z", "w"]
    assert found.named_by == split
    np.testing.assert_array_equal(np.stack(list(found.latents.values())), rows())
    with pytest.raises(ValueError, match=r"holds 4 latents, but .*mine\.json names 3 shapes"):
        extract_latents(experiment, write_split(split, ["x", "y", "z"]))


def test_only_shapes_with_samples_in_either_placing(experiment: Path, tmp_path: Path) -> None:
    samples = tmp_path / "data" / "SdfSamples" / "mine" / "mug"
    (samples / "b").mkdir(parents=True)
    (samples / "b" / "b.npz").touch()
    (samples / "c.npz").touch()
    found = extract_latents(experiment, experiment / "split.json", tmp_path / "data")
    assert list(found.latents) == ["c", "b"]
    assert [key.instance for key in found.left_out] == ["a", "d"]
    (samples / "c.npz").unlink()
    (samples / "b" / "b.npz").unlink()
    with pytest.raises(ValueError, match="data: has SDF samples of none of the 4 shapes of"):
        extract_latents(experiment, experiment / "split.json", tmp_path / "data")


def test_messages_of_extraction(experiment: Path, tmp_path: Path) -> None:
    split = write_split(tmp_path / "other.json", ["c", "q"])
    with pytest.raises(ValueError, match=r"split\.json: has no latent for 1 shapes of .*other.json, first: mine/mug/q"):
        extract_latents(experiment, split)
    with pytest.raises(FileNotFoundError, match="none: neither a shipped category"):
        extract_latents(tmp_path / "none", split)
    with pytest.raises(FileNotFoundError, match="nowhere: no such data folder"):
        extract_latents(experiment, split, tmp_path / "nowhere")
    both = {"mine": {"mug": NAMES[:2], "cup": ["b", "c"]}}
    (experiment / "split.json").write_text(json.dumps(both))
    with pytest.raises(ValueError, match=r"split\.json: names c in 2 categories, expected one"):
        extract_latents(experiment, experiment / "split.json")
    write_codes(experiment, encoder_codes("v2")[1])
    with pytest.raises(ValueError, match=r"holds an image encoder, a ResNet-18 of width 4 .*\(v2\) and no latents"):
        extract_latents(experiment, split)
