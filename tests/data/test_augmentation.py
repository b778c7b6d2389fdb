import torch

from allcore.data.augmentation import Augmentation, RandomPose, RandomStain


def batch() -> torch.Tensor:
    """Four equal squares, grey 100, on black."""
    pixels = torch.zeros(4, 3, 64, 64, dtype=torch.uint8)
    pixels[:, :, 20:44, 20:44] = 100
    return pixels


def test_transforms__each_image_is_varied_by_itself():
    torch.manual_seed(0)
    varied = Augmentation().transforms()(batch())
    assert not any(torch.equal(varied[0], other) for other in varied[1:])


def test_transforms__a_seed_repeats_them():
    torch.manual_seed(5)
    first = Augmentation().transforms()(batch())
    torch.manual_seed(5)
    assert torch.equal(first, Augmentation().transforms()(batch()))


def test_transforms__within_0_and_255_and_black_stays_black():
    torch.manual_seed(0)
    varied = Augmentation(brightness=0.9, stain=0.5).transforms()(batch())
    assert 0 <= varied.min() and varied.max() <= 255
    assert (varied[:, :, :4, :4] == 0).all()


def test_pose__without_scale_or_shift_keeps_the_area():
    torch.manual_seed(0)
    turned = RandomPose(scale=1.0, shift=0.0)(batch().float())
    areas = turned.sum((1, 2, 3)) / batch().sum((1, 2, 3))
    torch.testing.assert_close(areas, torch.ones(4), atol=0.02, rtol=0)


def test_pose__scale_changes_the_area_both_ways():
    torch.manual_seed(1)
    many = batch().float().repeat(16, 1, 1, 1)
    areas = RandomPose(scale=1.3, shift=0.0)(many).sum((1, 2, 3)) / many[0].sum()
    assert areas.min() < 0.8 and areas.max() > 1.2
    assert 1 / 1.3**2 - 0.03 < areas.min() and areas.max() < 1.3**2 + 0.03


def test_stain__of_nothing_changes_nothing():
    plain = RandomStain(brightness=0.0, stain=0.0, contrast=0.0)(batch().float())
    torch.testing.assert_close(plain, batch().float())
