"""Plausible colors for frames and upholstery."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_COLORS = {
    "wood": "d9b382 c69c6d a9744f 8b5a2b 6b4226 4b2e1e e8d3b0 9c6b3f 3a2a20 b98a5a",
    "leather": "2b2320 5a3422 7d4a2b a0653a 1c1c1e d8c9b0 6e1f1f 3c3f45 e9e4da",
    "fabric": "8a8d91 c7bfae 4c5a6b 7a2e2e 2f5d50 d3a23c 3b3b45 b7c4c9 6b7f4f a35d4a e4ddd0 24405e c97f6d 5e4b6e",
    "metal": "c8ccd0 8d9196 2a2b2d 505357 b89b5e e6e6e6",
    "plastic": "f2f2f0 1e1e20 c8322b 2f6fb0 e2b72f 5aa05a 9aa0a6 e27a35 d7cfc2 46656b",
    "glass": "cfe0e2 9fb8b8 d9ecec 3a4448 b8c8d8",
    "stone": "e8e6e1 8c8a86 3c3b3a cfc6b8 b5aca0",
    "shade": "f3ead6 fffdf5 e8dcc0 d8c3a0 c9c2b8 f2e2b0 e9e4ee",
    "livery": "f6f6f4 ffffff e9ecee f2efe6 dfe3e6 c9d0d6",
    "bright": "d0312d 1f5fae f2c230 2f8f4e f07f24 e23b6b 1b2a5c 3fa7c9 7b2d8b c8322b",
    "army": "6b7078 8a9098 4b5540 6a6f4c 3d4438 9aa3a8 b3a583 5a6470 2c3036",
    "pane": "1c2530 2a3a4a 7fb4d8 a8c8dc 12181f 4f7390",
    "paint": "f4f1ea 202022 7a9a9a b54a3a 3d5a44 d9c89e 34485e ffffff",
}


@dataclass(frozen=True)
class Finish:
    """A named diffuse color, sRGB in 0..1."""

    name: str
    rgb: tuple[float, float, float]


def _draw(rng: np.random.Generator, kinds: Mapping[str, float]) -> Finish:
    kind = pick(rng, kinds)
    code = str(rng.choice(_COLORS[kind].split()))
    rgb = np.array([int(code[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    red, green, blue = np.clip(rgb * rng.uniform(0.88, 1.1) + rng.normal(0, 0.012, 3), 0, 1).round(4).tolist()
    return Finish(f"{kind}_{code}", (red, green, blue))


def _drawn(rng: np.random.Generator, roles: Mapping[str, Mapping[str, float]]) -> dict[str, Finish]:
    """A material for each role, from the kinds that it may have."""
    return {role: _draw(rng, kinds) for role, kinds in roles.items()}


def pick(rng: np.random.Generator, weights: Mapping[str, float]) -> str:
    """Draws a key with a probability proportional to its value."""
    shares = np.array(list(weights.values()), float)
    return str(rng.choice(list(weights), p=shares / shares.sum()))


def draw_palette(rng: np.random.Generator, frame: str) -> dict[str, Finish]:
    """Draws the materials of one object.

    Args:
        rng: The object's generator.
        frame: What its frame is of: "wood", "metal" or "plastic".

    Returns:
        A material for each of the roles "frame", "soft" (cushions, slings) and "metal" (fittings, bases).
    """
    kinds = {"wood": {"wood": 5, "paint": 1.5}, "metal": {"metal": 1}, "plastic": {"plastic": 1}}[frame]
    roles = {
        "frame": kinds,
        "soft": {"fabric": 5, "leather": 3, "plastic": 0.7, "wood": 0.7 if frame != "wood" else 0},
        "metal": {"metal": 1},
    }
    palette = _drawn(rng, roles)
    if rng.random() < 0.18:
        palette = dict.fromkeys(palette, palette[str(rng.choice(list(palette)))])
    elif rng.random() < 0.3:
        palette["metal"] = palette["frame"]
    return palette


def _all_one(rng: np.random.Generator, palette: dict[str, Finish], share: float) -> dict[str, Finish]:
    """Gives a share of the objects one material throughout."""
    if rng.random() < share:
        return dict.fromkeys(palette, palette[str(rng.choice(list(palette)))])
    return palette


def wide_chair_palette(rng: np.random.Generator, frame: str) -> dict[str, Finish]:
    """Draws the materials of a chair, as `draw_palette` does; loose cushions are of the upholstery's."""
    palette = draw_palette(rng, frame)
    return palette | {"cushion": palette["soft"]}


