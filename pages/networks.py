from allcore.web import guard

user = guard.require("networks")

import streamlit as st

from allcore.web import frame
from allcore.web.networks import diagram, summaries

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


def choices() -> tuple[str, str, int]:
    left, right, side = st.columns([2, 2, 1])
    names = {
        name: summaries.network_title(network)
        for name, network in summaries.load_networks(224).items()
    }
    known = list(names)
    return (
        left.selectbox("Network", known, index=known.index("resnet18"), format_func=names.get),
        right.selectbox(
            "Compared with", known, index=known.index("qcresnet"), format_func=names.get
        ),
        side.selectbox(
            "Input", summaries.SIZES, index=2, format_func=lambda size: f"{size} × {size} px"
        ),
    )


frame.header(
    title="Networks",
    question="What is each network made of, and what does QCResNet add to ResNet-18?",
)
first, second, size = choices()
networks = summaries.load_networks(size)
one, other = networks[first], networks[second]
titles = summaries.network_title(one), summaries.network_title(other)
pairs = summaries.compare_blocks(first, second, size)

answer, weight = summaries.difference_sentences(one, other, pairs)
st.subheader(answer, anchor=False)
st.markdown(weight, width=frame.TEXT_WIDTH)
st.html(diagram.side_by_side(one, other, pairs, titles=titles))
st.caption(LEGEND, width=frame.TEXT_WIDTH)

for network in dict.fromkeys([one, other]):
    with st.expander(f"Layers of {summaries.network_title(network)}"):
        st.dataframe(
            summaries.layer_table(network),
            hide_index=True,
            column_config={
                column: st.column_config.NumberColumn(format="localized")
                for column in ("Parameters", "MACs")
            },
        )

st.subheader("All networks", anchor=False)
st.dataframe(
    summaries.network_table(networks),
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
        source = frame.plain(summaries.architecture(network).source)
        st.markdown(f"**{summaries.network_title(network)}.** {source}", width=frame.TEXT_WIDTH)
with st.expander("Method"):
    st.markdown(METHOD, width=frame.TEXT_WIDTH)
