"""The commands around data folders: each a dataclass whose fields are its flags."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from tyro.conf import Positional

from urform.cli._files import check_files

# Heavy imports stand inside `run`, as in `_commands`.

NAMES_SHOWN = 10


@dataclass(frozen=True)
class DataSplit:
    """Divide the prepared shapes of a category into train and test; near copies stay together."""

    data: Positional[Path]
    """Data folder."""
    dataset: str | None = None
    """Dataset; needed only if the data folder has several."""
    category: str | None = None
    """Category; needed only if the data folder has several."""
    test_fraction: float = 0.2
    """Share of families in the test split, at least 0 and less than 1; a shape without a family counts as one."""
    seed: int = 0
    """Seed of the division."""
    test_list: Path | None = None
    """File that names the test instances, one a line (or a split file), instead of a fraction."""
    families: Path | None = None
    """CSV file with the columns instance (or name) and family; the fraction never divides a family."""
    by: str = "family"
    """The column of that file with the family; for example creator, to hold out whole makers."""
    name: str | None = None
    """Name of the split files; default: dataset_category."""

    def run(self) -> int:
        """Write both split files and say how many shapes are in them."""
        from urform.config import require
        from urform.data import (
            DataFolder,
            Inventory,
            divided_families,
            read_families,
            split_by_list,
            split_keys,
            write_split,
        )
        from urform.files import check_outputs

        require(self.name is None or not set(self.name) & set("/\\"), "name", "a name without slashes", self.name)
        require(self.families is not None or self.by == "family", "by", "omitted without --families", self.by)
        keys, without = Inventory(DataFolder(self.data)).select(self.dataset, self.category)
        families = read_families(self.families, keys, self.by) if self.families else {}
        if self.test_list:
            train, test = split_by_list(keys, self.test_list)
        else:
            train, test = split_keys(keys, families, self.test_fraction, self.seed)
        place = "/".join(keys[0][:2])
        stem = self.name or place.replace("/", "_")
        files = [self.data / "splits" / f"{stem}_{side}.json" for side in ("train", "test")]
        check_outputs(None, files, [file for file in (self.test_list, self.families) if file], "another --name")
        for path, members in zip(files, (train, test), strict=True):
            write_split(path, members)
            print(f"{path}: {len(members)} shapes of {place}")
        if without:
            names = _first([key.instance for key in without])
            print(f"{len(without)} shapes without SDF samples are in neither: {names}")
        if divided := divided_families(train, test, families):
            print(f"{len(divided)} families are on both sides of the list: {_first(divided)}")
        return 0


@dataclass(frozen=True)
class DataCheck:
    """Find missing and damaged files in a data folder; the exit code is 1 if there are any."""

    data: Positional[Path]
    """Data folder."""
    out: Path | None = None
    """Folder for contact_sheet.png, which shows one view of up to 400 shapes."""
    json: Path | None = None
    """Also write the result to this file."""
    full: bool = False
    """Decode every view, instead of up to three a level."""
    split: tuple[Path, ...] = ()
    """Split files to be compared with the data folder, too, beside those in DATA/splits."""

    def run(self) -> int:
        """Print the table and the problems."""
        from urform.data import DataFolder
        from urform.files import check_outputs, write_atomically
        from urform.prepare import check, format_check

        check_files(self, "json")
        sheet = self.out / "contact_sheet.png" if self.out else None
        check_outputs(None, [file for file in (self.json, sheet) if file], [], "another file")
        result = check(DataFolder(self.data), self.full, sheet, splits=self.split)
        print(format_check(result))
        if sheet:
            print(f"{sheet}: contact sheet")
        if self.json:
            write_atomically(self.json, (json.dumps(asdict(result), indent=1) + "\n").encode())
        return 1 if result.problems else 0


@dataclass(frozen=True)
class DataInit:
    """Begin a data folder as published: fetch ShapeNet and PASCAL3D+, unpack them, and note where they lie."""

    secret: Positional[Path]
    """The published secret.json: shapenet_url, shapenet_root, shapenet_folder, pascal_root, pascal_folder."""
    out: Path
    """Data folder, made when missing."""
    max_gb: float = 200.0
    """Most GiB that one archive may have, and unpack to."""

    def run(self) -> int:
        """Say what came of each; 1 if members of an archive were refused."""
        from urform.sources import begin, read_secret

        refused = False
        for archive in read_secret(self.secret):
            begun = begin(archive, self.out, self.max_gb, print)
            refused |= bool(begun.refused)
            count = f", {begun.categories} categories" if begun.categories else ""
            print(f"{begun.dataset}: {begun.folder}{count}{' (was there)' if begun.was_there else ''}", flush=True)
            if begun.refused:
                print(f"{len(begun.refused)} members refused: {_first(begun.refused)}", flush=True)
        print(f"{self.out}: knows where they lie")
        return 1 if refused else 0


@dataclass(frozen=True)
class DataFetch:
    """Download archives of meshes and unpack them safely; interrupted downloads continue."""

    urls: Positional[tuple[str, ...]]
    """http(s)://, ftp:// or file:// URLs, paths, or links or ids of files of Google Drive; user names and passwords
    come from ~/.netrc."""
    out: Path
    """Folder of the files; NAME.zip is unpacked into NAME."""
    sha256: tuple[str, ...] = ()
    """Checksums of the files, one for each URL."""
    merge: Path | None = None
    """Data folder that the unpacked files are merged into; files that are there already stay."""
    unpack: bool = True
    """Unpack .zip, .sh3f and .tar(.gz, .xz, .bz2) files."""
    max_gb: float = 200.0
    """Largest size of a file, and of an unpacked archive, GiB."""

    def run(self) -> int:
        """Say what came of each; 1 if members of an archive were refused."""
        from urform.sources import check_urls, fetch

        if not self.urls:
            raise ValueError("no URL given, expected at least one")
        if self.sha256 and len(self.sha256) != len(self.urls):
            raise ValueError(f"--sha256 must be given for each of the {len(self.urls)} URLs, got {len(self.sha256)}")
        if self.merge and not self.unpack:
            raise ValueError("--merge must be omitted with --no-unpack: it merges what was unpacked")
        check_urls(self.urls, self.unpack)
        refused = False
        for url, checksum in zip(self.urls, self.sha256 or [None] * len(self.urls), strict=True):
            got = fetch(url, self.out, checksum, self.unpack, max_gb=self.max_gb)
            print(f"{got.path}: {got.size_bytes / 2**20:.1f} MiB{' (was there)' if got.was_there else ''}", flush=True)
            if got.unpacked:
                refused |= bool(got.unpacked.refused)
                print(f"{got.unpacked.folder}: {got.unpacked.files} files", flush=True)
                if got.unpacked.refused:
                    print(f"{len(got.unpacked.refused)} members refused: {_first(got.unpacked.refused)}", flush=True)
                if self.merge:
                    refused |= self._merged(got.unpacked.folder, self.merge)
        return 1 if refused else 0

    @staticmethod
    def _merged(folder: Path, data: Path) -> bool:
        """Merge, and say what came of it; whether files of the data folder have another content."""
        from urform.sources import merge

        done = merge(folder, data)
        print(f"{data}: {done.added} files more, {done.same} were there", flush=True)
        if done.clashes:
            print(f"{len(done.clashes)} were there with another content and stay: {_first(done.clashes)}", flush=True)
        return bool(done.clashes)


@dataclass(frozen=True)
class DataFlatten:
    """Write copies on white of RGBA views from another renderer."""

    folder: Positional[Path]
    """Data folder (image -> image_rgb), or a plain folder of RGBA PNG files."""
    out: Path | None = None
    """Folder of the copies of a plain folder."""
    workers: int = 0
    """Threads; 0 = one a core."""

    def run(self) -> int:
        """Say how many were written; 1 if some could not be read."""
        from urform.pictures import flatten

        result = flatten(self.folder, self.out, self.workers)
        print(f"{result.written} written, {result.current} up to date, {len(result.bad)} bad")
        for line in result.bad[:NAMES_SHOWN]:
            print(line)
        if len(result.bad) > NAMES_SHOWN:
            print(f"and {len(result.bad) - NAMES_SHOWN} more")
        return 1 if result.bad else 0


def _first(names: list[str] | tuple[str, ...]) -> str:
    return ", ".join(names[:NAMES_SHOWN]) + (", ..." if len(names) > NAMES_SHOWN else "")
