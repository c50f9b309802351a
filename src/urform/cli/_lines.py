"""What commands print that work on several files."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any


def print_lines(summaries: Iterable[dict[str, Any]]) -> int:
    """Print a JSON line for each file, and what went wrong with it; returns the exit code, 2 if one of them failed."""
    from urform.inference import as_line

    failed = False
    for summary in summaries:
        failed |= "error" in summary
        if "error" in summary:
            print(f"urform: {summary['error']}", file=sys.stderr)
        print(as_line(summary, sys.stdout.encoding), flush=True)
    return 2 if failed else 0
