"""Contrastive pre-training: an encoder that gives the views of one object the same features."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from urform.config import ContrastiveConfig, RunConfig, ShapeChoice, look_up
from urform.contrastive import METHODS, build_backbone, build_method, optimizer_of
from urform.data import DataFolder, ShapeKey, choose_shapes, evenly_spaced, read_split
from urform.models import BACKBONES, to_input
from urform.sets import ViewSet
from urform.training._devices import Team
from urform.training._features import alignment, cross_view_retrieval, feature_rank, feature_spread, uniformity
from urform.training._look import Look, read_held_out
from urform.training._loop import Batch, Stage, train
from urform.training._optimizers import build_optimizer
from urform.training._pictures import levels
from urform.training._run import RunFolder, check_inputs
from urform.training._schedule import lr_factor
from urform.training._start import load_start, refuse_two_starts
from urform.weights import BackboneWeights, save_backbone

logger = logging.getLogger(__name__)

"""Framed views (B, S, S, 4) of objects, other framed views of the same, and the number (B,) of each one's category."""
VIEWS_LOOKED_AT = 4
OBJECTS_LOOKED_AT = 500
COLLAPSED_SPREAD, COLLAPSED_RANK = 0.05, 2.0
_ENCODED_TOGETHER = 128


class ContrastiveStage(Stage):
    """Learns features from pairs of pictures.

    Args:
        views: of the training objects.
        keys: their names.
        config: settings.
        device: where it is computed.
        look: at the features, from time to time.
        start: a backbone to start from.
        imagenet: torchvision's weights to start from.

    Raises:
        ValueError: there are fewer objects than a batch has, or a start that does not fit.
    """

    def __init__(
        self,
        views: ViewSet,
        keys: Sequence[ShapeKey],
        config: ContrastiveConfig,
        device: torch.device,
        look: FeatureLook,
        start: BackboneWeights | None = None,
        imagenet: Path | None = None,
    ):
        self.epochs, self.seed, self.precision = config.epochs, config.seed, config.precision
        self._views, self._config, self._device, self._look = views, config, device, look
        places = [torch.nonzero(views.shapes == index).flatten() for index in range(len(keys))]
        self._of_object = [views_of for views_of in places if len(views_of)]
        if len(self._of_object) < config.batch_size:
            raise ValueError(
                f"batch_size must be at most the number of objects with views, {len(self._of_object)}, "
                f"for a batch has each once; got {config.batch_size}"
            )
        if "queue_size" in look_up(METHODS, config.method, "method").settings and config.queue_size > len(
            self._of_object
        ):
            logger.warning(
                "`queue_size` %d is more than the %d objects: keys of an object's own are taken for those of others; "
                "lower it",
                config.queue_size,
                len(self._of_object),
            )
        names = sorted({key.category for key in keys})
        self._categories = torch.tensor([names.index(keys[int(views.shapes[p[0]])].category) for p in self._of_object])
        torch.manual_seed(config.seed)
        backbone = build_backbone(config.backbone, config.width)
        if start is not None:
            backbone.load_backbone(start.state, str(start.where))
        if imagenet is not None:
            backbone.load_imagenet(imagenet)
        self._model = build_method(config, backbone).to(device)
        self._augmentation = build_augmentation(config.image_size, config.augmentation)
        self.modules = nn.ModuleDict({"model": self._model})
        optimizer, lr = optimizer_of(config)
        self.optimizer = build_optimizer(optimizer, self._model, lr, config.weight_decay)

    @property
    def batches_per_epoch(self) -> int:
        """So many that an epoch shows about as many pictures as there are views."""
        return self._rounds * (len(self._of_object) // self._config.batch_size)

    @property
    def _rounds(self) -> int:
        """How often an epoch goes through the objects; what does not fill a batch at its end is left out that time."""
        if self._config.epoch_shows == "objects":
            return 1
        return max(1, len(self._views) // (2 * len(self._of_object)))

    def batch(self, epoch: int, index: int) -> tuple[Tensor, Tensor, Tensor]:
        """Two views of each of some objects, or twice the same."""
        per_round, size = len(self._of_object) // self._config.batch_size, self._config.batch_size
        number, place = divmod(index, per_round)
        order = np.random.default_rng([self.seed, epoch, number]).permutation(len(self._of_object))
        chosen = order[place * size : (place + 1) * size]
        rng = np.random.default_rng([self.seed, epoch, number, place])
        pairs = np.array([self._pair(self._of_object[i], rng) for i in chosen])
        one, other = (self._views.batch(torch.from_numpy(pairs[:, side]))[0] for side in (0, 1))
        return one, other, self._categories[chosen]

    def _pair(self, places: Tensor, rng: np.random.Generator) -> tuple[int, int]:
        one, other = rng.permutation(len(places))[[0, -1]]
        same = self._config.pairs == "augmentations" or (self._config.pairs == "mixed" and rng.random() < 0.5)
        return int(places[one]), int(places[one if same else other])

    def step(self, batch: Batch, epoch: float) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """The method's loss; beside it, what the negatives are like."""
        one, other, categories = batch
        self._model.advance(epoch / self.epochs)
        with torch.autocast(self._device.type, enabled=False):
            images, others = (self._augmentation(to_input(rgba)) for rgba in (one, other))
        features, _, loss = self._model(images, others, return_loss=True)
        return {"contrast": loss}, negatives(features.detach().float(), categories)

    def lr_factors(self, epoch: float) -> list[float]:
        """The same for weights with decay and without."""
        return [lr_factor(self._config.rates, epoch, self.epochs)] * 2

    def look(self) -> Look:
        """At how well objects are found from other views."""
        return self._look(self._model)

    def export(self, path: Path) -> None:
        """Write the backbone."""
        config = self._config
        about = {name: getattr(config, name) for name in ("method", "width", "image_size", "pictures")}
        save_backbone(path, self._model.backbone, name=config.backbone, **about)


class FeatureLook:
    """Looks at the features of objects that are not learned from; without such, at those of training objects.

    Args:
        data: the data folder.
        validation: split files of the held-out objects.
        training: the training objects.
        size: pixels along an edge of a picture.
        levels: of the views.
        most: objects at most, spread over all there are.
        choice: which validation objects are taken.
        pictures: how they are shown, see `ViewSet`.

    Raises:
        ValueError: a validation object is a training object, too, or has fewer than two views.
    """

    def __init__(
        self,
        data: DataFolder,
        validation: Sequence[Path],
        training: Sequence[ShapeKey],
        size: int,
        levels: Sequence[str],
        most: int = OBJECTS_LOOKED_AT,
        choice: ShapeChoice | None = None,
        pictures: str = "framed",
    ):
        held_out = read_held_out(data, validation, training, ("views",), choice, levels)
        self._held_out = bool(held_out)
        known = held_out or list(dict.fromkeys(training))
        files = {key: len(data.view_files(key, levels)) for key in known}
        few = [str(key) for key, count in files.items() if count < 2]
        if few and held_out:
            raise ValueError(
                f"`validation`: {len(few)} of {len(known)} objects have fewer than two views, which cannot find each "
                f"other, first: {few[0]}"
            )
        keys = evenly_spaced([key for key in known if files[key] >= 2], most)
        self._shown = min([VIEWS_LOOKED_AT, *(files[key] for key in keys)])
        self._count = len(keys)
        if keys:
            self._views = ViewSet(data, keys, size, levels, pictures)
            places = [torch.nonzero(self._views.shapes == index).flatten() for index in range(len(keys))]
            self._places = torch.cat([each[torch.linspace(0, len(each) - 1, self._shown).long()] for each in places])

    @torch.no_grad()
    def __call__(self, model: nn.Module) -> Look:
        """Measure, and warn where all features are (nearly) the same; only held-out objects are worth a score."""
        if not self._count:
            return Look()
        device = next(model.parameters()).device
        chunks = (to_input(self._views.batch(chunk)[0]) for chunk in self._places.split(_ENCODED_TOGETHER))
        features = torch.cat([model(chunk.to(device)).float().cpu() for chunk in chunks])
        numbers = measure_features(features.view(self._count, self._shown, -1))
        # So written that it also holds for what is not a number.
        sound = numbers["spread"] >= COLLAPSED_SPREAD and numbers["effective_rank"] >= COLLAPSED_RANK
        if not sound:
            logger.warning(
                "the features are collapsing: spread %.3f (1 = on a sphere), effective rank %.1f; lower `lr`",
                numbers["spread"],
                numbers["effective_rank"],
            )
        prefix = "val_" if self._held_out else "train_"
        # The second number parts epochs that find the same share at once.
        score = -numbers["top1"] - numbers["top5"] / 1000 if sound and self._held_out else None
        return Look({prefix + name: value for name, value in numbers.items()}, score=score)


def measure_features(features: Float[Tensor, "S V F"]) -> dict[str, float]:
    """Retrieval (`top1`, `top5`), `alignment`, `uniformity`, `spread` and `effective_rank` of S objects in V views."""
    flat = features.flatten(0, 1)
    return {
        **cross_view_retrieval(features),
        "alignment": alignment(features),
        "uniformity": uniformity(flat),
        "spread": feature_spread(flat),
        "effective_rank": feature_rank(flat),
    }


def negatives(features: Float[Tensor, "B F"], categories: Tensor) -> dict[str, Tensor]:
    """How many of a batch's negatives are hard, of the same category, and how similar these and the others are."""
    unit = nn.functional.normalize(features, dim=1)
    with torch.autocast(unit.device.type, enabled=False):
        similarity = unit @ unit.t()
    different = ~torch.eye(len(unit), dtype=torch.bool, device=unit.device)
    hard = (categories[:, None] == categories) & different
    easy = different & ~hard
    return {
        "hard_share": hard.sum() / different.sum(),
        "hard_similarity": (similarity * hard).sum() / hard.sum().clamp(min=1),
        "easy_similarity": (similarity * easy).sum() / easy.sum().clamp(min=1),
    }


def build_augmentation(size: int, kind: str = "full") -> nn.Module:
    """Augmentations, each picture its own, on its device. Source: after Chen 2020 (SimCLR), appendix A, but milder.

    Jitter and grey are those of MoCo v2 (Chen 2020). Crops keep 40 % of a picture or more, because a framed object has
    nothing around it; a chair's leg alone says little.

    Args:
        size: pixels along an edge.
        kind: "full", or "color" for jitter of the color alone.
    """
    import kornia.augmentation as augmentation  # heavy, and nothing else needs it

    if kind == "color":
        return nn.Sequential(augmentation.ColorJitter(0.4, 0.4, 0.4, 0.1, p=0.8))
    kernel = max(3, size // 10 | 1)
    return nn.Sequential(
        augmentation.RandomResizedCrop((size, size), scale=(0.4, 1.0), ratio=(0.8, 1.25)),
        augmentation.RandomHorizontalFlip(),
        augmentation.ColorJitter(0.4, 0.4, 0.4, 0.1, p=0.8),
        augmentation.RandomGrayscale(p=0.2),
        augmentation.RandomGaussianBlur((kernel, kernel), (0.1, 1.5), p=0.5),
    )


def _check_settings(config: ContrastiveConfig, run: RunConfig) -> None:
    look_up(METHODS, config.method, "method")
    look_up(BACKBONES, config.backbone, "backbone")
    if run.accumulate > 1:
        raise ValueError(
            f"accumulate must be 1: the loss compares all pictures of a batch, got {run.accumulate}; "
            "lower `batch_size`, or use `method` moco, whose queue does not depend on it"
        )


def train_contrastive(
    data: Path,
    splits: Sequence[Path],
    out: Path,
    config: ContrastiveConfig,
    run: RunConfig | None = None,
    init: Path | None = None,
    imagenet: Path | None = None,
    choice: ShapeChoice | None = None,
) -> None:
    """Train an image encoder on pairs of views.

    Args:
        data: the data folder; views are all it needs.
        splits: split files of the training objects.
        out: the run folder.
        config: settings.
        run: how it is run.
        init: contrastive run or published checkpoint to start from.
        imagenet: file of torchvision's weights to start from; the network must have their width, 64.
        choice: which objects of the splits are taken; by default those that have views.

    Raises:
        FileNotFoundError: no object has views, or some have not and the choice is strict.
        ValueError: settings that do not fit each other, the data or the start.
    """
    run = run or RunConfig()
    check_inputs(out, [*splits, *run.validation, init, imagenet])
    _check_settings(config, run)
    team = Team(run.device)
    if config.batch_size % team.size:
        raise ValueError(f"batch_size must be a multiple of the {team.size} processes, got {config.batch_size}")
    folder, wanted = DataFolder(data), levels(config.levels)
    start = None if init is None else load_start([init]).backbone
    if start is not None:
        refuse_two_starts(imagenet, start)
    if init is not None and start is None:
        raise ValueError(f"`init`: {init} has no contrastive backbone, expected a run of `urform train contrastive`")
    named = dict.fromkeys(key for split in splits for key in read_split(split))
    chosen = choose_shapes(folder, list(named), ("views",), choice, wanted)
    keys = chosen.keys
    size, pictures = config.image_size, config.pictures
    views = ViewSet(folder, keys, size, wanted, pictures)
    look = FeatureLook(folder, run.validation, keys, size, wanted, choice=choice, pictures=pictures)
    stage = ContrastiveStage(views, keys, config, team.device, look, start, imagenet)
    settings = {"config": config, "init": init, "imagenet": imagenet, "shapes": [str(key) for key in keys]}
    starts = (init, imagenet)
    train(stage, RunFolder(out, "contrastive", settings, run, team.is_first, chosen.left_out, starts), team, run)
