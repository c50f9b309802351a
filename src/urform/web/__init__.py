"""A page and an HTTP interface: what `urform serve` offers."""

from urform.web._limits import Limits
from urform.web._serve import serve

__all__ = ["Limits", "serve"]
