"""Unpacking archives of strangers: nothing leaves the folder, nothing fills the disk, nothing is half there."""

from __future__ import annotations

import errno
import json
import lzma
import os
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from tqdm import tqdm

from urform.files import CHUNK, MAX_RATIO, RATIO_SLACK

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
ZIP_SUFFIXES = (".zip", ".sh3f")
STAMP = ".unpacked.json"
_CLASHES = frozenset({errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.EINVAL})
ENCRYPTED = 0x1  # bit of a zip member's flags
_DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, struct.error)


@dataclass(frozen=True)
class Unpacked:
    """What came out of an archive.

    Attributes:
        folder: where the files lie.
        files: how many there are.
        refused: members that were left out, each with the reason.
        was_there: whether it had been unpacked before.
    """

    folder: Path
    files: int
    refused: tuple[str, ...] = ()
    was_there: bool = False


class _Member(NamedTuple):
    """A member of an archive; `kind` is file, folder, link or the name of what is never unpacked."""

    name: str
    kind: str
    target: str
    open: Callable[[], Any]


def archive_stem(name: str) -> str | None:
    """The name of an archive that can be unpacked without its ending; None for other files."""
    for suffix in sorted((*TAR_SUFFIXES, *ZIP_SUFFIXES), key=len, reverse=True):
        if name.lower().endswith(suffix) and len(name) > len(suffix):
            return name[: -len(suffix)]
    return None


