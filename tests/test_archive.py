import io
import os
import stat
import tarfile
import time
import zipfile
from pathlib import Path

import pytest

from urform.sources import _archive, unpack


def make_zip(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
        for name, target in (links or {}).items():
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            file.writestr(info, target)
    return path


def make_tar(path: Path, members: list[tuple[str, bytes, str]], mode: str = "w") -> Path:
    """Members as (name, content or link target, tar type)."""
    with tarfile.open(path, mode) as file:  # pyright: ignore
        for name, content, kind in members:
            info = tarfile.TarInfo(name)
            info.type = kind.encode()
            if kind in "12":
                info.linkname = content.decode()
                file.addfile(info)
            else:
                info.size = len(content)
                file.addfile(info, io.BytesIO(content))
    return path


def files(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != _archive.STAMP
    }


@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.tgz", "w:gz"), ("a.tar.xz", "w:xz")]
)
def test_tar_members_come_out(tmp_path: Path, name: str, mode: str) -> None:
    archive = make_tar(tmp_path / name, [("./", b"", "5"), ("./é/stuhl.obj", b"v 0 0 0", "0")], mode)
    unpacked = unpack(archive, tmp_path / "out")
    assert (unpacked.files, unpacked.refused, unpacked.was_there) == (1, (), False)
    assert (tmp_path / "out" / "é" / "stuhl.obj").read_bytes() == b"v 0 0 0"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "out"])


def test_members_that_leave_the_folder_are_refused(tmp_path: Path) -> None:
    members = {
        "good.obj": b"1",
        "../up.obj": b"2",
        "sub/../../up.obj": b"2",
        str(tmp_path / "absolute.obj"): b"3",
        "C:/drive.obj": b"4",
        "..\\back.obj": b"5",
    }
    unpacked = unpack(make_zip(tmp_path / "a.zip", members), tmp_path / "deep" / "out")
    assert files(tmp_path / "deep" / "out") == {"good.obj"}
    assert len(unpacked.refused) == 5
    assert unpacked.refused[0] == "../up.obj: leaves the folder"
    assert files(tmp_path) == {"a.zip", "deep/out/good.obj"}


def test_links_become_copies_or_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    members = [
        ("real/a.obj", b"a", "0"),
        ("soft.obj", b"real/a.obj", "2"),
        ("again.obj", b"soft.obj", "2"),
        ("real/hard.obj", b"real/a.obj", "1"),
        ("out.obj", str(secret).encode(), "2"),
        ("up.obj", b"../secret", "2"),
        ("here", b".", "2"),
        ("here/../../written.obj", b"x", "0"),
        ("device", b"", "3"),
    ]
    unpacked = unpack(make_tar(tmp_path / "a.tar", members), tmp_path / "out")
    assert files(tmp_path / "out") == {"real/a.obj", "soft.obj", "again.obj", "real/hard.obj"}
    assert (tmp_path / "out" / "again.obj").read_bytes() == b"a"
    assert not any(path.is_symlink() for path in (tmp_path / "out").rglob("*"))
    assert len(unpacked.refused) == 5
    assert any(text.startswith("device: is a device") for text in unpacked.refused)
    linked = unpack(make_zip(tmp_path / "b.zip", {"a": b"a"}, {"in": "a", "out": "/etc/passwd"}), tmp_path / "zip")
    assert files(tmp_path / "zip") == {"a", "in"}
    assert linked.refused == ("out: is a link to /etc/passwd, which is no file of the archive",)


def test_chains_of_links_take_no_longer_than_their_number(tmp_path: Path) -> None:
    chain = [(f"link{number}", f"link{number + 1}".encode(), "2") for number in range(4000)]
    lost = [(f"lost{number}", f"lost{(number + 1) % 4000}".encode(), "2") for number in range(4000)]

    members = [*chain, ("link4000", b"real", "2"), *lost, ("real", b"r", "0")]
    started = time.process_time()
    unpacked = unpack(make_tar(tmp_path / "a.tar", members), tmp_path / "out")
    assert (unpacked.files, len(unpacked.refused)) == (4002, 4000)
    assert time.process_time() - started < 30


