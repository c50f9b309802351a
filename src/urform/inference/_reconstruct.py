"""Pictures to meshes, previews and pages: what `urform reconstruct` does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from urform.config import look_up
from urform.files import check_outputs, encode_png, unique_names, write_atomically
from urform.formats import FORMATS, PRINT_SIZE_MM, check_size_mm, viewer_html
from urform.inference._model import Model
from urform.inference._preview import preview
from urform.inference._result import Reconstruction
from urform.inference._shelf import Shelf
from urform.pictures import CutOut, Hints, cut_out_hinted, read_image


@dataclass(frozen=True)
class MeshFiles:
    """How meshes are made from pictures, and written.

    Attributes:
        file_format: glb, obj, ply or stl.
        resolution: cells along an axis.
        faces: how many the meshes are simplified to; None = as many as there are.
        size_mm: longest side of STL files, see `printable`; None = 100.
        color: color the meshes from the pictures, where the model can tell their cameras.
        force: also where a picture does not look like the category.
        texture: give GLB files a UV texture.
        refine: improve the shapes by the outlines in the pictures; None = where the weights say that it helps.
    """

    file_format: str = "glb"
    resolution: int = 128
    faces: int | None = None
    size_mm: float | None = None
    color: bool = True
    force: bool = False
    texture: bool = False
    refine: bool | None = None

    def __post_init__(self) -> None:
        kind, size = look_up(FORMATS, self.file_format, "file_format"), self.size_mm
        if self.texture and self.file_format != "glb":
            raise ValueError(f"`texture` must go with `file_format` glb, got {self.file_format}, whose files have none")
        if size is not None and not kind.for_printers:
            raise ValueError(
                f"`size_mm` is of `file_format` stl, whose unit is the millimetre; {self.file_format} has no unit"
            )
        if size is not None:
            check_size_mm(size)

    def write(self, shelf: Shelf, cuts: Sequence[CutOut], out: Path, name: str) -> dict[str, Any]:
        """Make one mesh from pictures of one object, write it, its preview and its page, and say what it is.

        Raises:
            ValueError: there is no mesh of them.
            OSError: a file cannot be written.
        """
        result = shelf.reconstruct_object(
            cuts, self.resolution, self.faces, self.color, self.force, texture=self.texture, refine=self.refine
        )
        mesh_path = out / f"{name}.{self.file_format}"
        result.save(mesh_path, PRINT_SIZE_MM if self.size_mm is None else self.size_mm)
        write_atomically(out / f"{name}.png", encode_png(preview(cuts[0].rgba, result.mesh, result.camera)))
        write_atomically(out / f"{name}.html", viewer_html(result.mesh).encode())
        return {"mesh": str(mesh_path), **summary(result)}


def reconstruct_files(
    images: Sequence[Path],
    out: Path,
    models: Shelf | Sequence[Model],
    keep_background: bool = False,
    hints: Hints | None = None,
    together: bool = False,
    **options: Any,
) -> Iterator[dict[str, Any]]:
    """Reconstruct pictures one by one; a bad one gives an entry with its error, and the rest goes on.

    Args:
        images: picture files; of equal names the results are numbered.
        out: folder of the results: `<name>.<format>`, `<name>.png` (preview) and `<name>.html` (viewer).
        models: to choose from for each picture, see `load_models`.
        keep_background: do not remove backgrounds.
        hints: what a person says of the object in the one picture.
        together: the pictures show one object, and make one mesh. It has the name of the first that can be read.
        options: as in `MeshFiles`.

    Yields:
        A JSON-able summary a picture; together, one of all that can be read.

    Raises:
        ValueError: an option does not fit, a result would replace a picture, or there are hints and several pictures.
    """
    files, hints = MeshFiles(**options), _hints(images, hints, keep_background)
    names = unique_names(path.stem for path in images)
    kinds = (files.file_format, "png", "html")
    check_outputs(out, [out / f"{name}.{kind}" for name in names for kind in kinds], images)
    shelf = models if isinstance(models, Shelf) else Shelf(models)
    read: list[tuple[Path, CutOut, str]] = []
    for path, name in zip(images, names, strict=True):
        try:
            cut = cut_out_hinted(read_image(path), hints)
            if together:
                read.append((path, cut, name))
                continue
            entry = files.write(shelf, [cut], out, name)
        except (ValueError, OSError) as error:
            entry = {"error": str(error)}
        yield {"input": str(path), **entry}
    if together and read:
        yield _of_all(files, shelf, read, out)


def _of_all(files: MeshFiles, shelf: Shelf, read: Sequence[tuple[Path, CutOut, str]], out: Path) -> dict[str, Any]:
    """The mesh of several pictures of one object."""
    inputs = {"inputs": [str(path) for path, _, _ in read]}
    try:
        return {**inputs, **files.write(shelf, [cut for _, cut, _ in read], out, read[0][2])}
    except (ValueError, OSError) as error:
        return {**inputs, "error": str(error)}


def _hints(images: Sequence[Path], hints: Hints | None, keep_background: bool) -> Hints:
    if hints is not None and len(images) > 1:
        raise ValueError(f"box and point name the object of one picture, got {len(images)} pictures")
    return hints or Hints(keep_background=keep_background)


def summary(result: Reconstruction) -> dict[str, Any]:
    """What is said of a result: JSON-able."""
    chances = result.category_probabilities
    return {
        "category": result.category,
        **({"category_probabilities": {name: round(chance, 3) for name, chance in chances.items()}} if chances else {}),
        "background": result.background,
        **_camera(result),
        "encode_s": round(result.encode_s, 3),
        "refine_s": round(result.refine_s, 3),
        "mesh_s": round(result.mesh_s, 3),
        "vertices": len(result.mesh.vertices),
        "faces": len(result.mesh.faces),
        "watertight": bool(result.mesh.is_watertight),
        **({} if result.disagreement is None else {"disagreement": round(result.disagreement, 2)}),
        "dropped_components": result.mesh.metadata["dropped_components"],
        "warnings": list(result.warnings),
    }


def _camera(result: Reconstruction) -> dict[str, float]:
    """Where the picture was taken from, where the model can tell."""
    camera = result.camera
    if camera is None:
        return {}
    numbers = {
        "azimuth_deg": camera.azimuth_deg,
        "elevation_deg": camera.elevation_deg,
        "roll_deg": camera.roll_deg,
        "camera_confidence": result.camera_confidence,
        "overlap": result.overlap,
        "strangeness": result.strangeness,
    }
    return {name: round(number, 2) for name, number in numbers.items() if number is not None}


def as_line(summary: dict[str, Any], encoding: str | None = "utf-8") -> str:
    """One JSON line; letters that the encoding lacks are escaped, as JSON does it."""
    line = json.dumps(summary, ensure_ascii=False)
    try:
        line.encode(encoding or "ascii")
    except UnicodeEncodeError:
        return json.dumps(summary)
    return line
