"""What became of each mesh: a row a mesh in `report.csv`, and a page with a picture a mesh, the worst first."""

from __future__ import annotations

import contextlib
import csv
import html
import io
import json
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from urllib.parse import quote

from urform.data import ShapeKey
from urform.files import html_page
from urform.geometry import Up
from urform.prepare._store import Store

OUTCOMES = ("skipped", "quarantined", "done")
"""What can become of a mesh: it cannot be read or prepared; it can, but has no inside to be learned; it is prepared."""
_FOLDER = "Reports"
_AT_ONCE = 1000  # reports read together


@dataclass(frozen=True)
class ShapeReport:
    """What became of one mesh.

    Attributes:
        dataset: dataset in the data folder.
        category: category in the data folder.
        instance: its name in the data folder.
        outcome: "done", "quarantined" (has no inside that could be learned) or "skipped" (cannot be prepared).
        reason: why it is not done.
        source: the mesh file.
        split: "train" or "test".
        family: shapes of one family lie on one side of the split.
        faces: triangles in the file.
        watertight: whether every edge has two faces once vertices are merged.
        repaired: what was done to the mesh.
        notes: what else was met, missing textures for example.
        sign: the sign method that fitted best, most often "solid".
        lost: share of the visible surface without a change of sign, see `SurfaceQuality`.
        jumps: share of points at which the sign changes off the surface.
        inside_fraction: share of the SDF samples that lie inside.
        elapsed_s: seconds it took; the only thing here that differs between runs.
        settings: fingerprint of the settings it was made with.
        up: axis that points up in the mesh file.
        content: hash of the mesh it was made from, see `content_of`.
        made: "views" or "samples" where these alone were made; empty for both.
    """

    dataset: str
    category: str
    instance: str
    outcome: str
    reason: str = ""
    source: str = ""
    split: str = ""
    family: str = ""
    faces: int = 0
    watertight: bool = False
    repaired: str = ""
    notes: str = ""
    sign: str = ""
    lost: float = 0.0
    jumps: float = 0.0
    inside_fraction: float = 0.0
    elapsed_s: float = 0.0
    settings: str = ""
    up: Up = "y"
    content: str = ""
    made: str = ""

    @property
    def key(self) -> ShapeKey:
        """What names the shape."""
        return ShapeKey(self.dataset, self.category, self.instance)

    @property
    def quality(self) -> float:
        """1 where the field's zero lies on the visible surface and nowhere else, less the worse it is."""
        return max(0.0, 1 - self.lost - 10 * self.jumps)


def report_place(key: ShapeKey) -> str:
    """Where the report of a shape lies in a data folder."""
    return f"{_FOLDER}/{key}.json"


def write_report(store: Store, report: ShapeReport) -> None:
    """Write the report of one shape."""
    store.write(report_place(report.key), (json.dumps(asdict(report), indent=1) + "\n").encode())


def read_reports(store: Store, keys: Sequence[ShapeKey]) -> dict[ShapeKey, ShapeReport]:
    """The reports of those shapes that have one of this version."""
    reports = {}
    for start in range(0, len(keys), _AT_ONCE):
        places = {report_place(key): key for key in keys[start : start + _AT_ONCE]}
        for place, content in store.read(places).items():
            with contextlib.suppress(ValueError, TypeError, RecursionError):  # damaged, of another version: made again
                report = ShapeReport(**json.loads(content))
                if report.key == places[place] and report.outcome in OUTCOMES and _has_right_types(report):
                    reports[report.key] = report
    return reports


def _has_right_types(report: ShapeReport) -> bool:
    kinds = {"str": str, "Up": str, "int": int, "bool": bool, "float": (int, float)}
    return all(isinstance(getattr(report, field.name), kinds[str(field.type)]) for field in fields(ShapeReport))


def known_reports(store: Store, places: Iterable[tuple[str, str]]) -> dict[ShapeKey, ShapeReport]:
    """All reports of these datasets and categories, also of earlier runs, that can be read."""
    return read_reports(store, reported_keys(store, places))


def reported_keys(store: Store, places: Iterable[tuple[str, str]]) -> list[ShapeKey]:
    """The shapes of these datasets and categories that have a report, damaged or not."""
    return [ShapeKey(*place, name) for place in sorted(places) for name in _reported(store, *place)]


