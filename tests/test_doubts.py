import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import trimesh
from PIL import Image

from tests.small_model import small_weights
from tests.test_background import chair, on_gradient
from urform.cli import main
from urform.inference import Model, Reconstruction
from urform.inference._doubts import Answer, doubts
from urform.pictures import CutOut, Hints, cut_out
from urform.weights import save_weights


def of_alpha(
    alpha: np.ndarray, method: str = "plain", dropped: int = 0, bridge: float = 0, **found: float
) -> tuple[str, ...]:
    cut = CutOut(np.dstack([np.zeros((*alpha.shape, 3), np.uint8), np.where(alpha, 255, 0).astype(np.uint8)]), method)
    mesh = trimesh.Trimesh(metadata={"dropped_components": dropped, "longest_bridge": bridge})
    result = Reconstruction(mesh, np.zeros(4, np.float32), np.zeros((32, 32, 4), np.uint8), method, 0.0, 0.0)
    return doubts(Answer(Model(small_weights()), cut, replace(result, **found)))


def block(rows: slice, columns: slice, shape: tuple[int, int] = (120, 160)) -> np.ndarray:
    mask = np.zeros(shape, bool)
    mask[rows, columns] = True
    return mask


def test_an_object_in_the_middle_leaves_no_doubt() -> None:
    assert of_alpha(block(slice(30, 90), slice(40, 100))) == ()


def test_long_bridges_are_told() -> None:
    middle = block(slice(30, 90), slice(40, 100))
    assert of_alpha(middle, bridge=0.04) == ()
    (said,) = of_alpha(middle, bridge=0.2)
    assert said.startswith("parts of the mesh hung in the air")


def test_strange_pictures_and_meshes_that_do_not_fit() -> None:
    middle = block(slice(30, 90), slice(40, 100))
    assert of_alpha(middle, strangeness=0.99, overlap=0.51) == ()
    strange, elsewhere = of_alpha(middle, strangeness=1.2, overlap=0.3)
    assert "unlike those of a ball (strangeness 1.20)" in strange
    assert "does not fit the object (overlap 0.30)" in elsewhere


@pytest.mark.parametrize(
    ("rows", "columns", "edges"),
    [
        (slice(0, 60), slice(40, 100), "top"),
        (slice(60, 120), slice(40, 100), "bottom"),
        (slice(20, 60), slice(0, 30), "left"),
        (slice(60, 120), slice(120, 160), "bottom and right"),
    ],
)
def test_an_object_at_an_edge_is_cut_off(rows: slice, columns: slice, edges: str) -> None:
    said = (f"the object touches the {edges} edge of the picture: what lies beyond is guessed",)
    assert of_alpha(block(rows, columns)) == of_alpha(block(rows, columns), "alpha") == said
    assert of_alpha(block(rows, columns), "kept") == ()


def test_a_cut_out_that_is_cropped_to_its_object_is_whole() -> None:
    assert of_alpha(block(slice(1, 120), slice(0, 160)), "alpha") == ()
    assert len(of_alpha(block(slice(1, 120), slice(0, 160)))) == 1
    foot = block(slice(30, 119), slice(40, 100))
    foot[119, 40:43] = True
    assert of_alpha(foot) == ()


def test_few_pixels_and_several_pieces() -> None:
    tiny = of_alpha(block(slice(30, 40), slice(40, 54)))
    assert tiny == ("the object has only 14 x 10 pixels, expected at least 15 along its longer side",)
    assert of_alpha(block(slice(30, 40), slice(40, 55))) == ()
    two = block(slice(30, 90), slice(40, 80)) | block(slice(30, 50), slice(100, 120))
    assert of_alpha(two) == (
        "the object is in 2 separate pieces: if these are several things, crop the picture to one",
    )
    crumb = block(slice(30, 90), slice(40, 80)) | block(slice(30, 35), slice(100, 120))
    assert of_alpha(crumb) == ()
    assert of_alpha(crumb, dropped=2) == ()
    assert of_alpha(crumb, dropped=3) == ("3 small loose pieces of the mesh were dropped",)


