"""What cameras add to a result: where its pictures were taken from, and the colors that they show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from trimesh.visual import ColorVisuals

from urform.inference._camera import check_seen, overlap, place_camera
from urform.inference._color import Shot, picture_colors
from urform.inference._result import Reconstruction
from urform.inference._texture import SIZE, textured
from urform.models import PoseEstimate
from urform.pictures import CutOut, frame

COLOR_SIZE = 512  # pixels along an edge of the picture that colors are taken from


def seen_again(result: Reconstruction, cut: CutOut, looked: tuple[PoseEstimate, np.ndarray]) -> Reconstruction:
    """A result with the camera of its picture, told from pose and strangeness."""
    pose, strangeness = looked
    framed = check_seen(frame(cut.rgba, len(result.framed)))  # the encoder may have seen the whole picture
    camera = place_camera(pose, result.mesh, framed)
    return replace(
        result,
        camera=camera,
        camera_confidence=float(pose.confidence[0]),
        strangeness=float(strangeness[0]),
        overlap=overlap(camera, result.mesh, framed),
    )


def painted(
    result: Reconstruction, results: Sequence[Reconstruction], cuts: Sequence[CutOut], texture: bool
) -> Reconstruction:
    """A result with the colors that all pictures show, or with a texture."""
    cameras = [each.camera for each in results]
    size = SIZE if texture else COLOR_SIZE
    shots = [Shot(frame(cut.rgba, size), camera) for cut, camera in zip(cuts, cameras, strict=True) if camera]
    rgb = picture_colors(result.mesh, shots)
    result.mesh.visual = ColorVisuals(result.mesh, vertex_colors=rgb)
    return replace(result, textured=textured(result.mesh, shots)) if texture else result
