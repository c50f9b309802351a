"""Checkpoints of the published system, mapped to the names of this package."""

from collections.abc import Mapping

from torch import Tensor, nn

from urform.models import Decoder, ResNetEncoder

# How names begin here and there.
_DECODER = {
    "warp.lstm.": "warper.lstm.",
    "warp.affine.": "warper.out_layer_coord_affine.",
    "template.": "sdf_decoder.",
}
_ENCODER = {"": "encoder."}
# The second form has the ResNet's children by number; 2 and 3, ReLU and pooling, have no parameters.
RESNET_CHILDREN = {"0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"}
_CHILDREN = {f"{name}.": f"{number}." for number, name in RESNET_CHILDREN.items()}
_ENCODER_V2 = {name: f"encoder.{child}" for name, child in _CHILDREN.items()} | {"hidden.": "fc.0.", "fc.": "fc.2."}
_DOUBLE = "feature_extractor."


def decoder_from_published(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Maps a published decoder's state dict to that of `Decoder(LstmWarp(...), Template(...))`.

    Args:
        state_dict: `model_state_dict` of a file in ModelParameters/, with or without "module." before the keys.

    Returns:
        The same tensors under our names.

    Raises:
        ValueError: A key is not one of a published decoder.
    """
    mapped = {}
    for key, tensor in state_dict.items():
        stripped = key.removeprefix("module.")
        ours = next((ours for ours, theirs in _DECODER.items() if stripped.startswith(theirs)), None)
        if ours is None:
            raise ValueError(f"state_dict must have keys that begin with {', '.join(_DECODER.values())}, got {key}")
        mapped[ours + stripped.removeprefix(_DECODER[ours])] = tensor
    return mapped


def load_published_decoder(decoder: Decoder, state_dict: Mapping[str, Tensor]) -> None:
    """Loads a published decoder's state dict, which must fit: no key more, none less, each of the same shape.

    Args:
        decoder: With an LstmWarp, of the sizes of the published one.
        state_dict: As in `decoder_from_published`.

    Raises:
        ValueError: It does not fit; the message has the published name of what is wrong.
    """
    _load(decoder, _stripped(state_dict), _DECODER)


def encoder_from_published(state_dict: Mapping[str, Tensor]) -> ResNetEncoder:
    """Builds a published image encoder, in either form, its sizes read off the shapes.

    Args:
        state_dict: `latent_codes` of a file in LatentCodes/, with or without "module." before the keys. First form:
            `encoder.*` with torchvision's names, perhaps doubled as `feature_extractor.*`. Second form (v2):
            `encoder.<0..7>.*`, the children of the ResNet in order, then `fc.0` and `fc.2`.

    Returns:
        The encoder with these weights.

    Raises:
        ValueError: It is neither form of a ResNet-18; the message has the published name of what is wrong.
    """
    given = _stripped(state_dict)
    if any(key.startswith("fc.") for key in given):
        (hidden, _), (latent_size, _) = _matrix(given, "fc.0.weight"), _matrix(given, "fc.2.weight")
        names = _ENCODER_V2
    else:
        given = _without_double(given)
        hidden, latent_size = 0, _matrix(given, "encoder.fc.weight")[0]
        names = _ENCODER
    first = _published_name("conv1.weight", names)
    if first not in given or given[first].ndim != 4:
        raise ValueError(f"{first} must be the weight of a convolution, got {_shape(given.get(first))}")
    encoder = ResNetEncoder(latent_size, width=len(given[first]), hidden=hidden)
    _load(encoder, given, names)
    return encoder


def _without_double(given: dict[str, Tensor]) -> dict[str, Tensor]:
    """The first form without its second copy of the ResNet, which must be equal to the first."""
    for key, value in given.items():
        if not key.startswith(_DOUBLE):
            continue
        name = key.removeprefix(_DOUBLE)
        ours = next((ours for ours, child in _CHILDREN.items() if name.startswith(child)), None)
        original = "encoder." + (name if ours is None else ours + name.removeprefix(_CHILDREN[ours]))
        if original not in given:
            raise ValueError(f"{key} is unknown: there is no {original} that it doubles")
        if not value.equal(given[original]):
            raise ValueError(f"{key} must equal {original}, whose double it is, got other values")
    return {key: value for key, value in given.items() if not key.startswith(_DOUBLE)}


def _load(module: nn.Module, given: dict[str, Tensor], names: Mapping[str, str]) -> None:
    own = module.state_dict()
    wanted = {_published_name(key, names): key for key in own}
    missing = [key for key in wanted if key not in given]
    unknown = [key for key in given if key not in wanted]
    if missing or unknown:
        named = [f"{key} is missing" for key in missing[:1]] + [f"{key} is unknown" for key in unknown[:1]]
        raise ValueError(f"{len(missing)} keys missing, {len(unknown)} unknown: {', '.join(named)}")
    for key, name in wanted.items():
        if given[key].shape != own[name].shape:
            raise ValueError(f"{key} must have shape {tuple(own[name].shape)}, got {tuple(given[key].shape)}")
    module.load_state_dict({wanted[key]: value for key, value in given.items()})


def _published_name(key: str, names: Mapping[str, str]) -> str:
    ours = next(ours for ours in names if key.startswith(ours))
    return names[ours] + key.removeprefix(ours)


def _stripped(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key.removeprefix("module."): value for key, value in state_dict.items()}


def _matrix(given: dict[str, Tensor], key: str) -> tuple[int, int]:
    if key not in given or given[key].ndim != 2:
        raise ValueError(f"{key} must be a matrix, got {_shape(given.get(key))}")
    rows, columns = given[key].shape
    return rows, columns


def _shape(value: Tensor | None) -> str:
    return "none" if value is None else f"shape {tuple(value.shape)}"
