"""Features that QCResNet reads inside the cell for out-of-distribution detection."""

import torch

from allcore.data.preprocessing import Preprocessing
from allcore.nets import qcresnet, registry


def test_moments__only_what_is_inside_the_cell_counts():
    inside = torch.zeros(1, 1, 8, 8)
    inside[..., 2:6, 2:6] = 1
    one = torch.randn(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    other = one + torch.where(torch.nn.functional.avg_pool2d(inside, 2) > 0, 0.0, 9.0)
    torch.testing.assert_close(qcresnet._moments(one, inside), qcresnet._moments(other, inside))
    middle = one[..., 1:3, 1:3].flatten(2)
    torch.testing.assert_close(qcresnet._moments(one, inside)[:, :3], middle.mean(2))


def test_read__a_picture_without_a_cell_stays_finite() -> None:
    network = registry.build("qcresnet", widths=[16]).eval()
    black = Preprocessing(size=64).normalise(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
    with torch.inference_mode():
        features, logits = network.read(black)
        torch.testing.assert_close(logits, network(black))
    assert features.shape == (1, 2 * (64 + 128 + 256)) and features.isfinite().all()
