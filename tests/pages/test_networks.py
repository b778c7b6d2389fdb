from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from allcore.evaluation.comparison import NETWORKS
from allcore.nets import registry
from allcore.notice import RESEARCH_USE
from tests.page_runs import open_page, page_text, sign_in


@pytest.fixture(autouse=True)
def signed_in(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sign_in(monkeypatch)


def drawing(page: AppTest) -> str:
    [body] = [part.proto.body for part in page.get("html") if 'class="networks"' in part.proto.body]
    return body


def test_page__shows_what_qcresnet_adds() -> None:
    page = open_page("networks")
    assert page.title[0].value == "Networks"
    assert page.subheader[0].value == "QCResNet shares 6 of its 9 blocks with ResNet-18"
    text = page_text(page)
    assert RESEARCH_USE in text
    assert "It adds 2 blocks of linear layer, LeakyReLU, dropout." in text
    assert "147 thousand parameters more (1.3 %)" in text
    drawn = drawing(page)
    assert drawn.count('class="block"') == 12  # six alike, in both columns
    assert drawn.count('class="block own"') == 4
    assert drawn.count("only in QCResNet") == drawn.count('class="gap"') == 2
    assert drawn.count(">differs<") == 2


def test_page__tables_every_network_that_learns_from_cells() -> None:
    page = open_page("networks")
    table = page.dataframe[-1].value
    assert list(table["Network"]) == [NETWORKS[name] for name in registry.trainable()]
    assert table.set_index("Network").loc["VGG-16", "MACs"] == pytest.approx(15470, rel=0.01)
    layers = page.dataframe[1].value
    assert layers["Layer"].iloc[-1] == "head"
    assert list(layers["Out"].iloc[[0, -1]]) == ["64 × 112 × 112", "1"]


def test_page__other_networks_and_sizes() -> None:
    page = open_page("networks")
    page.selectbox[0].set_value("vgg16")
    page.selectbox[1].set_value("eca_vgg16")
    page.selectbox[2].set_value(64)
    page.run()
    assert not page.exception
    assert page.subheader[0].value == "ECA-VGG16 shares 8 of its 13 blocks with VGG-16"
    assert "4 blocks of channel attention over 5 channels." in page_text(page)
    assert "23 parameters more (less than 0.1 %)" in page_text(page)
    assert "A cell: 3 × 64 × 64" in drawing(page)


def test_page__a_network_beside_itself() -> None:
    page = open_page("networks")
    page.selectbox[1].set_value("resnet18")
    page.run()
    assert not page.exception
    assert page.subheader[0].value == "Both are ResNet-18"
    assert 'class="block own"' not in drawing(page)


def test_page__networks_without_a_common_block() -> None:
    page = open_page("networks")
    page.selectbox[0].set_value("lenet5")
    page.run()
    assert page.subheader[0].value == "QCResNet has no block in common with LeNet-5"
