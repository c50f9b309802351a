import numpy as np

from urform.pictures import Tile, contact_sheet

GREY = np.full((50, 50, 3), 120, np.uint8)


def test_tiles_lie_in_rows_with_their_text() -> None:
    rows = [[Tile(GREY, "one\ntwo", "a heading that is wider than its tile"), Tile(GREY)], [Tile(None, framed=True)]]
    sheet = contact_sheet(rows, 50, line=12, title="title")
    row = 12 + 50 + 2 * 12
    assert sheet.shape == (12 + 2 * row, 100, 3)
    assert (sheet[24:74] == 120).all()
    assert (sheet[:12] < 128).any()
    assert (sheet[12:24, 50:] < 128).any()  # the heading goes on
    assert (sheet[74:98, :50] < 128).any()
    assert (sheet[74:98, 50:] == 255).all()
    below = sheet[12 + row :]
    assert below[12 + 1, 25].tolist() == [200, 60, 70]
    assert (below[12 + 20 : 12 + 32, 4:40] < 250).any()  # no surface
    assert (below[:, 50:] == 255).all()


def test_pictures_are_made_to_fit_and_text_is_left_out_where_there_is_none() -> None:
    sheet = contact_sheet([[Tile(np.full((100, 200, 3), 7, np.uint8)), Tile(np.full((5, 5, 3), 9, np.uint8))]], 40)
    assert sheet.shape == (40, 80, 3)
    assert (sheet[10:30, :40] == 7).all()
    assert (sheet[:10, :40] == 255).all()
    assert (sheet[:, 40:] == 9).all()
