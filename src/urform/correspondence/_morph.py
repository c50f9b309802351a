"""From one shape to another in equal steps, as meshes and as an animated picture."""

from __future__ import annotations

import io
import logging
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm import tqdm

from urform.correspondence._register import canonical_rgb, register, with_canonical
from urform.files import write_atomically
from urform.fitting import Subject
from urform.formats import save_mesh
from urform.geometry import NoSurfaceError, check_resolution
from urform.inference import Model, draw_mesh, trimmed

logger = logging.getLogger(__name__)

FRAME_MS = 120
MOST_STEPS = 1000


def morph(
    model: Model, first: Subject, last: Subject, steps: int, out: Path, resolution: int = 128, registered: bool = False
) -> list[Path]:
    """Write `00.ply`, `01.ply`, ... and `morph.gif`, which goes there and back; equal colors correspond.

    Args:
        model: of the category.
        first: the shape it begins with.
        last: the shape it ends with.
        steps: meshes in all, both ends included.
        out: the folder, made when missing.
        resolution: cells along an axis of the meshes.
        registered: whether all meshes are the template's, moved, with the same vertices and faces.

    Returns:
        The meshes' files. A step without a surface is left out and named in a warning.

    Raises:
        ValueError: fewer than two steps, a resolution out of range, or no step has a surface.
    """
    if not 2 <= steps <= MOST_STEPS:
        raise ValueError(f"steps must be at {'least 2' if steps < 2 else f'most {MOST_STEPS}'}, got {steps}")
    check_resolution(resolution)
    template = model.template_mesh(resolution) if registered else None
    files, pictures = [], []
    for step in tqdm(range(steps), desc="morph", unit="mesh"):
        share = step / (steps - 1)
        latent = ((1 - share) * first.latent + share * last.latent).astype(np.float32)
        try:
            if template is not None:
                mesh = register(model, latent, template, resolution).mesh
            else:
                mesh = with_canonical(model, latent, model.mesh(latent, resolution))
        except NoSurfaceError as error:
            logger.warning("step %d of %d is left out: %s", step + 1, steps, error)
            continue
        files.append(out / f"{step:02d}.ply")
        save_mesh(mesh, files[-1])
        canonical = np.stack([mesh.vertex_attributes[f"canonical_{axis}"] for axis in "xyz"], axis=1)
        pictures.append(draw_mesh(mesh, canonical_rgb(canonical)))
    if not files:
        raise ValueError(f"none of the {steps} steps from {first.name} to {last.name} has a surface")
    frames = [Image.fromarray(picture) for picture in trimmed(pictures) if picture is not None]
    there_and_back = frames + frames[-2:0:-1]
    stored = io.BytesIO()
    there_and_back[0].save(
        stored, "GIF", save_all=True, append_images=there_and_back[1:], duration=FRAME_MS, loop=0, disposal=2
    )
    write_atomically(out / "morph.gif", stored.getvalue())
    return files
