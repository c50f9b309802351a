import base64
import json
import re

import numpy as np
import pytest
import trimesh
from trimesh.visual import ColorVisuals

from urform.formats import viewer_html


def stored(page):
    found = re.search(r"const data = (\{.*?\});", page)
    assert found is not None
    return json.loads(found[1])


@pytest.mark.parametrize("subdivisions", [2, 7])
def test_the_page_holds_the_mesh(subdivisions):
    mesh = trimesh.creation.icosphere(subdivisions=subdivisions, radius=250.0)
    mesh.apply_translation([40, 0, -1000])
    data = stored(viewer_html(mesh))
    positions = np.frombuffer(base64.b64decode(data["positions"]), "<u2").reshape(-1, 3) * data["step"] + data["low"]
    np.testing.assert_allclose(positions, mesh.vertices, atol=250e-4)
    assert data["wide"] == (len(mesh.vertices) > 65536)
    faces = np.frombuffer(base64.b64decode(data["faces"]), "<u4" if data["wide"] else "<u2").reshape(-1, 3)
    np.testing.assert_array_equal(faces, mesh.faces)


def test_the_page_is_small_and_asks_nothing_of_the_network():
    mesh = trimesh.creation.torus(0.7, 0.2, major_sections=200, minor_sections=100)
    assert len(mesh.faces) == 40_000
    page = viewer_html(mesh)
    assert len(page) < 0.7e6
    assert not re.search(r"https?:|src=|href=|import ", page)
    assert "@" not in re.sub(r"const data = .*", "", page)


def test_the_page_has_the_colors_of_the_vertices():
    mesh = trimesh.creation.icosphere()
    assert stored(viewer_html(mesh))["colors"] is None
    mesh.visual = ColorVisuals(mesh, vertex_colors=np.tile([250, 120, 10, 255], (len(mesh.vertices), 1)))
    colors = np.frombuffer(base64.b64decode(stored(viewer_html(mesh))["colors"]), np.uint8).reshape(-1, 3)
    assert (colors == [250, 120, 10]).all()


def test_the_title_cannot_break_the_page():
    assert "<b>chair</b>" not in viewer_html(trimesh.creation.box(), title="<b>chair</b>")


def test_an_empty_mesh_is_refused():
    with pytest.raises(ValueError, match="must have faces"):
        viewer_html(trimesh.Trimesh())
