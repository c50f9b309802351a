"""Extracted embeddings, `{instance: latent}`, as the published pickle or as npz; nothing in them is executed."""

from __future__ import annotations

import io
import pickle
import pickletools
import re
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from urform.files import check_expansion, write_atomically

LATENT_SUFFIXES = (".pkl", ".npz")


def write_latents(path: Path, latents: Mapping[str, Float[np.ndarray, " L"]]) -> None:
    """Write latents, in their order, atomically.

    Args:
        path: a file ending in .pkl (the published form) or .npz.
        latents: instance to latent.

    Raises:
        ValueError: another ending.
    """
    _check_suffix(path)
    arrays = {name: np.array(latent, np.float32) for name, latent in latents.items()}
    if path.suffix == ".pkl":
        write_atomically(path, pickle.dumps(arrays, protocol=4))
        return
    content = io.BytesIO()
    # Not np.savez, which takes names as keyword arguments: an instance may be called `file`.
    with zipfile.ZipFile(content, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    write_atomically(path, content.getvalue())


def read_latents(path: Path) -> dict[str, np.ndarray]:
    """Read extracted embeddings, ours or published ones. No pickle is executed: only plain arrays are accepted.

    Args:
        path: a .pkl or .npz file.

    Returns:
        Instance to latent (L,), float32, in the order of the file.

    Raises:
        FileNotFoundError: no such file.
        ValueError: it is damaged, holds anything but one latent of equal length an instance, or has another ending.
    """
    _check_suffix(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file; `urform embeddings` writes one")
    content = _read_pickle(path) if path.suffix == ".pkl" else _read_npz(path)
    latents: dict[str, np.ndarray] = {}
    for name, value in content.items():
        if not isinstance(name, str):
            raise ValueError(f"{path}: names must be texts, got {name!r}")
        if not isinstance(value, np.ndarray) or value.ndim != 1 or value.dtype.kind != "f":
            got = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
            raise ValueError(f"{path}: {name!r} must be an array of floats of shape (L,), got {got}")
        if not np.isfinite(value).all():
            raise ValueError(f"{path}: {name!r} must be finite, got NaN or infinite numbers")
        latents[name] = value.astype(np.float32)
    if not latents:
        raise ValueError(f"{path}: holds no latent, expected at least one")
    sizes = {name: len(latent) for name, latent in latents.items()}
    size = next(iter(sizes.values()))
    odd = next((name for name in sizes if sizes[name] != size), None)
    if odd is not None:
        raise ValueError(f"{path}: latents must have the same length, got {size} and, for {odd!r}, {sizes[odd]}")
    return latents


def _check_suffix(path: Path) -> None:
    if path.suffix not in LATENT_SUFFIXES:
        raise ValueError(
            f"{path}: latents are kept in a file ending in {' or '.join(LATENT_SUFFIXES)}, got {path.suffix!r}"
        )


def _read_npz(path: Path) -> dict[Any, Any]:
    try:
        # Opened here, because numpy leaves a damaged file open.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            check_expansion(archive.zip, path)
            return {name: archive[name] for name in archive.files}
    except OSError:
        raise
    except Exception as error:  # zipfile, zlib and numpy each have their own
        raise ValueError(f"{path}: damaged, or not an npz file of plain arrays ({_line(error)})") from error


def _read_pickle(path: Path) -> dict[Any, Any]:
    try:
        data = path.read_bytes()
        _check_sizes(data)
        content = _ArrayUnpickler(io.BytesIO(data)).load()
        if isinstance(content, dict):
            return {name: value.read() if isinstance(value, _Array) else value for name, value in content.items()}
    except OSError:
        raise
    except _RefusedError as error:
        raise ValueError(f"{path}: {error}") from error
    except Exception as error:  # a damaged pickle may raise anything
        raise ValueError(f"{path}: damaged, or not a pickle of plain arrays ({_line(error)})") from error
    raise ValueError(f"{path}: must hold a dict of arrays, got {type(content).__name__}")


def _check_sizes(data: bytes) -> None:
    """Refuse what would take more memory than the file: the unpickler makes room for any length or number it reads."""
    for operation, argument, _ in pickletools.genops(data):  # it checks lengths itself
        if operation.name in ("PUT", "BINPUT", "LONG_BINPUT") and int(argument or 0) > len(data):
            raise ValueError(f"number {argument} in a file of {len(data)} bytes")


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


class _RefusedError(ValueError):
    """The pickle asks for something that is not on the list."""


class _DType:
    """Stands for numpy.dtype while a pickle is read. The real one would believe whatever state the pickle gives it."""

    def __init__(self, code: Any, *_: Any):
        if not isinstance(code, str) or not re.fullmatch("[<>=|]?[biufc][0-9]+", code):
            raise _RefusedError(f"refused, it has arrays of {code!r}; expected plain numbers")
        self.dtype = np.dtype(code)

    def __setstate__(self, state: Any) -> None:
        order = state[1]
        self.dtype = self.dtype.newbyteorder(order if order in ("<", ">") else "=")


class _Array:
    """Stands for numpy.ndarray while a pickle is read; made of its bytes alone."""

    def __init__(self, *_: Any):
        self._content: tuple[Any, ...] = ()

    def __setstate__(self, state: Any) -> None:
        self._content = tuple(state)[1:]

    @classmethod
    def from_buffer(cls, raw: Any, dtype: Any, shape: Any, order: Any, *_: Any) -> _Array:
        array = cls()
        array._content = (shape, dtype, order == "F", raw)
        return array

    def read(self) -> np.ndarray:
        shape, dtype, is_fortran, raw = self._content
        return np.frombuffer(raw, dtype.dtype).reshape(shape, order="F" if is_fortran else "C")


def _encode(text: Any, encoding: Any) -> bytes:
    """Stands for _codecs.encode, by which protocols 0 to 2 write bytes."""
    if encoding != "latin1":
        raise _RefusedError(f"refused, reading it would run '_codecs.encode' to {encoding!r}")
    return text.encode("latin1")


# What a pickle of arrays asks for, and what it gets: nothing of numpy, whose own functions trust their arguments.
_GLOBALS: dict[str, Any] = {
    "numpy.ndarray": _Array,
    "numpy.dtype": _DType,
    "collections.OrderedDict": dict,
    "_codecs.encode": _encode,
}
for _core in ("numpy.core", "numpy._core"):  # numpy 1 and 2
    _GLOBALS[f"{_core}.multiarray._reconstruct"] = _Array
    _GLOBALS[f"{_core}.numeric._frombuffer"] = _Array.from_buffer


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        try:
            return _GLOBALS[f"{module}.{name}"]
        except KeyError:
            raise _RefusedError(
                f"refused, reading it would run {f'{module}.{name}'!r}; expected arrays and plain containers only"
            ) from None