def reported_elsewhere(store: Store, categories: Iterable[str], datasets: Container[str]) -> list[ShapeKey]:
    """The shapes of these categories that have a report in any other dataset."""
    others = [name for name in store.names(_FOLDER) if name not in datasets]
    return [
        ShapeKey(dataset, category, name)
        for dataset in others
        for category in categories
        for name in _reported(store, dataset, category)
    ]


def _reported(store: Store, dataset: str, category: str) -> list[str]:
    found = store.names(f"{_FOLDER}/{dataset}/{category}")
    return sorted(name.removesuffix(".json") for name in found if name.endswith(".json") and name[0] != ".")


def write_summary(store: Store, reports: Sequence[ShapeReport]) -> list[str]:
    """Write `report.csv` and `report.html` of each dataset and category; returns the pages."""
    pages = []
    for dataset, category in sorted({(report.dataset, report.category) for report in reports}):
        chosen = [report for report in reports if (report.dataset, report.category) == (dataset, category)]
        chosen.sort(key=lambda report: (OUTCOMES.index(report.outcome), report.quality, report.instance))
        folder = f"{_FOLDER}/{dataset}/{category}"
        # A path may hold bytes that are no UTF-8.
        store.write(f"{folder}/report.csv", _table(chosen).encode(errors="backslashreplace"))
        store.write(f"{folder}/report.html", _page(chosen).encode(errors="backslashreplace"))
        pages.append(f"{store}/{folder}/report.html")
    return pages


def summarise(reports: Sequence[ShapeReport]) -> str:
    """How many were prepared and why the others were not, in a few lines."""
    counts = Counter(f"{report.outcome} ({report.split})" for report in reports)
    lines = [", ".join(f"{number} {name}" for name, number in sorted(counts.items()))]
    lines += [f"{report.outcome} {report.instance}: {report.reason}" for report in reports if report.outcome != "done"]
    return "\n".join(lines)


def _table(reports: Sequence[ShapeReport]) -> str:
    text = io.StringIO()
    names = [field.name for field in fields(ShapeReport) if field.name not in ("settings", "content", "made")]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*names, "quality"])
    for report in reports:
        writer.writerow([*(getattr(report, name) for name in names), f"{report.quality:.4f}"])
    return text.getvalue()


def _page(reports: Sequence[ShapeReport]) -> str:
    counts = Counter(report.outcome for report in reports)
    rows = "\n".join(_row(report) for report in reports)
    shown = ", ".join(f"{counts[name]} {name}" for name in OUTCOMES if counts[name])
    intro = (
        f"<p>{shown}; worst first. Each picture: a view, then slices through the middle (x, y, z): dark is inside.</p>"
    )
    return html_page(f"{reports[0].dataset} / {reports[0].category}", f"{intro}\n<table>\n{rows}\n</table>", _STYLE)


def _row(report: ShapeReport) -> str:
    name = quote(f"{report.instance}.png")
    image = "" if report.outcome == "skipped" else f'<img loading="lazy" src="{name}" alt="">'
    facts = [
        f"{report.faces} faces, {'watertight' if report.watertight else 'not watertight'}",
        f"quality {report.quality:.3f} ({report.lost:.1%} of the surface lost, {report.jumps:.2%} jumps)",
        f"{report.inside_fraction:.1%} of the samples inside, sign: {report.sign}",
        *([report.repaired] if report.repaired else []),
        *([report.notes] if report.notes else []),
        f"{report.elapsed_s:.1f} s, {report.split}, {report.source}",
    ]
    shown = facts if report.outcome != "skipped" else facts[-1:]
    return (
        f'<tr class="{report.outcome}"><td>{image}</td><td><b>{html.escape(report.instance)}</b> {report.outcome}'
        f"{': ' + html.escape(report.reason) if report.reason else ''}<br>"
        f"<small>{'<br>'.join(html.escape(fact) for fact in shown)}</small></td></tr>"
    )


_STYLE = """td { padding: .4em 1em; border-top: 1px solid #ddd; vertical-align: top }
img { height: 112px }
small { color: #555 }
.skipped b { color: #b00 } .quarantined b { color: #b60 }"""
