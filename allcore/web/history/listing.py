"""The list of answers, page by page, with deletion and export."""

import json
from typing import Any

import pandas as pd
import streamlit as st

from allcore import formats
from allcore.labels import VERDICT_NAMES
from allcore.store import history
from allcore.store.history import HistoryEntry, HistoryPage, HistoryQuery
from allcore.web import accounts, frame
from allcore.web.components import table_pictures
from allcore.web.components.charts import show_csv_download
from allcore.web.history import answer_pictures, filters

PER_PAGE = 50
_ROW, _TALL = 52, 560  # pixels
_TURN = "history_turn"


def show_answers(username: str, query: HistoryQuery, names: dict[int, str]) -> None:
    """Draw the answers that a query matches; names are of batches, by id."""
    store = accounts.store()
    total = history.search(store, username, query, limit=0).total
    pages = max(1, -(-total // PER_PAGE))
    filters.keep_page_valid(query, pages)
    if not total:
        st.info("No answer meets all filters: remove one.", icon=":material/filter_alt_off:")
        st.button("Clear all filters", icon=":material/close:", on_click=filters.clear_filters)
        return
    number = st.pagination(pages, key=filters.PAGE, bind="query-params") if pages > 1 else 1
    first = PER_PAGE * (number - 1)
    matches = history.search(store, username, query, offset=first, limit=PER_PAGE)
    marked = _show_table(username, matches, names)
    st.caption(
        f"{first + 1:,} to {first + len(matches.rows):,} of "
        f"{formats.count(matches.total, 'answer')}; times in UTC. Mark one row to see all of it."
    )
    with st.container(horizontal=True):
        show_csv_download(
            lambda: export_table(history.search(store, username, query, limit=None).rows, names),
            name="history",
            label="Download this list as CSV",
            key="history_csv",
        )
        _delete_marked(username, marked)
        _delete_all(username, query, matches.total)


def export_table(rows: tuple[HistoryEntry, ...], batches: dict[int, str]) -> pd.DataFrame:
    """Return the table of the export, with all that is stored of each answer."""
    return pd.DataFrame([_export_row(entry, batches.get(entry.batch or 0, "")) for entry in rows])


def selected_entries(selected: list[int], matches: HistoryPage) -> list[HistoryEntry]:
    """Return the entries of the selected rows that exist."""
    return [matches.rows[place] for place in selected if place < len(matches.rows)]


def _export_row(entry: HistoryEntry, batch: str) -> dict[str, Any]:
    answer, prediction = entry.answer, entry.answer.prediction
    return {
        "time": entry.at.isoformat(timespec="seconds"),
        "file": answer.name,
        "subject": answer.subject or "",
        "sha256": answer.image_sha256,
        "verdict": prediction.verdict,
        "p_all": prediction.p_all,
        "logit": prediction.logit,
        "threshold": prediction.threshold,
        "reason": prediction.reason,
        "cell": "" if answer.cell is None else str(answer.cell),
        "cut": "" if answer.cut is None else json.dumps(answer.cut),
        "mark": answer.mark,
        "rung": prediction.check or "",
        "strangeness": prediction.ood_score,
        "model": answer.model,
        "model_sha256": answer.model_sha256,
        "profile": answer.profile or "",
        "preprocessing_version": answer.preprocessing_version,
        "batch": batch,
        "flagged": "" if entry.flagged_at is None else entry.flagged_at.isoformat(" ", "seconds"),
        "note": entry.flag_note,
    }


def _show_table(username: str, matches: HistoryPage, names: dict[int, str]) -> list[HistoryEntry]:
    """Draw the rows and return the marked ones."""
    turn = st.session_state.get(_TURN, 0)
    key = f"history_rows_{turn}_{st.session_state.get(filters.PAGE, 1)}"
    cells = answer_pictures.thumbnails(
        username, [entry.answer.image_sha256 for entry in matches.rows]
    )
    table = pd.DataFrame(
        {
            "Cell": cell,
            "Verdict": VERDICT_NAMES[entry.answer.prediction.verdict],
            "Probability": entry.answer.prediction.p_all,
            "0 to 1": table_pictures.probability_bar(
                entry.answer.prediction.p_all, entry.answer.prediction.threshold
            ),
            "Time": f"{entry.at:%Y-%m-%d %H:%M}",
            "File": entry.answer.title,
            "Model": entry.answer.model,
            "Batch": names.get(entry.batch or 0, ""),
            "Flagged": entry.flagged_at is not None,
            "Worth": entry.answer.mark,
        }
        for entry, cell in zip(matches.rows, cells, strict=True)
    )
    if not table["Worth"].any():
        table = table.drop(columns="Worth")
    st.dataframe(
        table.astype({"Probability": float}),
        hide_index=True,
        row_height=_ROW,
        height="content" if len(matches.rows) <= _TALL // _ROW else _TALL,
        column_config=table_pictures.answer_columns(),
        on_select=lambda: _open_marked(key, matches),
        selection_mode="multi-row",
        key=key,
        alt="One row an answer: cell, verdict, probability, time, file, model, batch, flagged",
    )
    return _marked(key, matches)


def _marked(key: str, matches: HistoryPage) -> list[HistoryEntry]:
    event = st.session_state.get(key)
    return selected_entries(list(event["selection"]["rows"]) if event else [], matches)


def _open_marked(key: str, matches: HistoryPage) -> None:
    """Open the entry if one row is marked; close it otherwise."""
    marked = _marked(key, matches)
    if len(marked) == 1:
        st.query_params[filters.ENTRY] = str(marked[0].id)
    else:
        filters.clear_parameter(filters.ENTRY)


def _delete_marked(username: str, marked: list[HistoryEntry]) -> None:
    count = formats.count(len(marked), "answer")
    if frame.confirm_button(
        f"Delete the marked ({len(marked):,})",
        icon=":material/delete:",
        yes="Yes, delete",
        sentence=f"**{count}** and kept pictures that no other answer is about: gone for good.",
        key="delete_marked",
        disabled=not marked,
    ):
        ids = [entry.id for entry in marked]
        _rerun_after_deletion(history.delete_entries(accounts.store_to("keep"), username, ids))


def _delete_all(username: str, query: HistoryQuery, total: int) -> None:
    which = "all that you have asked" if query == HistoryQuery() else "all that meet the filters"
    count = formats.count(total, "answer")
    if frame.confirm_button(
        f"Delete all {total:,}",
        icon=":material/delete:",
        yes="Yes, delete",
        sentence=f"**{count}**, {which}, also on other pages of this list, and kept pictures that "
        "no other answer is about: gone for good.",
        key="delete_all",
    ):
        _rerun_after_deletion(history.delete_matching(accounts.store_to("keep"), username, query))


def _rerun_after_deletion(count: int) -> None:
    """Rerun the page with no row marked, for the rows have moved."""
    st.session_state[_TURN] = st.session_state.get(_TURN, 0) + 1
    filters.clear_parameter(filters.ENTRY)
    frame.set_notice(f"{formats.count(count, 'answer')} deleted.")
    st.rerun()
