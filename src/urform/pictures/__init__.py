"""Pictures of users: read, cut out of their background, framed, put on white."""

from urform.pictures._background import CutOut, cut_out
from urform.pictures._flatten import Flattened, flatten
from urform.pictures._framing import OPAQUE, frame, on_white
from urform.pictures._image import Picture, picture, read_image

__all__ = [
    "OPAQUE",
    "CutOut",
    "Flattened",
    "Picture",
    "cut_out",
    "flatten",
    "frame",
    "on_white",
    "picture",
    "read_image",
]
