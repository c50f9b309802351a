"""Contrastive learning: encoders that give the views of one object the same code before any shape is learned."""

from urform.contrastive._build import METHODS, build_backbone, build_method, encoder, optimizer_of
from urform.contrastive._byol import BYOL
from urform.contrastive._encoder import ContrastiveEncoder
from urform.contrastive._moco import MoCo
from urform.contrastive._momentum import MomentumTwin
from urform.contrastive._simclr import SimCLR
from urform.contrastive._simsiam import SimSiam

__all__ = [
    "BYOL",
    "METHODS",
    "ContrastiveEncoder",
    "MoCo",
    "MomentumTwin",
    "SimCLR",
    "SimSiam",
    "build_backbone",
    "build_method",
    "encoder",
    "optimizer_of",
]
