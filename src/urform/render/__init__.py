"""Headless rendering: cameras, the ray caster, the published views."""

from urform.render._camera import Camera
from urform.render._raycast import Frame, Light, RayCaster, Renderer
from urform.render._shaded import render_shaded
from urform.render._views import LEVELS, View, ViewLevel, render_views

__all__ = [
    "LEVELS",
    "Camera",
    "Frame",
    "Light",
    "RayCaster",
    "Renderer",
    "View",
    "ViewLevel",
    "render_shaded",
    "render_views",
]
