"""Reading pictures as users have them."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 100_000_000
_FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF", "JPEG2000")
_EXPECTED = "expected a PNG, JPEG, WebP, BMP, GIF or TIFF file"


def read_image(path: str | Path) -> UInt8[np.ndarray, "H W C"]:
    """Read a picture as RGB, or RGBA where it has transparency.

    It is turned upright by its EXIF tag; palettes, grey, CMYK and 16 bits a channel are converted; of an animation the
    first frame is taken.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no picture, is damaged, or has more than 100 megapixels.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file, expected a picture")
    if not path.is_file():  # reading a pipe would wait for ever
        raise ValueError(f"{path}: is {'a folder' if path.is_dir() else 'no file'}, {_EXPECTED}")
    if not path.stat().st_size:
        raise ValueError(f"{path}: is empty (0 bytes), {_EXPECTED}")
    try:
        with warnings.catch_warnings():
            # Pillow's own limit only warns; the one below is an error.
            warnings.simplefilter("ignore")
            with Image.open(path, formats=_formats()) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise _UnfitError(_too_large(path, f"{image.width} x {image.height}"))
                image.load()
                if image.mode == "F":
                    raise _UnfitError(f"{path}: has floating-point pixels, expected 8 or 16 bits a channel")
                return _to_array(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError:
        raise ValueError(_too_large(path, "more than 170 million")) from None
    except UnidentifiedImageError:
        hint = "; convert HEIC pictures to JPEG first" if path.suffix.lower() in (".heic", ".heif") else ""
        raise ValueError(f"{path}: is not a picture that can be read, {_EXPECTED}{hint}") from None
    except (PermissionError, _UnfitError):
        raise
    except Exception as error:  # the readers of a dozen formats raise whatever they like
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{path}: is damaged or cut off ({reason}), expected a complete picture") from error


class _UnfitError(ValueError):
    """A whole picture that is not taken."""


def _formats() -> list[str]:
    """The formats that are read. Others are not even tried: EPS, say, would start another program."""
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _too_large(path: Path, pixels: str) -> str:
    return f"{path}: has {pixels} pixels, expected at most {MAX_PIXELS // 1_000_000} million"


def _to_array(image: Image.Image) -> UInt8[np.ndarray, "H W C"]:
    if image.mode.startswith("I;16") or image.mode == "I":
        # 16-bit grey, which Pillow would clip at 255 rather than scale.
        grey = np.clip(np.asarray(image).astype(np.int64) // 257, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    transparent = image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    # A palette with transparency must become RGBA at once: by way of RGB it would be lost.
    return np.array(image.convert("RGBA" if transparent else "RGB"))
