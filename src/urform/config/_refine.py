"""Whether the shapes of pictures are refined, as one says it in words."""

from __future__ import annotations

from typing import Literal

Refine = Literal["auto", "on", "off"]
REFINE: dict[Refine, bool | None] = {"auto": None, "on": True, "off": False}
"""The same for the library; auto: where the weights say that it helps."""
