"""Draws objects of a category and writes them."""

from collections.abc import Callable
from pathlib import Path

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
from urform.synth._corner_sofas import chaise_sofa, corner_sofa, long_corner, sectional
from urform.synth._frame_sofas import crate_sofa, mid_century, settle_bench
from urform.synth._hanging_lamps import ceiling_lamp, chandelier, cluster, lantern, pendant, sconce
from urform.synth._kind import Kind
from urform.synth._lamps import (
    arc_lamp,
    banker_lamp,
    desk_lamp,
    floor_lamp,
    globe_lamp,
    gooseneck,
    street_lamp,
    table_lamp,
    torchiere,
    tripod_lamp,
)
from urform.synth._lounge import lounge_chair
from urform.synth._materials import (
    draw_palette,
    lamp_palette,
    plane_palette,
    sofa_palette,
    table_palette,
    wide_chair_palette,
)
from urform.synth._more_chairs import comb_back, director_chair, egg_chair, high_chair, wing_chair, wrapped_stool
from urform.synth._odd import block_chair, chaise, deck_chair, folding_chair, ribbon_chair, shell_chair
from urform.synth._odd_planes import delta, fighter, twin_boom
from urform.synth._odd_sofas import bed, chaise_longue, curved_sofa, daybed, futon, round_ottoman
from urform.synth._odd_tables import (
    chest_table,
    cloth_table,
    corner_desk,
    desk,
    game_table,
    glass_table,
    office_desk,
    picnic_table,
    vanity_table,
)
from urform.synth._planes import (
    airliner,
    business_jet,
    cargo_plane,
    high_prop,
    low_prop,
    rear_jet,
    turboprop,
    twin_prop,
)
from urform.synth._shape import SyntheticShape, save_shape
from urform.synth._sofas import armless_sofa, camelback, chesterfield, sofa, tuxedo_sofa
from urform.synth._sport_planes import biplane, glider, seaplane, toy
from urform.synth._tables import (
    bar_table,
    coffee_table,
    console_table,
    dining_table,
    extending_table,
    pedestal_table,
    round_table,
    side_table,
    trestle_table,
)

