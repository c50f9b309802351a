"""The published `secret.json`: which archives of meshes a data folder begins with, and where they are to lie."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from urform.sources._archive import archive_stem, unpack
from urform.sources._fetch import fetch
from urform.sources._merge import note_datasources
from urform.sources._source import SHAPENET, SHAPENET_MESH

logger = logging.getLogger(__name__)

PASCAL = "PASCAL3D+"
PASCAL_URL = "ftp://cs.stanford.edu/cs/cvgl/PASCAL3D+_release1.1.zip"
_KINDS = {"shapenet": SHAPENET, "pascal": PASCAL}
_KEYS = ("root", "folder", "url", "sha256")
_PROBES = 20
_DEEPEST = {SHAPENET: 3, PASCAL: 1}  # folders that an archive may have around its content


@dataclass(frozen=True)
class MeshArchive:
    """An archive of meshes.

    Attributes:
        dataset: what it is called in a data folder.
        url: where it is fetched from.
        root: folder that the archive is kept in.
        folder: what it is unpacked into.
        sha256: checksum that the archive must have; None = any.
    """

    dataset: str
    url: str
    root: Path
    folder: Path
    sha256: str | None = None


@dataclass(frozen=True)
class Begun:
    """What became of an archive.

    Attributes:
        dataset: what it is called in the data folder.
        folder: where its meshes lie.
        was_there: whether they were there before.
        categories: folders of ShapeNet's categories in it.
        refused: members of the archive that were left out, each with the reason.
    """

    dataset: str
    folder: Path
    was_there: bool
    categories: int
    refused: tuple[str, ...]


def read_secret(path: Path) -> list[MeshArchive]:
    """Read a published secret.json.

    For ShapeNet it has `shapenet_url`, `shapenet_root` (folder of the archive) and `shapenet_folder` (name of the
    unpacked folder in it); for PASCAL3D+ `pascal_root` and `pascal_folder`, and perhaps `pascal_url`. A root may be the
    URL of the folder that the archive lies in. Either may be absent; `..._sha256` may be there.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is not JSON, lacks a key, or has an unknown one.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f"{path}: no such file, expected JSON with shapenet_url, shapenet_root, shapenet_folder"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON ({error})") from error
    known = [f"{kind}_{key}" for kind in _KINDS for key in _KEYS]
    if not isinstance(content, dict) or not content.keys() & known:
        raise ValueError(f"{path}: must be a JSON object with {', '.join(known[:3])} or pascal_root, pascal_folder")
    if unknown := [key for key in content if key not in known]:
        raise ValueError(f"{path}: {unknown[0]} is unknown, expected {', '.join(known)}")
    kinds = [kind for kind in _KINDS if any(name.startswith(f"{kind}_") for name in content)]
    return [_archive_of(kind, content, path) for kind in kinds]


def begin(archive: MeshArchive, data: Path, max_gb: float = 200.0, tell: Callable[[str], Any] = logger.info) -> Begun:
    """Fetch an archive, check it, unpack it, and have a data folder know where its meshes lie.

    What is there already stays: the archive, its unpacked folder, and what the data folder says. The archives of
    categories that ShapeNet's holds are unpacked, too.

    Args:
        archive: what is fetched.
        data: the data folder, made when missing.
        max_gb: most GiB that an archive may have, and unpack to.
        tell: gets a line a step.

    Raises:
        ValueError: the server refuses, or the archive is damaged, has another checksum or holds no meshes.
        ConnectionError: the server cannot be reached.
    """
    refused: list[str] = []
    was_there = archive.folder.is_dir() and any(archive.folder.iterdir())
    if not was_there:
        got = fetch(archive.url, archive.root, archive.sha256, unpack=False, max_gb=max_gb)
        tell(f"{got.path}: {got.size_bytes / 2**20:.1f} MiB{' (was there)' if got.was_there else ''}")
        unpacked = unpack(got.path, archive.folder, max_gb)
        tell(f"{archive.folder}: {unpacked.files} files")
        refused += unpacked.refused
    folder, synsets = _inner(archive.folder, _DEEPEST[archive.dataset])
    for inner in sorted(folder.glob("*.zip")):
        stem = archive_stem(inner.name) or ""
        if re.fullmatch(r"\d{8}", stem) and not (folder / stem).exists():
            refused += unpack(inner, folder / stem, max_gb).refused
            _lift(folder / stem)
            synsets += 1
    if archive.dataset == SHAPENET and not synsets:
        raise ValueError(f"{archive.folder}: has no folder like 03001627/INSTANCE/{SHAPENET_MESH.as_posix()}")
    note_datasources(data, {archive.dataset: str(folder.resolve())})
    return Begun(archive.dataset, folder, was_there, synsets, tuple(refused))


def _archive_of(kind: str, content: dict[str, Any], path: Path) -> MeshArchive:
    values = {key: content.get(f"{kind}_{key}") for key in _KEYS}
    if kind == "pascal" and not values["url"]:
        values["url"] = PASCAL_URL
    root = str(values["root"] or "")
    if re.match(r"(https?|ftp|file)://", root):  # the folder of the archive, elsewhere
        own = values["url"] if kind == "shapenet" else None
        values["url"] = own or (root if archive_stem(root) else f"{root.rstrip('/')}/{values['folder']}.zip")
        values["root"] = str(path.parent)
    for key in ("root", "folder", "url"):
        if not isinstance(values[key], str) or not values[key]:
            raise ValueError(f"{path}: {kind}_{key} must be a text, got {values[key]!r}")
    place = Path(str(values["root"])).expanduser()
    place = place if place.is_absolute() else path.parent / place
    return MeshArchive(_KINDS[kind], str(values["url"]), place, place / str(values["folder"]), values["sha256"])


def _inner(folder: Path, deepest: int) -> tuple[Path, int]:
    """The folder that holds the categories, and how many: perhaps the only one in that of the archive."""
    for _ in range(deepest):
        synsets = sum(_is_synset(path) for path in folder.iterdir())
        inner = [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
        if synsets or len(inner) != 1 or any(folder.glob("*.zip")):
            return folder, synsets
        folder = inner[0]
    return folder, sum(_is_synset(path) for path in folder.iterdir())


def _is_synset(folder: Path) -> bool:
    if not re.fullmatch(r"\d{8}", folder.name) or not folder.is_dir():
        return False
    return any((probe / SHAPENET_MESH).is_file() for probe, _ in zip(folder.iterdir(), range(_PROBES), strict=False))


def _lift(folder: Path) -> None:
    """The archive of a category holds a folder of the same name: its content belongs one level higher."""
    inner = folder / folder.name
    if inner.is_dir():
        for path in list(inner.iterdir()):
            path.rename(folder / path.name)
        inner.rmdir()
