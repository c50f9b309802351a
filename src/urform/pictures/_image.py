"""Reading pictures as users have them."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path
from typing import TypeAlias

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 100_000_000
KEPT_PIXELS = 12_500_000  # of a phone's photograph; of larger ones each few pixels become one before any work
MARGIN = 0.1  # of a cut-out's size, that stays around it
Picture: TypeAlias = "str | Path | bytes | bytearray | memoryview | Image.Image | np.ndarray"
_FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "BMP", "GIF", "TIFF", "PPM", "AVIF", "JPEG2000")
_EXPECTED = "expected a PNG, JPEG, WebP, BMP, GIF or TIFF file"


def read_image(path: str | Path) -> UInt8[np.ndarray, "H W C"]:
    """Read a picture as RGB, or RGBA where it has transparency.

    Its EXIF tag turns it upright. Palettes, grey, CMYK and 16 bits a channel are converted. An animation gives its
    first frame. Above 12.5 megapixels, a cut-out is cropped to its object, and 2 x 2, 3 x 3 ... pixels become one.

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
    return _decoded(path, str(path))


def picture(image: Picture) -> UInt8[np.ndarray, "H W C"]:
    """Read a picture from a path, bytes, a PIL image or an array, like `read_image`.

    Args:
        image: a path; the bytes of a file; a PIL image, whose EXIF tag turns it upright, too; or an array (H, W), grey,
            (H, W, 3) RGB or (H, W, 4) RGBA, of 0..255. It is left as it is.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no picture.
    """
    if isinstance(image, str | Path):
        return read_image(image)
    if isinstance(image, bytes | bytearray | memoryview):
        return _decoded(io.BytesIO(image), "the bytes given")
    if isinstance(image, Image.Image):
        return _of_pil(image)
    array = np.asarray(image)
    if array.dtype == object:
        raise ValueError(f"image must be a path, bytes, a PIL image or an array, got {type(image).__name__}")
    if array.dtype == np.uint8 and array.ndim == 2:
        array = np.repeat(array[..., None], 3, axis=2)
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] not in (3, 4) or not array.size:
        raise ValueError(
            f"image must be an array (H, W), (H, W, 3) or (H, W, 4) of type uint8, got {array.shape} {array.dtype}"
        )
    return array if _step(*array.shape[:2]) == 1 else np.asarray(_smaller(Image.fromarray(array)))


def _of_pil(image: Image.Image) -> UInt8[np.ndarray, "H W C"]:
    """A PIL image, whose file may not be read yet."""
    try:
        _check_mode(image, "the image given")
        return np.array(_smaller(_plain(ImageOps.exif_transpose(image))))
    except (OSError, SyntaxError) as error:
        raise ValueError(f"the image given: is damaged or cut off ({error}), expected a complete picture") from error


def _check_mode(image: Image.Image, name: str) -> None:
    if image.mode == "F":
        raise _UnfitError(f"{name}: has floating-point pixels, expected 8 or 16 bits a channel")


def _decoded(file: Path | io.BytesIO, name: str) -> UInt8[np.ndarray, "H W C"]:
    try:
        with warnings.catch_warnings():
            # Pillow's own limit only warns; the one below is an error.
            warnings.simplefilter("ignore")
            with Image.open(file, formats=_formats()) as image:
                if image.width * image.height > MAX_PIXELS:
                    raise _UnfitError(_too_large(name, f"{image.width} x {image.height}"))
                _check_mode(image, name)
                if (step := _step(image.width, image.height)) > 1:
                    image.draft(None, (image.width // step, image.height // step))  # JPEG is decoded smaller
                image.load()
                ImageOps.exif_transpose(image, in_place=True)
                return np.array(_smaller(_plain(image)))
    except Image.DecompressionBombError:
        raise ValueError(_too_large(name, "more than 170 million")) from None
    except UnidentifiedImageError:
        hint = "; convert HEIC pictures to JPEG first" if name.lower().endswith((".heic", ".heif")) else ""
        raise ValueError(f"{name}: is not a picture that can be read, {_EXPECTED}{hint}") from None
    except (PermissionError, _UnfitError):
        raise
    except Exception as error:  # the readers of a dozen formats raise whatever they like
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"{name}: is damaged or cut off ({reason}), expected a complete picture") from error


class _UnfitError(ValueError):
    """A whole picture that is not taken."""


def _formats() -> list[str]:
    """The formats that are read. Others are not even tried: EPS, say, would start another program."""
    Image.init()
    return [name for name in _FORMATS if name in Image.OPEN]


def _too_large(name: str, pixels: str) -> str:
    return f"{name}: has {pixels} pixels, expected at most {MAX_PIXELS // 1_000_000} million"


def _plain(image: Image.Image) -> Image.Image:
    """The picture as RGB, or RGBA where it has transparency."""
    if image.mode.startswith("I;16") or image.mode == "I":
        # 16-bit grey, which Pillow would clip at 255 rather than scale. 32 bits may also hold 8.
        grey = np.asarray(image)
        grey = grey if image.mode == "I" and grey.max(initial=0) <= 255 else grey // 257
        return Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).convert("RGB")
    image = image.convert("LA") if image.mode == "La" else image  # the only mode that it can become
    transparent = image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    # A palette with transparency must become RGBA at once: by way of RGB it would be lost.
    mode = "RGBA" if transparent else "RGB"
    return image if image.mode == mode and "transparency" not in image.info else image.convert(mode)


def _step(width: int, height: int) -> int:
    """How many pixels along either axis become one."""
    return math.ceil(math.sqrt(width * height / KEPT_PIXELS))


def _smaller(image: Image.Image) -> Image.Image:
    """A picture of not too many pixels, RGB or RGBA; the color of clear pixels does not get into others."""
    if _step(*image.size) > 1 and image.mode == "RGBA" and (box := image.getchannel("A").getbbox()):
        left, top, right, bottom = box
        across, down = (math.ceil(MARGIN * length) for length in (right - left, bottom - top))
        right, bottom = min(right + across, image.width), min(bottom + down, image.height)
        image = image.crop((max(left - across, 0), max(top - down, 0), right, bottom))
    if (step := _step(*image.size)) == 1:
        return image
    return image.convert("RGBa").reduce(step).convert("RGBA") if image.mode == "RGBA" else image.reduce(step)
