import hashlib
import http.server
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.test_archive import make_zip
from urform.sources import Fetched, check_urls, fetch

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA = hashlib.sha256(CONTENT).hexdigest()


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves `server.content`; `server.breaks` bytes into an answer the connection ends, if that many are asked for."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server = self.server
        server.requests.append((self.path, dict(self.headers)))  # pyright: ignore
        status = server.answers.pop(0) if server.answers else 200  # pyright: ignore
        if status != 200:
            self.send_response(status)
            if status == 302:
                self.send_header("Location", server.location)  # pyright: ignore
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self._send(server.content, server.tag)  # pyright: ignore

    def _send(self, content: bytes, tag: str) -> None:
        asked = self.headers.get("Range")
        start = 0
        if asked and self.server.ranges and self.headers.get("If-Range") == tag:  # pyright: ignore
            start = int(asked[len("bytes=") : -1])
        if start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if tag:
            self.send_header("ETag", tag)
        if not self.server.hides_length:  # pyright: ignore
            self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        limit = self.server.breaks.pop(0) if self.server.breaks else len(content)  # pyright: ignore
        self.wfile.write(content[start : start + limit])
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    content = CONTENT
    tag = '"one"'
    ranges = True
    location = ""
    hides_length = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.breaks: list[int] = []
        self.answers: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own, so that the user's ~/.netrc plays no part; and no proxy between test and server."""
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("no_proxy", "*")
    return folder


def get(url: str, out: Path, **options) -> Fetched:
    return fetch(url, out, **{"wait_s": 0.001, **options})


def ranges(server: Server) -> list[str | None]:
    return [headers.get("Range") for _, headers in server.requests]


def test_a_file_is_fetched_once(server: Server, tmp_path: Path) -> None:
    got = get(f"{server.url}/deep/m%C3%B6bel.bin?token=secret", tmp_path / "out", sha256=SHA.upper())
    assert got == Fetched(tmp_path / "out" / "möbel.bin", len(CONTENT), was_there=False)
    assert got.path.read_bytes() == CONTENT
    assert get(f"{server.url}/deep/möbel.bin", tmp_path / "out").was_there
    assert len(server.requests) == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [".fetched", "möbel.bin"]
    assert "secret" not in (tmp_path / "out" / ".fetched" / "möbel.bin.json").read_text()


def test_a_broken_connection_is_resumed(server: Server, tmp_path: Path) -> None:
    server.breaks = [100_000, 50_000]
    assert get(f"{server.url}/a.bin", tmp_path, sha256=SHA).path.read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=100000-", "bytes=150000-"]


def test_a_killed_download_goes_on(server: Server, tmp_path: Path) -> None:
    server.breaks = [100_000]
    with pytest.raises(
        ConnectionError, match=r"ended after 100000 of 300000 bytes, given up .*; 100000 bytes are kept"
    ):
        get(f"{server.url}/a.bin", tmp_path, retries=0)
    assert not (tmp_path / "a.bin").exists()
    assert (tmp_path / "a.bin.partial").stat().st_size == 100_000
    get(f"{server.url}/a.bin?token=new", tmp_path, sha256=SHA)
    assert ranges(server) == [None, "bytes=100000-"]
    assert not (tmp_path / "a.bin.partial").exists()


def test_a_changed_file_is_fetched_from_its_start(server: Server, tmp_path: Path) -> None:
    server.breaks = [100_000]
    with pytest.raises(ConnectionError):
        get(f"{server.url}/a.bin", tmp_path, retries=0)
    server.content, server.tag = CONTENT[::-1], '"two"'
    assert get(f"{server.url}/a.bin", tmp_path).path.read_bytes() == CONTENT[::-1]
    assert ranges(server) == [None, "bytes=100000-"]


@pytest.mark.parametrize("lacks", ["ranges", "tag", "strong tag"])
def test_a_server_without_resuming_starts_again(server: Server, tmp_path: Path, lacks: str) -> None:
    server.breaks = [100_000]
    if lacks == "ranges":
        server.ranges = False
    else:
        server.tag = "" if lacks == "tag" else 'W/"weak"'
    assert get(f"{server.url}/a.bin", tmp_path, sha256=SHA).path.read_bytes() == CONTENT
    assert ranges(server) == [None, "bytes=100000-" if lacks == "ranges" else None]


