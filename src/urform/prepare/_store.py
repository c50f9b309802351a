"""Where the files of a data folder go: a folder of this machine, or one behind a URL that fsspec knows."""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from urform.files import is_url, open_url, replace_durably, sync

logger = logging.getLogger(__name__)

STAGING = ".staging"  # files and folders in the making


class Store(ABC):
    """A folder into which finished files are put, each whole or not at all.

    Paths are relative to it, parts joined by `/`.
    """

    @abstractmethod
    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """The contents of those of the files that exist."""

    @abstractmethod
    def write(self, path: str, content: bytes) -> None:
        """Write a file, over what was there."""

    @abstractmethod
    def put(self, made: Path, path: str) -> None:
        """Move a file or folder of this machine to its place; where `made` does not exist, what was there just goes."""

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """Names of the files and folders in a folder; none where it is not there."""

    @abstractmethod
    def lock(self) -> contextlib.AbstractContextManager[None]:
        """Keep other runs out for a while.

        Raises:
            ValueError: one is at work.
        """

    @abstractmethod
    def stage(self, name: str) -> Path:
        """An empty folder of this machine for files in the making, on the disk of the store where it has one."""

    @abstractmethod
    def finish(self) -> None:
        """Remove what interrupted runs left."""


class LocalStore(Store):
    """A folder of this machine, or one that several machines share.

    Args:
        root: the folder, made when something is written.
    """

    def __init__(self, root: Path):
        self.root = root

    def __str__(self) -> str:
        return str(self.root.resolve())

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """See `Store`."""
        return {path: place.read_bytes() for path in paths if (place := self.root / path).is_file()}

    def write(self, path: str, content: bytes) -> None:
        """See `Store`. Where `finish` finds it if this process is killed meanwhile."""
        target, partial = self.root / path, self.root / STAGING / f"{os.getpid()}__{path.replace('/', '__')}"
        for folder in (partial.parent, target.parent):
            folder.mkdir(parents=True, exist_ok=True)
        try:
            partial.write_bytes(content)
            replace_durably(partial, target)
        finally:
            partial.unlink(missing_ok=True)

    def put(self, made: Path, path: str) -> None:
        """See `Store`."""
        target = self.root / path
        if target.is_dir():
            shutil.rmtree(target)
        target.unlink(missing_ok=True)
        if made.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            if made.is_file():
                replace_durably(made, target)
            else:
                for file in sorted(path for path in made.rglob("*") if path.is_file()):
                    sync(file)
                made.replace(target)

    def names(self, folder: str) -> list[str]:
        """See `Store`."""
        place = self.root / folder
        return [path.name for path in place.iterdir()] if place.is_dir() else []

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """See `Store`. The system gives up the lock of a process that dies."""
        self.root.mkdir(parents=True, exist_ok=True)
        place = self.root / ".lock"
        while True:
            with place.open("a") as file:
                if not _is_locked(file):
                    raise ValueError(f"{self.root}: another `urform prepare` works in it; wait for its end")
                if not place.exists() or not os.path.samestat(os.fstat(file.fileno()), place.stat()):
                    continue  # its owner has removed it in this moment
                try:
                    yield
                finally:
                    place.unlink(missing_ok=True)
                return

    def stage(self, name: str) -> Path:
        """See `Store`."""
        folder = self.root / STAGING / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder

    def finish(self) -> None:
        """See `Store`."""
        shutil.rmtree(self.root / STAGING, ignore_errors=True)


class RemoteStore(Store):
    """A folder behind a URL; a file there appears when all of it is written.

    Args:
        url: of the folder.

    Raises:
        ValueError: fsspec has no such file system, or its package is not installed.
    """

    def __init__(self, url: str):
        self.url = url.rstrip("/")
        self._files, self._root = open_url(url)

    def __str__(self) -> str:
        return self.url

    def __reduce__(self) -> tuple[type[RemoteStore], tuple[str]]:
        return RemoteStore, (self.url,)  # connections do not travel between processes

    def read(self, paths: Iterable[str]) -> dict[str, bytes]:
        """See `Store`."""
        wanted = {self._place(path): path for path in paths}
        there: set[str] = set()
        for folder in {place.rsplit("/", 1)[0] for place in wanted}:  # one listing for all the files in it
            with contextlib.suppress(FileNotFoundError):
                there.update(str(name) for name in self._files.ls(folder, detail=False, refresh=True))
        found = self._files.cat(sorted(there & wanted.keys())) if there & wanted.keys() else {}
        return {wanted[place]: content for place, content in found.items()}

    def write(self, path: str, content: bytes) -> None:
        """See `Store`."""
        place = self._place(path)
        self._make_folder(place)
        self._files.pipe_file(place, content)

    def put(self, made: Path, path: str) -> None:
        """See `Store`."""
        place = self._place(path)
        if self._files.exists(place):
            self._files.rm(place, recursive=True)
        if made.is_dir():
            for file in sorted(file for file in made.rglob("*") if file.is_file()):
                self.write(f"{path}/{file.relative_to(made).as_posix()}", file.read_bytes())
        elif made.exists():
            self.write(path, made.read_bytes())

    def names(self, folder: str) -> list[str]:
        """See `Store`."""
        with contextlib.suppress(FileNotFoundError):
            listed = self._files.ls(self._place(folder), detail=False, refresh=True)
            return [str(name).rstrip("/").rsplit("/", 1)[-1] for name in listed]
        return []

    def lock(self) -> contextlib.AbstractContextManager[None]:
        """See `Store`. Object stores have no locks: two runs at once are the user's business."""
        return contextlib.nullcontext()

    def stage(self, name: str) -> Path:
        """See `Store`."""
        return Path(tempfile.mkdtemp(prefix=f"urform-{name[:40]}-"))

    def finish(self) -> None:
        """See `Store`."""

    def _place(self, path: str) -> str:
        return f"{self._root}/{PurePosixPath(path)}"

    def _make_folder(self, place: str) -> None:
        self._files.makedirs(place.rsplit("/", 1)[0], exist_ok=True)


def _is_locked(file: IO[str]) -> bool:
    """Take a file's lock; whether no other process has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        logger.warning("%s: this disk has no locks; see that no other run works here", file.name)
    return True


def open_store(place: Path | str) -> Store:
    """The store at a path or URL."""
    return RemoteStore(place) if isinstance(place, str) and is_url(place) else LocalStore(Path(place))
