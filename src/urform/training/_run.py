"""A run folder: settings, metrics, checkpoint and weights of one training."""

from __future__ import annotations

import json
import os
import platform
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from urform.data import write_atomically


class RunFolder:
    """Where one training keeps what it makes.

    Args:
        path: the folder.
        stage: name of the stage that trains here.
        settings: everything that decides the result; a resumed run must have the same.
        resume: go on with what is there.

    Raises:
        FileExistsError: there is a run already and `resume` is false.
        FileNotFoundError: `resume` is true and there is no run.
        ValueError: the run there has other settings.
    """

    def __init__(self, path: Path, stage: str, settings: Mapping[str, Any], resume: bool):
        self.path = path
        content = json.loads(json.dumps({"stage": stage, **settings}, default=_plain))
        config = path / "config.json"
        if resume:
            if not config.exists():
                raise FileNotFoundError(f"{path}: no run to resume; start it without --resume")
            _compare(json.loads(config.read_text())["settings"], content, path)
        else:
            if config.exists():
                raise FileExistsError(f"{path}: has a run already; go on with --resume or choose another --out")
            write_atomically(
                config, (json.dumps({"settings": content, "environment": _environment()}, indent=1)).encode()
            )

    def checkpoint(self) -> dict[str, Any] | None:
        """The last checkpoint, or None where there is none yet.

        Raises:
            ValueError: it is damaged.
        """
        path = self.path / "checkpoint.pt"
        if not path.exists():
            return None
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except Exception as error:  # zipfile, pickle and torch each have their own
            raise ValueError(f"{path}: damaged ({error}); remove the run and train again") from error

    def save_checkpoint(self, content: Mapping[str, Any]) -> None:
        """Replace the last checkpoint, atomically."""
        partial = self.path / f".checkpoint.{os.getpid()}.partial"
        torch.save(dict(content), partial)
        partial.replace(self.path / "checkpoint.pt")

    def keep_metrics(self, epochs: int) -> None:
        """Drop metrics of epochs that come after the checkpoint a run resumes from."""
        path = self.path / "metrics.jsonl"
        if path.exists():
            lines = [line for line in path.read_text().splitlines() if json.loads(line)["epoch"] < epochs]
            write_atomically(path, "".join(line + "\n" for line in lines).encode())

    def log(self, metrics: Mapping[str, float]) -> None:
        """Append one line to the metrics file."""
        with (self.path / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(dict(metrics)) + "\n")


def _plain(value: Any) -> Any:
    return asdict(value) if hasattr(value, "__dataclass_fields__") else str(value)


def _environment() -> dict[str, str]:
    return {
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "machine": platform.machine(),
    }


def _compare(before: dict[str, Any], now: dict[str, Any], path: Path) -> None:
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            old, new = before.get(name), now.get(name)
            if isinstance(old, dict) and isinstance(new, dict):
                inner = next(key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key))
                name, old, new = f"{name}.{inner}", old.get(inner), new.get(inner)
            raise ValueError(f"{path}: the run was started with {name} = {old!r}, not {new!r}; resume it as it was")