def test_killed_between_the_last_byte_and_the_renaming(server: Server, tmp_path: Path) -> None:
    got = get(f"{server.url}/a.bin", tmp_path)
    got.path.rename(tmp_path / "a.bin.partial")
    assert get(f"{server.url}/a.bin", tmp_path, sha256=SHA).path.read_bytes() == CONTENT
    (tmp_path / "a.bin").unlink()
    (tmp_path / "a.bin.partial").write_bytes(CONTENT + b"too much")
    assert get(f"{server.url}/a.bin", tmp_path, sha256=SHA).path.read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server: Server, tmp_path: Path) -> None:
    server.answers = [503, 429]
    assert get(f"{server.url}/a.bin", tmp_path).size_bytes == len(CONTENT)
    server.answers = [500] * 3
    with pytest.raises(ConnectionError, match=r"b\.bin: HTTP 500, given up after 3 attempts$"):
        get(f"{server.url}/b.bin", tmp_path, retries=2)


def test_an_archive_is_unpacked(server: Server, tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "a.zip", {"x/m.obj": b"v", "../evil": b"!"})
    server.content = archive.read_bytes()
    got = get(f"{server.url}/chairs.zip", tmp_path / "out")
    assert got.unpacked is not None
    assert got.unpacked.refused == ("../evil: leaves the folder",)
    assert (tmp_path / "out" / "chairs" / "x" / "m.obj").read_bytes() == b"v"
    again = get(f"{server.url}/chairs.zip", tmp_path / "out")
    assert again.unpacked is not None
    assert (again.was_there, again.unpacked.was_there) == (True, True)
    assert get(f"{server.url}/other.zip", tmp_path / "out", unpack=False).unpacked is None
    assert not (tmp_path / "out" / "other").exists()


def test_local_files(tmp_path: Path) -> None:
    archive = make_zip(tmp_path / "ä b.zip", {"m.obj": b"v"})
    got = get(archive.as_uri(), tmp_path / "out")
    assert got.path == archive
    assert (tmp_path / "out" / "ä_b" / "m.obj").exists()
    (tmp_path / "a.obj").write_bytes(CONTENT)
    copied = get(str(tmp_path / "a.obj"), tmp_path / "out", sha256=SHA)
    assert copied.path.read_bytes() == CONTENT
    assert get(str(tmp_path / "a.obj"), tmp_path / "out").was_there
    (tmp_path / "a.obj").write_bytes(b"other")
    with pytest.raises(ValueError, match="is there already with another content"):
        get(str(tmp_path / "a.obj"), tmp_path / "out")
    with pytest.raises(FileNotFoundError, match=r"none\.zip: no such file; give a URL or the path of a file"):
        get(str(tmp_path / "none.zip"), tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="is a folder, expected a file"):
        get(str(tmp_path), tmp_path / "out")


def test_credentials_come_from_netrc_and_stay_with_their_host(server: Server, tmp_path: Path, home: Path) -> None:
    (home / ".netrc").write_text("machine 127.0.0.1 login me password pass\n")
    (home / ".netrc").chmod(0o600)
    basic = "Basic " + b64encode(b"me:pass").decode()
    with Server() as other:
        thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        server.answers, server.location = [302], f"{other.url}/b.bin"
        get(f"{server.url}/a.bin", tmp_path, headers={"X-Token": "secret"})
        other.shutdown()
        thread.join()
    (_, first), (_, second) = *server.requests, *other.requests
    assert (first["Authorization"], first["X-Token"]) == (basic, "secret")
    assert not {"Authorization", "X-Token", "X-token"} & second.keys()
    get(f"{server.url}/c.bin", tmp_path, headers={"Authorization": "Bearer t"})
    assert server.requests[-1][1]["Authorization"] == "Bearer t"


