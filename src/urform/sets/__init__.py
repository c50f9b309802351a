"""What training reads of a data folder, as tensors: SDF samples, views, landmarks, and the augmentation of views."""

from urform.sets._augment import augment
from urform.sets._landmark_set import LandmarkSet
from urform.sets._sdf_set import SdfSet
from urform.sets._view_set import ViewSet

__all__ = ["LandmarkSet", "SdfSet", "ViewSet", "augment"]
