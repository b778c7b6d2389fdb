"""Health: database, models, disk, device, and what an empty installation lacks."""

import time

import streamlit as st
from sqlalchemy import make_url, select

from allcore import model_folder, settings
from allcore.errors import AllScopeError
from allcore.store import database, migrations, storage
from allcore.web import accounts, frame
from allcore.web.accounts import Visitor
from allcore.web.administration import checklist


def show_health(_user: Visitor) -> None:
    """Draw the view."""
    config = settings.load()
    names = model_folder.names(config.models)
    ready = sum(checklist.readable(name) for name in names)
    st.subheader("Health", anchor=False)
    _line(_database())
    _line(f"Models: {ready} of {len(names)} can be read in {config.models}")
    _line(f"Disk: {storage.free() / 1e9:,.1f} GB free where ALLSCOPE_HOME is")
    device = st.empty()
    with device:
        _line("Device: looking")
    st.subheader("What a new installation needs", anchor=False)
    checklist.show_checklist("administration")
    with device:
        _line(_device())


def _line(text: str) -> None:
    frame.markdown(f"- {frame.plain(text)}")


def _device() -> str:
    from allcore.inference import devices  # at the end: it takes a second or two to import

    config = settings.load()
    try:
        return f"Device: {devices.described(config.device, config.threads)}"
    except AllScopeError as error:
        return f"Device: {error}"


def _database() -> str:
    """Describe kind, version, revision and response time of the database."""
    store = accounts.store()
    with store.read() as session:
        session.execute(select(1))
        begin = time.perf_counter()
        session.execute(select(1))
        milliseconds = (time.perf_counter() - begin) * 1e3
        revision = migrations.revision_of(session.connection())
    dialect = store.engine.dialect
    version = ".".join(map(str, dialect.server_version_info or ()))
    place = database.label(make_url(settings.load().database))
    return (
        f"Database: {dialect.name} {version}, {place}, tables of revision {revision}, "
        f"answers in {milliseconds:.1f} ms"
    )
