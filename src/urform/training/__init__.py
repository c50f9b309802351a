"""Training: one loop, and a stage for each thing that is learned."""

from urform.training._categories import confusion_table, train_categories
from urform.training._contrastive import FeatureLook, measure_features, train_contrastive
from urform.training._devices import Team, choose_device
from urform.training._encoder import train_encoder
from urform.training._fit_latents import fit_latents
from urform.training._joint import train_joint
from urform.training._loop import Stage, train
from urform.training._pose import train_pose
from urform.training._run import RunFolder
from urform.training._shape import train_shape
from urform.training._start import Start, load_start

__all__ = [
    "FeatureLook",
    "RunFolder",
    "Stage",
    "Start",
    "Team",
    "choose_device",
    "confusion_table",
    "fit_latents",
    "load_start",
    "measure_features",
    "train",
    "train_categories",
    "train_contrastive",
    "train_encoder",
    "train_joint",
    "train_pose",
    "train_shape",
]
