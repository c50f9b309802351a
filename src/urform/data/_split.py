"""Train and test: by a hash, so that adding shapes moves none, or by a list."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from urform.data._shape_key import ShapeKey
from urform.data._split_file import read_split
from urform.files import read_table

logger = logging.getLogger(__name__)


def is_test(key: ShapeKey, family: str, fraction: float, seed: int) -> bool:
    """Whether a hash of the family, or of the instance's name where it has none, puts a shape into the test split."""
    digest = hashlib.sha256(f"{seed}/{family or key.instance}".encode()).digest()
    return int.from_bytes(digest[:8], "little") / 2**64 < fraction


def split_keys(
    keys: Iterable[ShapeKey], families: Mapping[ShapeKey, str], fraction: float, seed: int
) -> tuple[list[ShapeKey], list[ShapeKey]]:
    """Divide shapes into train and test, keeping near copies together.

    The name of a family and the seed decide its side, so new shapes do not move the others. The share of test shapes
    is `fraction` only on average over families.

    Args:
        keys: the shapes.
        families: family of a shape; shapes that are not in it, or have an empty one, stand alone.
        fraction: expected share of families in the test split, 0 to less than 1.
        seed: another seed, another division.

    Returns:
        Train and test, each sorted.

    Raises:
        ValueError: `fraction` is out of its range.
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"test_fraction must be at least 0 and less than 1, got {fraction}")
    ordered = sorted(set(keys))
    test = [key for key in ordered if is_test(key, families.get(key, ""), fraction, seed)]
    return _without(ordered, test), test


def split_by_list(keys: Iterable[ShapeKey], path: Path) -> tuple[list[ShapeKey], list[ShapeKey]]:
    """Divide shapes by a file that names the test instances, one a line (`#` starts a comment) or as a split file.

    Returns:
        Train and test, each sorted.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a list names instances that are not among the shapes; of a split file, which may be that of a whole
            category, all of them.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such list of test instances, expected one name a line or a split file")
    is_split = path.suffix == ".json"
    if is_split:
        names = {key.instance for key in read_split(path)}
    else:
        try:
            lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: not a text in UTF-8, expected one name a line or a split file") from error
        names = {line for line in lines if line and not line.startswith("#")}
    ordered = sorted(set(keys))
    unknown = sorted(names - {key.instance for key in ordered})
    if unknown:
        counted = f"{path}: names {len(unknown)} instances that are not among the shapes, first: {unknown[0][:200]}"
        if not is_split or len(unknown) == len(names):
            raise ValueError(counted)
        logger.warning("%s", counted)
    test = [key for key in ordered if key.instance in names]
    return _without(ordered, test), test


def read_families(path: Path, keys: Iterable[ShapeKey], by: str = "family") -> dict[ShapeKey, str]:
    """Read a CSV file with the columns instance (or name) and family.

    Args:
        path: the file; it may have other columns, too.
        keys: the shapes.
        by: the column that tells the family, such as the maker.

    Returns:
        Family of each of the shapes that the file names; it may name others, too.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a missing column, a wrong line, or an instance in two families.
    """
    families: dict[str, str] = {}
    for number, row in read_table(path, (by,), others=True):
        instance = row.get("instance") or row.get("name")
        if not instance:
            raise ValueError(f"{path}, line {number}: names no shape, expected one in a column 'instance' or 'name'")
        first = families.setdefault(instance, row[by])
        if first != row[by]:
            raise ValueError(
                f"{path}, line {number}: puts {instance!r} into {row[by]!r} and before into {first!r}, "
                "expected one family an instance"
            )
    return {key: families[key.instance] for key in keys if key.instance in families}


def divided_families(
    train: Iterable[ShapeKey], test: Iterable[ShapeKey], families: Mapping[ShapeKey, str]
) -> list[str]:
    """Families that have shapes on both sides, sorted."""
    sides = [{families[key] for key in side if families.get(key)} for side in (train, test)]
    return sorted(sides[0] & sides[1])


def _without(keys: list[ShapeKey], others: list[ShapeKey]) -> list[ShapeKey]:
    left_out = set(others)
    return [key for key in keys if key not in left_out]
