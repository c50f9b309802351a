from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from urform.pictures import _image
from urform.pictures._image import picture, read_image

RGB = np.random.default_rng(0).integers(0, 255, (9, 13, 3), dtype=np.uint8)


def save(path, image, **options):
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tiff"])
def test_lossless_files_come_back_exactly(tmp_path, suffix):
    np.testing.assert_array_equal(read_image(save(tmp_path / f"a.{suffix}", Image.fromarray(RGB))), RGB)


def test_alpha_is_kept(tmp_path):
    rgba = np.dstack([RGB, np.full(RGB.shape[:2], 77, np.uint8)])
    np.testing.assert_array_equal(read_image(save(tmp_path / "a.png", Image.fromarray(rgba))), rgba)
    image = read_image(save(tmp_path / "a.webp", Image.fromarray(rgba), lossless=True, exact=True))
    np.testing.assert_array_equal(image, rgba)


@pytest.mark.parametrize("mode", ["L", "1", "P", "CMYK", "YCbCr"])
def test_other_modes_become_rgb(tmp_path, mode):
    grey = Image.fromarray(np.repeat(RGB[..., :1], 3, axis=2)).convert(mode)
    image = read_image(save(tmp_path / "a.tiff", grey))
    assert image.shape == (9, 13, 3)
    if mode in ("L", "CMYK"):
        np.testing.assert_allclose(image[..., 1], RGB[..., 0], atol=2)


def test_a_transparent_palette_keeps_its_hole(tmp_path):
    palette = Image.new("P", (4, 3), 1)
    palette.putpalette([0, 0, 0, 200, 10, 20])
    palette.putpixel((0, 0), 0)
    image = read_image(save(tmp_path / "a.gif", palette, transparency=0))
    assert image[0, 0, 3] == 0
    assert image[1, 1].tolist() == [200, 10, 20, 255]


def test_sixteen_bits_are_scaled(tmp_path):
    grey = np.linspace(0, 65535, 20).astype(np.uint16).reshape(4, 5)
    image = read_image(save(tmp_path / "a.png", Image.fromarray(grey)))
    np.testing.assert_array_equal(image[..., 0], grey // 257)


def test_exif_turns_the_picture_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    image = read_image(save(tmp_path / "a.png", Image.fromarray(RGB), exif=exif))
    np.testing.assert_array_equal(image, np.rot90(RGB, -1))


def test_messages(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"missing\.png: no such file"):
        read_image(tmp_path / "missing.png")
    with pytest.raises(ValueError, match="is a folder, expected a PNG"):
        read_image(tmp_path)
    text = tmp_path / "text.png"
    text.write_text("not a picture")
    with pytest.raises(ValueError, match=r"text\.png: is not a picture that can be read, expected a PNG"):
        read_image(text)
    heic = tmp_path / "photo.HEIC"
    heic.write_bytes(b"\0\0\0 ftypheic" + bytes(50))
    with pytest.raises(ValueError, match="convert HEIC pictures to JPEG first"):
        read_image(heic)
    text.write_text("")
    with pytest.raises(ValueError, match=r"is empty \(0 bytes\)"):
        read_image(text)
    floats = save(tmp_path / "float.tiff", Image.fromarray(np.zeros((3, 3), np.float32)))
    with pytest.raises(ValueError, match=r"float\.tiff: has floating-point pixels, expected 8 or 16 bits"):
        read_image(floats)
    monkeypatch.setattr(_image, "MAX_PIXELS", 100)
    with pytest.raises(ValueError, match="has 13 x 9 pixels, expected at most"):
        read_image(save(tmp_path / "large.png", Image.fromarray(RGB)))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp", "bmp", "gif", "tiff"])
@pytest.mark.parametrize("share", [0.3, 0.7])
def test_a_file_cut_off_is_one_clear_error(tmp_path, suffix, share):
    noise = np.random.default_rng(1).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path / f"a.{suffix}", Image.fromarray(noise))
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(ValueError, match=r"is damaged or cut off|is not a picture") as caught:
        read_image(path)
    assert "\n" not in str(caught.value)


