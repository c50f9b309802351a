"""What makes a mesh from a picture doubtful: a table of checks, each of which has a sentence to say or nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from urform.geometry import GAP
from urform.pictures import FILL, OPAQUE, CutOut, connected_parts

if TYPE_CHECKING:
    from urform.inference._model import Model
    from urform.inference._result import Reconstruction

CONTACT = 0.05  # share of the object's width or height along an edge of the picture; a foot may touch it
TRIMMED = 2  # pixels between a cut-out and the edges of a picture that was cropped to it
COARSEST = 2.0  # times that a picture may be enlarged for the encoder
OTHER_PART = 0.1  # of the largest part's area: smaller ones are crumbs
STRANGE = 1.0  # as strange as one in twenty pictures of the category
LEAST_OVERLAP = 0.5  # one view in nine of chairs by held-out makers has less, and four times the Chamfer distance
MOST_DISAGREEMENT = 0.35  # of sixty triples of views of one car, one in thirty has more
CRUMBS = 3  # dropped pieces of a mesh; the meshes of good photographs have up to two
_EDGES = ("top", "bottom", "left", "right")


class Answer(NamedTuple):
    """What a check may look at: the object, and what the model made of it."""

    model: Model
    cut: CutOut
    result: Reconstruction


def doubts(answer: Answer) -> tuple[str, ...]:
    """A sentence for each reason to doubt the answer, those of the cut-out first."""
    found = [check(answer) for check in CHECKS]
    return (*answer.cut.warnings, *(text for text in found if text))


def cut_off_edges(cut: CutOut) -> list[str]:
    """The edges of the picture beyond which the object goes on; none where its background was kept."""
    if cut.method == "kept":
        return []
    opaque = cut.rgba[..., 3] > OPAQUE
    (height, width), (rows, columns) = opaque.shape, _extent(opaque)
    reached = [rows.min(), height - 1 - rows.max(), columns.min(), width - 1 - columns.max()]
    if cut.method == "alpha" and max(reached) <= TRIMMED:
        return []  # a picture that was cropped to the object
    contacts = [opaque[0].sum(), opaque[-1].sum(), opaque[:, 0].sum(), opaque[:, -1].sum()]
    lengths = [np.ptp(columns) + 1, np.ptp(columns) + 1, np.ptp(rows) + 1, np.ptp(rows) + 1]
    return [name for name, contact, length in zip(_EDGES, contacts, lengths, strict=True) if contact > CONTACT * length]


def shows_outline(cut: CutOut) -> bool:
    """Whether the outline of the whole object is seen."""
    return cut.method != "kept" and not cut_off_edges(cut)


def _cut_off(answer: Answer) -> str:
    edges = cut_off_edges(answer.cut)
    if not edges:
        return ""
    return f"the object touches the {' and '.join(edges)} edge of the picture: what lies beyond is guessed"


def _coarse(answer: Answer) -> str:
    rows, columns = _extent(_opaque(answer))
    width, height = int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1
    wanted = int(np.ceil(FILL * answer.model.config.image_size / COARSEST))
    if max(width, height) >= wanted:
        return ""
    return f"the object has only {width} x {height} pixels, expected at least {wanted} along its longer side"


def _several(answer: Answer) -> str:
    if answer.cut.method == "kept":
        return ""
    areas = connected_parts(_opaque(answer), 8)[1][1:, 4]
    count = int((areas >= OTHER_PART * areas.max(initial=0)).sum())
    if count < 2:
        return ""
    return f"the object is in {count} separate pieces: if these are several things, crop the picture to one"


def _crumbled(answer: Answer) -> str:
    dropped = answer.result.mesh.metadata.get("dropped_components", 0)
    return f"{dropped} small loose pieces of the mesh were dropped" if dropped >= CRUMBS else ""


def _bridged(answer: Answer) -> str:
    length = answer.result.mesh.metadata.get("longest_bridge", 0.0)
    return "parts of the mesh hung in the air: thin bridges hold them now" if length > GAP else ""


def _strange(answer: Answer) -> str:
    strangeness = answer.result.strangeness
    if strangeness is None or strangeness <= STRANGE or answer.cut.method == "kept":
        return ""
    return f"the picture is unlike those of a {answer.model.category} (strangeness {strangeness:.2f}): is it one?"


def _elsewhere(answer: Answer) -> str:
    overlap = answer.result.overlap
    if overlap is None or overlap >= LEAST_OVERLAP or answer.cut.method == "kept":
        return ""
    return f"the outline of the mesh does not fit the object (overlap {overlap:.2f}): the mesh is probably wrong"


def _disagree(answer: Answer) -> str:
    disagreement = answer.result.disagreement
    if disagreement is None or disagreement <= MOST_DISAGREEMENT:
        return ""
    return f"the pictures disagree about the object (disagreement {disagreement:.2f}): do they show the same one?"


def _extent(opaque: Bool[np.ndarray, "H W"]) -> tuple[Int[np.ndarray, " R"], Int[np.ndarray, " C"]]:
    """The rows and columns with something in them."""
    return np.flatnonzero(np.any(opaque, axis=1)), np.flatnonzero(np.any(opaque, axis=0))


def _opaque(answer: Answer) -> Bool[np.ndarray, "H W"]:
    return answer.cut.rgba[..., 3] > OPAQUE


CHECKS: tuple[Callable[[Answer], str], ...] = (
    _cut_off,
    _coarse,
    _several,
    _strange,
    _elsewhere,
    _crumbled,
    _bridged,
    _disagree,
)
"""A check more is a function and its name here."""
