"""CSV files with a header."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from urform.config import shortened


def read_table(
    path: Path, required: Sequence[str], optional: Sequence[str] = (), others: bool = False
) -> list[tuple[int, dict[str, str]]]:
    """Read a CSV file with a header.

    Args:
        path: the file.
        required: columns that it must have.
        optional: columns that it may have.
        others: whether it may have any others, too.

    Returns:
        The number of the line and the values by column (missing columns are empty), blank lines left out.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a column is missing or unknown, or a line has too many or too few values.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such list, expected a .csv file")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file)
            rows = [(reader.line_num, [cell.strip() for cell in row]) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: not a CSV file in UTF-8 ({error})") from error
    rows = [(number, row) for number, row in rows if any(row)]
    header = [name.lower() for name in rows[0][1]] if rows else []
    _check_header(path, header, required, optional, others)
    for number, row in rows[1:]:
        if len(row) != len(header):
            raise ValueError(f"{path}, line {number}: has {len(row)} values, expected {len(header)} as in the header")
    empty = dict.fromkeys((*required, *optional), "")
    return [(number, empty | dict(zip(header, row, strict=True))) for number, row in rows[1:]]


def csv_content(columns: Sequence[str], rows: Sequence[dict[str, Any]]) -> bytes:
    """The content of a CSV file with a header; values that a row lacks are empty."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(errors="backslashreplace")  # a path may hold bytes that are no UTF-8


def _check_header(
    path: Path, header: Sequence[str], required: Sequence[str], optional: Sequence[str], others: bool
) -> None:
    known = (*required, *optional)
    shown = shortened(",".join(header) or "empty")
    for name in required:
        if name not in header:
            besides = f" (besides: {', '.join(optional)})" if optional else ""
            raise ValueError(f"{path}: the header is {shown}, expected a column {name!r}{besides}")
    for name in header:
        if name not in known and not others:
            nearest = difflib.get_close_matches(name[:100], known, 1)
            hint = f"; did you mean {nearest[0]!r}?" if nearest else ""
            raise ValueError(f"{path}: unknown column {shortened(name)}, expected some of {', '.join(known)}{hint}")
    if len(set(header)) != len(header):
        raise ValueError(f"{path}: the header is {shown}, expected every column once")
