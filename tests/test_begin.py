"""The beginning of the published chain: FTP, Drive, secret.json, merging, views or samples alone."""

import contextlib
import http.server
import json
import shutil
import socket
import socketserver
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh

from tests.conftest import TINY
from tests.meshes import exported
from tests.test_archive import make_zip
from urform.cli import main
from urform.data import DataFolder, ShapeKey, write_split
from urform.prepare import prepare
from urform.sources import _drive, _secret, begin, fetch, merge, read_secret

CONTENT = np.random.default_rng(0).bytes(200_000)


class FtpHandler(socketserver.StreamRequestHandler):
    """A server of the files in `server.files`; `server.breaks` bytes into an answer the connection ends."""

    def handle(self) -> None:
        with socket.socket() as listener, contextlib.suppress(ConnectionError):  # a client may go in the middle
            listener.bind(("127.0.0.1", 0))
            listener.listen()
            self.answer(listener)

    def answer(self, listener: socket.socket) -> None:
        self.start = 0
        self.say("220 ready")
        for line in self.rfile:
            command, _, argument = line.decode().strip().partition(" ")
            self.server.commands.append((command, argument))  # type: ignore[attr-defined]
            file = self.server.files.get(argument)  # type: ignore[attr-defined]
            if command == "PASV":
                high, low = divmod(listener.getsockname()[1], 256)
                self.say(f"227 entering (127,0,0,1,{high},{low})")
            elif command == "REST":
                self.start = int(argument)
                self.say("350 go on")
            elif command in ("SIZE", "MDTM", "RETR") and file is None:
                self.say("550 no such file")
            elif command == "SIZE":
                self.say(f"213 {len(file)}")
            elif command == "MDTM":
                self.say("213 20210101000000")
            elif command == "RETR":
                self.send(listener, file)
            else:
                self.say({"USER": "331 password", "PASS": "230 in"}.get(command, "200 fine"))

    def send(self, listener: socket.socket, content: bytes) -> None:
        self.say("150 here it comes")
        breaks = self.server.breaks  # type: ignore[attr-defined]
        end = self.start + breaks.pop(0) if breaks else len(content)
        with listener.accept()[0] as connection:
            connection.sendall(content[self.start : end])
        self.say("226 done" if end >= len(content) else "426 broken off")
        self.start = 0

    def say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class FtpServer(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), FtpHandler)
        self.files = {"/pub/meshes.bin": CONTENT}
        self.breaks: list[int] = []
        self.commands: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        return f"ftp://127.0.0.1:{self.server_address[1]}/pub"


@pytest.fixture
def ftp(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FtpServer]:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with FtpServer() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


def test_ftp(ftp: FtpServer, tmp_path: Path) -> None:
    got = fetch(f"{ftp.url}/meshes.bin", tmp_path)
    assert got.path.read_bytes() == CONTENT
    assert ("USER", "anonymous") in ftp.commands
    assert fetch(f"{ftp.url}/meshes.bin", tmp_path).was_there
    with pytest.raises(ValueError, match=r"ftp://127.0.0.1/pub/none.bin: the server answers 550 no such file"):
        fetch(f"{ftp.url}/none.bin", tmp_path)
    with pytest.raises(ValueError, match=r"has more than 0.0001 GiB; give a larger `max_gb` if it should"):
        fetch(f"{ftp.url}/meshes.bin", tmp_path / "small", max_gb=0.0001)


def test_ftp_goes_on_where_it_was_broken_off(ftp: FtpServer, tmp_path: Path) -> None:
    ftp.breaks = [50_000, 0, 100_000]
    assert fetch(f"{ftp.url}/meshes.bin", tmp_path, wait_s=0.01).path.read_bytes() == CONTENT
    assert [argument for command, argument in ftp.commands if command == "REST"] == ["50000", "50000", "150000"]
    ftp.breaks = [10] * 9
    with pytest.raises(ConnectionError, match="given up after 1 attempts; 10 bytes are kept, the same command goes on"):
        fetch(f"{ftp.url}/meshes.bin", tmp_path / "other", retries=0)


