"""The numbers and pictures of a recipe's result, and the page that shows them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2

from urform.data import DataFolder, read_split
from urform.evaluation import evaluate, evaluate_meshes, fitted_to_samples
from urform.files import utf8_path, write_atomically
from urform.formats import save_mesh
from urform.inference import load, reconstruct_files
from urform.recipe._places import Places
from urform.recipe._recipe import Recipe

VIEWS = ("fixed", "random", "all")
_MORE = ("what3d", "onet")  # F-score; IoU and normal consistency
RESOLUTION = 128
_JPEG_QUALITY = 80


def score_group(places: Places, group: str) -> None:
    """Score single-view reconstruction of one group of test shapes, and draw them all."""
    model, split = load(str(places.weights)), places.group(group)
    sheet = places.results / f"{group}.png"
    result = evaluate(model, places.data, split, sheet, views=VIEWS, resolution=RESOLUTION)
    _write(places.results / f"{group}.json", result)
    for protocol in _MORE:
        result = evaluate(model, places.data, split, protocol=protocol, views=("fixed",), resolution=RESOLUTION)
        _write(places.results / f"{group}_{protocol}.json", result)


def score_fit(places: Places, group: str) -> None:
    """Score the decoder alone: latents fitted to the test shapes' own SDF samples."""
    model, folder, split = load(str(places.weights)), DataFolder(places.data), places.group(group)
    meshes = places.results / f"{group}_fitted"
    for key in read_split(split):
        file = meshes / f"{key.instance}.ply"
        if not file.is_file():
            save_mesh(model.mesh(fitted_to_samples(model, folder, key), RESOLUTION), file)
    _write(places.results / f"{group}_fit.json", evaluate_meshes(meshes, places.data, split, normalised=True))


def score_photographs(places: Places, photographs: Sequence[Path]) -> None:
    """Reconstruct photographs; their previews are for the page."""
    model = load(str(places.weights))
    lines = list(reconstruct_files(photographs, places.results / "photographs", [model], force=True))
    _write(places.results / "photographs.json", lines)


def write_page(recipe: Recipe, places: Places) -> None:
    """Write `<category>.md`: tables of all groups, pictures of all test shapes, photographs."""
    name = recipe.category
    folder = places.results / name
    lines = [
        f"# Results: {name}",
        "",
        "The tables score the weights on shapes that training never saw. `urform recipe` made this page. Distances are",
        "Chamfer distances by the protocol `deepsdf`, at unit box diagonal, x 1000. *Fixed view* is the first view of",
        "a shape, *random view* a view by chance, and *all views* the mean over all of them. *Fit* is the limit of the",
        "decoder: a latent is fitted to the shape itself. *Oracle retrieval* sees the true shape and takes the nearest",
        "training shape.",
        "",
    ]
    for group in groups_of(recipe):
        lines += [*_group_text(recipe, places, group), ""]
        write_atomically(folder / f"{group}.jpg", _jpeg(places.results / f"{group}.png"))
        lines += ["The picture shows all of them, worst first: the view, the mesh, the truth.", ""]
        lines += [f"![{group}]({name}/{group}.jpg)", ""]
    if (places.results / "photographs.json").is_file():
        lines += ["## Photographs", "", *_photographs(places, folder)]
    write_atomically(places.results / f"{name}.md", "\n".join(lines).encode())


def _photographs(places: Places, folder: Path) -> list[str]:
    """Previews of the photographs, and what the command said of each."""
    lines = []
    for entry in read_scores(places, "photographs"):
        stem = Path(entry["input"]).stem
        if "error" in entry:
            lines += [f"`{stem}`: {entry['error']}.", ""]
            continue
        write_atomically(folder / f"{stem}.jpg", _jpeg(Path(entry["mesh"]).with_suffix(".png")))
        said = "; ".join(entry["warnings"]) or "no warning"
        lines += [f"`{stem}`: {said}.", "", f"![{stem}]({folder.name}/{stem}.jpg)", ""]
    return lines


def _jpeg(picture: Path) -> bytes:
    """A PNG as JPEG, a tenth of the size."""
    with utf8_path(picture) as name:
        bgr = cv2.imread(name, cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError(f"{picture}: damaged, expected the sheet that an earlier step drew; remove it and its step")
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1].tobytes()


def groups_of(recipe: Recipe) -> list[str]:
    """Names of the groups of test shapes."""
    return [*recipe.held_out, *(["synthetic"] if recipe.synthetic else [])]


def table_of(places: Places, group: str) -> list[str]:
    """Rows of Markdown: methods and their mean, deviation, median, failures."""
    result, fit = read_scores(places, group), read_scores(places, f"{group}_fit")
    rows = [row for row in result["rows"] if row["metric"] == "chamfer"]
    rows += [row | {"method": "fit"} for row in fit["rows"] if row["metric"] == "chamfer"]
    return ["| method | mean | std | median | failures |", "|---|---|---|---|---|", *map(_row, rows)]


def read_scores(places: Places, name: str) -> Any:
    """What a step has written."""
    return json.loads((places.results / f"{name}.json").read_text())


def _group_text(recipe: Recipe, places: Places, group: str) -> list[str]:
    result = read_scores(places, group)
    patterns = recipe.held_out.get(group)
    which = f"Names: {', '.join(f'`{pattern}`' for pattern in patterns)}." if patterns else "Made by `urform synth`."
    more = [row for protocol in _MORE for row in _more_rows(read_scores(places, f"{group}_{protocol}"))]
    head = [f"## {group}: {len(result['shapes'])} shapes", "", which, "", *table_of(places, group), ""]
    return [*head, "| metric | fixed view |", "|---|---|", *more]


def _more_rows(result: dict[str, Any]) -> list[str]:
    """A row a metric: the mean of the model from the fixed view."""
    rows = []
    for metric in result["metrics"]:
        means = {row["method"]: row["mean"] for row in result["rows"] if row["metric"] == metric["name"]}
        own = [mean for method, mean in means.items() if method.startswith("urform")]
        rows.append(f"| {metric['title']} | " + " | ".join(f"{mean:.3f}" for mean in own) + " |")
    return rows


def _row(row: dict[str, Any]) -> str:
    numbers = " | ".join(f"{row[name]:.2f}" for name in ("mean", "std", "median"))
    return f"| {row['method']} | {numbers} | {row['failures']} |"


def _write(path: Path, content: Any) -> None:
    write_atomically(path, (json.dumps(content, indent=1) + "\n").encode())
