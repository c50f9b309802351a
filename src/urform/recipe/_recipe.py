"""What a category's weights are made from: one short YAML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

from urform.config import EncoderConfig, PoseConfig, PrepareConfig, ShapeConfig, is_name, look_up, require
from urform.files import read_yaml
from urform.models import TRUNK

_SHIPPED = Path(__file__).parent
_LONGEST = 100_000  # letters of a recipe
_Settings = TypeVar("_Settings")

# The data of a category fit on a laptop's disk and are made in about an hour.
_PREPARE = {"samples": 60_000, "easy_views": 6, "hard_views": 14, "albedo": False}
_PREPARE_MORE = {"samples": 40_000, "easy_views": 4, "hard_views": 8, "albedo": False}


@dataclass(frozen=True)
class Recipe:
    """The settings that make the weights of a category; those that are omitted have the values of `small`."""

    category: str
    """Name of the category."""
    about: str = ""
    """Text for the model card: whose meshes these are, and their licences."""
    held_out: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Test shapes: a name for each group, and patterns of the names of its meshes, for example `kenney__*`. Hold out
    whole makers: shapes of a maker that training knows make the result look too good."""
    copies: int = 4
    """Deformed copies of each training mesh, every second one mirrored; 0 = none."""
    synthetic: int = 0
    """Shapes of `urform synth`, where it has a generator of the category."""
    synthetic_more: int = 0
    """Further ones that the encoder alone sees: it learns from their sdf, since they have no latent."""
    real_weight: int = 4
    """How many times the views of the meshes count beside those of copies and synthetic shapes."""
    encoder_from: str | None = TRUNK
    """What the encoder starts from: `trunk` is a head on the features of ImageNet that the package brings; a category
    or weights give their encoder; none = from scratch."""
    prepare: PrepareConfig = field(default_factory=lambda: PrepareConfig(**_PREPARE))
    """Data of the meshes, as `urform prepare` makes them."""
    prepare_more: PrepareConfig = field(default_factory=lambda: PrepareConfig(**_PREPARE_MORE))
    """Data of copies and synthetic shapes."""
    shape: ShapeConfig = field(default_factory=ShapeConfig)
    """`urform train shape`."""
    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    """`urform train encoder`."""
    plain_epochs: int = 0
    """Epochs in which the encoder then sees views as they are, without augmentation."""
    pose: PoseConfig = field(default_factory=PoseConfig)
    """`urform train pose`."""

    def __post_init__(self) -> None:
        require(is_name(self.category), "category", "the name of a folder", self.category)
        for group, patterns in self.held_out.items():
            require(is_name(group), "held_out", "names of groups that can be files", group)
            require(bool(patterns), f"held_out.{group}", "a list of names or patterns", patterns)
        for name in ("copies", "synthetic", "synthetic_more", "plain_epochs"):
            require(getattr(self, name) >= 0, name, "0 or more", getattr(self, name))
        require(self.real_weight >= 1, "real_weight", "at least 1", self.real_weight)

    def group_of(self, instance: str) -> str | None:
        """The group of test shapes that a mesh is in; None where it is for training."""
        for group, patterns in self.held_out.items():
            if any(fnmatchcase(instance, pattern) for pattern in patterns):
                return group
        return None


def shipped_recipes() -> list[str]:
    """Names of the categories whose recipes come with the package."""
    return sorted(path.stem for path in _SHIPPED.glob("*.yaml"))


def find_recipe(name: str) -> Path:
    """The file of a shipped category's recipe, or one's own.

    Raises:
        FileNotFoundError: there is none.
    """
    if name in shipped_recipes():
        return _SHIPPED / f"{name}.yaml"
    if Path(name).is_file():
        return Path(name)
    raise FileNotFoundError(f"{name}: no such recipe; expected {', '.join(shipped_recipes())} or a YAML file")


def read_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        ValueError: it is no YAML, or has a key or value that does not fit; the message names it.
    """
    text = path.read_bytes()[: _LONGEST + 1]
    try:
        if len(text) > _LONGEST:
            raise ValueError(f"not YAML of a recipe: over {_LONGEST:,} letters")
        content = read_yaml(text.decode())
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: not YAML ({error})") from error
    except ValueError as error:
        raise ValueError(f"{path}: {str(error)[:200]}") from error
    try:
        return _recipe(content)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error


def _recipe(content: Any) -> Recipe:
    if not isinstance(content, dict) or "category" not in content:
        raise ValueError("must hold `category:` and settings, see docs/your-own-category.md")
    given = content | ({"held_out": _held_out(content["held_out"])} if "held_out" in content else {})
    return _changed(Recipe(category=str(content["category"])), given, "")


def _held_out(value: Any) -> dict[str, tuple[str, ...]]:
    fits = isinstance(value, dict) and all(
        isinstance(patterns, list) and all(isinstance(pattern, str) for pattern in patterns)
        for patterns in value.values()
    )
    require(fits, "held_out", "groups with lists of patterns, for example {makers: ['kenney__*']}", value)
    return {str(group): tuple(patterns) for group, patterns in value.items()}


def _changed(settings: _Settings, changes: Any, where: str) -> _Settings:
    """Settings with some of them changed; a wrong name or type is an error that names it."""
    require(isinstance(changes, dict), where, "settings and their values", changes)
    now = {each.name: getattr(settings, each.name) for each in fields(settings)}  # pyright: ignore[reportArgumentType]
    for name, value in changes.items():
        before = look_up(now, name, f"a setting of {where or 'a recipe'}")
        now[name] = _fitting(value, before, f"{where}.{name}" if where else name)
    return type(settings)(**now)


def _fitting(value: Any, before: Any, where: str) -> Any:
    """A value of YAML as the setting's type: lists are tuples, whole numbers may stand for others."""
    if is_dataclass(before):
        return _changed(before, value, where)
    if isinstance(value, list):
        return tuple(value)
    if isinstance(before, float) and isinstance(value, str):  # YAML takes 5e-4 for a text
        try:
            return float(value)
        except ValueError:
            pass
    kinds = {bool: (bool,), int: (int,), float: (int, float), str: (str,), tuple: (tuple,)}.get(type(before))
    wrong = kinds and (not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds))
    require(not wrong, where, f"of the kind of {before!r}", value)
    return value