_CHAIR = Kind(
    "chair",
    {
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
    },
    draw_palette,
    least_faces=300,
)
_TABLE = Kind(
    "table",
    {
        "dining": (20, dining_table),
        "round": (8, round_table),
        "pedestal": (9, pedestal_table),
        "trestle": (6, trestle_table),
        "extending": (4, extending_table),
        "coffee": (14, coffee_table),
        "side": (8, side_table),
        "console": (4, console_table),
        "bar": (3, bar_table),
        "desk": (9, desk),
        "office_desk": (7, office_desk),
        "corner_desk": (1.5, corner_desk),
        "picnic": (1.5, picnic_table),
        "glass": (5, glass_table),
        "cloth": (1, cloth_table),
        "game": (1.5, game_table),
        "chest": (2.5, chest_table),
        "vanity": (1.5, vanity_table),
    },
    table_palette,
)
_WIDE_CHAIR = Kind(
    "chair",
    {
        **_CHAIR.families,
        "director": (2.5, director_chair),
        "wrapped_stool": (3, wrapped_stool),
        "high": (1.5, high_chair),
        "wing": (3, wing_chair),
        "egg": (1.5, egg_chair),
        "comb": (3, comb_back),
        "settle": (2, settle_bench),
    },
    wide_chair_palette,
    least_faces=300,
)
WIDE_FROM = 100
"""Series of chairs and sofas from this seed on have all families; those before it keep what they always had."""
_LAMP = Kind(
    "lamp",
    {
        "floor": (12, floor_lamp),
        "table": (22, table_lamp),
        "tripod": (4, tripod_lamp),
        "torchiere": (4, torchiere),
        "arc": (3, arc_lamp),
        "desk": (6, desk_lamp),
        "gooseneck": (6, gooseneck),
        "banker": (2, banker_lamp),
        "globe": (4, globe_lamp),
        "street": (3, street_lamp),
        "pendant": (14, pendant),
        "cluster": (5, cluster),
        "chandelier": (7, chandelier),
        "ceiling": (5, ceiling_lamp),
        "lantern": (4, lantern),
        "sconce": (4, sconce),
    },
    lamp_palette,
)
_PLANE = Kind(
    "plane",
    {
        "airliner": (20, airliner),
        "rear_jet": (7, rear_jet),
        "turboprop": (5, turboprop),
        "business": (6, business_jet),
        "low_prop": (10, low_prop),
        "high_prop": (8, high_prop),
        "twin_prop": (5, twin_prop),
        "biplane": (5, biplane),
        "fighter": (12, fighter),
        "delta": (3, delta),
        "glider": (2.5, glider),
        "cargo": (5, cargo_plane),
        "toy": (15, toy),
        "seaplane": (3, seaplane),
        "twin_boom": (2, twin_boom),
    },
    plane_palette,
)
_SOFA = Kind(
    "sofa",
    {
        "sofa": (30, sofa),
        "tuxedo": (9, tuxedo_sofa),
        "chesterfield": (5, chesterfield),
        "camelback": (4, camelback),
        "armless": (4, armless_sofa),
        "mid_century": (8, mid_century),
        "crate": (4, crate_sofa),
        "settle": (2, settle_bench),
        "corner": (10, corner_sofa),
        "chaise": (9, chaise_sofa),
        "sectional": (5, sectional),
        "curved": (3, curved_sofa),
        "chaise_longue": (2, chaise_longue),
        "daybed": (2.5, daybed),
        "futon": (2.5, futon),
        "bed": (2, bed),
        "round": (0.5, round_ottoman),
    },
    sofa_palette,
)
_WIDE_SOFA = Kind(
    "sofa",
    {**_SOFA.families, "corner": (14, corner_sofa), "chaise": (12, chaise_sofa), "long_corner": (14, long_corner)},
    sofa_palette,
)
CHAIR_FAMILIES = tuple(_WIDE_CHAIR.families)
LAMP_FAMILIES = tuple(_LAMP.families)
PLANE_FAMILIES = tuple(_PLANE.families)
SOFA_FAMILIES = tuple(_WIDE_SOFA.families)
TABLE_FAMILIES = tuple(_TABLE.families)
MOST = 1_000_000  # objects of a series


def make_chair(seed: int, index: int, family: str | None = None) -> SyntheticShape:
    """Makes chair number `index` of the series `seed`: the same arguments give the same chair.

    Args:
        seed: Of the series.
        index: Number within the series, from 0.
        family: One of `CHAIR_FAMILIES`; drawn with the frequencies of homes and offices when None. Series
            below `WIDE_FROM` draw from the first seventeen.

    Returns:
        A chair in metres, y up, front at +z.

    Raises:
        ValueError: The family is unknown.
    """
    narrow = seed < WIDE_FROM and family is None
    return (_CHAIR if narrow else _WIDE_CHAIR).make(seed, index, family)


def make_table(seed: int, index: int, family: str | None = None) -> SyntheticShape:
    """Makes table number `index` of the series `seed`, as `make_chair` does; families are `TABLE_FAMILIES`."""
    return _TABLE.make(seed, index, family)


def make_lamp(seed: int, index: int, family: str | None = None) -> SyntheticShape:
    """Makes lamp number `index` of the series `seed`, as `make_chair` does; families are `LAMP_FAMILIES`."""
    return _LAMP.make(seed, index, family)


def make_plane(seed: int, index: int, family: str | None = None) -> SyntheticShape:
    """Makes plane number `index` of the series `seed`, as `make_chair` does; its nose is at +z.

    Families are `PLANE_FAMILIES`.
    """
    return _PLANE.make(seed, index, family)


def make_sofa(seed: int, index: int, family: str | None = None) -> SyntheticShape:
    """Makes sofa number `index` of the series `seed`, as `make_chair` does; families are `SOFA_FAMILIES`.

    Series below `WIDE_FROM` draw from all but the last, and draw fewer corners.
    """
    narrow = seed < WIDE_FROM and family is None
    return (_SOFA if narrow else _WIDE_SOFA).make(seed, index, family)


CATEGORIES: dict[str, Callable[[int, int], SyntheticShape]] = {
    "chair": make_chair,
    "lamp": make_lamp,
    "plane": make_plane,
    "sofa": make_sofa,
    "table": make_table,
}
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
