from allcore.web import guard

user = guard.require("networks")

import streamlit as st

from allcore.web import frame
from allcore.web.networks import diagram, network_tables

METHOD = """
Everything here is read off the program's own networks: one empty cell passes through each, and
every layer's shapes are noted. **Parameters** are the numbers in the weights. **MACs** are
multiply-accumulates for one cell, counted in convolutions and linear layers; what the other layers
do is small beside them. All networks have one output in the place of ImageNet's 1000, so they have
somewhat fewer parameters than published. A block ends with a pooling, or where the program's own
modules do. Logistic regression and SVM read the penultimate features of a trained network, and an
ensemble averages several: their size is that of the networks inside.
"""
LEGEND = (
    "Grey blocks are built alike in both networks; violet ones differ. The box beside a block is "
    "what it hands on: the wider, the more channels; the higher, the larger the map. Shapes are "
    "channels × height × width."
)


def choose_networks() -> tuple[str, str, int]:
    left, right, side = st.columns([2, 2, 1])
    names = {
        name: network_tables.network_title(network)
        for name, network in network_tables.load_networks(224).items()
    }
    keys = list(names)
    return (
        left.selectbox(
            "Network", keys, index=keys.index("resnet18"), format_func=names.get, key="field_one"
        ),
        right.selectbox(
            "Compared with",
            keys,
            index=keys.index("qcresnet"),
            format_func=names.get,
            key="field_other",
        ),
        side.selectbox(
            "Input",
            network_tables.SIZES,
            index=2,
            format_func=lambda size: f"{size} × {size} px",
            key="field_side",
        ),
    )


frame.header(
    title="Networks",
    question="What is each network made of, and what does QCResNet add to ResNet-18?",
)
first, second, size = choose_networks()
networks = network_tables.load_networks(size)
one, other = networks[first], networks[second]
titles = network_tables.network_title(one), network_tables.network_title(other)
pairs = network_tables.compare_blocks(first, second, size)

answer, sizes = network_tables.difference_sentences(one, other, pairs)
st.subheader(answer, anchor=False)
frame.markdown(sizes)
with st.container(key="diagram"):
    frame.caption(LEGEND)
    st.html(diagram.networks_html(one, other, pairs, titles=titles))

for network in dict.fromkeys([one, other]):
    with st.expander(f"Layers of {network_tables.network_title(network)}"):
        st.dataframe(
            network_tables.layer_table(network),
            hide_index=True,
            column_config={
                column: st.column_config.NumberColumn(format="localized")
                for column in ("Parameters", "MACs")
            },
        )

st.subheader("All networks", anchor=False)
st.dataframe(
    network_tables.network_table(networks),
    hide_index=True,
    height="content",
    column_config={
        "Parameters": st.column_config.NumberColumn("Parameters, millions", format="%.2f"),
        "MACs": st.column_config.NumberColumn("MACs a cell, millions", format="localized"),
        "Source": st.column_config.TextColumn(width="large"),
    },
)
with st.expander("Sources, and what is our reading"):
    for network in networks.values():
        source = frame.plain(network_tables.architecture(network).source)
        frame.markdown(f"**{network_tables.network_title(network)}.** {source}")
with st.expander("Method"):
    frame.markdown(METHOD)
