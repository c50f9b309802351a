"""The name of a shape in a data folder."""

from __future__ import annotations

from typing import NamedTuple

from urform.config import is_name, shortened


class ShapeKey(NamedTuple):
    """The name of a shape in a data folder; `str` gives `dataset/category/instance`."""

    dataset: str
    category: str
    instance: str

    def __str__(self) -> str:
        return "/".join(self)

    @classmethod
    def parse(cls, text: str) -> ShapeKey:
        """The inverse of `str`.

        Raises:
            ValueError: it has not three names, or one that could lead elsewhere as part of a path.
        """
        parts = text.split("/")
        if len(parts) != 3 or not all(map(is_name, parts)):
            raise ValueError(f"{shortened(text)} is no name of a shape, expected dataset/category/instance")
        return cls(*parts)
