"""Many users of `urform serve` at once, beside the command on the same pictures.

    python benchmarks/server.py [--users 100] [--minutes 10] [--picture examples/armchair.jpg] [--hostile 1000]

Each user sends the picture in a color of its own and waits for the mesh. Meanwhile it asks for its place in the queue.
Then it sends again. Printed are: pictures a minute and their ratio to one `urform reconstruct` of 12 pictures, run
before; the waits; answers that were another user's (the cut-out's hue tells); memory of the server and its workers at
the start, in the middle and at the end. Last come hostile uploads and one picture, which must be served.
"""

from __future__ import annotations

import argparse
import base64
import colorsys
import io
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import numpy as np
from PIL import Image

IN_ONE_COMMAND = 12


def form(content: bytes, **fields: str) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a form with one picture."""
    parted = uuid.uuid4().hex
    parts = [(f'name="{name}"', value.encode()) for name, value in fields.items()]
    parts.append(('name="picture"; filename="p"', content))
    body = b"".join(
        f"--{parted}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + value + b"\r\n"
        for head, value in parts
    )
    return body + f"--{parted}--\r\n".encode(), {"Content-Type": f"multipart/form-data; boundary={parted}"}


def post(address: str, content: bytes, **fields: str) -> tuple[int, bytes]:
    """Status and body of the answer."""
    body, headers = form(content, **fields)
    try:
        with urllib.request.urlopen(urllib.request.Request(address, body, headers), timeout=3600) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def hue_of(picture: bytes) -> float:
    """Mean hue of the opaque part of a cut-out, 0..1."""
    pixels = np.asarray(Image.open(io.BytesIO(picture)).convert("RGBA"))
    mean = pixels[pixels[..., 3] > 200][:, :3].mean(axis=0) / 255
    return colorsys.rgb_to_hsv(*mean)[0]


def tinted(picture: Image.Image, hue: float) -> bytes:
    """The picture with its object in one hue: cut out, so that all users' pictures are cut alike."""
    rgba = np.asarray(picture.convert("RGBA")).copy()
    light = rgba[..., :3].mean(axis=2) / 255
    color = np.array(colorsys.hsv_to_rgb(hue, 0.9, 1.0))
    rgba[..., :3] = np.round(255 * (0.15 + 0.85 * light[..., None]) * color)
    stored = io.BytesIO()
    Image.fromarray(rgba).save(stored, "PNG")
    return stored.getvalue()


def memory_mb(process: subprocess.Popen) -> float:
    """Memory of a process and those that it started, MiB."""
    shown = subprocess.run(["ps", "-eo", "pid,ppid,rss"], capture_output=True, text=True, check=True).stdout
    rows = [tuple(map(int, line.split())) for line in shown.splitlines()[1:]]
    family = {process.pid}
    for _ in range(3):
        family |= {pid for pid, parent, _ in rows if parent in family}
    return sum(size for pid, _, size in rows if pid in family) / 1024


class Users:
    """Threads that each use the server over and over."""

    def __init__(self, address: str, pictures: list[bytes], hues: list[float], until: float):
        self.waits: list[float] = []
        self.places: list[int] = []
        self.mixed = self.failed = 0
        self._address, self._until, self._lock = address, until, threading.Lock()
        self._threads = [
            threading.Thread(target=self._use, args=(picture, hue)) for picture, hue in zip(pictures, hues, strict=True)
        ]

    def run(self) -> None:
        """Start all and wait for them."""
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()

    def _use(self, picture: bytes, hue: float) -> None:
        while time.monotonic() < self._until:
            ticket, started = uuid.uuid4().hex, time.monotonic()
            timer = threading.Timer(2, self._look, (ticket,))
            timer.start()
            status, body = post(f"{self._address}/api/reconstruct", picture, ticket=ticket, cutout="true")
            timer.cancel()
            with self._lock:
                self.waits.append(time.monotonic() - started)
                if status != 200:
                    self.failed += 1
                    continue
            apart = abs(hue_of(base64.b64decode(json.loads(body)["cutout"])) - hue)
            with self._lock:
                self.mixed += min(apart, 1 - apart) > 0.01

    def _look(self, ticket: str) -> None:
        with urllib.request.urlopen(f"{self._address}/api/queue/{ticket}", timeout=60) as answer:
            ahead = json.load(answer)["ahead"]
        if ahead is not None:
            with self._lock:
                self.places.append(ahead)


