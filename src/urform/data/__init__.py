"""The data folder: where each file of a shape lies, how shapes are named, split files. No torch."""

from urform.data._categories import SYNSETS, known_category, same_category, synset_of
from urform.data._choose import NEEDS, ChosenShapes, choose_shapes, read_names
from urform.data._eyes import METADATA, read_eyes
from urform.data._folder import DATASOURCES_FILE, DataFolder, read_keypoints
from urform.data._inventory import NO_CATEGORY, VIEW_KINDS, VIEW_LEVELS, Inventory
from urform.data._parts import Parts
from urform.data._shape_key import ShapeKey
from urform.data._some import evenly_spaced
from urform.data._split import divided_families, is_test, read_families, split_by_list, split_keys
from urform.data._split_file import read_split, split_content, write_split

__all__ = [
    "DATASOURCES_FILE",
    "METADATA",
    "NEEDS",
    "NO_CATEGORY",
    "SYNSETS",
    "VIEW_KINDS",
    "VIEW_LEVELS",
    "ChosenShapes",
    "DataFolder",
    "Inventory",
    "Parts",
    "ShapeKey",
    "choose_shapes",
    "divided_families",
    "evenly_spaced",
    "is_test",
    "known_category",
    "read_eyes",
    "read_families",
    "read_keypoints",
    "read_names",
    "read_split",
    "same_category",
    "split_by_list",
    "split_content",
    "split_keys",
    "synset_of",
    "write_split",
]
