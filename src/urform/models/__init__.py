"""Networks: template, warps, correction, the decoder made of them, image encoders, and what tells a camera."""

from urform.models._backbone import Backbone
from urform.models._backbones import BACKBONES, BackboneKind
from urform.models._category_classifier import CategoryClassifier
from urform.models._correction import Correction
from urform.models._decoder import Decoder, Progress
from urform.models._efficientnet import EFFICIENTNET, EfficientNetLite0
from urform.models._encoder import EfficientNetEncoder, ImageEncoder, ResNetEncoder, TrunkEncoder
from urform.models._familiarity import Familiarity
from urform.models._input import to_input
from urform.models._pose import PoseEstimate, PoseNetwork, bin_centres, decode_pose, mirrored_pose
from urform.models._resnet import DEPTHS, ResNet
from urform.models._template import Template
from urform.models._trunk import TRUNK_CELLS, TRUNK_CHANNELS, TRUNK_SIZE, Trunk, load_trunk
from urform.models._trunk_backbone import TRUNK, TrunkBackbone
from urform.models._warp import KEPT_STEPS, LstmWarp, MlpWarp, Warp

__all__ = [
    "BACKBONES",
    "DEPTHS",
    "EFFICIENTNET",
    "KEPT_STEPS",
    "TRUNK",
    "TRUNK_CELLS",
    "TRUNK_CHANNELS",
    "TRUNK_SIZE",
    "Backbone",
    "BackboneKind",
    "CategoryClassifier",
    "Correction",
    "Decoder",
    "EfficientNetEncoder",
    "EfficientNetLite0",
    "Familiarity",
    "ImageEncoder",
    "LstmWarp",
    "MlpWarp",
    "PoseEstimate",
    "PoseNetwork",
    "Progress",
    "ResNet",
    "ResNetEncoder",
    "Template",
    "Trunk",
    "TrunkBackbone",
    "TrunkEncoder",
    "Warp",
    "bin_centres",
    "decode_pose",
    "load_trunk",
    "mirrored_pose",
    "to_input",
]
