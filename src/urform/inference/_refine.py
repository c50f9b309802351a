"""A latent whose shape fills the outline of the object in its pictures better than the encoder's does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8
from torch import Tensor

from urform.geometry import NoSurfaceError
from urform.inference._camera import overlap, place_camera
from urform.inference._color import Shot
from urform.models import PoseEstimate
from urform.pictures import OPAQUE
from urform.render import Camera

if TYPE_CHECKING:
    from urform.inference._model import Model

STEPS = 40
LEAST_GAIN = 0.01  # of overlap; below it refinement harms about as often as it helps
_COARSE = 64  # cells along an axis of the meshes whose outlines are compared
MODES = 16
"""Principal directions of the training latents in which a latent may move: with all of them, outlines fit better and
shapes get worse. See docs/results/refinement.md for this and the next."""
REACH = 0.3
"""Usual distance that a latent moves, in standard deviations of the training latents, where weights say none."""
_RAYS, _ALONG = 256, 24  # rays a step, and points on each
_BORDER = 5  # pixels on either side of the outline, where three of four rays go
_SHARPNESS = 0.02  # sdf at which a ray counts as a hit by 73 %
_CAMERA_SPREAD = 0.05  # usual error of a camera: radians, share of the focal length, share of half a picture
_LATENT_RATE, _CAMERA_RATE = 0.05, 0.01  # of Adam
_EVIDENCE = 400.0  # weight of the mean over the rays, beside the squared distances of latent and camera


def refined(
    model: Model,
    latent: Float[np.ndarray, " L"],
    framed: UInt8[np.ndarray, "B S S 4"],
    poses: Sequence[PoseEstimate],
) -> Float[np.ndarray, " L"]:
    """The latent after `fit_outlines`, or the given one where outlines do not fit better then.

    Args:
        model: whose shapes are fitted.
        latent: the encoder's.
        framed: the pictures of one object.
        poses: of each of them.
    """
    try:
        before = _shots(model, latent, framed, poses)
        found = fit_outlines(model, latent, [shot for shot, _ in before], model.config.refinement or REACH)
        after = _shots(model, found, framed, poses)
    except NoSurfaceError:
        return latent
    gain = np.mean([shared for _, shared in after]) - np.mean([shared for _, shared in before])
    return found if gain > LEAST_GAIN else latent


def _shots(
    model: Model, latent: np.ndarray, framed: np.ndarray, poses: Sequence[PoseEstimate]
) -> list[tuple[Shot, float]]:
    """The pictures with their cameras, placed for the shape of a latent, and the overlap of each."""
    mesh = model.mesh(latent, _COARSE)
    cameras = [place_camera(pose, mesh, picture) for pose, picture in zip(poses, framed, strict=True)]
    return [
        (Shot(picture, camera), overlap(camera, mesh, picture)) for picture, camera in zip(framed, cameras, strict=True)
    ]


def _modes(latents: Float[np.ndarray, "N L"]) -> Float[Tensor, "K L"]:
    """Principal directions of latents, each as long as one standard deviation."""
    _, lengths, directions = np.linalg.svd(latents - latents.mean(axis=0), full_matrices=False)
    scaled = directions * lengths[:, None] / np.sqrt(len(latents))
    return torch.from_numpy(scaled[:MODES].astype(np.float32))


def fit_outlines(
    model: Model, latent: Float[np.ndarray, " L"], shots: Sequence[Shot], reach: float = REACH, seed: int = 0
) -> Float[np.ndarray, " L"]:
    """Move a latent so that its shape fills the outlines of the object in its pictures.

    Each step draws rays, most of them near the outline, finds the point of least sdf on each, and pulls these sdf down
    within the outline and up beyond it. The latent moves in the principal directions of the training latents, the
    cameras a little; both are held back by how far they usually are from the truth.

    Args:
        model: whose shapes are fitted; it has at least two training latents.
        latent: where to start, the encoder's.
        shots: the pictures, framed, with cameras placed for the shape of this latent.
        reach: usual distance that the latent moves, in standard deviations of the training latents.
        seed: of the rays.
    """
    device = next(model.decoder.parameters()).device
    modes = _modes(np.stack(list(model.latents.values()))).to(device)
    start = torch.as_tensor(latent, dtype=torch.float32, device=device)
    outlines = [_Outline(shot.framed, shot.camera, device) for shot in shots]
    moved = torch.zeros(len(modes), device=device, requires_grad=True)
    cameras = torch.zeros(len(shots), 5, device=device, requires_grad=True)
    rates = [{"params": [moved], "lr": _LATENT_RATE}, {"params": [cameras], "lr": _CAMERA_RATE}]
    optimiser, rng = torch.optim.Adam(rates), np.random.default_rng(seed)
    with torch.enable_grad():
        for _ in range(STEPS):
            code = (start + moved @ modes)[None]
            loss = ((moved / reach) ** 2).sum() / 2 + ((cameras / _CAMERA_SPREAD) ** 2).sum() / 2
            for outline, change in zip(outlines, cameras, strict=True):
                loss = loss + _EVIDENCE * outline.misfit(model.decoder, code, change, rng)
            moved.grad, cameras.grad = torch.autograd.grad(loss, [moved, cameras])
            optimiser.step()
    return (start + moved @ modes).detach().cpu().numpy()


class _Outline:
    """The outline of an object in one picture, and rays around it."""

    def __init__(self, framed: UInt8[np.ndarray, "S S 4"], camera: Camera, device: torch.device):
        self._device = device
        self._inside: Bool[np.ndarray, "S S"] = framed[..., 3] > OPAQUE
        solid, kernel = self._inside.astype(np.uint8), np.ones((3, 3), np.uint8)
        wide, narrow = (operation(solid, kernel, iterations=_BORDER) for operation in (cv2.dilate, cv2.erode))
        self._border = np.flatnonzero(wide > narrow)
        self._axes = torch.tensor(camera.axes, dtype=torch.float32, device=device)
        self._eye = torch.tensor(camera.eye, dtype=torch.float32, device=device)
        self._slope = camera.sensor_mm / (2 * camera.focal_mm)

    def misfit(
        self,
        decoder: torch.nn.Module,
        code: Float[Tensor, "1 L"],
        change: Float[Tensor, " 5"],
        rng: np.random.Generator,
    ) -> Float[Tensor, ""]:
        """Mean logistic loss of rays that should hit the shape, or miss it."""
        inside, size = self._inside, len(self._inside)
        pixels = np.concatenate(
            [rng.choice(self._border, 3 * _RAYS // 4), rng.integers(inside.size, size=_RAYS - 3 * _RAYS // 4)]
        )
        rows, columns = np.divmod(pixels, size)
        places = np.stack([(columns + 0.5) / size * 2 - 1, 1 - (rows + 0.5) / size * 2], axis=1)
        eye, directions = self._rays(torch.tensor(places, dtype=torch.float32, device=self._device), change)
        middle = -(directions @ eye)[:, None]  # of the part in the unit ball
        half = (1.05 - ((eye + middle * directions) ** 2).sum(dim=1, keepdim=True)).clamp(min=1e-3).sqrt()
        jitter = torch.as_tensor((rng.random((_RAYS, 1)) - 0.5) * 2 / _ALONG, dtype=torch.float32, device=self._device)
        depth = middle + half * (torch.linspace(-1, 1, _ALONG, device=self._device) + jitter)
        with torch.no_grad():
            points = eye + depth[..., None] * directions[:, None]
            nearest = decoder(points.view(1, -1, 3), code).view(_RAYS, _ALONG).argmin(dim=1, keepdim=True)
        values = decoder((eye + depth.gather(1, nearest) * directions)[None], code)[0]
        hit = torch.as_tensor(inside.ravel()[pixels], device=self._device)
        return torch.nn.functional.softplus(torch.where(hit, values, -values) / _SHARPNESS).mean()

    def _rays(
        self, places: Float[Tensor, "R 2"], change: Float[Tensor, " 5"]
    ) -> tuple[Float[Tensor, " 3"], Float[Tensor, "R 3"]]:
        """Eye and directions of rays in the space of an object that turns, grows and shifts a little."""
        flat = (places - change[3:]) * torch.exp(-change[2]) * self._slope
        local = torch.cat([flat, -places.new_ones(len(places), 1)], dim=1)
        directions = torch.nn.functional.normalize(local @ self._axes, dim=1)
        upright = places.new_tensor([0.0, 1.0, 0.0])
        turn = _rotation(self._axes[0], change[1]) @ _rotation(upright, change[0])
        return self._eye @ turn, directions @ turn


def _rotation(axis: Float[Tensor, " 3"], angle: Float[Tensor, ""]) -> Float[Tensor, "3 3"]:
    """Rotation around a unit axis (Rodrigues)."""
    cross = torch.linalg.cross(axis.expand(3, 3), torch.eye(3, device=axis.device)).T
    return torch.eye(3, device=axis.device) + torch.sin(angle) * cross + (1 - torch.cos(angle)) * cross @ cross