def test_clashing_names_are_refused(tmp_path: Path) -> None:
    unpacked = unpack(make_zip(tmp_path / "a.zip", {"a": b"1", "a/b": b"2", "n" * 300: b"3"}), tmp_path / "out")
    assert files(tmp_path / "out") == {"a"}
    assert [text.split(": ")[1][:16] for text in unpacked.refused] == ["cannot have this"] * 2


def test_a_name_that_comes_twice_is_noted(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "a.tar", [("chair.obj", b"old", "0"), ("./chair.obj", b"new", "0")])
    unpacked = unpack(archive, tmp_path / "out")
    assert unpacked.refused == ("./chair.obj: is there more than once, the last one is kept",)
    assert (unpacked.files, (tmp_path / "out" / "chair.obj").read_bytes()) == (1, b"new")


def test_an_unpacked_archive_is_kept_until_it_changes(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"a": b"1", "../b": b"2"})
    first = unpack(archive, tmp_path / "out")
    (tmp_path / "out" / "a").write_bytes(b"touched")
    again = unpack(archive, tmp_path / "out")
    assert again.was_there
    assert (again.files, again.refused) == (first.files, first.refused)
    assert (tmp_path / "out" / "a").read_bytes() == b"touched"
    make_zip(archive, {"c": b"3"})
    os.utime(archive, (1, 1))
    assert not unpack(archive, tmp_path / "out").was_there
    assert files(tmp_path / "out") == {"c"}


def test_bombs_and_damage_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = make_zip(tmp_path / "bomb.zip", {"zeros": bytes(20 << 20)})
    with pytest.raises(ValueError, match=r"unpacks to more than 0\.01 GiB; give a larger `max_gb`"):
        unpack(bomb, tmp_path / "out", max_gb=0.01)
    monkeypatch.setattr(_archive, "RATIO_SLACK", 0)
    with pytest.raises(ValueError, match="unpacks to more than 200 times its size"):
        unpack(bomb, tmp_path / "out")
    whole = make_tar(tmp_path / "a.tar.gz", [("a", os.urandom(5000), "0")], "w:gz").read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[:3000])
    with pytest.raises(ValueError, match=r"cut\.tar\.gz: damaged or cut off \(.*\), expected a whole"):
        unpack(tmp_path / "cut.tar.gz", tmp_path / "out")
    broken = bytearray(make_zip(tmp_path / "b.zip", {"a": os.urandom(5000)}).read_bytes())
    broken[1000] ^= 255
    (tmp_path / "b.zip").write_bytes(broken)
    with pytest.raises(ValueError, match=r"b\.zip: damaged or cut off \(Bad CRC"):
        unpack(tmp_path / "b.zip", tmp_path / "out")
    far = tarfile.TarInfo("a")
    far.pax_headers = {"size": "9" * 20}
    with tarfile.open(tmp_path / "far.tar", "w") as file:
        file.addfile(far)
    with pytest.raises(ValueError, match=r"far\.tar: damaged or cut off"):
        unpack(tmp_path / "far.tar", tmp_path / "out")
    (tmp_path / "text.zip").write_text("hello")
    with pytest.raises(ValueError, match=r"text\.zip: damaged or cut off"):
        unpack(tmp_path / "text.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert not list(tmp_path.glob(".*"))


def test_messages(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such archive"):
        unpack(tmp_path / "none.zip", tmp_path / "out")
    archive = make_zip(tmp_path / "a.zip", {"a": b"1"})
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").write_text("x")
    with pytest.raises(ValueError, match="is there already and was not unpacked by urform"):
        unpack(archive, tmp_path / "mine")
    assert (tmp_path / "mine" / "precious").exists()
    locked = bytearray(archive.read_bytes())
    for start in (locked.index(b"PK\3\4") + 6, locked.index(b"PK\1\2") + 8):
        locked[start] |= 1
    (tmp_path / "locked.zip").write_bytes(locked)
    with pytest.raises(ValueError, match=r"locked\.zip: cannot be unpacked: .*password required"):
        unpack(tmp_path / "locked.zip", tmp_path / "out")
