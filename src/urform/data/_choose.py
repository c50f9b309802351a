"""The shapes of a split that can be used: the others are counted, named and left out."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from urform.config import ShapeChoice
from urform.data._folder import DataFolder
from urform.data._shape_key import ShapeKey

logger = logging.getLogger(__name__)

NEEDS: dict[str, Callable[[DataFolder, ShapeKey, Sequence[str]], bool]] = {
    "SDF samples": lambda data, key, levels: data.sdf_path(key).exists(),
    "surface samples": lambda data, key, levels: data.surface_path(key).exists(),
    "normalisation": lambda data, key, levels: data.normalisation_path(key).exists(),
    "views": lambda data, key, levels: bool(data.view_files(key, levels) if levels else data.view_files(key)),
}
"""What a use of a shape may need, and whether a data folder has it."""
EXCLUDED = "excluded"
_ENDINGS = (".npz", ".ply", ".obj")


@dataclass(frozen=True)
class ChosenShapes:
    """The shapes of a split that can be used.

    Attributes:
        keys: these, in the order of the split.
        left_out: names of the others by the reason, "no views" for example.
    """

    keys: list[ShapeKey]
    left_out: dict[str, list[str]] = field(default_factory=dict)

    def without(self, reason: str, names: Iterable[str], where: str, strict: bool, advice: str = "") -> ChosenShapes:
        """Leave further shapes out.

        Args:
            reason: why, "no views" for example.
            names: of the shapes.
            where: what lacks them, for the message.
            strict: refuse instead.
            advice: the end of the message of a refusal.

        Raises:
            FileNotFoundError: none is left, or `strict`.
        """
        gone = set(names)
        missing = list(dict.fromkeys(str(key) for key in self.keys if str(key) in gone))
        if not missing:
            return self
        kept = [key for key in self.keys if str(key) not in gone]
        counted = f"{where}: {len(missing)} of {len(set(self.keys))} shapes of the split have {reason}"
        if strict or not kept:
            raise FileNotFoundError(f"{counted}, first: {missing[0]}{advice}")
        logger.warning("%s and are left out, first: %s", counted, missing[0])
        return ChosenShapes(kept, {**self.left_out, reason: missing})


def choose_shapes(
    data: DataFolder,
    keys: Sequence[ShapeKey],
    needs: Sequence[str],
    choice: ShapeChoice | None = None,
    levels: Sequence[str] = (),
) -> ChosenShapes:
    """Leave out the shapes that lack a file.

    Args:
        data: the data folder.
        keys: the shapes of a split; one that is there twice stays there twice.
        needs: which of `NEEDS` a shape must have.
        choice: whether to refuse instead, and which shapes are left out in any case.
        levels: of the views; none = all.

    Raises:
        FileNotFoundError: no shape is left, or some lack a file and the choice is strict; or no such list.
        ValueError: a list of shapes to leave out cannot be read.
    """
    choice = choice or ShapeChoice()
    chosen = ChosenShapes(list(keys))
    if names := {name for path in choice.exclude for name in read_names(path)}:
        found = [str(key) for key in chosen.keys if not names.isdisjoint(_names_of(key))]
        lists = ", ".join(map(str, choice.exclude))
        chosen = chosen.without(EXCLUDED, found, lists, False) if found else chosen
    for need in needs:
        missing = [str(key) for key in dict.fromkeys(chosen.keys) if not NEEDS[need](data, key, levels)]
        shown = f"{' or '.join(levels)} views" if need == "views" and levels else need
        makes = "renders" if need == "views" else "makes"
        advice = f"; `urform prepare` {makes} them"
        chosen = chosen.without(f"no {shown}", missing, str(data.root), choice.strict, advice)
    return chosen


def read_names(path: Path) -> set[str]:
    """Names of shapes: `instance`, `category/instance` or `dataset/category/instance`.

    Args:
        path: a text with a name a line (`#` starts a comment; what follows a blank, comma or colon does not count), a
            split file, or a folder of such files.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no text, or JSON without names.
    """
    if path.is_dir():
        return {name for file in sorted(path.iterdir()) if file.is_file() for name in read_names(file)}
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such list of shapes, expected one name a line or a split file")
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".json":
            return set(_texts(json.loads(text)))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: cannot be read, expected one name a line or a split file") from error
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    return {_plain(name) for line in lines if line for name in (line, re.split(r"[\s,:]", line)[0])}


def _names_of(key: ShapeKey) -> set[str]:
    return {key.instance, f"{key.category}/{key.instance}", str(key)}


def _texts(content: object) -> Iterable[str]:
    """The names in lists in objects; a split's own keys are none."""
    if isinstance(content, str):
        yield _plain(content)
    elif isinstance(content, dict):
        for value in content.values():
            yield from _texts(value)
    elif isinstance(content, list):
        for value in content:
            yield from _texts(value)


def _plain(name: str) -> str:
    """A name without the ending of its file."""
    return next((name.removesuffix(ending) for ending in _ENDINGS if name.endswith(ending)), name).strip("/")
