"""What commands print that work on several files."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

from urform.cli._flags import with_flags


def print_lines(summaries: Iterable[dict[str, Any]], command: type[Any]) -> int:
    """Print a JSON line for each file, and what is wrong with it or doubtful; exit code 2 if one failed."""
    from urform.inference import as_line

    failed = False
    for summary in summaries:
        failed |= "error" in summary
        if "error" in summary:
            summary = {**summary, "error": with_flags(summary["error"], command)}
            print(f"urform: {_named(summary)}", file=sys.stderr)
        for warning in summary.get("warnings", ()):
            print(f"urform: {_name(summary)}: {warning}", file=sys.stderr)
        print(as_line(summary, sys.stdout.encoding), flush=True)
    return 2 if failed else 0


def _named(summary: dict[str, Any]) -> str:
    """What is wrong, with the name of the input: in a long batch nobody could tell otherwise."""
    name, error = _name(summary), summary["error"]
    return error if error.startswith(name) else f"{name}: {error}"


def _name(summary: dict[str, Any]) -> str:
    """The file that a line is about; of several, all of them."""
    if "inputs" in summary:
        return ", ".join(summary["inputs"])
    return str(summary.get("input", summary.get("to", "")))