def test_more_pixels_than_pillow_allows_are_refused_before_decoding(tmp_path):
    header = b"BM" + (54).to_bytes(4, "little") + bytes(4) + (54).to_bytes(4, "little") + (40).to_bytes(4, "little")
    size = (30_000).to_bytes(4, "little") * 2 + (1).to_bytes(2, "little") + (24).to_bytes(2, "little") + bytes(24)
    path = tmp_path / "bomb.bmp"
    path.write_bytes(header + size)
    with pytest.raises(ValueError, match="expected at most 100 million"):
        read_image(path)


def test_a_picture_is_the_same_however_it_is_given(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    path = tmp_path / "a.png"
    Image.fromarray(RGB).save(path, exif=exif)
    expected = read_image(path)
    assert expected.shape == (13, 9, 3)
    for given in (path, str(path), path.read_bytes(), Image.open(path), expected):
        np.testing.assert_array_equal(picture(given), expected)
    cmyk = Image.fromarray(RGB).convert("CMYK")
    assert picture(cmyk).shape == (9, 13, 3)
    np.testing.assert_array_equal(picture(RGB[..., 0]), np.repeat(RGB[..., :1], 3, axis=2))


@pytest.mark.parametrize("wrong", [b"", b"no picture", np.zeros((4, 4, 2), np.uint8), np.zeros((4, 4, 3))])
def test_what_is_no_picture_is_refused(wrong):
    with pytest.raises(ValueError, match=r"expected|must be"):
        picture(wrong)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
@pytest.mark.parametrize("way", ["path", "bytes", "PIL", "array"])
def test_large_pictures_are_made_smaller_however_they_are_given(
    kind: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("urform.pictures._image.KEPT_PIXELS", 25_000)
    large = np.full((240, 360, 3), 200, np.uint8)
    large[60:120, 90:180] = (20, 40, 160)
    file, exif = tmp_path / f"a.{kind}", Image.Exif()
    exif[0x0112] = 6  # turned by a quarter, to the right
    Image.fromarray(large).save(file, kind, exif=exif, quality=95)
    upright = np.rot90(large, -1)
    given = {"path": lambda: file, "bytes": file.read_bytes, "array": lambda: np.ascontiguousarray(upright)}
    if way == "PIL":
        with Image.open(file) as image:
            image.load()  # which turns a TIFF file
            size, small = image.size, picture(image)
            assert image.size == size  # the user's own is left alone
    else:
        small = picture(given[way]())
    assert small.shape == (180, 120, 3)
    assert np.abs(small - upright.reshape(180, 2, 120, 2, 3).mean((1, 3))).mean() < 2


def test_a_small_cut_out_in_a_large_picture_keeps_its_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("urform.pictures._image.KEPT_PIXELS", 10_000)
    large = np.zeros((300, 400, 4), np.uint8)
    large[..., :3] = (0, 255, 0)  # which must not get into the object
    large[100:180, 200:280] = (200, 10, 10, 255)
    np.testing.assert_array_equal(picture(large), large[92:188, 192:288])
    monkeypatch.setattr("urform.pictures._image.KEPT_PIXELS", 2_500)
    small = picture(large)
    assert small.shape[:2] == (48, 48)
    seen = small[..., 3] > 0
    assert seen.sum() == pytest.approx(40 * 40, abs=200)
    np.testing.assert_allclose(small[seen][:, :3], [[200, 10, 10]] * seen.sum(), atol=2)


def test_pil_images_of_rare_modes_are_read_or_refused_as_their_files_are(tmp_path: Path) -> None:
    grey = np.full((9, 9), 100, np.uint8)
    for mode, image in (
        ("La", Image.fromarray(grey).convert("LA").convert("La")),
        ("I", Image.fromarray(grey.astype(np.int32))),  # 32 bits that hold 8
        ("I of 16", Image.fromarray(grey.astype(np.int32) * 257)),
    ):
        assert picture(image)[4, 4, :3].tolist() == [100] * 3, mode
    with pytest.raises(ValueError, match="the image given: has floating-point pixels"):
        picture(Image.fromarray(grey / np.float32(255)))
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (99, 99, 3), np.uint8)).save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    np.testing.assert_array_equal(picture(bytearray(content)), picture(tmp_path / "a.png"))
    (tmp_path / "a.png").write_bytes(content[: len(content) // 2])
    with Image.open(tmp_path / "a.png") as image, pytest.raises(ValueError, match="the image given: is damaged"):
        picture(image)
