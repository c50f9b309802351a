from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

from urform.pictures import Hints, cut_out_by_hand, cut_out_hinted, read_image
from urform.pictures import _background as background
from urform.pictures._background import cut_out
from urform.pictures._grabcut import _lab

PHOTOS = Path(__file__).parents[2] / "shared" / "photos"
needs_photos = pytest.mark.skipif(not PHOTOS.exists(), reason="the shared photographs are not here")


def chair(height=180, width=160):
    """Mask of a seat on four legs with a frame for a back: the gaps show the background."""
    mask = np.zeros((height, width), dtype=bool)
    mask[90:105, 40:120] = True
    for left in (40, 62, 92, 113):
        mask[105:160, left : left + 7] = True
    mask[30:90, 40:48] = mask[30:90, 112:120] = mask[30:40, 40:120] = True
    return mask


def on_gradient(mask, noise=2.0):
    y, x = np.indices(mask.shape) / max(mask.shape)
    picture = np.stack([225 - 40 * y, 220 - 25 * y + 15 * x, 205 + 30 * x * y], axis=-1)
    picture[mask] = (110, 60, 30)
    picture += np.random.default_rng(0).normal(0, noise, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def overlap(rgba, mask):
    found = rgba[..., 3] > 127
    return (found & mask).sum() / (found | mask).sum()


def load(name):
    return np.asarray(Image.open(PHOTOS / name))


def test_alpha_is_taken_as_it_is():
    rgba = np.dstack([on_gradient(chair()), np.where(chair(), 200, 3).astype(np.uint8)])
    result = cut_out(rgba)
    assert result.method == "alpha"
    np.testing.assert_array_equal(result.rgba, rgba)


def test_an_opaque_alpha_counts_as_none():
    rgba = np.dstack([on_gradient(chair()), np.full(chair().shape, 255, np.uint8)])
    result = cut_out(rgba)
    assert result.method == "plain"
    np.testing.assert_array_equal(result.rgba[..., :3], rgba[..., :3])


def test_a_plain_background_goes_with_the_holes_it_shows_through():
    mask = chair()
    result = cut_out(on_gradient(mask))
    assert result.method == "plain"
    assert overlap(result.rgba, mask) > 0.95
    assert result.rgba[60, 80, 3] == 0  # inside the frame of the back
    assert result.rgba[120, 55, 3] == 0  # between the legs


def test_an_object_cut_by_the_border_does_not_bend_the_background():
    mask = np.zeros((120, 140), dtype=bool)
    mask[70:, 50:80] = True
    result = cut_out(on_gradient(mask))
    assert result.method == "plain"
    assert overlap(result.rgba, mask) > 0.95


def test_a_busy_background_goes_to_grabcut_and_comes_out_the_same_twice():
    height, width = 240, 260
    y, x = np.indices((height, width))
    tiles = ((y // 20 + x // 20) % 2)[..., None]
    picture = np.where(tiles, [190, 200, 205], [120, 140, 160]).astype(float)
    mask = np.zeros((height, width), dtype=bool)
    mask[60:180, 80:180] = True
    picture[mask] = (170, 50, 30)
    picture += np.random.default_rng(1).normal(0, 4, picture.shape)
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    first, second = cut_out(picture), cut_out(picture)
    assert first.method == "grabcut"
    assert overlap(first.rgba, mask) > 0.95
    np.testing.assert_array_equal(first.rgba, second.rgba)


def test_keep_background_makes_everything_opaque():
    rgba = np.dstack([on_gradient(chair()), np.zeros(chair().shape, np.uint8)])
    result = cut_out(rgba, keep_background=True)
    assert result.method == "kept"
    assert result.rgba[..., 3].min() == 255


@pytest.mark.parametrize("case", ["flat", "tiny", "clear", "speck"])
def test_where_there_is_nothing_it_says_so(case):
    image = {
        "flat": np.full((90, 70, 3), 128, np.uint8),
        "tiny": np.zeros((3, 5, 3), np.uint8),
        "clear": np.zeros((20, 20, 4), np.uint8),
        "speck": np.dstack([np.zeros((90, 70, 3), np.uint8), np.eye(90, 70, dtype=np.uint8) * 255]),
    }[case]
    with pytest.raises(ValueError, match="expected"):
        cut_out(image)


def test_an_object_that_would_fill_the_picture_keeps_its_background(monkeypatch):
    monkeypatch.setattr(background, "_segment", lambda rgb: (np.full(rgb.shape[:2], 255, np.uint8), "grabcut", ()))
    result = cut_out(np.random.default_rng(2).integers(0, 255, (90, 70, 3), dtype=np.uint8))
    assert result.method == "kept"
    assert result.warnings == ("the object would fill 100.0 % of the picture: the background is kept",)


def test_rounded_corners_are_no_cut_out():
    picture = on_gradient(chair())
    alpha = np.full(chair().shape, 255, np.uint8)
    alpha[:3, :3] = alpha[-3:, -3:] = 0
    assert cut_out(np.dstack([picture, alpha])).method != "alpha"


def test_a_small_cut_out_is_taken():
    alpha = np.zeros((600, 800), np.uint8)
    alpha[300:320, 400:415] = 255
    assert cut_out(np.dstack([np.zeros((600, 800, 3), np.uint8), alpha])).method == "alpha"


def armchair(height=240, width=320):
    """A dark block with arms and short legs, seen from the front: what any network takes for an object."""
    mask = np.zeros((height, width), dtype=bool)
    mask[60:150, 110:210] = mask[110:190, 95:225] = True
    mask[190:205, 100:112] = mask[190:205, 208:220] = True
    picture = np.full((height, width, 3), 238, np.uint8)
    picture[mask] = (120, 50, 40)
    picture[70:140, 120:200] = (150, 70, 55)
    return picture, mask


def test_shadows_and_letters_go_with_a_plain_background():
    picture, mask = armchair()
    y, x = np.indices(mask.shape)
    blob = np.exp(-(((y - 205) / 14.0) ** 4) - ((x - 160) / 100.0) ** 4)
    shaded = np.where(mask[..., None], picture, picture * (1 - 0.5 * blob[..., None])).astype(np.uint8)
    shaded[8:20, 8:60:4] = (200, 0, 0)
    result = cut_out(shaded)
    assert overlap(result.rgba, mask) > 0.9
    assert not result.rgba[:30, :70, 3].any()


def test_a_wrong_array_is_named():
    for wrong in (np.zeros((5, 5), np.uint8), np.zeros((5, 5, 2), np.uint8), np.zeros((0, 5, 3), np.uint8)):
        with pytest.raises((ValueError, TypeError), match="image"):
            cut_out(wrong)


@needs_photos
def test_the_armchair_before_tiles_keeps_its_legs_and_arms():
    image = load("pexels_6373478_armchair.png")
    reference = load("pexels_6373478_armchair_cutout.png")[..., 3] > 127
    result = cut_out(image)
    assert result.method == "grabcut"
    assert overlap(result.rgba, reference) > 0.93
    found = result.rgba[..., 3] > 127
    # Left front leg, right front leg, rear leg: each reaches down into its band of rows, in its columns.
    for rows, columns in (((740, 800), (160, 215)), ((880, 960), (530, 590)), ((740, 800), (890, 930))):
        part = np.s_[slice(*rows), slice(*columns)]
        assert (found & reference)[part].sum() > 0.5 * reference[part].sum() > 0


@needs_photos
def test_the_stool_before_a_wall_keeps_its_gaps():
    image = load("pexels_7193656_stool.png")
    result = cut_out(image)
    assert result.method == "plain"
    alpha = result.rgba[..., 3]
    assert alpha[620, 445] == 0  # between the right legs, above the braces
    assert alpha[620, 390] == 255  # the leg in the middle


@needs_photos
@pytest.mark.parametrize("name", ["pexels_4352247_sofa_cutout.png", "tux_747.png", "tux_beetle.png", "tux_sedan.png"])
def test_cut_outs_are_taken(name):
    image = load(name)
    result = cut_out(image)
    assert result.method == "alpha"
    np.testing.assert_array_equal(result.rgba, image)


def test_a_large_picture_is_cut_out_in_its_own_size():
    mask = np.kron(chair(), np.ones((12, 12), dtype=bool))
    result = cut_out(on_gradient(mask))
    assert result.rgba.shape == (*mask.shape, 4)
    assert overlap(result.rgba, mask) > 0.97


def test_lab_is_that_of_scikit_image() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    np.testing.assert_allclose(_lab(rgb), rgb2lab(rgb), atol=0.01)


def test_a_box_or_a_point_names_the_object() -> None:
    pixels = np.full((120, 200, 3), 255, np.uint8)
    pixels[30:90, 20:80], pixels[30:90, 120:180] = (150, 30, 30), (30, 30, 150)
    left, right = np.s_[40:80, 30:70], np.s_[40:80, 130:170]
    for hints in (Hints.parse("110,20,190,100"), Hints.parse(inside="150,60", outside="50,60")):
        cut = cut_out_hinted(pixels, hints)
        assert cut.method == "hand"
        assert (cut.rgba[right][..., 3] > 127).all()
        assert not (cut.rgba[left][..., 3] > 127).any()
    assert cut_out_hinted(pixels, Hints()).method == "plain"
    assert cut_out_hinted(pixels, Hints(keep_background=True)).method == "kept"


def test_hints_that_name_nothing_are_refused() -> None:
    pixels = np.full((64, 64, 3), 255, np.uint8)
    for box, inside, message in (
        ("1,2,3", "", "box must be 4 whole numbers"),
        ("0,0,100,10", "", "inside the picture of 64 x 64"),
        ("", "70,1", "inside the picture of 64 x 64"),
        ("", "a,b", "inside must be 2 whole numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            cut_out_hinted(pixels, Hints.parse(box, inside))
    with pytest.raises(ValueError, match="nothing is left of the object"):
        cut_out_hinted(pixels, Hints.parse("0,0,3,3", outside="1,1"))
    with pytest.raises(ValueError, match="keep_background must go without box and points"):
        cut_out_hinted(pixels, Hints.parse(inside="1,1", keep_background=True))
    with pytest.raises(ValueError, match="box or points must be given"):
        cut_out_by_hand(pixels)


def test_the_box_of_the_armchair(shared: Path) -> None:
    picture = read_image(shared / "photos" / "pexels_6373478_armchair.png")
    truth = read_image(shared / "photos" / "pexels_6373478_armchair_cutout.png")[..., 3] > 127
    found = cut_out_hinted(picture, Hints((167, 104, 968, 981))).rgba[..., 3] > 127
    assert (found & truth).sum() / (found | truth).sum() > 0.9
