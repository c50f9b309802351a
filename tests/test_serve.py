import asyncio
import base64
import contextlib
import io
import json
import socket
import time
import urllib.error
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trimesh
from PIL import Image

from tests.hostile.damage import CONTENT
from tests.server import Answer, get, post, post_json, send, serving
from tests.small_model import small_weights
from urform.cli import main
from urform.formats import load_mesh
from urform.inference import load
from urform.web import Limits
from urform.web._guard import Guard
from urform.web._keep import Keep
from urform.weights import save_weights

pytest.importorskip("fastapi", reason="needs the extra `web`")


def drawing(color: tuple[int, int, int] = (90, 60, 30), size: int = 96) -> Image.Image:
    """A square on white."""
    pixels = np.full((size, size, 3), 255, np.uint8)
    pixels[size // 4 : 3 * size // 4, size // 4 : 3 * size // 4] = color
    return Image.fromarray(pixels)


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    stored = io.BytesIO()
    image.save(stored, kind)
    return stored.getvalue()


SQUARE = encoded(drawing())


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "ball.safetensors"
    save_weights(path, small_weights())
    return path


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server may put temporary files."""
    return tmp_path_factory.mktemp("served") / "tmp"


@pytest.fixture(scope="module")
def server(weights: Path, place: Path):
    limits = ("--upload-mb", "1", "--megapixels", "2", "--time-s", "100")
    with serving(place, "--weights", str(weights), "--keep", str(place.parent / "kept"), *limits) as address:
        yield address


def error_of(answer: Answer, status: int) -> str:
    assert answer.status == status, answer.body[:300]
    message = answer.json["error"]
    assert message
    assert "\n" not in message
    assert "Traceback" not in message
    return message


def mesh_of(content: bytes, kind: str, folder: Path) -> trimesh.Trimesh:
    path = folder / f"mesh.{kind}"
    path.write_bytes(content)
    loaded = load_mesh(path)
    return trimesh.Trimesh(loaded.vertices, loaded.faces)


def test_a_picture_becomes_the_mesh_that_the_library_makes(server: str, weights: Path, tmp_path: Path) -> None:
    answer = post(f"{server}/api/reconstruct", {"picture": SQUARE}, resolution=32, cutout=True)
    assert answer.status == 200
    said = answer.json
    result = load(weights).reconstruct(SQUARE, 32)
    assert said["category"] == "ball"
    assert said["background"] == "plain"
    assert said["watertight"]
    assert said["faces"] == len(result.mesh.faces)
    np.testing.assert_allclose(said["latent"], result.latent, atol=1e-5)
    mesh = mesh_of(base64.b64decode(said["mesh"]), "glb", tmp_path)
    np.testing.assert_allclose(mesh.bounds, result.mesh.bounds, atol=1e-3)
    cut = np.asarray(Image.open(io.BytesIO(base64.b64decode(said["cutout"]))))
    assert cut.shape[2] == 4
    assert cut[0, 0, 3] == 0
    assert cut[48, 48, 3] == 255


@pytest.mark.parametrize("kind", ["glb", "obj", "ply", "stl"])
def test_a_mesh_alone_in_each_format(kind: str, server: str, tmp_path: Path) -> None:
    fields = {"answer": "mesh", "format": kind, "resolution": 24, "size_mm": 50}
    answer = post(f"{server}/api/reconstruct", {"picture": SQUARE}, **fields)
    assert answer.status == 200
    mesh = mesh_of(answer.body, kind, tmp_path)
    mesh.merge_vertices()
    assert mesh.is_watertight
    assert json.loads(answer.headers["x-urform-answer"])["category"] == "ball"
    if kind == "stl":
        assert np.ptp(mesh.vertices, axis=0).max() == pytest.approx(50, rel=1e-3)
        assert mesh.vertices[:, 2].min() == pytest.approx(0, abs=1e-4)


def test_a_batch_goes_on_after_a_bad_picture(server: str) -> None:
    pictures = [("a.png", SQUARE), ("b.png", b"no picture"), ("c.png", SQUARE)]
    entries = post(f"{server}/api/batch", {"pictures": pictures}, resolution=16).json
    assert [entry["name"] for entry in entries] == ["a.png", "b.png", "c.png"]
    assert entries[0]["answer"]["mesh"] == entries[2]["answer"]["mesh"]
    assert entries[1]["answer"] is None
    assert "not a picture" in entries[1]["error"]
    assert "16 pictures" in error_of(post(f"{server}/api/batch", {"pictures": [("a.png", SQUARE)] * 17}), 422)


def test_clicks_and_a_box_mend_the_cut_out(server: str) -> None:
    pixels = np.full((120, 200, 3), 255, np.uint8)
    pixels[30:90, 20:80], pixels[30:90, 120:180] = (150, 30, 30), (30, 30, 150)
    two = encoded(Image.fromarray(pixels))

    def alpha(**hints: str) -> np.ndarray:
        answer = post(f"{server}/api/cutout", {"picture": two}, **hints)
        assert answer.status == 200, answer.body
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(answer.json["picture"]))))[..., 3] > 127

    left, right = np.s_[40:80, 30:70], np.s_[40:80, 130:170]
    boxed = alpha(box="110,20,190,100")
    assert boxed[right].all()
    assert not boxed[left].any()
    clicked = alpha(inside="150,60", outside="50,60")
    assert clicked[right].all()
    assert not clicked[left].any()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"box": "1,2,3"}, "box must be 4 whole numbers"),
        ({"box": "a,b,c,d"}, "box must be 4"),
        ({"box": "0,0,5000,10"}, "inside the picture of 96 x 96"),
        ({"inside": "500,1"}, "inside the picture of 96 x 96"),
        ({"inside": "-1,5"}, "inside must be 2 whole numbers"),
        ({"resolution": 100000}, "resolution must be 8 to 256"),
        ({"resolution": "nan"}, "resolution"),
        ({"format": "exe"}, "format"),
        ({"category": "../../etc/passwd"}, "category must be one of ball"),
        ({"size_mm": -1, "format": "stl"}, "must be 0.001 to 1,000,000"),
        ({"faces": -5}, "face"),
        ({"ticket": "t" * 1000}, "ticket"),
    ],
)
def test_options_that_are_no_good(fields: dict, message: str, server: str) -> None:
    assert message in error_of(post(f"{server}/api/reconstruct", {"picture": SQUARE}, **fields), 422)


def test_size_and_pixels_are_bounded(server: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (700, 700, 3)).astype(np.uint8)
    large = encoded(Image.fromarray(noise))
    assert len(large) > 2**20
    with contextlib.suppress(ConnectionError, urllib.error.URLError):  # refused while it is still being sent
        assert "larger than 1 MiB" in error_of(post(f"{server}/api/reconstruct", {"picture": large}), 413)
    flat = encoded(Image.new("RGB", (2000, 1500), "white"))
    assert "megapixels, expected at most 2" in error_of(post(f"{server}/api/reconstruct", {"picture": flat}), 422)


def test_a_body_without_a_length_is_bounded_too(server: str) -> None:
    host, port = server.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=30) as line:
        head = f"POST /api/reconstruct HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n"
        line.sendall(f"{head}Content-Type: multipart/form-data; boundary=x\r\n\r\n".encode())
        try:
            for _ in range(64):
                line.sendall(b"10000\r\n" + bytes(0x10000) + b"\r\n")
        except ConnectionError:
            return
        line.settimeout(20)
        assert b" 4" in line.recv(64)  # 413, or 400 as soon as the form is seen to be none


def test_an_answer_that_nobody_takes_is_dropped() -> None:
    """As where a body breaks the rules of HTTP: the server's `send` raises what it likes."""
    asked: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["type"])
        await send({"type": "http.response.start", "status": 400, "headers": []})

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b""}

    async def broken(message: Any) -> None:
        raise RuntimeError(f"cannot send {message['type']}")

    asyncio.run(Guard(app, 100)({"type": "http", "headers": []}, receive, broken))
    assert asked == ["http"]


