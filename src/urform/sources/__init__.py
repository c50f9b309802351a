"""Where meshes come from: folders, ShapeNet, furniture libraries, lists, URLs, downloads and archives. No torch."""

from urform.sources._archive import Unpacked, unpack
from urform.sources._fetch import Fetched, check_urls, fetch
from urform.sources._find import SOURCES, SourceKind, find_sources
from urform.sources._remote import MOST_REFERENCES, local_copy
from urform.sources._source import Source

__all__ = [
    "MOST_REFERENCES",
    "SOURCES",
    "Fetched",
    "Source",
    "SourceKind",
    "Unpacked",
    "check_urls",
    "fetch",
    "find_sources",
    "local_copy",
    "unpack",
]
