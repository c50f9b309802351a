"""Checkpoints of the published system, mapped to the names of this package."""

from collections.abc import Mapping

from torch import Tensor

_RENAMED = {
    "warper.lstm.": "warp.lstm.",
    "warper.out_layer_coord_affine.": "warp.affine.",
    "sdf_decoder.": "template.",
}


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
        prefix = next((p for p in _RENAMED if stripped.startswith(p)), None)
        if prefix is None:
            raise ValueError(f"state_dict must have keys that begin with {', '.join(_RENAMED)}, got {key}")
        mapped[_RENAMED[prefix] + stripped.removeprefix(prefix)] = tensor
    return mapped
