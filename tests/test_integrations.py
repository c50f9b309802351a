"""The Blender add-on in Blender, and the ComfyUI node by its interface."""

import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import trimesh

import urform
from tests.server import serving

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "examples" / "armchair.jpg"


@pytest.mark.skipif(shutil.which("blender") is None, reason="needs Debian's blender")
def test_blender_gets_the_mesh_and_the_camera_of_the_photograph(tmp_path: Path) -> None:
    pytest.importorskip("fastapi", reason="needs the extra `web`")
    result = tmp_path / "found.json"
    addon = ROOT / "integrations" / "blender" / "urform_blender.py"
    with serving(tmp_path / "tmp") as server:
        words = ["blender", "--background", "--factory-startup", "--python-exit-code", "3"]
        words += [
            "--python",
            str(ROOT / "tests" / "blender_script.py"),
            "--",
            str(addon),
            server,
            str(PICTURE),
            str(result),
        ]
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        done = subprocess.run(words, capture_output=True, text=True, timeout=180, env=environment)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = json.loads(result.read_text())
    reconstruction = urform.load("chair").reconstruct(PICTURE, 64)
    assert found["outcome"] == ["FINISHED"]
    assert found["faces"] == len(reconstruction.mesh.faces)
    assert found["closed"]
    assert found["colors"] > 50
    x, y, z = np.asarray(reconstruction.mesh.bounds).T
    np.testing.assert_allclose(found["low"], [x[0], -z[1], y[0]], atol=1e-3)
    np.testing.assert_allclose(found["high"], [x[1], -z[0], y[1]], atol=1e-3)
    # Blender's camera sees the mesh where urform's does: 0..1 there is -1..1 here.
    assert reconstruction.camera is not None
    seen = (reconstruction.camera.project(np.asarray(reconstruction.mesh.vertices)) + 1) / 2
    np.testing.assert_allclose(found["seen_low"], seen.min(axis=0), atol=5e-3)
    np.testing.assert_allclose(found["seen_high"], seen.max(axis=0), atol=5e-3)
    assert "is `urform serve` running?" in found["without_server"]


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The node, beside the one module of ComfyUI that it needs."""
    paths = SimpleNamespace(
        get_output_directory=lambda: str(tmp_path),
        get_save_image_path=lambda prefix, folder: (folder, prefix, 1, "", prefix),
    )
    monkeypatch.setitem(sys.modules, "folder_paths", paths)
    names = runpy.run_path(str(ROOT / "integrations" / "comfyui" / "urform_nodes.py"))
    kind = names["NODE_CLASS_MAPPINGS"]["UrformReconstruct"]
    assert set(names["NODE_CLASS_MAPPINGS"]) == set(names["NODE_DISPLAY_NAME_MAPPINGS"])
    return kind


def defaults(node: Any) -> dict[str, Any]:
    required = node.INPUT_TYPES()["required"]
    return {name: given[1]["default"] for name, given in required.items() if name != "image"}


def image_of(rgb: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(rgb.astype(np.float32) / 255)[None]


def test_the_node_gives_a_mesh_a_file_and_warnings(node: Any) -> None:
    from urform.pictures import cut_out_file

    rgba = cut_out_file(PICTURE).rgba
    mask = torch.from_numpy(rgba[..., 3].astype(np.float32) / 255)[None]
    wishes = {**defaults(node), "resolution": 32}
    outputs = node().reconstruct(image_of(rgba[..., :3]), **wishes, mask=mask)
    assert len(outputs) == len(node.RETURN_TYPES) == len(node.RETURN_NAMES)
    mesh, path, warnings = outputs
    assert mesh.vertices.shape[0] == mesh.faces.shape[0] == 1
    assert mesh.vertices.shape[2] == mesh.faces.shape[2] == 3
    stored = trimesh.load(path, force="mesh")
    assert isinstance(stored, trimesh.Trimesh)
    assert stored.is_watertight
    assert len(stored.faces) == mesh.faces.shape[1]
    assert isinstance(warnings, str)


def test_the_node_refuses_what_it_cannot_use(node: Any) -> None:
    rgb = np.full((64, 64, 3), 255, np.uint8)
    with pytest.raises(ValueError, match="mask must be as large"):
        node().reconstruct(image_of(rgb), **defaults(node), mask=torch.zeros(1, 10, 10))
    with pytest.raises(ValueError, match="nothing"):
        node().reconstruct(image_of(rgb), **defaults(node))
