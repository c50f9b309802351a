"""The category of a picture, learned from rendered views of several categories."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from urform.config import CategoriesConfig
from urform.models import CategoryClassifier, load_trunk
from urform.training._category_views import find_category_views, view_features
from urform.training._pictures import seeded
from urform.weights import ClassifierWeights, save_classifier

_BATCHES, _TOGETHER, _RATE = 1000, 128, 1e-3  # of AdamW: views are seen twelve times where there are 10,000
_SMOOTHING = 0.05  # of labels, as some objects lie between two categories
_STEPS = 200  # of LBFGS; it stops earlier where nothing changes
_BOUNDS = (0.25, 8.0)  # of the temperature
_NONE_SHARE = 0.2  # of all pictures that people give, taken to show none of the categories


class LabelledFeatures(NamedTuple):
    """Features of views, and the index of the category that each shows."""

    features: Float[Tensor, "N 112 4 4"]
    labels: Int[Tensor, " N"]

    def of(self, category: int) -> Float[Tensor, "M 112 4 4"]:
        """Features of one category."""
        return self.features[self.labels == category].float()


def train_categories(data: Sequence[Path], out: Path, config: CategoriesConfig | None = None) -> dict[str, Any]:
    """Learn to tell categories apart, from the splits of their data folders, and measure it on the test splits.

    Args:
        data: data folders; the keys of their shapes name the categories.
        out: the file of the classifier.
        config: settings.

    Returns:
        What was measured, JSON-able; see `measured`.

    Raises:
        FileNotFoundError: there are no splits, or no views of them.
        ValueError: a file is damaged.
    """
    config = config or CategoriesConfig()
    found = find_category_views(data, config.views)
    trunk, names = load_trunk(), tuple(found)
    training, held_out, mirrored = [], [], []
    for views in found.values():
        copies = [view_features(views.training, trunk, config, copy) for copy in range(config.copies + 1)]
        training.append(torch.cat(copies))
        held_out.append(view_features(views.held_out, trunk, config))
        mirrored.append(view_features(views.held_out, trunk, config, mirrored=True))
    network = learned_classifier(_labelled(training), _labelled(held_out), config)
    save_classifier(out, ClassifierWeights(names, network))
    counts = {name: len(views.training) for name, views in found.items()}
    return {"training_views": counts, **measured(names, network, _labelled(held_out), _labelled(mirrored))}


def learned_classifier(
    training: LabelledFeatures, held_out: LabelledFeatures, config: CategoriesConfig
) -> CategoryClassifier:
    """The classifier of features that learned from some, and was calibrated on others."""
    count = int(training.labels.max()) + 1
    torch.manual_seed(config.seed)
    network = CategoryClassifier(count)
    inputs = training.features.flatten(1).float()
    network.mean.copy_(inputs.mean(dim=0))
    network.spread.copy_(inputs.std(dim=0).clamp(min=1e-3))
    _fit(network, training, config)
    network.requires_grad_(False).eval()
    network.temperature.fill_(_best_temperature(network.logits(held_out.features.float()), held_out.labels))
    for category in range(count):
        network.learn_familiarity(category, training.of(category), held_out.of(category))
    if count > 1:
        network.none.copy_(_calibrated_none(network, held_out))
    return network.eval()


def _fit(network: CategoryClassifier, training: LabelledFeatures, config: CategoriesConfig) -> None:
    """Cross entropy in which all categories count the same."""
    counts = torch.bincount(training.labels)
    loss = nn.CrossEntropyLoss(counts.clamp(min=1).float().reciprocal(), label_smoothing=_SMOOTHING)
    optimizer = torch.optim.AdamW(network.layers.parameters(), _RATE, weight_decay=config.weight_decay)
    generator = seeded(config.seed)
    for _ in range(_BATCHES):
        rows = torch.randint(len(training.labels), (_TOGETHER,), generator=generator)
        optimizer.zero_grad()
        loss(network.logits(training.features[rows].float()), training.labels[rows]).backward()
        optimizer.step()


def _best_temperature(logits: Float[Tensor, "N K"], labels: Int[Tensor, " N"]) -> float:
    """By which logits are divided so that held-out views are as surprising as can be expected.

    Source: Guo et al. 2017, On calibration of modern neural networks.
    """
    tried = torch.logspace(*(torch.log10(torch.tensor(bound)).item() for bound in _BOUNDS), steps=100)
    errors = torch.stack([nn.functional.cross_entropy(logits / value, labels) for value in tried])
    return tried[errors.argmin()].item()


def _calibrated_none(network: CategoryClassifier, held_out: LabelledFeatures) -> Float[Tensor, " 2"]:
    """Slope and middle of the logistic curve from strangeness to the probability of none of the categories.

    Each category in turn plays what the others do not know. Such pictures count as `_NONE_SHARE` of all.
    """
    features, labels = held_out.features.float(), held_out.labels
    logits = network.logits(features)
    without = logits.scatter(1, labels[:, None], -torch.inf)
    known, unknown = (network.strangeness(features, each.argmax(dim=1)) for each in (logits, without))
    values = torch.cat([known, unknown]).double()
    targets = torch.cat([torch.zeros_like(known), torch.ones_like(unknown)]).double()
    weight = torch.where(targets > 0, _NONE_SHARE, 1 - _NONE_SHARE)
    found = torch.tensor([10.0, 1.2], dtype=torch.double, requires_grad=True)  # as before calibration
    optimizer = torch.optim.LBFGS([found], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        error = nn.functional.binary_cross_entropy_with_logits(found[0] * (values - found[1]), targets, weight)
        error.backward()
        return error

    optimizer.step(loss)  # pyright: ignore[reportArgumentType]
    return found.detach().float()


def measured(
    names: Sequence[str], network: CategoryClassifier, held_out: LabelledFeatures, mirrored: LabelledFeatures
) -> dict[str, Any]:
    """Accuracy, confusion and calibration on held-out views, each seen with its mirror image as pictures are."""
    chances = (network(held_out.features.float()) + network(mirrored.features.float())) / 2
    each, none = chances[:, :-1], chances[:, -1]
    chosen, labels = each.argmax(dim=1), held_out.labels
    confusion = torch.zeros(len(names), len(names), dtype=torch.long)
    confusion.index_put_((labels, chosen), torch.ones_like(labels), accumulate=True)
    counts = confusion.sum(dim=1)
    return {
        "categories": list(names),
        "held_out_views": dict(zip(names, counts.tolist(), strict=True)),
        "accuracy": (chosen == labels).float().mean().item(),
        "accuracy_of": dict(zip(names, (confusion.diag() / counts).tolist(), strict=True)),
        "confusion": confusion.tolist(),
        "called_none": {name: (none[labels == place] > 0.5).float().mean().item() for place, name in enumerate(names)},
        "temperature": network.temperature.item(),
        "none": network.none.tolist(),
    }


def _labelled(parts: Sequence[Tensor]) -> LabelledFeatures:
    labels = torch.cat([torch.full((len(part),), place) for place, part in enumerate(parts)])
    return LabelledFeatures(torch.cat(list(parts)), labels)


def confusion_table(result: dict[str, Any]) -> str:
    """What was measured, as text: a row for each category that is shown, a column for each that was chosen."""
    names = result["categories"]
    width = max(len(name) for name in [*names, "category"]) + 2
    head = "".join(f"{name:>{width}}" for name in ["views", *names, "right", "as none"])
    lines = [f"{'category':<{width}}{head}"]
    for name, row in zip(names, result["confusion"], strict=True):
        numbers = "".join(f"{number:>{width}}" for number in [result["held_out_views"][name], *row])
        shares = "".join(f"{result[part][name]:>{width}.1%}" for part in ("accuracy_of", "called_none"))
        lines.append(f"{name:<{width}}{numbers}{shares}")
    return "\n".join([*lines, f"right: {result['accuracy']:.1%} of all held-out views"])
