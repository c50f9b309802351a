"""Models of several categories, and the choice of the one that a picture shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8

from urform.data import known_category, same_category
from urform.inference._model import Model, StrangeError, load
from urform.inference._result import Reconstruction
from urform.models import TRUNK_SIZE, load_trunk, to_input
from urform.pictures import CutOut, Hints, Picture, cut_out_hinted, frame, picture
from urform.weights import ClassifierWeights, read_classifier, shipped_categories

NONE = "none"  # the name under which the probability stands that a picture shows no category
CLOSE = 0.5  # of the best probability: a second one above it is told
UNKNOWN = 0.3  # probability of none above which a warning says so: 8 % of held-out views have it
AUTO = "auto"


@dataclass(frozen=True)
class Choice:
    """The model of a picture.

    Attributes:
        model: of the category.
        probabilities: of each category and of `NONE`; empty where nothing tells them.
    """

    model: Model
    probabilities: Mapping[str, float] = field(default_factory=dict)

    def doubts(self) -> tuple[str, ...]:
        """A sentence for each reason to doubt the choice."""
        said, best = [], self.probabilities.get(self.model.category, 1.0)
        others = {name: value for name, value in self.probabilities.items() if name not in (NONE, self.model.category)}
        if self.probabilities.get(NONE, 0.0) > UNKNOWN:
            said.append(f"the picture may show none of the categories, {_listed([self.model.category, *others])}")
        if others and (second := max(others, key=lambda name: others[name])) and others[second] > CLOSE * best:
            said.append(f"the picture may also show a {second}: if so, name it as the category")
        return tuple(said)


class Shelf:
    """Models to choose from, each loaded when it is first needed.

    Args:
        models: that are there already.
        shipped: names of shipped categories.
        classifier: tells categories apart.

    Attributes:
        categories: of the models.
    """

    def __init__(
        self, models: Sequence[Model] = (), shipped: Sequence[str] = (), classifier: ClassifierWeights | None = None
    ):
        self._models: list[Model | None] = [*models, *([None] * len(shipped))]
        self.categories: tuple[str, ...] = (*(model.category for model in models), *shipped)
        known = classifier is not None and set(self.categories) <= set(classifier.names)
        once = len(set(self.categories)) == len(self.categories)  # two models of one category need another rule
        self._classifier = classifier if known and once else None

    def model(self, category: str = "") -> Model:
        """The model of a category; by default the only one.

        Raises:
            ValueError: there is no such category.
        """
        known = known_category(category, self.categories) if category else None
        if known is None and (category or len(self.categories) != 1):
            raise ValueError(f"category must be one of {', '.join(self.categories)}, got {category!r}")
        return self._at(0 if known is None else self.categories.index(known))

    def choose(self, *cuts: CutOut) -> Choice:
        """The model of the category that one or more pictures of an object show.

        Where nothing tells the categories apart, it is the model whose encoder places the picture nearest to shapes
        that it knows.
        """
        if self._classifier is not None:
            each = [self._chances(self._classifier, cut.rgba) for cut in cuts]
            chances = {name: sum(chance[name] for chance in each) / len(each) for name in each[0]}
            best = max(self.categories, key=lambda name: chances[name])
            return Choice(self.model(best), chances)
        if len(self.categories) == 1:
            return Choice(self._at(0))
        models = [self._at(place) for place in range(len(self._models))]
        return Choice(min(models, key=lambda model: sum(_novelty(model, cut.rgba) for cut in cuts)))

    def reconstruct(
        self,
        image: Picture,
        resolution: int = 128,
        keep_background: bool = False,
        color: bool = True,
        force: bool = False,
        hints: Hints | None = None,
        texture: bool = False,
        refine: bool | None = None,
    ) -> Reconstruction:
        """Turn one picture into a mesh; see `Model.reconstruct`.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is no picture, or the picture shows no object or none of the categories.
        """
        cut = cut_out_hinted(picture(image), hints or Hints(keep_background=keep_background))
        return self.reconstruct_object(cut, resolution, color=color, force=force, texture=texture, refine=refine)

    def reconstruct_object(
        self,
        cut: CutOut | Sequence[CutOut],
        resolution: int = 128,
        faces: int | None = None,
        color: bool = True,
        force: bool = False,
        category: str = AUTO,
        texture: bool = False,
        refine: bool | None = None,
    ) -> Reconstruction:
        """Turn an object that is already cut out into a mesh; see `Model.reconstruct_object`.

        Args:
            cut: the object; or several pictures of it, for one mesh.
            resolution: cells along an axis.
            faces: how many the mesh is simplified to; None = as many as there are.
            color: color the mesh from the picture.
            force: also where the picture does not look like the category.
            category: of the model; `AUTO` = the one that the picture shows.
            texture: also give the result `textured`.
            refine: improve the shape by the outline of the object; None = where the weights say that it helps.

        Raises:
            ValueError: the picture shows none of the categories, the shape has no surface, or the model cannot make a
                texture.
        """
        if category != AUTO:
            return self.model(category).reconstruct_object(cut, resolution, faces, color, force, texture, refine)
        cuts = [cut] if isinstance(cut, CutOut) else list(cut)
        choice = self.choose(*cuts)
        try:
            result = choice.model.reconstruct_object(cuts, resolution, faces, color, force, texture, refine)
        except StrangeError as error:
            if len(self.categories) == 1:
                raise
            raise ValueError(
                f"looks like none of the categories {_listed(self.categories)}; the nearest is {error.category} "
                f"(strangeness {error.strangeness:.1f}, expected at most {error.most}); `category` names one, "
                "`force` makes a mesh all the same"
            ) from error
        said = () if all(cut.method == "kept" for cut in cuts) else choice.doubts()
        return replace(result, category_probabilities=choice.probabilities or None, warnings=(*said, *result.warnings))

    def _at(self, place: int) -> Model:
        model = self._models[place]
        if model is None:
            model = self._models[place] = load(self.categories[place])
        return model

    @torch.inference_mode()
    def _chances(self, classifier: ClassifierWeights, rgba: UInt8[np.ndarray, "H W 4"]) -> dict[str, float]:
        """Probabilities of the categories that have a model; that of the others is part of `NONE`."""
        pictures = to_input(torch.from_numpy(frame(rgba, TRUNK_SIZE)[None]))
        features = load_trunk()(torch.cat([pictures, pictures.flip(-1)]))
        *each, none = classifier.network(features).mean(dim=0).tolist()
        known = dict(zip(classifier.names, each, strict=True))
        chances = {name: known.pop(name) for name in self.categories}
        return {**chances, NONE: none + sum(known.values())}


def load_models(category: str = AUTO, weights: str | Path | None = None) -> Shelf:
    """The models to choose from: the weights given, the category named, or all that are shipped.

    Args:
        category: a shipped one; `auto` = the one that a picture shows.
        weights: run folder or weights file, instead of shipped weights.

    Raises:
        ValueError: there is no such category, or the weights are of another one.
        FileNotFoundError: there is no such model.
    """
    if weights is not None:
        model = load(weights)
        if category != AUTO and not same_category(model.category, category):
            raise ValueError(f"`category` {category}: the weights at {weights} are of {model.category!r}")
        return Shelf([model])
    shipped = shipped_categories()
    if category != AUTO:
        known = known_category(category, shipped)
        if known is None:
            there = ", ".join(shipped) or "none"
            raise ValueError(f"category must be a shipped one ({there}) or auto, got {category!r}; or give `weights`")
        return Shelf(shipped=[known])
    if not shipped:
        raise FileNotFoundError("no weights are shipped with this installation; name a run or file with `weights`")
    return Shelf(shipped=shipped, classifier=read_classifier())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)


def _novelty(model: Model, rgba: UInt8[np.ndarray, "H W 4"]) -> float:
    """Distance to the closest training latent, divided by the usual distance between neighbouring ones.

    So the latents of different models are comparable.
    """
    latent = model.encode(model.frame(rgba)[None])[0]
    known = np.stack(list(model.latents.values()))
    squares = (known**2).sum(axis=1)
    between = np.sqrt(np.maximum(squares[:, None] + squares - 2 * known @ known.T, 0))
    np.fill_diagonal(between, np.inf)
    return float(np.linalg.norm(known - latent, axis=1).min() / np.median(between.min(axis=1)))
