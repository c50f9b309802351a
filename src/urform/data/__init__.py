"""Data folders: their layout, how they are made, how training reads them."""

from urform.data._archive import Unpacked, check_expansion, unpack
from urform.data._augment import augment, to_input
from urform.data._check import DataCheck, Problem, check, format_check
from urform.data._deform_sources import deform_sources
from urform.data._fetch import Fetched, check_urls, fetch
from urform.data._flatten import Flattened, flatten
from urform.data._framing import FILL, OPAQUE, frame, on_white
from urform.data._image import Picture, picture, read_image
from urform.data._inventory import Inventory
from urform.data._landmark_set import LandmarkSet
from urform.data._layout import (
    DataFolder,
    ShapeKey,
    read_keypoints,
    read_split,
    replace_durably,
    write_atomically,
    write_split,
)
from urform.data._names import ANONYMOUS_STEMS, name_of, unique_names
from urform.data._outputs import check_outputs
from urform.data._png import encode_png, read_rgba
from urform.data._prepare import prepare
from urform.data._remote import local_copy
from urform.data._report import ShapeReport, summarise
from urform.data._sdf_set import SdfSet
from urform.data._source import Source
from urform.data._sources import find_sources
from urform.data._split import divided_families, is_test, read_families, split_by_list, split_keys
from urform.data._view_set import ViewSet

__all__ = [
    "ANONYMOUS_STEMS",
    "FILL",
    "OPAQUE",
    "DataCheck",
    "DataFolder",
    "Fetched",
    "Flattened",
    "Inventory",
    "LandmarkSet",
    "Picture",
    "Problem",
    "SdfSet",
    "ShapeKey",
    "ShapeReport",
    "Source",
    "Unpacked",
    "ViewSet",
    "augment",
    "check",
    "check_expansion",
    "check_outputs",
    "check_urls",
    "deform_sources",
    "divided_families",
    "encode_png",
    "fetch",
    "find_sources",
    "flatten",
    "format_check",
    "frame",
    "is_test",
    "local_copy",
    "name_of",
    "on_white",
    "picture",
    "prepare",
    "read_families",
    "read_image",
    "read_keypoints",
    "read_rgba",
    "read_split",
    "replace_durably",
    "split_by_list",
    "split_keys",
    "summarise",
    "to_input",
    "unique_names",
    "unpack",
    "write_atomically",
    "write_split",
]
