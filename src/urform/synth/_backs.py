"""Backs: an outline (posts and crest, hoop, oval, board) filled with slats, rungs, panels and the like."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from urform.synth._materials import pick
from urform.synth._plan import BackSurface, Plan
from urform.synth._shape import Assembly
from urform.synth._solids import lathe, sheet, spline, sweep, xyz

OUTLINES = {"posts": 5, "hoop": 1.3, "oval": 0.9, "board": 2.4, "pad": 2, "stem": 0.8}
FILLS = {"slats": 2, "rungs": 2.4, "spindles": 1.6, "cross": 0.8, "panel": 1.2, "splat": 1, "pad": 1.2, "open": 0.8}
TopCurve = Callable[[NDArray], NDArray]
Edge = Callable[[float], float]


@dataclass(frozen=True)
class Back:
    """What the arms need to know of a back."""

    outline: str
    surface: BackSurface
    lowest: float
    """The lowest s at which its side edge can carry an arm."""
    edge: Edge
    """The side edge: u at a given s."""


_THIN = 0.02


def draw_surface(plan: Plan, rng: Generator, height: tuple[float, float] = (0.3, 0.62),
                 recline: tuple[float, float] = (0, 17)) -> BackSurface:  # fmt: skip
    """Draws the surface of a back that rises from the seat's rear edge; height in metres, recline in degrees."""
    corner = plan.corner(1, -1, 0, plan.member * 0.6)
    half = corner[0] * (1 + 0.12 * plan.roundness)
    half_top = half * rng.uniform(0.8, 1.15) * (1 + 0.35 * plan.roundness)
    return BackSurface(
        y=plan.seat_height - plan.thickness * 0.4,
        z=corner[2],
        half_bottom=half,
        half_top=half_top,
        height=min(rng.uniform(*height), rng.uniform(2.8, 3.4) * half_top),
        recline=np.radians(rng.uniform(*recline)),
        bow=rng.choice([0, rng.uniform(-0.05, 0.06)]),
        wrap=rng.choice([0, rng.uniform(0.05, 0.22), rng.uniform(0.2, 0.45)], p=[0.45, 0.35, 0.2]),
    )


def add_back(a: Assembly, plan: Plan, surface: BackSurface, rng: Generator,
             outlines: dict[str, float] | None = None, fills: dict[str, float] | None = None) -> Back:  # fmt: skip
    """Adds a back to the seat and names its corners."""
    outline = pick(rng, outlines or OUTLINES)
    fill = "none"
    if outline in ("posts", "hoop", "oval"):
        fill = pick(rng, fills or FILLS)
        add = {"posts": _posts, "hoop": _hoop, "oval": _oval}[outline]
        lowest, edge = add(a, plan, surface, rng, fill)
    elif outline == "stem":
        lowest, edge = _stem(a, plan, surface, rng)
    else:
        lowest, edge = _board(a, plan, surface, rng, soft=outline == "pad")
    a.mark_pair("back_top", surface(1, 1))
    a.note(back=outline, fill=fill, back_height=surface.height, recline_deg=np.degrees(surface.recline),
           wrap=surface.wrap)  # fmt: skip
    return Back(outline, surface, lowest, edge)


def _line(surface: BackSurface, u: float, bottom: float, top: float, count: int = 9) -> NDArray:
    return surface(u, np.linspace(bottom, top, count))


def _row(surface: BackSurface, s: float, reach: float = 1.0, count: int = 11) -> NDArray:
    return surface(np.linspace(-reach, reach, count), s)


def _posts(a: Assembly, plan: Plan, surface: BackSurface, rng: Generator, fill: str) -> tuple[float, Edge]:
    """Two posts, a crest rail between them or over them, and a filling."""
    size = max(_THIN, plan.member * rng.uniform(0.7, 1))
    a.add_pair("back", "frame", sweep(_line(surface, 1, 0, 1), np.linspace(1, rng.uniform(0.7, 1), 9) * size,
                                      section=plan.section))  # fmt: skip
    tall, thick = rng.uniform(0.03, 0.13), max(_THIN, size * rng.uniform(0.6, 0.9))
    crest = 1 - tall / 2 / surface.height
    over = fill != "rungs" and rng.random() < 0.4
    arch = rng.choice([0, rng.uniform(-0.1, 0.13)]) * (1 if over else 0.6)
    u = np.linspace(-1, 1, 11) * (rng.uniform(1, 1.15) if over else 1)
    row = surface(u, crest + arch * (1 - u**2))
    if fill != "rungs":
        ends = 1 - rng.uniform(0, 0.4) * u**2 if over else np.ones(11)
        a.add("back", "frame", sweep(row, thick, tall * ends, section="soft", side=(0, 0, 1)))
    low = rng.choice([0.0, rng.uniform(0.12, 0.4)]) if fill != "open" else 0
    if low:
        a.add("back", "frame", sweep(_row(surface, low), thick, max(0.025, tall * 0.6), section="soft", side=(0, 0, 1)))
    _fill(a, surface, rng, fill, low, lambda u: crest + arch * (1 - np.asarray(u) ** 2), reach=0.93, thick=thick)
    return 0.0, lambda s: 1.0


