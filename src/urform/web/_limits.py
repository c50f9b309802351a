"""What a server takes on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds of one request and of the queue.

    Attributes:
        upload_mb: size of a request, MiB.
        megapixels: of a picture.
        time_s: of the work on a request, seconds; after it the work is stopped.
        queue: requests that wait; further ones are refused.
        pictures: in one batch.
        resolution: cells along an axis of a mesh.
    """

    upload_mb: float = 20.0
    megapixels: float = 50.0
    time_s: float = 60.0
    queue: int = 200
    pictures: int = 16
    resolution: int = 256

    def __post_init__(self) -> None:
        for name, least in (("queue", 1), ("pictures", 1), ("resolution", 8)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        for name in ("upload_mb", "megapixels", "time_s"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
