"""A category as a table of families, and the drawing of its objects."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from urform.synth._materials import Finish, pick
from urform.synth._shape import Assembly, SyntheticShape, UnfitShapeError

_MAX_DRAWS = 30


@dataclass(frozen=True)
class Kind:
    """What the objects of one category are drawn from."""

    name: str
    families: Mapping[str, tuple[float, Callable[[Assembly, Generator], str]]]
    """Frequency and function of each; the function fills an assembly and returns what the frame is of."""
    palette: Callable[[Generator, str], dict[str, Finish]]
    """Draws the material of each role, given what the frame is of."""
    least_faces: int = 60

    def make(self, seed: int, index: int, family: str | None = None) -> SyntheticShape:
        """Makes object number `index` of the series `seed`, of a drawn family when None.

        Raises:
            ValueError: The family is unknown.
        """
        rng = np.random.default_rng([seed, index])
        family = family or pick(rng, {name: weight for name, (weight, _) in self.families.items()})
        if family not in self.families:
            raise ValueError(f"family must be one of {', '.join(self.families)}, got {family!r}")
        for _ in range(_MAX_DRAWS):
            assembly = Assembly()
            frame = self.families[family][1](assembly, rng)
            palette = self.palette(rng, frame)
            try:
                return assembly.build(family, palette, self.least_faces)
            except UnfitShapeError:
                continue
        raise RuntimeError(f"{self.name} {index} of seed {seed}: no connected {family!r} in {_MAX_DRAWS} draws")
