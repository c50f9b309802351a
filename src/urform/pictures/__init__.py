"""Pictures of users: read, cut out of their background, framed, put on white."""

from urform.pictures._background import CutOut, cut_out, cut_out_file
from urform.pictures._by_hand import Box, Hints, Point, cut_out_by_hand, cut_out_hinted
from urform.pictures._contact_sheet import Tile, contact_sheet
from urform.pictures._flatten import Flattened, flatten
from urform.pictures._framing import FILL, OPAQUE, frame, on_white
from urform.pictures._grabcut import connected_parts
from urform.pictures._image import Picture, picture, read_image
from urform.pictures._view import SEEN, read_view, resized

__all__ = [
    "FILL",
    "OPAQUE",
    "SEEN",
    "Box",
    "CutOut",
    "Flattened",
    "Hints",
    "Picture",
    "Point",
    "Tile",
    "connected_parts",
    "contact_sheet",
    "cut_out",
    "cut_out_by_hand",
    "cut_out_file",
    "cut_out_hinted",
    "flatten",
    "frame",
    "on_white",
    "picture",
    "read_image",
    "read_view",
    "resized",
]
