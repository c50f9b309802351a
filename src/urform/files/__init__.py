"""Small things about files: written whole or not at all, names, checksums, tables, arrays, PNG, URLs."""

from urform.files._digest import CHUNK, digest_of
from urform.files._expansion import MAX_RATIO, RATIO_SLACK, check_expansion
from urform.files._nameless import utf8_path
from urform.files._names import ANONYMOUS_STEMS, caseless, name_of, safe_name, unique_names
from urform.files._npy import read_npy
from urform.files._outputs import check_outputs
from urform.files._page import html_page
from urform.files._png import encode_png, read_png, read_rgba
from urform.files._table import csv_content, read_table
from urform.files._url import is_url, open_url, parsed_url, split_url
from urform.files._write import replace_durably, sync, write_atomically
from urform.files._yaml import read_yaml

__all__ = [
    "ANONYMOUS_STEMS",
    "CHUNK",
    "MAX_RATIO",
    "RATIO_SLACK",
    "caseless",
    "check_expansion",
    "check_outputs",
    "csv_content",
    "digest_of",
    "encode_png",
    "html_page",
    "is_url",
    "name_of",
    "open_url",
    "parsed_url",
    "read_npy",
    "read_png",
    "read_rgba",
    "read_table",
    "read_yaml",
    "replace_durably",
    "safe_name",
    "split_url",
    "sync",
    "unique_names",
    "utf8_path",
    "write_atomically",
]
