"""Many dimensions to two; what needs packages that urform does not bring by itself."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

import numpy as np
from jaxtyping import Float

PROJECTIONS = {"tsne": "t-SNE", "umap": "UMAP"}
MIN_POINTS = 5


def require_packages(projection: str) -> None:
    """See whether all is installed that drawing needs, before anything is computed.

    Raises:
        ValueError: something is missing, or there is no such projection.
    """
    if projection not in PROJECTIONS:
        raise ValueError(f"projection must be one of {', '.join(PROJECTIONS)}, got {projection!r}")
    missing = [name for name in ("matplotlib", "sklearn") if not _is_installed(name)]
    if missing:
        raise ValueError(f"analysis needs {' and '.join(missing)}: pip install 'urform[analyze]'")
    if projection == "umap" and not _is_installed("umap"):
        raise ValueError("`projection` umap needs umap-learn: pip install umap-learn, or take `projection` tsne")


def project(points: Float[np.ndarray, "N F"], projection: str = "tsne", seed: int = 0) -> Float[np.ndarray, "N 2"]:
    """Lay points out in the plane so that neighbours stay neighbours; the same for the same seed.

    Args:
        points: at least five.
        projection: "tsne" or "umap".
        seed: of the layout.

    Raises:
        ValueError: too few points, all of them equal, or a package is missing.
    """
    require_packages(projection)
    if len(points) < MIN_POINTS or not np.ptp(points, axis=0).any():
        what = f"{len(points)}" if len(points) < MIN_POINTS else f"{len(points)} equal ones"
        raise ValueError(f"a projection needs at least {MIN_POINTS} points that differ, got {what}")
    rows = np.ascontiguousarray(points, np.float32)
    if projection == "umap":
        umap = import_module("umap")
        reducer = umap.UMAP(n_neighbors=min(15, len(rows) - 1), random_state=seed, n_jobs=1)
        return np.asarray(reducer.fit_transform(rows), np.float32)
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    reducer = TSNE(
        perplexity=min(30.0, (len(rows) - 1) / 3), init="pca" if rows.shape[1] > 1 else "random", random_state=seed
    )
    # Threads add up in any order, and what differs in the last digit at first is another layout in the end.
    with threadpool_limits(1):
        return np.asarray(reducer.fit_transform(rows), np.float32)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ValueError:  # `sys.modules` says that there is none
        return False
