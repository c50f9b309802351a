"""Networks: the template, the two warps, the correction, the decoder made of them, and the image encoder."""

from urform.models._backbone import Backbone
from urform.models._correction import Correction
from urform.models._decoder import Decoder, Progress
from urform.models._efficientnet import EFFICIENTNET, EfficientNetLite0
from urform.models._encoder import EfficientNetEncoder, ImageEncoder, ResNetEncoder
from urform.models._input import to_input
from urform.models._resnet import DEPTHS, ResNet
from urform.models._template import Template
from urform.models._warp import KEPT_STEPS, LstmWarp, MlpWarp, Warp

__all__ = [
    "DEPTHS",
    "EFFICIENTNET",
    "KEPT_STEPS",
    "Backbone",
    "Correction",
    "Decoder",
    "EfficientNetEncoder",
    "EfficientNetLite0",
    "ImageEncoder",
    "LstmWarp",
    "MlpWarp",
    "Progress",
    "ResNet",
    "ResNetEncoder",
    "Template",
    "Warp",
    "to_input",
]
