"""Networks from the settings of a model."""

from __future__ import annotations

from collections.abc import Callable

from urform.config import ModelConfig, look_up
from urform.models import BACKBONES, Correction, Decoder, ImageEncoder, LstmWarp, MlpWarp, Template, Warp

WARPS: dict[str, Callable[[ModelConfig], Warp]] = {
    "mlp": lambda config: MlpWarp(config.latent_size, config.warp_width, config.warp_steps, config.warp_octaves),
    "lstm": lambda config: LstmWarp(config.latent_size, config.warp_width, config.warp_steps),
}
"""How each warp is built from the settings of a model."""


def build_decoder(config: ModelConfig) -> Decoder:
    """Template, warp and correction of the given sizes, untrained.

    Raises:
        ValueError: there is no such warp.
    """
    warp = look_up(WARPS, config.warp, "warp")(config)
    template = Template(
        config.dims,
        config.dropout,
        config.weight_norm,
        config.norm_layers,
        config.dropout_layers,
        config.xyz_in_all,
        config.template_octaves,
    )
    correction = Correction(config.latent_size, config.correction_width) if config.correction_width else None
    return Decoder(warp, template, correction)


def build_encoder(config: ModelConfig) -> ImageEncoder:
    """Image encoder of the given sizes, untrained.

    Raises:
        ValueError: there is no such encoder.
    """
    kind = look_up(BACKBONES, config.backbone_name, "encoder_backbone")
    return kind.encoder(config.latent_size, config.encoder_width, config.encoder_hidden)
