"""What holds for every architecture."""

from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional
from torchvision.models import get_model, get_weight

from allcore import model_folder
from allcore.data.preprocessing import Preprocessing
from allcore.errors import ModelError
from allcore.model_folder import ModelInfo
from allcore.nets import registry

CONFIG = {
    "logistic": {"base_architecture": "lenet5"},
    "svm": {"base_architecture": "lenet5", "vectors": 4},
    "ensemble": {
        "members": [
            {"architecture": "lenet5", "temperature": 2.0},
            {"architecture": "pyramid", "bias": 0.5},
        ]
    },
}


@pytest.fixture(params=registry.names(), scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def network(name: str) -> nn.Module:
    """One network for all tests, which leave its shape as it is: VGG-16 takes seconds to draw."""
    torch.manual_seed(0)
    return registry.build(name, **CONFIG.get(name, {}))


def cells(network: nn.Module, count: int = 2) -> torch.Tensor:
    size = network.MIN_SIZE
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(1))


def learning(network: nn.Module) -> dict[str, nn.Parameter]:
    return {name: p for name, p in network.named_parameters() if p.requires_grad}


def test_network__one_logit_a_cell(network):
    assert network.eval()(cells(network, 3)).shape == (3,)


def test_network__head_reads_the_penultimate_vector(network):
    network.eval()
    features = network.forward_features(cells(network))
    assert features.shape == (2, network.head.in_features)
    torch.testing.assert_close(network.head(features).squeeze(1), network(cells(network)))


def test_network__gradients_reach_every_parameter(network):
    if not learning(network):
        pytest.skip("an SVM is fitted, not learned by steps")
    network.train().zero_grad()
    functional.softplus(network(cells(network, 4))).sum().backward()
    without = [n for n, p in learning(network).items() if p.grad is None or not p.grad.any()]
    network.zero_grad()
    assert without == []


def test_network__one_step_lowers_the_loss(network):
    if not learning(network):
        pytest.skip("an SVM is fitted, not learned by steps")
    network.eval().zero_grad()  # dropout off: the loss is a function of the weights alone
    targets = torch.tensor([0.0, 1.0, 1.0])
    optimizer = torch.optim.SGD(learning(network).values(), lr=1e-3)
    before = functional.binary_cross_entropy_with_logits(network(cells(network, 3)), targets)
    before.backward()
    optimizer.step()
    optimizer.zero_grad()
    after = functional.binary_cross_entropy_with_logits(network(cells(network, 3)), targets)
    assert after < before


def test_network__deterministic_in_eval(network):
    network.eval()
    assert torch.equal(network(cells(network)), network(cells(network)))


def test_network__cam_layer_gives_a_map(network):
    shapes = []
    seen = network.cam_layer.register_forward_hook(lambda _m, _i, out: shapes.append(out.shape))
    network.eval()(cells(network))
    seen.remove()
    assert len(shapes[0]) == 4


def test_network__saved_and_loaded_answers_alike(name, network, tmp_path: Path):
    """In half precision, by way of a model folder."""
    info = ModelInfo(
        name=name,
        architecture=name,
        config=CONFIG.get(name, {}),
        preprocessing=Preprocessing(size=64),
        temperature=1.0,
        threshold=0.5,
        threshold_rule="Fixed for tests.",
        weights_sha256=model_folder.write_weights(tmp_path, network),
        training={},
    )
    model_folder.write_info(tmp_path, info)
    before = network.eval()(cells(network))
    loaded = model_folder.load_network(tmp_path)
    torch.testing.assert_close(loaded(cells(network)), before, atol=5e-3, rtol=5e-3)


@pytest.mark.filterwarnings("ignore:The default weight initialization")
def test_imagenet__weights_fit_the_body():
    """By name: the weights themselves are not needed."""
    for name in registry.trainable():
        with torch.device("meta"):
            network = registry.build(name)
        assert hasattr(network, "body") == (network.IMAGENET is not None)
        if network.IMAGENET is not None:
            assert get_weight(network.IMAGENET).meta["categories"][0] == "tench"
            with torch.device("meta"):
                whole = get_model(network.IMAGENET.split("_Weights")[0].lower())
            assert network.body.state_dict().keys() <= whole.state_dict().keys()


def test_trainable__leaves_out_what_trained_networks_are_put_together_to():
    assert set(registry.names()) - set(registry.trainable()) == {"logistic", "svm", "ensemble"}


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
