"""The command that serves a page and an HTTP interface."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

# Heavy imports stand inside `run`: `urform --help` and a wrong flag answer at once.


@dataclass(frozen=True)
class Serve:
    """Serve a page that turns pictures into meshes, and the same as an HTTP interface."""

    weights: tuple[str, ...] = ()
    """Shipped categories, run folders or weights files; default: all shipped categories."""
    host: str = "127.0.0.1"
    """Address to listen at; 0.0.0.0 lets other machines in."""
    port: int = 7860
    """Port; 0 = a free one."""
    workers: int = 1
    """Processes that do the work; each has the models in memory (about 0.7 GiB)."""
    upload_mb: float = 20.0
    """Largest request, MiB."""
    megapixels: float = 50.0
    """Largest picture."""
    time_s: float = 60.0
    """Longest work on a request, seconds."""
    queue: int = 200
    """Requests that may wait."""
    keep: Path | None = None
    """Folder for uploads and answers; default: nothing of an upload stays."""

    def run(self) -> int:
        """Serve until interrupted."""
        from urform.web import Limits, serve

        limits = Limits(self.upload_mb, self.megapixels, self.time_s, self.queue)
        serve(self.weights, self.host, self.port, self.workers, limits, self.keep, _say)
        return 0


def _say(place: str) -> None:
    print(f"ready: {place}", flush=True)