def test_the_cut_out_says_why_it_ignores_alpha() -> None:
    picture, alpha = on_gradient(chair()), np.full(chair().shape, 255, np.uint8)
    opaque = cut_out(np.dstack([picture, alpha])).warnings
    alpha[:12, :12] = 0
    (said, *rest) = cut_out(np.dstack([picture, alpha])).warnings
    assert said == "the picture's transparency, 0.5 % of it, is too little for a cut-out"
    assert tuple(rest) == opaque


def test_confetti_and_letters_are_no_object() -> None:
    rng = np.random.default_rng(0)
    confetti = np.full((200, 200, 3), 200, np.uint8)
    for top, left in rng.integers(0, 180, (40, 2)):
        confetti[top : top + 12, left : left + 12] = rng.integers(0, 255, 3)
    assert "nothing in the picture clearly stands out as an object" in cut_out(confetti).warnings
    letters = np.full((160, 420, 3), 250, np.uint8)
    for row in range(8):
        cv2.putText(letters, "Lorem ipsum dolor sit amet", (6, 18 + 18 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (20,) * 3)
    assert any("separate pieces" in said for said in Model(small_weights()).reconstruct(letters, 16).warnings)


def test_the_command_and_the_result_say_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_weights(Path("run/model.safetensors"), small_weights())
    for name, top in (("good", 20), ("high", 0)):
        rgba = np.zeros((80, 80, 4), np.uint8)
        rgba[top : top + 40, 20:60] = 255
        Image.fromarray(rgba).save(f"{name}.png")
    assert main(["reconstruct", "good.png", "high.png", "--weights", "run", "--out", "out", "--resolution", "16"]) == 0
    said = capsys.readouterr()
    warned = "the object touches the top edge of the picture: what lies beyond is guessed"
    assert [json.loads(line)["warnings"] for line in said.out.splitlines()] == [[], [warned]]
    assert said.err.splitlines() == [f"urform: high.png: {warned}"]
    assert Model(small_weights()).reconstruct("high.png", 16).warnings == (warned,)


STRIPS = [(1, 1), (1, 50), (16, 16), (16, 1290), (20, 20_000), (40, 2000)]


@pytest.mark.parametrize("sides", STRIPS)
@pytest.mark.parametrize("is_cut_out", [False, True])
def test_pictures_of_odd_sizes_give_a_mesh_or_say_why_not(sides: tuple[int, int], is_cut_out: bool) -> None:
    """A block in the middle of a strip, upright and lying, with each way to name the object."""
    model, said = Model(small_weights()), set()
    for width, height in {sides, sides[::-1]}:
        middle = np.s_[height // 4 : height // 4 + max(1, height // 2), width // 4 : width // 4 + max(1, width // 2)]
        rgba = np.full((height, width, 4), 240, np.uint8)
        rgba[..., 3] = 0
        rgba[middle] = (150, 60, 40, 255)
        image = rgba if is_cut_out else np.ascontiguousarray(rgba[..., :3])
        corner = Hints(box=(width - 1, height - 1, width, height))
        for hints in (Hints(), Hints(keep_background=True), corner, Hints(inside=((width // 2, height // 2),))):
            try:
                model.reconstruct(image, 8, hints=hints)
            except ValueError as error:
                said.add(str(error).split(":")[0])
    known = ("the picture has", "nothing in the picture stands out", "nothing is left of the object")
    assert [text for text in said if not text.startswith(known)] == []
    assert said or min(sides) == 40


@pytest.mark.parametrize("width", [1, 3])
def test_an_object_too_thin_to_be_seen_is_named(width: int) -> None:
    image = np.zeros((600, 600, 4), np.uint8)
    image[50:550, 200 : 200 + width] = (90, 60, 30, 255)
    with pytest.raises(ValueError, match=r"nothing is left of the object at 32 x 32 pixels: it is too thin"):
        Model(small_weights()).reconstruct(image, 8)
