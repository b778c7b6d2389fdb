"""What holds for every architecture."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from allcore import modelfolder
from allcore.errors import ModelError
from allcore.nets import registry


@pytest.fixture(params=registry.names())
def network(request: pytest.FixtureRequest) -> nn.Module:
    torch.manual_seed(0)
    return registry.build(request.param)


def cells(count: int = 4) -> torch.Tensor:
    return torch.randn(count, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def test_network__one_logit_a_cell(network):
    assert network(cells(3)).shape == (3,)


def test_network__head_reads_the_penultimate_vector(network):
    network.eval()
    features = network.forward_features(cells())
    assert features.ndim == 2
    torch.testing.assert_close(network.head(features).squeeze(1), network(cells()))


def test_network__gradients_reach_every_parameter(network):
    network.train()
    functional.softplus(network(cells(8))).sum().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_network__one_step_lowers_the_loss(network):
    network.eval()  # dropout off: the loss is a function of the weights alone
    targets = torch.tensor([0.0, 1.0, 0.0, 1.0])
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    before = functional.binary_cross_entropy_with_logits(network(cells()), targets)
    before.backward()
    optimizer.step()
    after = functional.binary_cross_entropy_with_logits(network(cells()), targets)
    assert after < before


def test_network__deterministic_in_eval(network):
    network.eval()
    assert torch.equal(network(cells()), network(cells()))


def test_network__cam_layer_gives_a_map(network):
    shapes = []
    network.cam_layer.register_forward_hook(lambda _m, _i, out: shapes.append(out.shape))
    network(cells(2))
    assert len(shapes[0]) == 4


def test_weights__saved_in_half_precision_answer_alike(network, tmp_path: Path):
    network.eval()
    modelfolder.write_weights(tmp_path, network)
    from safetensors.torch import load_file

    before = network(cells())
    network.load_state_dict(load_file(tmp_path / modelfolder.WEIGHTS))
    torch.testing.assert_close(network.float()(cells()), before, atol=5e-3, rtol=5e-3)


def test_qcresnet__widths_slope_and_dropout_are_arguments():
    network = registry.build("qcresnet", widths=[32, 16, 8], slope=0.2, dropout=0.5)
    slopes = {m.negative_slope for m in network.modules() if isinstance(m, nn.LeakyReLU)}
    drops = {m.p for m in network.modules() if isinstance(m, nn.Dropout)}
    assert (network.head.in_features, slopes, drops) == (8, {0.2}, {0.5})


def test_qcresnet__body_has_the_17_convolutions_of_the_paper():
    body = registry.build("qcresnet").body
    shortcuts = [name for name, _ in body.named_modules() if name.endswith("downsample.0")]
    convolutions = [m for m in body.modules() if isinstance(m, nn.Conv2d)]
    assert len(convolutions) - len(shortcuts) == 17


def test_build__unknown_name_lists_those_there_are():
    with pytest.raises(ModelError, match="choose one of qcresnet"):
        registry.build("resnet9000")


def test_build__unknown_argument_is_named():
    with pytest.raises(ModelError, match="colour"):
        registry.build("qcresnet", colour="red")


def test_config__completes_what_was_given_with_defaults():
    assert registry.config("qcresnet", slope=0.2) == {
        "widths": (256, 64),
        "slope": 0.2,
        "dropout": 0.3,
    }
