"""ComfyUI node: a picture to a mesh.

Copy this one file into ComfyUI's folder `custom_nodes`, and `pip install urform` into ComfyUI's Python. The node takes
an image and, if there is one, the mask of the object. It gives a mesh for the core node `SaveGLB`, the path of a
colored GLB file for `Preview3D`, and the warnings.
"""

from functools import lru_cache
from types import SimpleNamespace

import folder_paths
import numpy as np
import torch

import urform


@lru_cache(maxsize=2)
def _model(category):
    return urform.load_models() if category == "auto" else urform.load(category)


def _mesh(vertices, faces):
    """A batch of one, as ComfyUI's nodes of meshes have it."""
    try:
        from comfy_extras.nodes_hunyuan3d import MESH
    except ImportError:  # in later versions of ComfyUI nodes read the attributes alone
        return SimpleNamespace(vertices=vertices, faces=faces)
    return MESH(vertices, faces)


class UrformReconstruct:
    """The node; its class methods and attributes are those that ComfyUI asks for."""

    CATEGORY = "3d"
    FUNCTION = "reconstruct"
    OUTPUT_NODE = True
    RETURN_TYPES = ("MESH", "STRING", "STRING")
    RETURN_NAMES = ("mesh", "glb_path", "warnings")

    @classmethod
    def INPUT_TYPES(cls):
        """What the node takes."""
        return {
            "required": {
                "image": ("IMAGE",),
                "category": ("STRING", {"default": "auto"}),
                "resolution": ("INT", {"default": 128, "min": 8, "max": 512}),
                "force": ("BOOLEAN", {"default": False}),
                "filename_prefix": ("STRING", {"default": "urform"}),
            },
            "optional": {"mask": ("MASK",)},
        }

    def reconstruct(self, image, category, resolution, force, filename_prefix, mask=None):
        """Make the mesh of the first image of a batch.

        Args:
            image: (B, H, W, 3) of 0..1.
            category: a shipped one, a run folder or a weights file; auto: the shipped one that the image shows.
            resolution: cells along an axis.
            force: also what does not look like the category.
            filename_prefix: of the file in ComfyUI's output folder.
            mask: (B, H, W) of 0..1, 1 on the object; without it urform cuts the object out.
        """
        picture = (image[0].cpu().numpy() * 255).round().astype(np.uint8)
        if mask is not None:
            alpha = (mask[0].cpu().numpy() * 255).round().astype(np.uint8)
            if alpha.shape != picture.shape[:2]:
                raise ValueError(f"mask must be as large as the image, {picture.shape[:2]}, got {alpha.shape}")
            picture = np.concatenate([picture[..., :3], alpha[..., None]], axis=2)
        result = _model(category).reconstruct(picture, resolution, force=force)
        folder, name, counter, _, _ = folder_paths.get_save_image_path(
            filename_prefix, folder_paths.get_output_directory()
        )
        path = f"{folder}/{name}_{counter:05}_.glb"
        result.save(path)
        vertices = torch.from_numpy(np.asarray(result.mesh.vertices, np.float32))[None]
        faces = torch.from_numpy(np.asarray(result.mesh.faces, np.int64))[None]
        return (_mesh(vertices, faces), path, "\n".join(result.warnings))


NODE_CLASS_MAPPINGS = {"UrformReconstruct": UrformReconstruct}
NODE_DISPLAY_NAME_MAPPINGS = {"UrformReconstruct": "urform: picture to mesh"}
