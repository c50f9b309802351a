import numpy as np
import pytest
import trimesh

from urform.inference._preview import preview


def panels(picture, size):
    return [picture[:, i * size : (i + 1) * size] for i in range(5)]


@pytest.mark.parametrize("channels", [3, 4])
def test_input_and_four_views_side_by_side(channels):
    image = np.full((40, 60, channels), 90, np.uint8)
    image[..., 3:] = 255
    picture = preview(image, trimesh.creation.box((1, 2, 0.5)), size=48)
    assert picture.shape == (48, 5 * 48, 3)
    assert picture.dtype == np.uint8
    for panel in panels(picture, 48):
        assert (panel[0, 0] == 255).all()
        assert (panel[24, 24] < 250).any()


@pytest.mark.parametrize("scale", [0.01, 1.0, 300.0])
@pytest.mark.parametrize("extents", [(1, 1, 1), (4, 0.2, 1), (0.1, 3, 0.1)])
def test_the_mesh_fills_its_panels_and_is_not_cut(scale, extents):
    mesh = trimesh.creation.box(np.array(extents) * scale)
    mesh.apply_translation(np.array([3.0, -1, 2]) * scale)
    for panel in panels(preview(np.zeros((8, 8, 3), np.uint8), mesh, size=64), 64)[1:]:
        covered = np.asarray((panel < 250).any(axis=2))
        border = np.concatenate([covered[0], covered[-1], covered[:, 0], covered[:, -1]])
        assert not border.any()
        rows, columns = np.nonzero(covered)
        assert max(np.ptp(rows), np.ptp(columns)) > 0.55 * 64


def test_the_front_is_seen_from_z():
    # Wide along x, flat along z: the second view sees its broad side, the third its edge.
    mesh = trimesh.creation.box((1, 1, 0.05))
    front, side = panels(preview(np.zeros((8, 8, 3), np.uint8), mesh, size=64), 64)[2:4]
    assert (front < 250).any(axis=2).sum() > 3 * (side < 250).any(axis=2).sum()
