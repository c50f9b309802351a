"""Deformed copies of a collection."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from urform.data import split_by_list
from urform.sources import find_sources
from urform.synth._deform import deform_meshes


def deform_sources(
    meshes: Path, out: Path, copies: int, seed: int, hold_out: Path | None = None
) -> tuple[int, dict[str, str]]:
    """Write deformed copies of the meshes of a collection, see `deform_meshes`.

    Args:
        meshes: as in `find_sources`.
        out: folder of the copies.
        copies: of each mesh.
        seed: of the series.
        hold_out: file that names the meshes that get none, as in `split_by_list`.

    Returns:
        How many meshes have copies, and why the others have none, by name.

    Raises:
        FileNotFoundError: no such collection or file.
        ValueError: `out` is a folder of the collection, or an argument is wrong.
    """
    if Path(os.path.realpath(out)).is_relative_to(os.path.realpath(meshes)):  # resolve() fails at links in a circle
        raise ValueError(f"{out}: lies in {meshes}, where the copies would be taken for meshes; give another folder")
    with tempfile.TemporaryDirectory() as cache:
        sources = find_sources(meshes, None, None, Path(cache))
        if hold_out is not None:
            kept = set(split_by_list([source.key for source in sources], hold_out)[0])
            sources = [source for source in sources if source.key in kept]
        skipped = {source.key.instance: source.problem for source in sources if source.problem}
        good = {
            source.key.instance: (source.path, np.reshape(source.rotation, (3, 3)) if source.rotation else None)
            for source in sources
            if not source.problem
        }
        if twice := [name for name, count in Counter(source.key.instance for source in sources).items() if count > 1]:
            raise ValueError(f"{meshes}: two meshes would have copies called {twice[0]}, give them other names")
        skipped |= deform_meshes(good, copies, seed, out)
    return len(sources) - len(skipped), skipped
