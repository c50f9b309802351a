"""Reading pictures as users have them."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 100_000_000
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
    if path.is_dir():
        raise ValueError(f"{path}: is a folder, {_EXPECTED}")
    if not path.stat().st_size:
        raise ValueError(f"{path}: is empty (0 bytes), {_EXPECTED}")
    try:
        with warnings.catch_warnings():
            # Pillow's own limit only warns; the one below is an error.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise _too_large(path, f"{image.width} x {image.height}")
                image.load()
                if image.mode == "F":
                    raise ValueError(f"{path}: has floating-point pixels, expected 8 or 16 bits a channel")
                return _to_array(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError:
        raise _too_large(path, "more than 170 million") from None
    except UnidentifiedImageError:
        hint = "; convert HEIC pictures to JPEG first" if path.suffix.lower() in (".heic", ".heif") else ""
        raise ValueError(f"{path}: is not a picture that can be read, {_EXPECTED}{hint}") from None
    except PermissionError:
        raise
    # Pillow's readers raise these for damaged files, SyntaxError (broken PNG) included.
    except (OSError, SyntaxError, EOFError, IndexError) as error:
        raise ValueError(f"{path}: is damaged or cut off ({error}), expected a complete picture") from error


def _too_large(path: Path, pixels: str) -> ValueError:
    return ValueError(f"{path}: has {pixels} pixels, expected at most {MAX_PIXELS // 1_000_000} million")


def _to_array(image: Image.Image) -> UInt8[np.ndarray, "H W C"]:
    if image.mode.startswith("I;16") or image.mode == "I":
        # 16-bit grey, which Pillow would clip at 255 rather than scale.
        grey = np.clip(np.asarray(image).astype(np.int64) // 257, 0, 255).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    transparent = image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    # A palette with transparency must become RGBA at once: by way of RGB it would be lost.
    return np.array(image.convert("RGBA" if transparent else "RGB"))
