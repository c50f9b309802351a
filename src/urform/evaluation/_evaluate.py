"""Evaluation of single-view reconstruction by a published protocol, beside baselines on the same shapes."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8
from tqdm import tqdm

from urform.config import ShapeChoice, look_up
from urform.data import DataFolder, ShapeKey
from urform.evaluation._protocols import PROTOCOLS, Sample, chosen, measured_in
from urform.evaluation._retrieval import TrainingShapes, no_training_shapes
from urform.evaluation._scores import Scores, Values, as_result, mean_of
from urform.evaluation._sheet import SheetRow, draw_sheet
from urform.evaluation._true_shape import TrueShape, TrueShapes, true_shapes
from urform.evaluation._truth import stored_surface
from urform.files import encode_png, write_atomically
from urform.geometry import NoSurfaceError, Solid, check_resolution
from urform.inference import Model
from urform.models import TRUNK_SIZE
from urform.pictures import frame, read_view

logger = logging.getLogger(__name__)

VIEWS = ("fixed", "random", "all")
SHEET_ROWS = 40
DEFAULT_PROTOCOL = "deepsdf"
OWN, ENCODER = "urform", "encoder alone"
ORACLE = "oracle retrieval"
ORACLE_POINTS = 30_000  # of the true surface, to choose the training shape by


class _Scored(NamedTuple):
    """What a method has for a shape, and why it gave no surface where it did not."""

    values: Values
    reason: str = ""


class Evaluation:
    """Scores single-view reconstruction of a split.

    Args:
        model: with an encoder.
        data: data folder of the split and, for the retrieval baselines, of the training shapes; without these they
            are left out.
        keys: the test shapes.
        protocol: one of `PROTOCOLS`.
        views: which views of a shape: `fixed` (the first), `random` (one by seed and name), `all` (the mean over all);
            none = those of the protocol.
        resolution: cells along an axis of the meshes.
        original_scale: measure in the meshes' own units, as published, instead of scaled to unit box diagonal, where
            the protocol asks for these units.
        refine: score the latents after refinement, and those of the encoder alone beside; None = where the weights say
            that it helps.
        seed: of all points and of the random views.

    Raises:
        FileNotFoundError: there are no views, or not the meshes that the protocol needs.
        ValueError: an option does not fit.
    """

    def __init__(
        self,
        model: Model,
        data: DataFolder,
        keys: Sequence[ShapeKey],
        protocol: str = DEFAULT_PROTOCOL,
        views: Sequence[str] = (),
        resolution: int = 128,
        original_scale: bool = False,
        seed: int = 0,
        refine: bool | None = None,
    ):
        self.protocol = look_up(PROTOCOLS, protocol, "protocol")
        self._views = tuple(dict.fromkeys(views or self.protocol.views))
        if unknown := [view for view in self._views if view not in VIEWS]:
            raise ValueError(f"views must be of {', '.join(VIEWS)}, got {unknown[0]!r}")
        check_resolution(resolution)
        if seed < 0:
            raise ValueError(f"seed must be 0 or more, got {seed}")
        unit = measured_in(self.protocol, original_scale)
        if not model.has_encoder:
            raise ValueError("the model has no image encoder yet; `urform train encoder` adds it")
        self._model, self._data, self._keys = model, data, list(keys)
        self._resolution, self._seed, self._refine = resolution, seed, model.refines if refine is None else refine
        self._subjects = TrueShapes(self.protocol, data, unit, seed)
        self._check_files()
        self._training, self._left_out = None, {}
        known = self._subjects.usable([*map(ShapeKey.parse, model.latents)])
        if known:
            self._training = TrainingShapes(model, data, known)
        else:
            reason = no_training_shapes(model, data)
            self._left_out = dict.fromkeys([*map(_retrieval, self._views), ORACLE], reason)

    def run(self) -> dict[str, Any]:
        """All methods on all shapes; see `format_table` and `format_csv`."""
        scores: dict[str, Scores] = {}
        floors, points = [], []
        template = self._solid("template", None)
        for key in tqdm(self._keys, desc="evaluate", unit="shape"):
            subject = self._subjects.subject(key)
            floors.append(self._subjects.floor(subject))
            points.append(len(subject.target.points))
            for method, scored in self._methods(subject, template).items():
                entry = scores.setdefault(method, Scores(method))
                entry.values.append(scored.values)
                if scored.reason:
                    entry.failures[str(key)] = scored.reason
        few = sum(count < self.protocol.points for count in points)
        if few:
            logger.warning("%d of %d shapes have fewer true points, the fewest %d", few, len(points), min(points))
        return self._result(list(scores.values()), mean_of(floors))

    def _result(self, scores: Sequence[Scores], floor: Values) -> dict[str, Any]:
        about = {"resolution": self._resolution, "views": list(self._views), "left_out": self._left_out}
        result = as_result(self.protocol, self._subjects.unit_text, self._seed, self._keys, scores, floor)
        return result | about

    def sheet(self, result: dict[str, Any], rows: int = SHEET_ROWS) -> UInt8[np.ndarray, "H W 3"]:
        """A picture of the shapes, worst first: the input, the mesh made from it, the true surface, the value.

        Args:
            result: of `run`; its first metric, of the first of the views, orders the shapes.
            rows: how many shapes at most, the worst ones.
        """
        metric, view = self.protocol.metrics[0], self._views[0]
        values = np.array(result["values"][_method(view)][metric.name])
        order = np.argsort(values if metric.higher_is_better else -values, kind="stable")[:rows]
        factor = "" if metric.factor == 1 else f" x {metric.factor:g}"
        title = f"{metric.title}{factor}, {_method(view)}: {len(order)} of {len(values)} shapes, worst first"
        return draw_sheet([self._sheet_row(self._keys[place], view, float(values[place])) for place in order], title)

    def _sheet_row(self, key: ShapeKey, view: str, value: float) -> SheetRow:
        file = self._files(key, view)[0]
        solid = self._solid(key, self._made({file: self._latent(file)})[OWN][file])
        try:
            true = self._subjects.meshes.solid(key)
        except (FileNotFoundError, ValueError):
            true = stored_surface(self._data, key)
        return SheetRow(key.instance, f"{value:.3f}", file, None if isinstance(solid, str) else solid, true)

    def _check_files(self) -> None:
        """Whatever is missing is told before the long work."""
        missing = [key for key in self._keys if not self._data.view_files(key)]
        if missing:
            raise FileNotFoundError(
                f"{self._data.root}: no views of {len(missing)} of {len(self._keys)} shapes, first: {missing[0]}; "
                "`urform prepare` renders them"
            )
        if self.protocol.surface != "stored":
            for key in self._keys:
                self._subjects.meshes.source(key)

    def _methods(self, subject: TrueShape, template: Solid | str) -> dict[str, _Scored]:
        """All methods on one shape; a view that several of them see is looked at once."""
        files = {view: self._files(subject.key, view) for view in self._views}
        latents = {file: self._latent(file) for file in {file for each in files.values() for file in each}}
        methods = {}
        for name, made in self._made(latents).items():
            own = {file: self._score(self._solid(subject.key, latent), subject) for file, latent in made.items()}
            methods |= {_method(view, name): _over_views([own[file] for file in files[view]]) for view in files}
        methods["mean template"] = self._score(template, subject, "template")
        if self._training is not None:
            methods |= self._retrievals(self._training, subject, files, latents)
        return methods

    def _retrievals(
        self,
        shapes: TrainingShapes,
        subject: TrueShape,
        files: Mapping[str, list[Path]],
        latents: Mapping[Path, np.ndarray | str],
    ) -> dict[str, _Scored]:
        """The baselines that answer with a training shape, which is looked at once."""
        nearest = {
            file: latent if isinstance(latent, str) else shapes.by_latent(latent) for file, latent in latents.items()
        }
        oracle = shapes.oracle(self._oracle_points(subject.key))
        named = {key for key in nearest.values() if isinstance(key, ShapeKey)} | {oracle}
        training = {key: self._score(self._subjects.true_sample(key, subject), subject) for key in named}
        retrieved = {
            file: training[key] if isinstance(key, ShapeKey) else self._score(key, subject)
            for file, key in nearest.items()
        }
        return {
            **{_retrieval(view): _over_views([retrieved[file] for file in files[view]]) for view in files},
            ORACLE: training[oracle],
        }

    def _files(self, key: ShapeKey, view: str) -> list[Path]:
        files = self._data.view_files(key)
        if view == "all":
            return files
        return [files[0 if view == "fixed" else int(self._subjects.rng(f"{key}/view").integers(len(files)))]]

    def _latent(self, file: Path) -> np.ndarray | str:
        """What the encoder makes of a view, or why it cannot."""
        try:
            return self._model.encode(self._model.frame(read_view(file))[None])[0]
        except ValueError as error:
            return str(error)

    def _made(self, latents: Mapping[Path, np.ndarray | str]) -> dict[str, Mapping[Path, np.ndarray | str]]:
        """Latents that meshes are made from: those of the encoder, and first what refinement makes of them."""
        if not self._refine:
            return {OWN: latents}
        return {OWN: {file: self._refined(file, latent) for file, latent in latents.items()}, ENCODER: latents}

    def _refined(self, file: Path, latent: np.ndarray | str) -> np.ndarray | str:
        if isinstance(latent, str):
            return latent
        try:
            return self._model.refine(latent, frame(read_view(file), TRUNK_SIZE)[None])
        except NoSurfaceError:  # as it is: without a surface, its failure is counted
            return latent

    def _solid(self, name: object, latent: np.ndarray | str | None) -> Solid | str:
        """The solid of a latent, of the template where there is none, or why there is no surface."""
        if isinstance(latent, str):
            return latent
        try:
            template = latent is None
            mesh = (
                self._model.template_mesh(self._resolution) if template else self._model.mesh(latent, self._resolution)
            )
        except NoSurfaceError as error:
            logger.warning("%s: %s", name, error)
            return str(error)
        return Solid.watertight(np.asarray(mesh.vertices), np.asarray(mesh.faces))

    def _score(self, found: Solid | Sample | str, subject: TrueShape, name: str = "") -> _Scored:
        if isinstance(found, str):
            return _Scored(self._subjects.failure(subject), found)
        if isinstance(found, Solid):
            found = self.protocol.sample(found, self._subjects.rng(name or str(subject.key)), subject.cube)
        return _Scored(self._subjects.score(found, subject))

    def _oracle_points(self, key: ShapeKey) -> np.ndarray:
        return chosen(stored_surface(self._data, key), ORACLE_POINTS, self._subjects.rng(f"{key}/target"))


def _over_views(scored: Sequence[_Scored]) -> _Scored:
    """The mean over the views of a shape, those that gave no surface among them."""
    reasons = [each.reason for each in scored if each.reason]
    reason = f"{len(reasons)} of {len(scored)} views: {reasons[0]}" if reasons and len(scored) > 1 else "".join(reasons)
    return _Scored(mean_of([each.values for each in scored]), reason)


def _method(view: str, name: str = OWN) -> str:
    return f"{name}, {_view_name(view)}"


def _retrieval(view: str) -> str:
    return f"retrieval by latent, {_view_name(view)}"


def _view_name(view: str) -> str:
    return "all views" if view == "all" else f"{view} view"


def evaluate(
    model: Model,
    data: Path,
    split: Path,
    sheet: Path | None = None,
    choice: ShapeChoice | None = None,
    **options: Any,
) -> dict[str, Any]:
    """Evaluate a model on a split; options as in `Evaluation`.

    Args:
        model: with an encoder.
        data: data folder.
        split: the test shapes.
        sheet: PNG file for a picture of the shapes, worst first.
        choice: which test shapes are taken; by default those that have views and the surface of the protocol.
        **options: see `Evaluation`.

    Raises:
        FileNotFoundError: the split or the data are not there, or some of it and the choice is strict.
        ValueError: the split is not one, or a file is damaged.
    """
    look_up(PROTOCOLS, options.get("protocol", DEFAULT_PROTOCOL), "protocol")  # before files are read
    folder = DataFolder(data)
    chosen = true_shapes(folder, split, options.get("protocol", "deepsdf"), choice, ("views",))
    evaluation = Evaluation(model, folder, chosen.keys, **options)
    result = evaluation.run() | {"shapes_left_out": chosen.left_out}
    if sheet is not None:
        write_atomically(sheet, encode_png(evaluation.sheet(result)))
    return result