def sofa_palette(rng: np.random.Generator, frame: str) -> dict[str, Finish]:
    """Draws the materials of a sofa, as `draw_palette` does.

    Returns:
        A material for each of the roles "frame", "soft" (the body), "cushion", "pillow" and "metal" (feet).
    """
    body = {"fabric": 5, "leather": 3}
    roles = {
        "frame": {"wood": 5, "paint": 1.5} if frame == "wood" else {"metal": 1},
        "soft": body,
        "cushion": body,
        "pillow": {"fabric": 1},
        "metal": {"metal": 1},
    }
    palette = _drawn(rng, roles)
    if rng.random() < 0.75:
        palette["cushion"] = palette["soft"]
    return _all_one(rng, palette, 0.15)


def lamp_palette(rng: np.random.Generator, frame: str) -> dict[str, Finish]:
    """Draws the materials of a lamp, as `draw_palette` does.

    Returns:
        A material for each of the roles "frame" (body and foot), "shade", "metal" (rods and fittings) and "bulb".
    """
    kinds = {"wood": {"wood": 4, "stone": 1}, "metal": {"metal": 4, "paint": 1}, "plastic": {"plastic": 2, "stone": 1}}
    roles = {
        "frame": kinds[frame],
        "shade": {"shade": 5, "fabric": 2, "metal": 1, "glass": 1, "paint": 1},
        "metal": {"metal": 4, "paint": 1},
        "bulb": {"shade": 1},
    }
    palette = _drawn(rng, roles)
    if rng.random() < 0.4:
        palette["metal"] = palette["frame"]
    return _all_one(rng, palette, 0.2)


def table_palette(rng: np.random.Generator, frame: str) -> dict[str, Finish]:
    """Draws the materials of a table, as `draw_palette` does.

    Returns:
        A material for each of the roles "frame", "top", "soft" (cloths) and "metal" (fittings, slim bases).
    """
    roles = {
        "frame": {"wood": 5, "paint": 2} if frame == "wood" else {"metal": 3, "paint": 1},
        "top": {"wood": 5, "paint": 1.5, "stone": 1, "glass": 2 if frame == "metal" else 0.3, "plastic": 1},
        "soft": {"fabric": 1},
        "metal": {"metal": 4, "paint": 1},
    }
    palette = _drawn(rng, roles)
    if rng.random() < 0.5 and frame == "wood":
        palette["top"] = palette["frame"]
    return _all_one(rng, palette, 0.2)


def plane_palette(rng: np.random.Generator, frame: str) -> dict[str, Finish]:
    """Draws the livery of a plane, as `draw_palette` does.

    Args:
        rng: The plane's generator.
        frame: Whose it is: "airline", "private", "military" or "toy".

    Returns:
        A material for each of the roles "frame" (fuselage), "wing", "trim" (tail and stripes), "glass" and "metal"
        (engines, propellers, wheels).
    """
    body, wing, trim, same_wing, same_trim = {
        "airline": ({"livery": 6, "bright": 0.7}, {"livery": 3, "metal": 2}, {"bright": 5, "livery": 1}, 0.4, 0.15),
        "private": ({"livery": 4, "bright": 2}, {"livery": 3, "bright": 1}, {"bright": 4, "metal": 1}, 0.75, 0.3),
        "military": ({"army": 6, "metal": 1}, {"army": 1}, {"army": 3, "bright": 1}, 0.85, 0.7),
        "toy": ({"bright": 5, "livery": 1}, {"bright": 4, "livery": 1}, {"bright": 3, "livery": 1}, 0.3, 0.25),
    }[frame]
    roles = {"frame": body, "wing": wing, "trim": trim, "glass": {"pane": 1}, "metal": {"metal": 4, "bright": 0.5}}
    palette = _drawn(rng, roles)
    for role, share in (("wing", same_wing), ("trim", same_trim), ("metal", 0.25)):
        if rng.random() < share:
            palette[role] = palette["frame"]
    return _all_one(rng, palette, 0.1)