def test_what_is_too_large_or_leads_elsewhere_is_refused(server: Server, tmp_path: Path) -> None:
    for name, headers in (("a.bin", True), ("b.bin", False)):
        server.hides_length = not headers
        with pytest.raises(ValueError, match=rf"{name}: has more than 0\.0001 GiB; give a larger `max_gb`"):
            get(f"{server.url}/{name}", tmp_path, max_gb=0.0001)
    assert not list(tmp_path.glob("*.bin*"))
    for scheme in ("ftp", "file", "gopher"):
        server.answers, server.location = [302], f"{scheme}://host/c.bin"
        with pytest.raises(ValueError, match=r"c\.bin"):
            get(f"{server.url}/c.bin", tmp_path)
    with pytest.raises(ValueError, match="max_gb must be positive, got -1"):
        get(f"{server.url}/a.bin", tmp_path, max_gb=-1)
    started = time.monotonic()
    for url in ("http:///a.bin", "http://no such host/a.bin", "http://nowhere.invalid/a.bin"):
        with pytest.raises((ConnectionError, ValueError)):
            fetch(url, tmp_path)
    assert time.monotonic() - started < 10
    with pytest.raises(ValueError, match=r"b/A.zip: would be kept as 'A', as another is"):
        check_urls(["http://h/a.tar.gz", "b/A.zip"])


def test_messages(server: Server, tmp_path: Path, home: Path) -> None:
    for status, message in (
        (401, r"a\.bin: the server answers 401 Unauthorized; put a line 'machine 127\.0\.0\.1 login"),
        (403, "answers 403 Forbidden; perhaps it must be asked for"),
        (404, "answers 404 Not Found; check the URL"),
    ):
        server.answers = [status]
        with pytest.raises(ValueError, match=message):
            get(f"{server.url}/a.bin?token=x", tmp_path)
    with pytest.raises(ValueError, match=f"its SHA-256 is {SHA}, expected 000.*; the download was removed"):
        get(f"{server.url}/a.bin", tmp_path, sha256="0" * 64)
    assert not list(tmp_path.glob("a.bin*"))
    with pytest.raises(ValueError, match="sha256 must have 64 hexadecimal digits, got 'abc'"):
        get(f"{server.url}/a.bin", tmp_path, sha256="abc")
    get(f"{server.url}/x/a.bin", tmp_path)
    with pytest.raises(ValueError, match=r"its SHA-256 is .*; remove it to download it again"):
        get(f"{server.url}/x/a.bin", tmp_path, sha256="0" * 64)
    with pytest.raises(ValueError, match=r"a\.bin: is there already, from http.*/x/a\.bin; choose another `out`"):
        get(f"{server.url}/y/a.bin", tmp_path)
    with pytest.raises(ValueError, match=r"http://h/a\.zip: has a user name in it; .* ~/\.netrc"):
        get("http://me:secret@h/a.zip", tmp_path)
    with pytest.raises(ValueError, match=r"gopher://h/a: cannot fetch gopher://, expected http"):
        get("gopher://h/a", tmp_path)
    with pytest.raises(ValueError, match=r"^\[::1/a: no URL"):
        get("http://me:secret@[::1/a?token=1", tmp_path)
    with pytest.raises(ValueError, match="names no file, expected a URL that ends in a file name"):
        get(f"{server.url}/", tmp_path)
    server.content = b"\n<!DOCTYPE html><html>log in</html>"
    for name in ("b.zip", "b.glb"):
        with pytest.raises(ValueError, match=rf"{name}: is a web page, expected an archive"):
            get(f"{server.url}/{name}", tmp_path, unpack=False)
    assert not list(tmp_path.glob("b.*"))
    with pytest.raises(ConnectionError, match="refused, given up after 1 attempts"):
        get("http://127.0.0.1:1/c.bin", tmp_path, retries=0)
    (home / ".netrc").write_text("nonsense\n")
    with pytest.raises(ValueError, match=r"netrc, line [12]: bad toplevel token 'nonsense'; mend the file"):
        get(f"{server.url}/d.bin", tmp_path)
