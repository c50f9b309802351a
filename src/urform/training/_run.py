"""A run folder: settings, metrics, checkpoint and weights of one training."""

from __future__ import annotations

import json
import logging
import math
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import safetensors
import torch

from urform.config import RUN_FILES, RunConfig
from urform.files import check_outputs, digest_of, replace_durably, utf8_path, write_atomically
from urform.weights import FILE_NAME

logger = logging.getLogger(__name__)

_OWN_FOLDERS = ("tensorboard", "snapshots")


def check_inputs(out: Path, inputs: Iterable[Path | str | None]) -> None:
    """Refuse, before any work, a run folder whose own files are read: a run would replace or remove them.

    Args:
        out: the run folder.
        inputs: files, and run folders whose weights are read.

    Raises:
        ValueError: one of them is a file of the run.
    """
    given = [Path(each) for each in inputs if each is not None]
    own = [out / name for name in RUN_FILES]
    folders = [Path(os.path.realpath(out / name)) for name in _OWN_FOLDERS]
    kept = [each for each in given if any(Path(os.path.realpath(each)).is_relative_to(place) for place in folders)]
    check_outputs(None, [*own, *kept], [*given, *(each / FILE_NAME for each in given)])


class RunFolder:
    """Where one training keeps what it makes.

    Args:
        path: the folder.
        stage: name of the stage that trains here.
        settings: everything that decides the result; a resumed run must have the same.
        config: whether to go on with what is there, or to remove it.
        writes: whether this process is the one that writes here.
        left_out: names of shapes of the split that are not used, by the reason.
        starts: files, and run folders whose weights are read, from which the run starts.

    Raises:
        FileExistsError: there is a run already, neither to be resumed nor to be overwritten.
        FileNotFoundError: `resume` is true and there is no run.
        ValueError: the run there has other settings, or a file that it started from has changed.
    """

    def __init__(
        self,
        path: Path,
        stage: str,
        settings: Mapping[str, Any],
        config: RunConfig,
        writes: bool = True,
        left_out: Mapping[str, Sequence[str]] | None = None,
        starts: Iterable[Path | str | None] = (),
    ):
        self.path, self._writes, self._left_out = path, writes, dict(left_out or {})
        self._noted: dict[str, Any] = {}
        content = json.loads(json.dumps({"stage": stage, **settings}, default=_plain))
        file = path / RUN_FILES.config
        self._resumed = config.resume
        if config.resume:
            if not file.is_file() and self._has_checkpoint():
                raise FileNotFoundError(
                    f"{file}: no such file, expected the settings of the checkpoint beside it; start again with "
                    "`overwrite`"
                )
            if not file.is_file():
                raise FileNotFoundError(f"{path}: no run to resume; start it without `resume`")
            before = _read(file)
            _compare(before["settings"], content, path)
            _check_starts(before.get("started_from"), _digests(starts), path)
            for left in path.rglob(".*.partial") if writes else ():  # of a run that was killed while it wrote
                left.unlink(missing_ok=True)
        elif writes:
            there = file.exists() or self._has_checkpoint()
            if there and not config.overwrite:
                raise FileExistsError(
                    f"{path}: has a run already; go on with `resume`, start again with `overwrite` or change `out`"
                )
            if there:
                _remove(path)
            noted = {"settings": content, "environment": _environment(), "started_from": _digests(starts)}
            write_atomically(file, json.dumps(noted, indent=1).encode())

    def _has_checkpoint(self) -> bool:
        return any((self.path / name).exists() for name in (RUN_FILES.checkpoint, RUN_FILES.previous))

    def holds(self, name: str) -> bool:
        """Whether weights of this name are there and not cut off."""
        try:
            with utf8_path(self.path / name) as opened, safetensors.safe_open(opened, "pt"):
                return True
        except (safetensors.SafetensorError, OSError):
            return False

    def note_left_out(self, samples: Mapping[str, int]) -> None:
        """Write `left_out.json`: shapes of the split that are not used, and samples that were dropped.

        Args:
            samples: of each shape that has samples that are not finite, how many.
        """
        shapes = {reason: {"count": len(names), "shapes": list(names)} for reason, names in self._left_out.items()}
        content = {"shapes": shapes, "samples": dict(samples)}
        if self._writes and (shapes or samples) and content != self._noted:
            write_atomically(self.path / RUN_FILES.left_out, (json.dumps(content, indent=1) + "\n").encode())
            self._noted = content

    def note_files(self) -> None:
        """Write `files.txt`: the size and name of each file that the run has written."""
        if self._writes:
            files = sorted(path for path in self.path.rglob("*") if path.is_file() and self._is_own(path))
            lines = [f"{path.stat().st_size:>12} {path.relative_to(self.path).as_posix()}\n" for path in files]
            write_atomically(self.path / RUN_FILES.files, "".join(lines).encode())

    def _is_own(self, path: Path) -> bool:
        place = path.relative_to(self.path)
        return place.parts[0] in _OWN_FOLDERS or (str(place) in RUN_FILES and str(place) != RUN_FILES.files)

    def checkpoint(self) -> dict[str, Any] | None:
        """The last checkpoint that can be read, or None where there is none yet.

        Raises:
            ValueError: all there are, are damaged.
        """
        if not self._resumed:
            return None
        damaged = []
        for path in (self.path / RUN_FILES.checkpoint, self.path / RUN_FILES.previous):
            if not path.exists():
                continue
            try:
                content = torch.load(path, map_location="cpu", weights_only=True)
                if not isinstance(content, dict) or not isinstance(content.get("epoch"), int):
                    raise ValueError("not a checkpoint")
            except Exception as error:  # zipfile, pickle and torch each have their own
                reason = next(iter(str(error).splitlines()), "").partition(". ")[0] or "the file is cut off"
                damaged.append(f"{path}: damaged ({reason})")
                continue
            if damaged:
                logger.warning("%s; going on from the one before, epoch %d", damaged[0], content["epoch"])
                if self._writes:  # the next checkpoint must not push the good one out for it
                    (self.path / RUN_FILES.checkpoint).unlink(missing_ok=True)
            return content
        if damaged:
            raise ValueError(f"{damaged[0]}; start again with `overwrite`")
        logger.warning("%s: has no checkpoint, starting from the first epoch", self.path)
        return None

    def save_checkpoint(self, content: Mapping[str, Any]) -> None:
        """Write a checkpoint, atomically; the last one stays as the one before."""
        last, partial = self.path / RUN_FILES.checkpoint, self.path / f".checkpoint.{os.getpid()}.partial"
        try:
            torch.save(dict(content), partial)
            if last.exists():
                last.replace(self.path / RUN_FILES.previous)
            replace_durably(partial, last)
        finally:
            partial.unlink(missing_ok=True)

    def keep_metrics(self, epochs: int) -> None:
        """Drop metrics of epochs that come after the checkpoint a run resumes from, and a line that is cut off."""
        path = self.path / RUN_FILES.metrics
        if not self._writes:
            return
        text = path.read_text(errors="replace") if path.exists() else ""
        lines = [line for line in text.splitlines() if _epoch(line) < epochs]
        if path.exists():
            write_atomically(path, "".join(line + "\n" for line in lines).encode())
        if (lost := epochs - len({_epoch(line) for line in lines})) > 0:
            logger.warning("%s: lacks %d of %d epochs, which do not come back", path, lost, epochs)

    def log(self, metrics: Mapping[str, float]) -> None:
        """Append one line to the metrics file."""
        with (self.path / RUN_FILES.metrics).open("a") as file:
            file.write(json.dumps(dict(metrics)) + "\n")
            file.flush()
            os.fsync(file.fileno())  # before the checkpoint that says that the epoch is done