def _hoop(a: Assembly, plan: Plan, surface: BackSurface, rng: Generator, fill: str) -> tuple[float, Edge]:
    """One bent bar from seat corner over the top to the other corner."""
    size = max(_THIN, plan.member * rng.uniform(0.65, 0.95))
    power = rng.uniform(2, 4.5)
    angle = np.linspace(0, np.pi, 25)
    u = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** (2 / power)
    s = np.abs(np.sin(angle)) ** (2 / power)
    a.add("back", "frame", sweep(surface(u, s), size, section=plan.section, side=(0, 0, 1)))
    _fill(a, surface, rng, fill, 0.0, lambda u: (1 - np.abs(np.asarray(u)) ** power) ** (1 / power), 0.8, size * 0.8)
    return 0.0, lambda s: (1 - s**power) ** (1 / power)


def _oval(a: Assembly, plan: Plan, surface: BackSurface, rng: Generator, fill: str) -> tuple[float, Edge]:
    """A closed ring carried by two short posts."""
    size = max(_THIN, plan.member * rng.uniform(0.65, 0.95))
    half = rng.uniform(0.32, 0.42)
    centre, reach = 1 - half, rng.uniform(0.85, 1.05)
    angle = np.arange(28) * (2 * np.pi / 28)
    ring = surface(reach * np.cos(angle), centre + half * np.sin(angle))
    a.add("back", "frame", sweep(ring, size, section=plan.section, side=(0, 0, 1), closed=True))
    u = reach * rng.uniform(0.5, 0.9)
    top = centre - half * np.sqrt(1 - (u / reach) ** 2)
    a.add_pair("back", "frame", sweep(_line(surface, u, 0, top, 5), size, section=plan.section))
    fill = {"rungs": "panel", "open": "pad"}.get(fill, fill)

    def rim(u: NDArray) -> NDArray:
        return np.sqrt(np.clip(1 - (np.asarray(u) / reach) ** 2, 0, 1)) * half

    _fill(a, surface, rng, fill, lambda u: centre - rim(u), lambda u: centre + rim(u), reach * 0.9, size * 0.8)
    return centre - half * 0.8, lambda s: reach * np.sqrt(1 - np.clip((s - centre) / half, -1, 1) ** 2)


def _fill(a: Assembly, surface: BackSurface, rng: Generator, kind: str, bottom: float | TopCurve, top: TopCurve,
          reach: float, thick: float) -> None:  # fmt: skip
    """Fills an outline between the curves `bottom` and `top`, values of s at u in -reach..reach."""

    def low(u: float | NDArray) -> NDArray:
        return bottom(np.asarray(u)) if callable(bottom) else np.full(np.shape(u), bottom)

    thick = max(thick, _THIN)
    if kind in ("slats", "spindles"):
        count = int(rng.integers(3, 7) if kind == "slats" else rng.integers(5, 9))
        pitch = 2 * reach * surface.half_top / count
        width = max(_THIN, pitch * rng.uniform(0.4, 0.65)) if kind == "slats" else _THIN
        fan = rng.choice([1, rng.uniform(0.6, 0.95)])
        for u in reach * (2 * (np.arange(count) + 0.5) / count - 1):
            s = np.linspace(low(u * fan), top(u), 7)
            path = surface(np.linspace(u * fan, u, 7), s)
            a.add("back", "frame", sweep(path, width, _THIN, section="soft" if kind == "slats" else "round"))
    elif kind == "rungs":
        _rungs(a, surface, rng, thick)
    elif kind == "cross":
        for sign in (1, -1):
            u = np.linspace(-reach, reach, 9)
            share = (u / reach * sign + 1) / 2
            path = surface(u, low(u) + share * (top(u) - low(u)))
            a.add("back", "frame", sweep(path, _THIN, max(_THIN, thick), side=(0, 0, 1), section="soft"))
    elif kind == "splat":
        waist, width = rng.uniform(-0.35, 0.5), reach * rng.uniform(0.2, 0.42)
        s = np.linspace(low(0.0), top(np.array(0.0)), 13)
        profile = width * (1 + waist * np.cos(np.linspace(0, 2 * np.pi * rng.integers(1, 3), 13)))
        grid = surface(profile[:, None] * np.linspace(-1, 1, 7), np.repeat(s[:, None], 7, 1))
        a.add("back", "frame", sheet(grid, _THIN))
    elif kind in ("panel", "pad"):
        u = np.linspace(-reach, reach, 13)
        edge = 1 - (np.abs(np.linspace(-1, 1, 13)) ** 4)
        depth = rng.uniform(0.03, 0.07) if kind == "pad" else 0
        pillow = np.sin(np.linspace(0, np.pi, 9))[:, None] ** 0.5 * edge * depth + _THIN
        role = "soft" if kind == "pad" or rng.random() < 0.3 else "frame"
        a.add("back", role, sheet(surface.grid(u, low(u), top(u)), pillow))


