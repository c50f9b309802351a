"""What tells a mesh from another one under the same name: a hash of its file and of all that belongs to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from urform.files import CHUNK, open_url
from urform.formats import references
from urform.sources import MOST_REFERENCES, Source

KEYPOINTS_FILE = "shape.json"  # beside a mesh of `urform synth`, whose groups are its parts


def content_of(source: Source) -> str:
    """A hash of mesh, materials, textures, keypoints and rotation; empty where the files cannot be read.

    Of a mesh behind a URL, of what the file system says of the file: nothing is downloaded for it.
    """
    digest = hashlib.sha256(repr(source.rotation).encode())
    try:
        if source.collection:
            files, root = open_url(source.collection)
            digest.update(str(files.checksum(f"{root}/{source.path.as_posix()}")).encode())
            return digest.hexdigest()
        for path in _files(source.path):
            digest.update(b"\0")  # a file that ends earlier is another one
            with path.open("rb") as file:
                while block := file.read(CHUNK):
                    digest.update(block)
    except (OSError, ValueError):
        return ""
    return digest.hexdigest()


def _files(mesh: Path) -> Iterator[Path]:
    """A mesh, what lies beside it for it, and what it refers to."""
    waiting, known = [mesh, mesh.with_name(KEYPOINTS_FILE)], {mesh}
    while waiting:
        path = waiting.pop(0)
        if path != mesh and not path.is_file():
            continue
        yield path
        try:
            names = references(path)
        except Exception:  # a damaged file refers to nothing; its reader says what is wrong with it
            names = []
        for name in names:
            if (other := path.parent / name) not in known and len(known) < MOST_REFERENCES:
                known.add(other)
                waiting.append(other)
