"""Efficient Channel Attention."""

import pytest
import torch

from allcore.nets import eca_vgg16
from allcore.nets.eca_vgg16 import ChannelAttention


@pytest.mark.parametrize(
    ("channels", "size"), [(16, 3), (64, 3), (128, 5), (256, 5), (512, 5), (2048, 7)]
)
def test_kernel_size__follows_the_channels(channels, size):
    assert eca_vgg16.kernel_size(channels) == size


def test_channel_attention__weighs_each_channel_by_its_neighbours():
    attention = ChannelAttention(16)
    torch.nn.init.ones_(attention.convolution.weight)
    maps = torch.rand(2, 16, 5, 5)
    means = torch.nn.functional.pad(maps.mean((2, 3)), (1, 1))
    sums = means[:, :-2] + means[:, 1:-1] + means[:, 2:]
    torch.testing.assert_close(attention(maps), maps * sums.sigmoid()[:, :, None, None])
