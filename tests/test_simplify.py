import numpy as np
import pytest
import trimesh

from urform.geometry import simplify


def test_fewer_faces_and_nearly_the_same_surface():
    ball = trimesh.creation.icosphere(5, 0.7)
    ball.metadata["resolution"] = 7
    fewer = simplify(ball, 400)
    assert len(fewer.faces) == 400
    assert fewer.is_watertight
    assert fewer.is_winding_consistent
    assert fewer.volume == pytest.approx(ball.volume, rel=0.02)
    assert fewer.metadata["resolution"] == 7
    np.testing.assert_allclose(np.linalg.norm(fewer.vertices, axis=1), 0.7, atol=0.02)
    assert simplify(ball, 10**6) is ball


def test_messages():
    ball = trimesh.creation.icosphere(3)
    with pytest.raises(ValueError, match="faces must be at least 4, got 3"):
        simplify(ball, 3)
    ring = trimesh.creation.torus(1, 0.3)
    with pytest.raises(ValueError, match=r"faces: the mesh of \d+ cannot be brought down to 6 without tearing it"):
        simplify(ring, 6)
