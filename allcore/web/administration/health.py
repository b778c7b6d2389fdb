"""Health: the database, the models, the disk, and what an empty installation still lacks."""

import shutil
import time

import streamlit as st
from sqlalchemy import make_url, select

from allcore import modelfolder, settings
from allcore.errors import AllScopeError
from allcore.store import accounts as people
from allcore.store import data_sets, database, migrations
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor

_GIGABYTE = 1e9


def show(_user: Visitor) -> None:
    """Draw the view."""
    config = settings.load()
    named = modelfolder.names(config.models)
    ready = {name: _readable(name) for name in named}
    st.subheader("Health", anchor=False)
    free = shutil.disk_usage(config.home).free / _GIGABYTE
    said = [
        _database(),
        f"Models: {sum(ready.values())} of {len(named)} can be read in {config.models}",
        f"Disk: {free:,.1f} GB free where ALLSCOPE_HOME is",
        f"Device: {config.device}",
    ]
    st.markdown("\n".join(f"- {frame.plain(each)}" for each in said), width=frame.TEXT_WIDTH)
    st.subheader("What a new installation needs", anchor=False)
    store = accounts.store()
    steps = {
        "an account besides the first administrator": len(people.listed(store)) > 1,
        "a data set connected": config.data is not None or bool(data_sets.list_of(store)),
        f"the model {config.model} ready": ready.get(config.model, False),
    }
    for step, done in steps.items():
        icon = ":material/check_circle:" if done else ":material/radio_button_unchecked:"
        st.markdown(f"{icon} {frame.plain(step)}{'' if done else ' (missing)'}")


def _readable(name: str) -> bool:
    try:
        modelfolder.read_info(settings.load().models / name)
    except AllScopeError:
        return False
    return True


def _database() -> str:
    """Kind, version, revision and how long it takes to answer."""
    opened = accounts.store()
    with opened.read() as session:
        session.execute(select(1))
        begin = time.perf_counter()
        session.execute(select(1))
        milliseconds = (time.perf_counter() - begin) * 1e3
        revision = migrations.revision_of(session.connection())
    dialect = opened.engine.dialect
    version = ".".join(map(str, dialect.server_version_info or ()))
    place = database.label(make_url(settings.load().database))
    return (
        f"Database: {dialect.name} {version}, {place}, tables of revision {revision}, "
        f"answers in {milliseconds:.1f} ms"
    )
