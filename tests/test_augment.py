import numpy as np
import torch

from urform.data import augment, frame, on_white, to_input


def pictures(count: int = 16) -> torch.Tensor:
    rgba = np.zeros((count, 48, 48, 4), np.uint8)
    rgba[:, 8:40, 16:32] = [200, 50, 50, 255]
    return torch.from_numpy(rgba)


def test_the_encoder_sees_objects_on_white() -> None:
    shown = to_input(pictures(1))
    expected = torch.from_numpy(on_white(pictures(1).numpy())).permute(0, 3, 1, 2) / 255
    torch.testing.assert_close(shown, expected, atol=1e-2, rtol=0)


def test_augmentation_varies_every_picture_and_repeats_for_a_seed() -> None:
    first, second = (augment(pictures(), True, torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert first.shape == (16, 3, 48, 48)
    assert first.min() >= 0
    assert first.max() <= 1
    assert not torch.equal(first, augment(pictures(), True, torch.Generator().manual_seed(4)))
    distances = torch.cdist(first.flatten(1), first.flatten(1)) + 10 * torch.eye(16)
    assert distances.min() > 0.5


def test_the_object_stays_visible() -> None:
    shown = augment(pictures(64), True, torch.Generator().manual_seed(0))
    middle = shown[:, :, 20:28, 20:28].mean(dim=(2, 3))
    corner = shown[:, :, :3, :3].mean(dim=(2, 3))
    assert ((middle - corner).abs().amax(dim=1) > 0.05).float().mean() > 0.8


def test_flips_can_be_switched_off() -> None:
    rgba = pictures(64).numpy().copy()
    rgba[:, 8:24, 32:44] = [50, 50, 200, 255]
    framed = torch.from_numpy(np.stack([frame(picture, 48) for picture in rgba]))
    for flip in (True, False):
        shown = augment(framed, flip, torch.Generator().manual_seed(0))
        left = 1 - shown[:, :, :24, :12].mean(dim=(1, 2, 3))
        right = 1 - shown[:, :, :24, -12:].mean(dim=(1, 2, 3))
        mirrored = (left > right).float().mean()
        assert (0.3 < mirrored < 0.7) if flip else mirrored < 0.3
