from allcore.web import guard

user = guard.require("user")

import pandas as pd
import streamlit as st

from allcore import plots
from allcore.data import overview, thumbnails
from allcore.data.manifest import Manifest
from allcore.errors import AllScopeError
from allcore.web import datasets, frame, gallery
from allcore.web.gallery import Card

METHOD = """
Counts are of the data set's table, whether or not the pictures are on this machine. A picture shows
the middle 360 x 360 pixels of the original, so all cells are at one scale. The split is that of the
model chosen in the sidebar where it knows the images, otherwise the data set's own. Cells of one
subject look alike, so a subject stands on one side of an honest split only.
"""
SYNTHETIC = """
**Synthetic**: every cell of this set was drawn by ALLScope, with faults planted on purpose
(duplicates, wrong labels, blur, the same cell under two subjects). It shows what these pages do and
says nothing about real cells.
"""


def summary(table: pd.DataFrame) -> str:
    parts = [
        f"{plots.NAMES.get(row.label, row.label)}: {row.images:,} images of "
        f"{row.subjects:,} subjects"
        for row in overview.class_counts(table).itertuples()
    ]
    return f"**{len(table):,} images.** {'; '.join(parts)}."


def split_sentence(table: pd.DataFrame, parts: "pd.Series[str] | None") -> str:
    if parts is not None and parts.notna().any():
        return (
            f"The split is that of {frame.plain(str(model))}, by which it was trained and judged."
        )
    if (table["split"] == overview.UNKNOWN).all():
        return "Which split each image is in is not known: no installed model was trained on them."
    return "The split is the data set's own: no installed model was trained on these images."


def card(row: pd.Series, *, synthetic: bool) -> Card:
    detail = f"subject {row['subject']}"
    if row["split"] != overview.UNKNOWN:
        detail += f", {row['split']}"
    return Card(str(row["image_id"]), row["label"], detail, synthetic)


def filters(table: pd.DataFrame) -> pd.DataFrame:
    kind, people, split, words = st.columns([3, 3, 3, 3])
    labels = kind.pills(
        "Class",
        list(table["label"].unique()),
        selection_mode="multi",
        format_func=lambda label: plots.NAMES.get(label, label),
        key="dataset_class",
    )
    subjects = people.multiselect(
        "Subject", sorted(table["subject"].unique()), placeholder="All", key="dataset_subject"
    )
    known = [name for name in overview.SPLITS if name in set(table["split"])]
    splits = split.multiselect("Split", known, placeholder="All", key="dataset_split")
    text = words.text_input("File name contains", key="dataset_text")
    return overview.filtered(table, labels=labels, subjects=subjects, splits=splits, text=text)


@st.fragment
def browse(manifest: Manifest, table: pd.DataFrame, synthetic: bool) -> None:
    found = filters(table)
    if found.empty:
        st.info("No image meets all filters: remove one.", icon=":material/filter_alt_off:")
        return
    pages = overview.page(found, 1).pages
    number = st.pagination(pages, key=f"dataset_page_{pages}") if pages > 1 else 1
    page = overview.page(found, number)
    bar, export = st.columns([3, 1], vertical_alignment="center")
    bar.markdown(f"{page.first:,} to {page.last:,} of {page.total:,} images")
    export.download_button(
        "Download list as CSV",
        lambda: overview.csv(found),
        file_name=f"{'synthetic' if synthetic else 'dataset'}-images.csv",
        mime="text/csv",
        icon=":material/download:",
        on_click="ignore",
    )
    cards = [card(row, synthetic=synthetic) for _, row in page.rows.iterrows()]
    gallery.show(cards, thumbnails.sources(manifest, page.rows))


frame.header(
    title="Dataset",
    question="Which cells of which subjects are in the data set, and which of them did the model "
    "learn from?",
)
name = datasets.choose()
model = datasets.choose_model()
try:
    manifest = datasets.load(name)
    parts = datasets.parts(manifest, model)
    table = overview.described(manifest, parts)
except AllScopeError as error:
    frame.problem(error)
    st.stop()

synthetic = overview.is_synthetic(manifest)
st.subheader(frame.plain(manifest.name), anchor=False)
if synthetic:
    st.info(SYNTHETIC, icon=":material/draw:", width=frame.TEXT_WIDTH)
st.markdown(summary(table), width=frame.TEXT_WIDTH)
st.markdown(split_sentence(table, parts), width=frame.TEXT_WIDTH)
left, right = st.columns(2)
for place, figure in (
    (left, plots.split_bars(overview.split_counts(table))),
    (right, plots.subject_bars(overview.subject_counts(table))),
):
    place.plotly_chart(figure, width="stretch", theme="streamlit", config={"displaylogo": False})

st.subheader("Cells", anchor=False)
browse(manifest, table, synthetic)
with st.expander("Method"):
    st.markdown(METHOD, width=frame.TEXT_WIDTH)
