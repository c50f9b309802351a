"""A server in a process of its own, as `urform serve` starts it, and a client of a few lines."""

import contextlib
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Answer:
    """Status, body, and headers by their names in lower case."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@contextlib.contextmanager
def serving(temporary: Path, *flags: str) -> Iterator[str]:
    """The address of a server whose temporary files lie in a folder."""
    temporary.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-m", "urform", "serve", "--port", "0", *flags]
    environment = {**os.environ, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("ready: "), line
        yield line.split()[1]
    finally:
        process.terminate()
        process.wait(20)
        if process.stdout is not None:
            process.stdout.close()


def get(address: str) -> Answer:
    return _ask(urllib.request.Request(address))


def post(address: str, files: dict[str, Any], **fields: Any) -> Answer:
    """Send a form. Files are bytes, a pair of name and bytes, or a list of such pairs."""
    parted, parts = uuid.uuid4().hex, []
    for name, value in fields.items():
        parts.append((f'form-data; name="{name}"', str(value).encode()))
    for name, given in files.items():
        pairs = given if isinstance(given, list) else [given if isinstance(given, tuple) else ("upload", given)]
        parts += [(f'form-data; name="{name}"; filename="{title}"', content) for title, content in pairs]
    body = b"".join(
        f"--{parted}\r\nContent-Disposition: {head}\r\n\r\n".encode() + content + b"\r\n" for head, content in parts
    )
    body += f"--{parted}--\r\n".encode()
    return send(address, body, f"multipart/form-data; boundary={parted}")


def post_json(address: str, content: Any) -> Answer:
    return send(address, json.dumps(content).encode(), "application/json")


def send(address: str, body: bytes, kind: str) -> Answer:
    return _ask(urllib.request.Request(address, body, {"Content-Type": kind}))


def _ask(request: urllib.request.Request) -> Answer:
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:
            return Answer(answer.status, answer.read(), _headers(answer))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read(), _headers(error))


def _headers(answer: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}