def hostile_uploads(count: int, whole: bytes) -> list[bytes]:
    """Pictures that are none: random bytes, cut off, turned bytes, wrong headers."""
    generator = np.random.default_rng(0)
    uploads = []
    for i in range(count):
        values = np.frombuffer(whole, np.uint8).copy()
        if i % 4 == 0:
            uploads.append(generator.bytes(int(generator.integers(0, 5000))))
        elif i % 4 == 1:
            uploads.append(whole[: int(generator.integers(1, len(whole)))])
        elif i % 4 == 2:
            values[generator.integers(0, len(values), 20)] = generator.integers(0, 256, 20)
            uploads.append(values.tobytes())
        else:
            uploads.append(
                [b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff", b"II*\0", b"RIFF"][i % 5] + generator.bytes(2000)
            )
    return uploads


def command_rate(picture: Path, folder: Path) -> float:
    """Pictures a minute of one command on several copies, its start left out."""
    times = []
    for count in (1, 1 + IN_ONE_COMMAND):
        copies = []
        for i in range(count):
            copies.append(folder / f"{i}.png")
            copies[-1].write_bytes(picture.read_bytes())
        started = time.monotonic()
        words = [sys.executable, "-m", "urform", "reconstruct", *map(str, copies), "--out", str(folder / f"out{count}")]
        subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        times.append(time.monotonic() - started)
    return 60 * IN_ONE_COMMAND / (times[1] - times[0])


def main() -> None:
    """Print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--users", type=int, default=100)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--picture", type=Path, default=Path("examples/armchair.jpg"))
    parser.add_argument("--hostile", type=int, default=1000)
    args = parser.parse_args()
    from urform.pictures import cut_out_file

    cut = Image.fromarray(cut_out_file(args.picture).rgba)
    hues = [i / args.users for i in range(args.users)]
    pictures = [tinted(cut, hue) for hue in hues]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "cut.png").write_bytes(pictures[0])
        alone = command_rate(folder / "cut.png", folder)
        print(f"command: {alone:.1f} pictures a minute", flush=True)
    words = [sys.executable, "-m", "urform", "serve", "--port", "0", "--queue", str(2 * args.users)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().split()[1]
        memory = [memory_mb(server)]
        users = Users(address, pictures, hues, time.monotonic() + 60 * args.minutes)
        started = time.monotonic()
        watch = threading.Timer(30 * args.minutes, lambda: memory.append(memory_mb(server)))
        watch.start()
        users.run()
        rate = 60 * (len(users.waits) - users.failed) / (time.monotonic() - started)
        memory.append(memory_mb(server))
        print(f"server: {rate:.1f} pictures a minute, {rate / alone:.2f} of the command's")
        print(f"{len(users.waits)} answers, {users.failed} failed, {users.mixed} mixed up")
        print(f"wait: median {statistics.median(users.waits):.0f} s, longest {max(users.waits):.0f} s")
        print(f"place in the queue: seen {len(users.places)} times, up to {max(users.places, default=0)}")
        print("memory MiB: " + ", ".join(f"{value:.0f}" for value in memory))
        statuses: dict[int, int] = {}
        for upload in hostile_uploads(args.hostile, pictures[0]):
            status, _ = post(f"{address}/api/reconstruct", upload)
            statuses[status] = statuses.get(status, 0) + 1
        status, _ = post(f"{address}/api/reconstruct", pictures[0])
        print(f"hostile uploads by status: {statuses}; a picture afterwards: {status}; memory {memory_mb(server):.0f}")
        server.terminate()


if __name__ == "__main__":
    main()
