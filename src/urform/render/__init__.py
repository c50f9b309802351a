"""Headless rendering: cameras, the ray caster, the published views."""

from urform.render._camera import THREE_QUARTER, Camera
from urform.render._raycast import Frame, Light, RayCaster
from urform.render._shaded import render_shaded
from urform.render._views import LEVELS, View, ViewLevel, render_views

__all__ = [
    "LEVELS",
    "THREE_QUARTER",
    "Camera",
    "Frame",
    "Light",
    "RayCaster",
    "View",
    "ViewLevel",
    "render_shaded",
    "render_views",
]
