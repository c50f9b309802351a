import numpy as np
import pytest

from urform.pictures._framing import frame, on_white


def picture(height, width, box, color=(200, 40, 10)):
    rgba = np.zeros((height, width, 4), np.uint8)
    top, bottom, left, right = box
    rgba[top:bottom, left:right] = (*color, 255)
    return rgba


def extent(rgba):
    rows, columns = np.nonzero(rgba[..., 3] > 127)
    return rows.min(), rows.max() + 1, columns.min(), columns.max() + 1


@pytest.mark.parametrize("scale", [1, 3, 17])
def test_the_longer_side_takes_its_share_and_the_object_is_centred(scale):
    rgba = picture(60 * scale, 50 * scale, (5 * scale, 45 * scale, 20 * scale, 30 * scale))
    top, bottom, left, right = extent(frame(rgba, 100, fill=0.8))
    np.testing.assert_allclose([top, bottom, left, right], [10, 90, 40, 60], atol=1)


def test_an_object_at_the_border_is_padded_with_nothing():
    framed = frame(picture(40, 40, (0, 40, 0, 10)), 64)
    assert framed.shape == (64, 64, 4)
    assert framed[:, 0, 3].max() == 0
    np.testing.assert_allclose(extent(framed)[2:], [32 - 7.2, 32 + 7.2], atol=1)


def test_hidden_colors_do_not_bleed_into_the_edge():
    rgba = picture(300, 300, (61, 242, 73, 227))
    rgba[rgba[..., 3] == 0] = (0, 255, 255, 0)
    framed = frame(rgba, 50)
    inside = framed[framed[..., 3] > 30].astype(int)
    assert np.abs(inside[:, :3] - [200, 40, 10]).max() <= 3


def test_framing_twice_changes_little():
    once = frame(picture(200, 170, (20, 170, 30, 120)), 96)
    np.testing.assert_allclose(extent(frame(once, 96)), extent(once), atol=1)


def test_an_empty_alpha_is_refused():
    with pytest.raises(ValueError, match="nothing in the image is opaque"):
        frame(np.zeros((5, 5, 4), np.uint8), 10)


def test_on_white():
    rgba = np.array([[[10, 20, 30, 0], [10, 20, 30, 255], [0, 0, 0, 51]]], np.uint8)
    assert on_white(rgba).tolist() == [[[255, 255, 255], [10, 20, 30], [204, 204, 204]]]
