"""Losses: pure functions, one a term, and the weights that change with the epoch."""

from urform.losses._contrastive import cosine_loss, info_nce_loss, nt_xent_loss
from urform.losses._latent import latent_l1_loss, latent_norm_loss, latent_norm_weight
from urform.losses._pose import pose_loss
from urform.losses._reconstruction import reconstruction_loss
from urform.losses._supervision import correction_loss, landmark_loss
from urform.losses._warp import neighbour_loss, pointpair_loss, pointpair_weight, pointwise_loss, pointwise_weight

__all__ = [
    "correction_loss",
    "cosine_loss",
    "info_nce_loss",
    "landmark_loss",
    "latent_l1_loss",
    "latent_norm_loss",
    "latent_norm_weight",
    "neighbour_loss",
    "nt_xent_loss",
    "pointpair_loss",
    "pointpair_weight",
    "pointwise_loss",
    "pointwise_weight",
    "pose_loss",
    "reconstruction_loss",
]
