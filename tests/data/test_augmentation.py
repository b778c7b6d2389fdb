import torch
from scipy import ndimage

from allcore.data.augmentation import (
    Augmentation,
    RandomBlur,
    RandomErosion,
    RandomJpeg,
    RandomPose,
    RandomStain,
)

DEGRADING = Augmentation(erosion=3, blur=1.5, jpeg=40)


def batch() -> torch.Tensor:
    """Four equal squares, grey 100, on black."""
    pixels = torch.zeros(4, 3, 64, 64, dtype=torch.uint8)
    pixels[:, :, 20:44, 20:44] = 100
    return pixels


def grain() -> torch.Tensor:
    """The same squares filled with noise that is never as dark as background."""
    torch.manual_seed(0)
    noise = torch.randint(60, 200, (4, 1, 64, 64))
    return (noise * (batch() > 0)).float()


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


def test_transforms__degradations_repeat_by_seed_and_stay_within_0_and_255():
    torch.manual_seed(5)
    first = DEGRADING.transforms()(batch())
    torch.manual_seed(5)
    assert torch.equal(first, DEGRADING.transforms()(batch()))
    assert first.dtype == torch.float32
    assert 0 <= first.min() and first.max() <= 255


def test_transforms__degradations_are_off_by_default():
    names = [type(step).__name__ for step in Augmentation().transforms().transforms]
    assert names == ["ToDtype", "RandomPose", "RandomStain"]


def test_erosion__takes_off_what_a_binary_erosion_does():
    torch.manual_seed(0)
    images = batch().float().repeat(8, 1, 1, 1)
    eroded = RandomErosion(pixels=3, share=1.0)(images)
    mask = (batch()[0, 0] > 0).numpy()
    allowed = [
        torch.from_numpy(ndimage.binary_erosion(mask, iterations=n)).float() * 100
        for n in (1, 2, 3)
    ]
    equal = [[torch.equal(image[0], mask) for mask in allowed] for image in eroded]
    assert all(any(row) for row in equal)
    assert all(any(column) for column in zip(*equal, strict=True))  # all three depths occur


def test_erosion__leaves_the_other_images():
    torch.manual_seed(1)
    images = grain().repeat(16, 1, 1, 1)
    changed = (RandomErosion(pixels=2)(images) != images).flatten(1).any(1)
    assert 8 < changed.sum() < 36  # a third of 64


def test_blur__is_a_gaussian_inside_and_keeps_the_edge():
    torch.manual_seed(0)
    images = grain()
    transform = RandomBlur(sigma=1.5, share=1.0)
    params = transform.make_params([images])
    blurred = transform.transform(images, params)
    assert ((blurred > 0) == (images > 0)).all()
    for image, result, sigma in zip(images, blurred, params["sigma"], strict=True):
        weight = ndimage.gaussian_filter((image[0] > 0).numpy().astype(float), float(sigma))
        values = ndimage.gaussian_filter(image[0].numpy().astype(float), float(sigma))
        expected = torch.from_numpy(values[20:44, 20:44] / weight[20:44, 20:44]).float()
        torch.testing.assert_close(result[0, 20:44, 20:44], expected, atol=1.5, rtol=0)


def test_blur__none_chosen_changes_nothing():
    images = grain()
    assert torch.equal(RandomBlur(sigma=1.5, share=0.0)(images), images)


def test_jpeg__worse_quality_moves_pixels_further():
    torch.manual_seed(0)
    images = grain()
    worst, best = (RandomJpeg(quality=quality, share=1.0) for quality in (20, 95))
    far, near = ((step(images) - images).abs().mean() for step in (worst, best))
    assert far > 2 * near > 0


def test_jpeg__none_chosen_changes_nothing():
    images = grain()
    assert torch.equal(RandomJpeg(quality=40, share=0.0)(images), images)