def _rungs(a: Assembly, surface: BackSurface, rng: Generator, thick: float) -> None:
    """Horizontal rails like the rungs of a ladder, the highest at the top."""
    count = int(min(rng.integers(1, 6), surface.height // 0.06))
    tall = rng.uniform(0.03, min(0.12, 0.6 * surface.height / count))
    grow, arch = rng.uniform(1, 1.5), rng.choice([0, rng.uniform(0, 0.06)])
    last = 1 - tall * grow / 2 / surface.height
    u = np.linspace(-1, 1, 11)
    for i, s in enumerate(np.linspace(last, rng.uniform(0.2, 0.5), count)):
        height = tall * (grow if i == 0 else 1) * (1 + (arch > 0) * 0.3 * (1 - u**2))
        row = surface(u, s + arch * (1 - u**2))
        a.add("back", "frame", sweep(row, thick, height, side=(0, 0, 1), section="soft"))


def _board(a: Assembly, plan: Plan, surface: BackSurface, rng: Generator, soft: bool) -> tuple[float, Edge]:
    """A panel or an upholstered pad that rises from the seat, or floats on two posts."""
    bottom = rng.choice([0.0, rng.uniform(0.2, 0.5)], p=[0.6, 0.4])
    u = np.linspace(-1, 1, 15)
    crest = rng.choice([0, rng.uniform(0.05, 0.3), rng.uniform(-0.12, 0)])
    top = 1 - crest * np.abs(u) ** rng.uniform(2, 5)
    low = bottom + (rng.uniform(0, 0.12) * u**4 if bottom else 0 * u)
    grid = surface.grid(u, low, top, rows=13)
    thickness = _THIN + rng.uniform(0, 0.012)
    if soft:
        rows = np.sin(np.linspace(0.12, np.pi - 0.12, 13))[:, None] ** 0.3
        thickness = 0.02 + rng.uniform(0.02, 0.09) * rows * (1 - np.abs(u) ** 8)
        if rng.random() < 0.2:
            thickness *= 0.8 + 0.2 * np.abs(np.cos(np.linspace(0, np.pi * rng.integers(3, 6), 13)))[:, None]
    panel = sheet(grid, thickness)
    if not soft and rng.random() < 0.3:
        size = rng.uniform(0.1, 0.3) * surface.half_top
        s = rng.uniform(0.55, 0.8)
        slot = lathe([[size, -0.3], [size, 0.3]], segments=16).rotate((90, 0, 0)).scale((rng.uniform(1, 2.2), 1, 1))
        panel -= slot.translate(surface(0, max(s, bottom + 0.25)).tolist())
    a.add("back", "soft" if soft else "frame", panel)
    if bottom or rng.random() < 0.35:
        size = max(_THIN, plan.member * rng.uniform(0.6, 0.9))
        at = rng.choice([1.0, rng.uniform(0.5, 0.8)])
        reach = (bottom + (1 - bottom) * 0.4) if at < 1 else rng.uniform(0.8, 0.97) - max(crest, 0)
        line = surface(at, np.linspace(0, reach, 9), -0.01 if soft else 0)
        a.add_pair("back", "frame", sweep(line, size, section=plan.section))
    return bottom + 0.05, lambda s: 0.98


def _stem(a: Assembly, plan: Plan, surface: BackSurface, rng: Generator) -> tuple[float, Edge]:
    """A small pad on one or two bent bars that start under the seat."""
    size, low = max(0.022, plan.member * 0.7), rng.uniform(0.35, 0.6)
    start = np.array([0, plan.seat_height - plan.thickness * 0.6, 0.25 * surface.z])
    behind = np.array([0, start[1], surface.z - 0.03])
    middle = surface(0, (low + 1) / 2) - xyz(0, 0, 0.012)
    path = spline([start, behind, surface(0, low * 0.6) - xyz(0, 0, 0.045), middle], 16)
    spread = rng.choice([0.0, rng.uniform(0.06, 0.12)])
    for x in {spread, -spread}:
        a.add("back", "metal", sweep(path + xyz(x, 0, 0), size * (1.6 if spread == 0 else 1), size, section="soft"))
    u = np.linspace(-1, 1, 13)
    top, bottom = 1 - rng.uniform(0, 0.2) * u**4, low + rng.uniform(0, 0.2) * (1 - low) * u**4
    rows = np.sin(np.linspace(0.15, np.pi - 0.15, 9))[:, None] ** 0.4
    thickness = 0.022 + rng.uniform(0, 0.04) * rows * (1 - u**8)
    a.add("back", rng.choice(["soft", "frame"]), sheet(surface.grid(u, bottom, top), thickness))
    return low + 0.25 * (1 - low), lambda s: 0.97
