"""One body of what the mesher finds: pieces are joined to it or dropped."""

import numpy as np
import trimesh

from tests.meshes import together
from urform.geometry import GAP, extract_isosurface, join_components
from urform.inference import load


def _balls(*places: tuple[float, float]) -> trimesh.Trimesh:
    """Balls along x, each of a middle and a radius."""
    return together([trimesh.creation.icosphere(3, radius).apply_translation([x, 0, 0]) for x, radius in places])


def test_what_is_near_is_joined_and_what_is_small_and_far_is_dropped() -> None:
    near, far = 0.4 + 0.1 + GAP / 2, 0.4 + 0.1 + 3 * GAP
    joined = join_components(_balls((0, 0.4), (near, 0.1), (-far, 0.1)))
    assert joined.is_watertight
    assert joined.is_winding_consistent
    assert joined.body_count == 1
    assert joined.euler_number == 2
    np.testing.assert_allclose(joined.bounds[:, 0], [-0.4, near + 0.1], atol=1e-6)
    assert joined.metadata["dropped_components"] == 1
    assert 0 < joined.metadata["longest_bridge"] < GAP
    two = _balls((0, 0.4), (near, 0.1))
    assert abs(joined.volume / two.volume - 1) < 0.01


def test_what_is_large_is_joined_wherever_it_is_and_takes_its_neighbours_along() -> None:
    joined = join_components(_balls((-0.4, 0.3), (0.4, 0.25), (0.7, 0.04)))
    assert joined.body_count == 1
    assert joined.is_watertight
    assert joined.metadata["dropped_components"] == 0
    assert joined.bounds[1, 0] > 0.73
    assert joined.metadata["longest_bridge"] > 0.2


def test_one_component_stays_as_it_is() -> None:
    ball = _balls((0, 0.4))
    joined = join_components(ball)
    np.testing.assert_array_equal(joined.faces, ball.faces)
    assert joined.metadata["longest_bridge"] == 0


def test_no_mesh_of_a_model_has_a_piece_in_the_air() -> None:
    """Half way between two chairs parts come loose, as in what an encoder makes of a hard picture."""
    model = load("chair")
    latents = np.stack(list(model.latents.values()))
    loose = 0
    for seed in (2, 6, 11):
        first, second = np.random.default_rng(seed).choice(len(latents), 2, replace=False)
        latent = (latents[first] + latents[second]) / 2
        loose += extract_isosurface(lambda points, latent=latent: model.sdf(points, latent), 64, radius=1.0).body_count
        mesh = model.mesh(latent, 64)
        assert mesh.body_count == 1
        assert mesh.is_watertight
    assert loose > 3