def test_hostile_uploads_leave_nothing_and_harm_nobody(server: str, place: Path) -> None:
    hostile = [way(SQUARE) for way in CONTENT.values()]
    hostile += [b"", b"\0" * 10000, b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe\nshowpage", b"GIF89a"]
    for content in hostile:
        for address, field in (
            ("reconstruct", "picture"),
            ("cutout", "picture"),
            ("fit", "scan"),
            ("register", "scan"),
        ):
            name = "x.png" if field == "picture" else "../../x.obj"
            answer = post(f"{server}/api/{address}", {field: (name, content)})
            if answer.status != 200:
                assert "/" not in error_of(answer, 422).replace("../../x.obj", "")
    for kind in ("application/json", "multipart/form-data", "text/plain", "multipart/form-data; boundary="):
        assert send(f"{server}/api/reconstruct", b"{" * 1000, kind).status in (400, 422)
    assert post(f"{server}/api/reconstruct", {"picture": SQUARE}, resolution=16).status == 200
    assert [path for path in place.rglob("*") if "upload" in path.name or path.name.startswith("urform-")] == []


def test_users_get_their_own_answers(server: str) -> None:
    colors = [(200 - 20 * i, 30 + 20 * i, 40) for i in range(8)]

    def ask(color: tuple[int, int, int]) -> tuple[int, ...]:
        answer = post(f"{server}/api/cutout", {"picture": encoded(drawing(color))}).json
        return tuple(np.asarray(Image.open(io.BytesIO(base64.b64decode(answer["picture"]))))[48, 48, :3].tolist())

    with ThreadPoolExecutor(8) as users:
        assert list(users.map(ask, colors)) == colors


def test_a_latent_has_a_mesh_and_the_modes_are_principal(server: str, tmp_path: Path) -> None:
    modes = get(f"{server}/api/modes").json
    known = np.stack([np.eye(4)[0], np.eye(4)[1]]) * 0.1
    np.testing.assert_allclose(modes["mean"], known.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(np.abs(modes["directions"][0]), np.abs(known[0] - known[1]) / np.sqrt(2), atol=1e-6)
    answer = post_json(f"{server}/api/shape", {"latent": modes["mean"], "resolution": 24})
    assert mesh_of(answer.body, "glb", tmp_path).is_watertight
    assert "latent must have shape" in error_of(post_json(f"{server}/api/shape", {"latent": [1, 2]}), 422)
    error_of(post_json(f"{server}/api/shape", {"latent": [float("nan")] * 4}), 422)
    assert get(f"{server}/api/template?resolution=24").status == 200


def test_a_mesh_has_a_latent_and_is_registered(server: str) -> None:
    ball = trimesh.creation.icosphere(3, 2.0).export(file_type="ply")
    assert len(post(f"{server}/api/fit", {"scan": ("ball.ply", ball)}).json["latent"]) == 4
    answer = post(f"{server}/api/register", {"scan": ("ball.ply", ball)}, force=True)
    assert answer.status == 200
    assert 0 < answer.json["median"] < 0.3
    assert "ball.txt" in error_of(post(f"{server}/api/fit", {"scan": ("ball.txt", ball)}), 422)


def test_the_server_says_how_it_does(server: str) -> None:
    health = get(f"{server}/api/health").json
    assert health["status"] == "ok"
    assert health["pending"] == 0
    assert health["done"] > 0
    assert get(f"{server}/api/version").json["categories"] == ["ball"]
    schema = get(f"{server}/openapi.json").json
    assert "/api/reconstruct" in schema["paths"]
    assert "ReconstructAnswer" in schema["components"]["schemas"]
    assert get(f"{server}/api/queue/nobody").json["ahead"] is None
    assert get(f"{server}/../../etc/passwd").status == 404


def test_nothing_comes_from_elsewhere(server: str) -> None:
    page = get(server)
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for name in ("", "/server.js", "/picture.js", "/shapes.js", "/viewer.js", "/style.css"):
        answer = get(server + name)
        assert answer.status == 200
        assert b"http://" not in answer.body
        assert b"https://" not in answer.body


def test_a_full_queue_and_a_slow_job_are_said(weights: Path, tmp_path: Path) -> None:
    with serving(tmp_path / "tmp", "--weights", str(weights), "--queue", "1", "--time-s", "2") as address:
        ball = trimesh.creation.icosphere(3, 2.0).export(file_type="ply")

        def ask(_: int) -> Answer:
            return post(f"{address}/api/register", {"scan": ("ball.ply", ball)}, force=True, ticket="mine")

        with ThreadPoolExecutor(4) as users:
            asked = [users.submit(ask, i) for i in range(4)]
            places = set()
            while not all(one.done() for one in asked):
                places.add(get(f"{address}/api/queue/mine").json["ahead"])
                time.sleep(0.05)
        statuses = [one.result().status for one in asked]
        assert set(statuses) == {503, 504}
        assert 0 in places
        deadline = time.monotonic() + 100
        while post(f"{address}/api/reconstruct", {"picture": SQUARE}, resolution=8).status != 200:
            assert time.monotonic() < deadline, "the server did not come back"
        error = next(one.result() for one in asked if one.result().status == 503)
        assert "wait already" in error.json["error"]
        assert int(error.headers["retry-after"]) > 0


def test_uploads_are_kept_where_that_is_asked_for(server: str, place: Path) -> None:
    sent = encoded(drawing((10, 120, 90)))
    post(f"{server}/api/reconstruct", {"picture": sent}, resolution=16)
    (upload,) = [path for path in (place.parent / "kept").glob("*.upload") if path.read_bytes() == sent]
    assert json.loads(upload.with_suffix(".json").read_text())["category"] == "ball"
    assert upload.with_suffix(".glb").stat().st_size > 1000


def test_what_is_kept_replaces_nothing_and_costs_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(time, "strftime", lambda _: "now")
    for content in (b"one", b"two"):  # of two servers in one second
        Keep(tmp_path / "kept").write(content, {}, b"mesh", "glb")
    assert {path.read_bytes() for path in (tmp_path / "kept").glob("*.upload")} == {b"one", b"two"}
    (tmp_path / "file").write_text("")
    Keep(tmp_path / "file").write(b"one", {}, b"mesh", "glb")
    assert "now_000000.glb is not kept" in caplog.text


def test_a_taken_port_and_bad_flags_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 2
    assert "choose another with --port" in capsys.readouterr().err
    (tmp_path / "bad.safetensors").write_bytes(b"no weights")
    assert main(["serve", "--port", "0", "--weights", str(tmp_path / "bad.safetensors")]) == 2
    assert "bad.safetensors: damaged or not a safetensors file" in capsys.readouterr().err
    save_weights(tmp_path / "a.safetensors", small_weights())
    assert main(["serve", "--port", "0", "--weights", *[str(tmp_path / "a.safetensors")] * 2]) == 2
    assert "a.safetensors: other weights are of the category 'ball', too" in capsys.readouterr().err
    assert main(["serve", "--queue", "0"]) == 2
    assert "queue must be at least 1" in capsys.readouterr().err
    for flags in (["--port", "700000"], ["--host", "no such host"], ["--workers", "0"]):
        assert main(["serve", *flags]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


def test_limits_are_checked() -> None:
    with pytest.raises(ValueError, match="time_s must be positive"):
        Limits(time_s=0)
    with pytest.raises(ValueError, match="resolution must be at least 8"):
        Limits(resolution=1)
