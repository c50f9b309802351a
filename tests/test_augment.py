import numpy as np
import torch

from urform.models import to_input
from urform.pictures import on_white
from urform.sets import augment
from urform.sets._augment import _Draw, _move


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
    lopsided = torch.zeros(64, 4, 48, 48)
    lopsided[:, :, 20:28, 28:40] = 1
    for flip in (True, False):
        moved = _move(lopsided, flip, _Draw(64, torch.Generator().manual_seed(0)))
        mirrored = moved[..., :24].sum(dim=(1, 2, 3)) > moved[..., 24:].sum(dim=(1, 2, 3))
        assert (0.3 < mirrored.float().mean() < 0.7) if flip else not mirrored.any()
