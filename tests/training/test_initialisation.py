from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from allcore import model_folder
from allcore.errors import ModelError
from allcore.nets import registry
from allcore.nets.base import CellNetwork
from allcore.training import initialisation
from tests import simulated


@pytest.fixture
def folded(tmp_path: Path) -> Path:
    """ResNet-18 weights up to layer3 whose norm layers are identities plus a bias."""
    torch.manual_seed(1)
    body = registry.build("resnet18").body
    for module in body.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.bias, std=0.1)
    weights = {k: v for k, v in body.state_dict().items() if not k.startswith("layer4")}
    path = tmp_path / "folded.safetensors"
    save_file(weights, path)
    return path


def cells() -> torch.Tensor:
    return torch.randn(48, 3, 32, 32, generator=torch.Generator().manual_seed(2))


def test_initialise__folded_norms_come_alive_with_the_function_unchanged(folded):
    network = registry.build("qcresnet")
    plain = registry.build("qcresnet")
    plain.load_state_dict(network.state_dict())
    from safetensors.torch import load_file

    plain.body.load_state_dict(load_file(folded), strict=False)
    initialisation.initialise(network, str(folded), cells())
    assert float(network.body.bn1.running_var.std()) > 0
    network.eval(), plain.eval()
    torch.testing.assert_close(
        network.body.layer3(network.body.layer2(network.body.layer1(_stem(network)))),
        plain.body.layer3(plain.body.layer2(plain.body.layer1(_stem(plain)))),
        atol=2e-3,
        rtol=2e-3,
    )


def _stem(network: CellNetwork) -> torch.Tensor:
    body = network.body
    return body.maxpool(body.relu(body.bn1(body.conv1(cells()))))


def test_initialise__blocks_that_the_file_lacks_start_as_their_shortcut(folded):
    network = registry.build("qcresnet")
    initialisation.initialise(network, str(folded), cells())
    network.eval()
    block = network.body.layer4[1]
    activations = torch.rand(2, 512, 7, 7)
    torch.testing.assert_close(block(activations), activations)


def test_initialise__none_changes_nothing():
    network = registry.build("qcresnet")
    before = {k: v.clone() for k, v in network.state_dict().items()}
    initialisation.initialise(network, "none", cells())
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items())


def test_initialise__missing_file():
    with pytest.raises(ModelError, match="can't be read"):
        initialisation.initialise(registry.build("qcresnet"), "/nowhere.safetensors", cells())


def test_initialise__file_of_another_network(tmp_path):
    path = tmp_path / "other.safetensors"
    save_file({"encoder.weight": torch.zeros(2)}, path)
    with pytest.raises(ModelError, match="No layer"):
        initialisation.initialise(registry.build("qcresnet"), str(path), cells())


def test_initialise__a_model_folder_gives_the_whole_network(tiny_model: Path) -> None:
    network = registry.build("qcresnet", widths=[16])
    names = initialisation.initialise(network, str(tiny_model), cells())
    expected = model_folder.load_network(tiny_model).state_dict()
    assert names == set(expected)
    assert all(torch.equal(expected[name], value) for name, value in network.state_dict().items())
    with pytest.raises(ModelError, match="holds another network"):
        initialisation.initialise(registry.build("lenet5"), str(tiny_model), cells())


def test_origin__a_model_that_learned_from_held_out_images_is_refused(tmp_path: Path) -> None:
    folder = simulated.folder(tmp_path)
    learned = model_folder.read_split(folder)
    assert initialisation.origin("none", learned) is None
    found = initialisation.origin(str(folder), learned)
    info = model_folder.read_info(folder)
    assert found == {
        "weights_sha256": info.weights_sha256,
        "commands": [info.training["command"]],
    }
    tested = pd.Series("test", index=learned.index)
    held_out = learned.isin(("validation", "train")).sum()
    with pytest.raises(ModelError, match=f"learned from {held_out} images"):
        initialisation.origin(str(folder), tested)
