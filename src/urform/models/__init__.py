"""Networks: the template, the two warps, the decoder made of them, and the image encoder."""

from urform.models._decoder import Decoder
from urform.models._encoder import ImageEncoder
from urform.models._published import decoder_from_published, encoder_from_published, load_published_decoder
from urform.models._resnet import DEPTHS, Backbone, ResNet
from urform.models._template import Template
from urform.models._warp import KEPT_STEPS, LstmWarp, MlpWarp, Warp

__all__ = [
    "DEPTHS",
    "KEPT_STEPS",
    "Backbone",
    "Decoder",
    "ImageEncoder",
    "LstmWarp",
    "MlpWarp",
    "ResNet",
    "Template",
    "Warp",
    "decoder_from_published",
    "encoder_from_published",
    "load_published_decoder",
]
