"""Arrays in .npy files of users."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def read_npy(path: Path, kinds: str, expected: str) -> np.ndarray:
    """Read the one array of an .npy file, nothing unpickled.

    Args:
        path: the file.
        kinds: the kinds of numbers or texts that it may hold, as in `numpy.dtype.kind`.
        expected: what the file should hold, for messages.

    Raises:
        ValueError: it is no such file, is damaged, or holds something else.
    """
    try:
        # np.load goes by the first bytes: it would take an npz or a pickle under this name for what it is.
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except OSError:
        raise
    except Exception as error:  # of a damaged header numpy raises whatever its parsers do
        raise ValueError(f"{path}: {expected}, got a damaged file or one that is not an npy file") from error
    if array.dtype.kind not in kinds:
        raise ValueError(f"{path}: {expected}, got {array.dtype} {array.shape}")
    return array