def unpack(archive: Path, folder: Path, max_gb: float = 200.0) -> Unpacked:
    """Unpack a .zip, .sh3f or .tar (also .gz, .xz, .bz2) file into a folder of its own.

    The folder appears when all is unpacked. It is made again if the archive's size or time has changed. Absolute names,
    `..`, drive letters, devices and links out of the archive are refused and named. Links to a file of the archive
    become copies of it.

    Args:
        archive: the file; its kind is told by its content.
        folder: what is to hold the members.
        max_gb: most GiB that may come out.

    Raises:
        FileNotFoundError: no such archive.
        ValueError: damaged, encrypted, too large, or the folder holds something else.
    """
    if not archive.is_file():
        raise FileNotFoundError(f"{archive}: no such archive")
    state = archive.stat()
    source = {"bytes": state.st_size, "mtime_ns": state.st_mtime_ns}
    stamp = _read_stamp(folder)
    if stamp and {name: stamp.get(name) for name in source} == source:
        return Unpacked(folder, stamp["files"], tuple(stamp["refused"]), was_there=True)
    if not stamp and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ValueError(
            f"{folder}: is there already and was not unpacked by urform; remove it or choose another folder"
        )
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        temporary.mkdir(parents=True)
        unpacked = _Unpacking(archive, temporary, max_gb).run()
        (temporary / STAMP).write_text(json.dumps({**source, "files": unpacked.files, "refused": unpacked.refused}))
        shutil.rmtree(folder, ignore_errors=True)
        temporary.rename(folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return Unpacked(folder, unpacked.files, unpacked.refused)


class _Unpacking:
    """The writing of one archive: counts what it wrote and what it refused."""

    def __init__(self, archive: Path, folder: Path, max_gb: float):
        self._archive = archive
        self._folder = folder
        self._max_gb = max_gb
        self._ratio_limit = archive.stat().st_size * MAX_RATIO + RATIO_SLACK
        self._written = 0
        self._files: set[PurePosixPath] = set()
        self._refused: list[str] = []

    def run(self) -> Unpacked:
        links: list[tuple[PurePosixPath, _Member]] = []
        try:
            for member in tqdm(_members(self._archive), desc=f"unpack {self._archive.name}", unit="file", delay=2):
                path = _inner_path(member.name)
                if member.kind == "folder" and not member.name.strip("./"):
                    continue  # tar's name of the folder itself
                if path is None:
                    self._refuse(member.name, "leaves the folder")
                elif member.kind == "link":
                    links.append((path, member))
                elif member.kind == "file":
                    self._write(path, member.name, member.open)
                elif member.kind != "folder":
                    self._refuse(member.name, f"is a {member.kind}")
            self._copy_links(links)
        except _DAMAGE as error:
            raise self._damaged(error) from error
        except OSError as error:
            if error.errno not in (None, errno.EINVAL):
                raise
            raise self._damaged(error) from error  # how gzip and bz2 say so, and a place that no file has
        except NotImplementedError as error:  # a compression that zipfile does not know
            raise ValueError(f"{self._archive}: cannot be unpacked: {error}; unpack it by hand") from error
        return Unpacked(self._folder, len(self._files), tuple(self._refused))

    def _damaged(self, error: Exception) -> ValueError:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        return ValueError(f"{self._archive}: damaged or cut off ({reason}), expected a whole .zip or .tar archive")

    def _write(self, path: PurePosixPath, name: str, opened: Callable[[], Any]) -> None:
        place = self._folder / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with opened() as source, place.open("wb") as target:
                while block := source.read(CHUNK):
                    self._written += len(block)
                    self._check_size()
                    target.write(block)
        except OSError as error:
            if error.errno not in _CLASHES:
                raise
            self._refuse(name, f"cannot have this name here ({error.strerror})")
        else:
            if path in self._files:
                self._refuse(name, "is there more than once, the last one is kept")
            self._files.add(path)

    def _check_size(self) -> None:
        if self._written > self._max_gb * 2**30:
            raise ValueError(
                f"{self._archive}: unpacks to more than {self._max_gb:g} GiB; give a larger `max_gb` if it should"
            )
        if self._written > self._ratio_limit:
            raise ValueError(
                f"{self._archive}: unpacks to more than {MAX_RATIO} times its size, as archives made to fill disks do; "
                "unpack it by hand if it should"
            )

    def _copy_links(self, links: list[tuple[PurePosixPath, _Member]]) -> None:
        """Copy the files that links point to, also by way of other links; a link is never made on the disk."""
        targets = {path: _inner_path(member.target) for path, member in links}
        for path, member in links:
            way, end = set(), targets[path]
            while end in targets and end not in self._files and end not in way:
                way.add(end)
                end = targets[end]
            targets.update(dict.fromkeys(way, end))  # the next one that comes along here need not go this way again
            if end not in self._files:
                self._refuse(member.name, f"is a link to {member.target}, which is no file of the archive")
            else:
                self._write(path, member.name, partial((self._folder / str(end)).open, "rb"))

    def _refuse(self, name: str, reason: str) -> None:
        self._refused.append(f"{name}: {reason}")


def _inner_path(name: str) -> PurePosixPath | None:
    """Where a member lies below the folder; None where it would leave it, or has no name."""
    name = name.replace("\\", "/")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or name.startswith("/") or "\0" in name or re.match("[A-Za-z]:", parts[0]):
        return None
    return PurePosixPath(*parts)


def _members(archive: Path) -> Iterator[_Member]:
    if zipfile.is_zipfile(archive):
        yield from _zip_members(archive)
        return
    with tarfile.open(archive) as tar:
        for info in tar:
            yield _tar_member(tar, info)


def _zip_members(archive: Path) -> Iterator[_Member]:
    with zipfile.ZipFile(archive) as file:
        for info in file.infolist():
            if info.flag_bits & ENCRYPTED:
                raise NotImplementedError(f"{info.filename} is encrypted, password required")
            mode = info.external_attr >> 16
            if info.is_dir():
                kind, target = "folder", ""
            elif stat.S_ISLNK(mode):
                kind, target = "link", _link_target(info.filename, _zip_link(file, info))
            else:
                kind, target = "file", ""
            yield _Member(info.filename, kind, target, lambda info=info: file.open(info))


def _zip_link(file: zipfile.ZipFile, info: zipfile.ZipInfo) -> str:
    with file.open(info) as content:
        return content.read(4096).decode(errors="replace")


def _tar_member(tar: tarfile.TarFile, info: tarfile.TarInfo) -> _Member:
    def opened() -> Any:
        content = tar.extractfile(info)
        if content is None:
            raise tarfile.ReadError(f"{info.name} has no content")
        return content

    if info.isdir():
        return _Member(info.name, "folder", "", opened)
    if info.issym():
        return _Member(info.name, "link", _link_target(info.name, info.linkname), opened)
    if info.islnk():  # a hard link names its target from the root of the archive
        return _Member(info.name, "link", info.linkname, opened)
    return _Member(info.name, "file" if info.isreg() else "device", "", opened)


def _link_target(name: str, link: str) -> str:
    """What a symbolic link points to, from the root of the archive; it may begin with `..`, to be refused."""
    return os.path.normpath(link if link.startswith("/") else str(PurePosixPath(name).parent / link))


def _read_stamp(folder: Path) -> dict:
    try:
        stamp = json.loads((folder / STAMP).read_text())
        return stamp if isinstance(stamp, dict) and {"files", "refused"} <= stamp.keys() else {}
    except (OSError, ValueError, RecursionError):
        return {}