class DriveHandler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_file = "good" in self.path
        content = CONTENT if is_file else b"<!DOCTYPE html><html><title>Google Drive - Quota exceeded</title></html>"
        self.send_response(200)
        self.send_header("Content-Type", "application/zip" if is_file else "text/html; charset=utf-8")
        if is_file:
            self.send_header("Content-Disposition", 'attachment; filename="chairs train.bin"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def drive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), DriveHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(_drive, "DOWNLOAD", f"http://127.0.0.1:{server.server_port}/download?id={{id}}&confirm=t")
        yield
        server.shutdown()


GOOD, PAGE = "1good" + "A" * 28, "1page" + "B" * 28


@pytest.mark.parametrize(
    "link",
    [
        GOOD,
        f"drive:{GOOD}",
        f"https://drive.google.com/file/d/{GOOD}/view?usp=sharing",
        f"https://drive.google.com/uc?id={GOOD}",
        f"https://drive.usercontent.google.com/download?id={GOOD}&export=download",
    ],
)
def test_files_of_drive(drive: None, tmp_path: Path, link: str) -> None:
    got = fetch(link, tmp_path)
    assert got.path == tmp_path / "chairs_train.bin"
    assert got.path.read_bytes() == CONTENT
    assert fetch(link, tmp_path).was_there


def test_drive_says_plainly_that_it_gives_a_page(
    drive: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "fetch", PAGE, "--out", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert f"Google Drive, {PAGE}: answers with a page (Google Drive - Quota exceeded) and not with the file" in said
    assert f"Open https://drive.google.com/file/d/{PAGE}/view in a browser" in said
    assert said.count("\n") == 1
    with pytest.raises(ValueError, match="is a folder of Google Drive, expected the links or ids of the files in it"):
        fetch(f"https://drive.google.com/drive/folders/{GOOD}", tmp_path)


def test_archives_are_merged(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = DataFolder(data)
    key = ShapeKey("tiny", "solid", "box0")
    view = folder.view_files(key)[0]
    inner = {
        f"chairs_train/{folder.sdf_path(key).relative_to(data)}": folder.sdf_path(key).read_bytes(),
        f"chairs_train/{view.relative_to(data)}": view.read_bytes(),
        "chairs_train/.datasources.json": b'{"tiny": "/theirs"}',
        "readme.txt": b"hello",
    }
    make_zip(tmp_path / "one.zip", inner)
    make_zip(tmp_path / "two.zip", {f"{view.relative_to(data)}": b"other", "SurfaceSamples/a/b/c.ply": b"ply"})
    make_zip(tmp_path / "none.zip", {"readme.txt": b"hello"})
    out, merged = tmp_path / "downloads", tmp_path / "merged"
    words = ["data", "fetch", "--out", str(out), "--merge", str(merged)]
    assert main([*words, str(tmp_path / "one.zip")]) == 0
    assert f"{merged}: 2 files more, 0 were there" in capsys.readouterr().out
    assert DataFolder(merged).sdf_samples(key).pos.shape == folder.sdf_samples(key).pos.shape
    assert json.loads((merged / ".datasources.json").read_text()) == {"tiny": "/theirs"}
    assert main([*words, str(tmp_path / "one.zip")]) == 0
    assert f"{merged}: 0 files more, 2 were there" in capsys.readouterr().out
    assert main([*words, str(tmp_path / "two.zip")]) == 1
    assert f"1 were there with another content and stay: {view.relative_to(data)}" in capsys.readouterr().out
    assert DataFolder(merged).view_files(key)[0].read_bytes() == view.read_bytes()
    assert main([*words, str(tmp_path / "none.zip")]) == 2
    assert "has no part of a data folder, expected " in capsys.readouterr().err
    assert main([*words, str(tmp_path / "one.zip"), "--no-unpack"]) == 2
    assert "--merge must be omitted with --no-unpack" in capsys.readouterr().err


def box() -> bytes:
    return exported(trimesh.creation.box((1, 2, 1)), "obj")


def test_init_reads_the_published_file(
    ftp: FtpServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chair = "03001627/a/models/model_normalized.obj"
    make_zip(tmp_path / "shapenet.zip", {f"ShapeNetCore.v2/{chair}": box(), "ShapeNetCore.v2/taxonomy.json": b"[]"})
    make_zip(tmp_path / "pascal.zip", {"PASCAL3D+_release1.1/CAD/chair/01.off": b"OFF\n"})
    ftp.files = {f"/pub/{name}.zip": (tmp_path / f"{name}.zip").read_bytes() for name in ("shapenet", "pascal")}
    monkeypatch.setattr(_secret, "PASCAL_URL", f"{ftp.url}/pascal.zip")
    secret = {
        "pascal_root": "datasets",
        "pascal_folder": "PASCAL3D+_release1.1",
        "shapenet_url": f"{ftp.url}/shapenet.zip",
        "shapenet_root": str(tmp_path / "datasets"),
        "shapenet_folder": "ShapeNetCore.v2",
    }
    (tmp_path / "secret.json").write_text(json.dumps(secret))
    words = ["data", "init", str(tmp_path / "secret.json"), "--out", str(tmp_path / "data")]
    assert main(words) == 0
    meshes = tmp_path / "datasets" / "ShapeNetCore.v2" / "ShapeNetCore.v2"
    assert (meshes / chair).is_file()
    places = DataFolder(tmp_path / "data").datasources()
    assert places == {
        "ShapeNetV2": str(meshes),
        "PASCAL3D+": str(tmp_path / "datasets" / "PASCAL3D+_release1.1" / "PASCAL3D+_release1.1"),
    }
    assert f"ShapeNetV2: {meshes}, 1 categories\n" in capsys.readouterr().out
    assert main(words) == 0
    assert "1 categories (was there)" in capsys.readouterr().out
    assert len(prepare(meshes, tmp_path / "data", replace(TINY, dataset=None, category=None), workers=1)) == 1


def test_shapenet_with_an_archive_a_category(tmp_path: Path) -> None:
    make_zip(tmp_path / "03001627.zip", {"03001627/a/models/model_normalized.obj": box()})
    make_zip(tmp_path / "v2.zip", {"v2/03001627.zip": (tmp_path / "03001627.zip").read_bytes()})
    secret = {"shapenet_url": str(tmp_path / "v2.zip"), "shapenet_root": "in", "shapenet_folder": "v2"}
    (tmp_path / "secret.json").write_text(json.dumps(secret))
    (archive,) = read_secret(tmp_path / "secret.json")
    begun = begin(archive, tmp_path / "data")
    assert (begun.categories, begun.refused) == (1, ())
    assert (begun.folder / "03001627" / "a" / "models" / "model_normalized.obj").is_file()
    assert begin(archive, tmp_path / "data").was_there


SECRETS = {
    "empty": ({}, "must be a JSON object with shapenet_root, shapenet_folder, shapenet_url or pascal_root"),
    "unknown": ({"shapenet_url": "x", "shapenet_rot": "y"}, "shapenet_rot is unknown, expected shapenet_root, "),
    "missing": ({"shapenet_url": "x", "shapenet_root": "y"}, "shapenet_folder must be a text, got None"),
}


@pytest.mark.parametrize("name", SECRETS)
def test_secrets_that_are_wrong(tmp_path: Path, name: str) -> None:
    content, message = SECRETS[name]
    (tmp_path / "secret.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        read_secret(tmp_path / "secret.json")


def test_no_secret_and_no_shapenet(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"secret\.json: no such file"):
        read_secret(tmp_path / "secret.json")
    make_zip(tmp_path / "v2.zip", {"readme.txt": b"hello"})
    secret = {"shapenet_url": str(tmp_path / "v2.zip"), "shapenet_root": str(tmp_path), "shapenet_folder": "v2"}
    (tmp_path / "secret.json").write_text(json.dumps(secret))
    with pytest.raises(ValueError, match=r"has no folder like 03001627/INSTANCE/models/model_normalized.obj"):
        begin(read_secret(tmp_path / "secret.json")[0], tmp_path / "data")


def test_merging_over_another_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("another disk")

    monkeypatch.setattr("os.link", refuse)
    (tmp_path / "in" / "SdfSamples").mkdir(parents=True)
    (tmp_path / "in" / "SdfSamples" / "x.npz").write_bytes(b"x")
    assert merge(tmp_path / "in", tmp_path / "data").added == 1
    assert (tmp_path / "data" / "SdfSamples" / "x.npz").read_bytes() == b"x"


def files_of(folder: Path) -> dict[str, bytes]:
    skipped = ("Reports", ".framed")
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.relative_to(folder).parts[0] not in skipped
    }


@pytest.mark.parametrize("order", [("views", "samples"), ("samples", "views")])
def test_views_and_samples_alone_make_what_both_make(meshes: Path, tmp_path: Path, order: tuple[str, str]) -> None:
    few = tmp_path / "meshes"
    few.mkdir()
    for name in ("box0.obj", "ball.off"):
        shutil.copy(meshes / name, few)

    def run(out: str, only: str | None) -> list[str]:
        reports = prepare(few, tmp_path / out, replace(TINY, only=only), workers=1, time_limit_s=0)  # type: ignore[arg-type]
        assert all(report.outcome == "done" for report in reports)
        return [report.made for report in reports]

    assert run("both", None) == ["", ""]
    first, second = order
    assert run("parts", first) == [first, first]
    folder, key = DataFolder(tmp_path / "parts"), ShapeKey("tiny", "solid", "box0")
    assert bool(folder.view_files(key)) == (first == "views")
    assert folder.sdf_path(key).exists() == (first == "samples")
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").rglob("*.png")}
    assert run("parts", first) == [first, first]
    assert times == {path: path.stat().st_mtime_ns for path in times}  # nothing is made twice
    assert run("parts", second) == ["", ""]
    assert files_of(tmp_path / "parts") == files_of(tmp_path / "both")
    report = json.loads((tmp_path / "parts" / "Reports" / "tiny" / "solid" / "box0.json").read_text())
    assert report["sign"]
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "parts").rglob("*.npz")}
    assert run("parts", None) == ["", ""]
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_prepare_what_a_split_names(
    meshes: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = [ShapeKey("ShapeNetV2", "solid", name) for name in ("box0", "ball", "nobody")]
    write_split(tmp_path / "split.json", keys)
    reports = prepare(meshes, tmp_path / "data", TINY, workers=1, time_limit_s=0, splits=[tmp_path / "split.json"])
    assert [report.instance for report in reports] == ["ball", "box0"]
    assert "has no mesh of 1 of 3 shapes, first: ShapeNetV2/solid/nobody" in caplog.text
    write_split(tmp_path / "split.json", keys[2:])
    words = ["prepare", str(meshes), "--out", str(tmp_path / "none"), "--category", "solid"]
    assert main([*words, "--split", str(tmp_path / "split.json")]) == 2
    assert "has none of the 1 shapes of --split, first: ShapeNetV2/solid/nobody" in capsys.readouterr().err
