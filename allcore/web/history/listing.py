"""The list of answers, page by page, with deletion and export."""

import streamlit as st

from allcore import formats
from allcore.store import history
from allcore.store.history import HistoryEntry, HistoryPage, HistoryQuery
from allcore.web import accounts, frame
from allcore.web.components.charts import show_csv_download
from allcore.web.history import entry_text, state

PER_PAGE = 50
_TURN = "history_turn"


def show_answers(username: str, query: HistoryQuery, names: dict[int, str]) -> None:
    """Draw the answers that a query matches.

    Args:
        username: of the account.
        query: of the filters.
        names: of batches, by id.
    """
    matches = _page(username, query)
    if not matches.total:
        st.info("No answer meets all filters: remove one.", icon=":material/filter_alt_off:")
        st.button("Clear all filters", icon=":material/close:", on_click=state.clear_filters)
        return
    first = PER_PAGE * (st.session_state.get(state.PAGE, 1) - 1) + 1
    marked = _table(matches, names)
    st.caption(
        f"{first:,} to {first + len(matches.rows) - 1:,} of "
        f"{formats.count(matches.total, 'answer')}; times in UTC. Mark one row to see all of it."
    )
    with st.container(horizontal=True):
        show_csv_download(
            lambda: entry_text.export_table(_all(username, query).rows, names),
            name="history",
            label="Download this list as CSV",
            key="history_csv",
        )
        _delete_marked(username, marked)
        _delete_all(username, query, matches.total)


def _page(username: str, query: HistoryQuery) -> HistoryPage:
    """Return the selected page; its control stands above the list."""
    store = accounts.store()
    total = history.search(store, username, query, limit=0).total
    pages = max(1, -(-total // PER_PAGE))
    state.keep_page_valid(query, pages)
    number = st.pagination(pages, key=state.PAGE, bind="query-params") if pages > 1 else 1
    return history.search(store, username, query, offset=PER_PAGE * (number - 1), limit=PER_PAGE)


def _all(username: str, query: HistoryQuery) -> HistoryPage:
    return history.search(accounts.store(), username, query, limit=None)


def _table(matches: HistoryPage, names: dict[int, str]) -> list[HistoryEntry]:
    """Draw the rows and return the marked ones."""
    turn = st.session_state.get(_TURN, 0)
    key = f"history_rows_{turn}_{st.session_state.get(state.PAGE, 1)}"
    st.dataframe(
        entry_text.list_table(matches.rows, names),
        hide_index=True,
        height="content" if len(matches.rows) <= 10 else 400,
        column_config={
            "Probability": st.column_config.ProgressColumn(
                "Probability of ALL blast", format="%.2f", min_value=0.0, max_value=1.0
            ),
        },
        on_select=lambda: _open_marked(key, matches),
        selection_mode="multi-row",
        key=key,
        alt="One row an answer: time, file, verdict, probability, model, batch, flagged",
    )
    return selected_entries(_selected(key), matches)


def selected_entries(selected: list[int], matches: HistoryPage) -> list[HistoryEntry]:
    """Return the entries of the selected rows that exist."""
    return [matches.rows[place] for place in selected if place < len(matches.rows)]


def _selected(key: str) -> list[int]:
    event = st.session_state.get(key)
    return list(event["selection"]["rows"]) if event else []


def _open_marked(key: str, matches: HistoryPage) -> None:
    """Open the entry if one row is marked; close it otherwise."""
    marked = selected_entries(_selected(key), matches)
    if len(marked) == 1:
        state.open_entry(marked[0].id)
    else:
        state.close_entry()


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
        deleted = history.delete_entries(
            accounts.store_to("keep"), username, [entry.id for entry in marked]
        )
        _rerun_after_deletion(deleted)


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
    state.close_entry()
    frame.set_notice(f"{formats.count(count, 'answer')} deleted.")
    st.rerun()
