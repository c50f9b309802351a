"""Draws objects of a category and writes them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.random import Generator
from tqdm import tqdm

from urform.config import look_up, require
from urform.data import known_category
from urform.synth._armchairs import club_chair, tub_chair
from urform.synth._chairs import (
    bar_stool,
    bench_stool,
    captain_chair,
    office_chair,
    pouf,
    side_chair,
    stool,
    thin_pad_chair,
)
from urform.synth._lounge import lounge_chair
from urform.synth._materials import draw_palette, pick
from urform.synth._odd import block_chair, chaise, deck_chair, folding_chair, ribbon_chair, shell_chair
from urform.synth._shape import Assembly, SyntheticShape, UnfitShapeError, save_shape

_CHAIRS: dict[str, tuple[float, Callable[[Assembly, Generator], str]]] = {
    "side": (33, side_chair),
    "captain": (4, captain_chair),
    "thin_pad": (8, thin_pad_chair),
    "club": (11, club_chair),
    "tub": (6, tub_chair),
    "lounge": (8, lounge_chair),
    "stool": (5, stool),
    "bench": (1.5, bench_stool),
    "bar_stool": (5, bar_stool),
    "pouf": (1, pouf),
    "office": (8, office_chair),
    "shell": (4.5, shell_chair),
    "folding": (1.5, folding_chair),
    "deck": (1, deck_chair),
    "block": (1.5, block_chair),
    "ribbon": (1, ribbon_chair),
    "chaise": (1, chaise),
}
CHAIR_FAMILIES = tuple(_CHAIRS)
MOST = 1_000_000  # objects of a series
_MAX_DRAWS = 30


def make_chair(seed: int, index: int, family: str | None = None) -> SyntheticShape:
    """Makes chair number `index` of the series `seed`: the same arguments give the same chair.

    Args:
        seed: Of the series.
        index: Number within the series, from 0.
        family: One of `CHAIR_FAMILIES`; drawn with the frequencies of homes and offices when None.

    Returns:
        A chair in metres, y up, front at +z.

    Raises:
        ValueError: The family is unknown.
    """
    rng = np.random.default_rng([seed, index])
    family = family or pick(rng, {name: weight for name, (weight, _) in _CHAIRS.items()})
    if family not in _CHAIRS:
        raise ValueError(f"family must be one of {', '.join(_CHAIRS)}, got {family!r}")
    for _ in range(_MAX_DRAWS):
        assembly = Assembly()
        frame = _CHAIRS[family][1](assembly, rng)
        palette = draw_palette(rng, frame)
        try:
            return assembly.build(family, palette)
        except UnfitShapeError:
            continue
    raise RuntimeError(f"chair {index} of seed {seed}: no connected {family!r} in {_MAX_DRAWS} draws")


CATEGORIES: dict[str, Callable[[int, int], SyntheticShape]] = {"chair": make_chair}
"""What draws object `index` of the series `seed`, by category."""


def synthesize(category: str, count: int, seed: int, out: Path) -> list[Path]:
    """Writes `count` objects to `out/<category>_<seed>_<index>/`; those already there are kept.

    Args:
        category: one of `CATEGORIES`.
        count: Number of objects, from index 0.
        seed: Of the series.
        out: Folder of the objects, made when missing.

    Returns:
        The folders of the objects, each with model.obj, model.mtl and shape.json.

    Raises:
        ValueError: The category is unknown, or a number is out of range.
    """
    category = known_category(category, CATEGORIES) or category
    draw = look_up(CATEGORIES, category, "category")
    require(0 <= count <= MOST, "count", f"0 to {MOST}", count)
    require(seed >= 0, "seed", "0 or more", seed)
    folders = [Path(out) / f"{category}_{seed}_{index:05d}" for index in range(count)]
    for index, folder in enumerate(tqdm(folders, desc=f"{category}s", unit="shape")):
        if not (folder / "shape.json").exists():
            save_shape(draw(seed, index), folder)
    return folders
