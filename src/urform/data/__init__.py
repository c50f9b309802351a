"""The data folder: where each file of a shape lies, how shapes are named, split files. No torch."""

from urform.data._eyes import METADATA, read_eyes
from urform.data._folder import DATASOURCES_FILE, DataFolder, read_keypoints
from urform.data._inventory import VIEW_KINDS, VIEW_LEVELS, Inventory
from urform.data._parts import Parts
from urform.data._shape_key import ShapeKey
from urform.data._some import evenly_spaced
from urform.data._split import divided_families, is_test, read_families, split_by_list, split_keys
from urform.data._split_file import read_split, split_content, write_split

__all__ = [
    "DATASOURCES_FILE",
    "METADATA",
    "VIEW_KINDS",
    "VIEW_LEVELS",
    "DataFolder",
    "Inventory",
    "Parts",
    "ShapeKey",
    "divided_families",
    "evenly_spaced",
    "is_test",
    "read_eyes",
    "read_families",
    "read_keypoints",
    "read_split",
    "split_by_list",
    "split_content",
    "split_keys",
    "write_split",
]