def _epoch(line: str) -> float:
    """The epoch of a line of metrics; none is as late as that of a damaged line."""
    try:
        return float(json.loads(line)["epoch"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return math.inf


def _read(file: Path) -> dict[str, Any]:
    """What `config.json` says; its settings are a dictionary."""
    try:
        content = json.loads(file.read_text())
        return {**content, "settings": dict(content["settings"])}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{file}: damaged, expected the settings of a run; start again with `overwrite`") from error


def _digests(starts: Iterable[Path | str | None]) -> dict[str, str]:
    """The checksums of files, and of the weights in run folders; names of packages and categories have none."""
    given = [Path(each) for each in starts if each is not None]
    files = [each / FILE_NAME if each.is_dir() else each for each in given]
    return {str(file): digest_of(file) for file in files if file.is_file()}


def _check_starts(before: Any, now: Mapping[str, str], path: Path) -> None:
    """Refuse a file that is not what it was; a run of an earlier version knows of none."""
    for file, digest in (before if isinstance(before, dict) else {}).items():
        if now.get(file, digest) != digest:
            raise ValueError(
                f"{path}: {file} has changed since the run started; put the old file back, or start again with "
                "`overwrite`"
            )


def _plain(value: Any) -> Any:
    return asdict(value) if hasattr(value, "__dataclass_fields__") else str(value)


def _remove(path: Path) -> None:
    """Remove what a run made, and nothing else that lies there."""
    for folder in _OWN_FOLDERS:
        shutil.rmtree(path / folder, ignore_errors=True)
    for name in RUN_FILES:
        (path / name).unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    return {
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "revision": _revision(),
        "processes": os.environ.get("WORLD_SIZE", "1"),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
    }


def _revision() -> str:
    """Of urform's checkout, where it runs from one; "+" where files differ from it."""
    git = ["git", "-C", str(Path(__file__).parent)]
    try:
        found = [
            subprocess.run([*git, *words], capture_output=True, text=True, check=True, timeout=10).stdout.strip()
            for words in (
                ["ls-files", "--error-unmatch", Path(__file__).name],  # not some repository that it is installed in
                ["rev-parse", "--short=12", "HEAD"],
                ["status", "--porcelain", "--untracked-files=no"],
            )
        ]
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return found[1] + ("+" if found[2] else "")


def _compare(before: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            old, new = before.get(name), now.get(name)
            if isinstance(old, dict) and isinstance(new, dict):
                inner = next(key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key))
                name, old, new = f"{name}.{inner}", old.get(inner), new.get(inner)
            raise ValueError(f"{path}: the run was started with {name} = {old!r}, not {new!r}; resume it as it was")
