"""Networks that answer together."""

import torch

from allcore.nets import registry

MEMBERS = [
    {"architecture": "lenet5", "temperature": 2.0, "bias": 0.5},
    {"architecture": "qcresnet", "config": {"widths": [16]}},
]


def test_ensemble__is_the_mean_of_calibrated_logits():
    torch.manual_seed(0)
    networks = [registry.build(m["architecture"], **m.get("config", {})).eval() for m in MEMBERS]
    cells = torch.randn(3, 3, 32, 32)
    first, second = (network(cells) for network in networks)
    ensemble = registry.build("ensemble", members=MEMBERS).eval()
    for member, network in zip(ensemble.members, networks, strict=True):
        member.load_state_dict(network.state_dict())
    torch.testing.assert_close(ensemble(cells), (first / 2.0 + 0.5 + second) / 2)


def test_ensemble__keeps_each_weight_once():
    ensemble = registry.build("ensemble", members=MEMBERS)
    alone = [registry.build(m["architecture"], **m.get("config", {})) for m in MEMBERS]
    parameters = sum(p.numel() for network in alone for p in network.parameters())
    assert sum(p.numel() for p in ensemble.parameters()) == parameters
    assert all(key.startswith("members.") for key in ensemble.state_dict())


def test_ensemble__of_another_ensemble():
    nested = {"architecture": "ensemble", "config": {"members": MEMBERS}}
    ensemble = registry.build("ensemble", members=[nested, {"architecture": "lenet5"}])
    assert ensemble.eval()(torch.randn(2, 3, 32, 32)).shape == (2,)
