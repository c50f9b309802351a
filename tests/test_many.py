"""Many pictures in one command, and many threads on one model."""

import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.small_model import small_weights
from urform.inference import Model, Reconstruction, preview, reconstruct_files


def picture(number: int, size: int = 96) -> np.ndarray:
    """A block before a plain background, of another place, size and colour each; every second one a cut-out."""
    rng = np.random.default_rng(number)
    rgba = np.full((size, size, 4), 235, np.uint8)
    (top, left), (bottom, right) = rng.integers(size // 10, size // 3, 2), rng.integers(size // 2, size * 9 // 10, 2)
    rgba[..., 3] = 0
    rgba[top:bottom, left:right] = (*rng.integers(0, 160, 3), 255)
    return rgba if number % 2 else np.ascontiguousarray(rgba[..., :3])


@pytest.mark.skipif(sys.platform != "linux", reason="reads how much memory this process has where Linux says it")
def test_memory_does_not_grow_with_the_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "urform.inference._reconstruct.preview", lambda image, mesh, camera: preview(image, mesh, camera, 24)
    )
    size, count, begun = 700, 40, 12
    for number in range(count):
        Image.fromarray(np.kron(picture(2 * number + 1, 70), np.ones((10, 10, 1), np.uint8))).save(
            f"{tmp_path}/{number}.png"
        )
    files = [tmp_path / f"{number}.png" for number in range(count)]
    pages = []
    for summary in reconstruct_files(files, tmp_path / "out", [Model(small_weights())], resolution=8):
        assert "error" not in summary
        pages.append(int(Path("/proc/self/statm").read_text().split()[1]))
    grown = (pages[-1] - pages[begun - 1]) * resource.getpagesize()
    assert grown < 0.4 * (count - begun) * size * size * 4  # what the pictures alone take


def test_eight_threads_on_one_model_see_what_one_does() -> None:
    model = Model(small_weights())
    pictures = [picture(number) for number in range(10)]

    def result(image: np.ndarray) -> Reconstruction:
        return model.reconstruct(image, 16)

    alone = [result(image) for image in pictures]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(result, pictures))
    assert len({found.latent.tobytes() for found in alone}) == len(pictures)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.latent, other.latent)
        np.testing.assert_array_equal(one.framed, other.framed)
        np.testing.assert_array_equal(one.mesh.vertices, other.mesh.vertices)
        np.testing.assert_array_equal(one.mesh.faces, other.mesh.faces)
        assert (one.background, one.warnings) == (other.background, other.warnings)
