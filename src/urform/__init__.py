"""urform learns the archetype of a category of objects and turns one picture of such an object into a mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from urform.contrastive import encoder
    from urform.inference import Model, Reconstruction, Shelf, load, load_models

__version__ = "0.1.0"
__all__ = ["Model", "Reconstruction", "Shelf", "__version__", "encoder", "load", "load_models"]


def __getattr__(name: str) -> object:
    """Import what needs torch only when it is asked for."""
    if name in ("Model", "Reconstruction", "Shelf", "load", "load_models"):
        from urform import inference

        return getattr(inference, name)
    if name == "encoder":
        from urform import contrastive

        return contrastive.encoder
    raise AttributeError(f"module 'urform' has no attribute {name!r}")
