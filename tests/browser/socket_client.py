"""A page without a browser: what the server sends over its websocket, and any message back."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

from allcore.web import cookie

PATIENCE = 60.0
TRIGGERS = {"button", "download_button", "menu_button", "chat_input"}
DATA = {"dataframe", "download_button", "file_uploader", "imgs", "metric", "plotly_chart"}
"""Kinds of elements that show or take data."""
DONE = {ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY}


@dataclass
class Drawn:
    """What runs of a page have sent: widgets by id, kinds of elements, fragments, titles, files."""

    widgets: dict[str, str] = field(default_factory=dict)
    kinds: set[str] = field(default_factory=set)
    fragments: set[str] = field(default_factory=set)
    titles: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    deferred: list[str] = field(default_factory=list)

    def without(self, other: "Drawn") -> dict[str, str]:
        """The widgets that another run has not drawn."""
        return {key: kind for key, kind in self.widgets.items() if key not in other.widgets}

    def take(self, message: ForwardMsg) -> None:
        """Take one message of the server."""
        if message.WhichOneof("type") != "delta":
            return
        delta = message.delta
        if delta.fragment_id:
            self.fragments.add(delta.fragment_id)
        holder = delta.new_element if delta.HasField("new_element") else delta.add_block
        kind = holder.WhichOneof("type")
        part: Any = getattr(holder, kind) if kind else None
        self.kinds.add(kind or "")
        if kind == "heading" and part.tag == "h1":
            self.titles.append(part.body.replace("\\", ""))
        if kind == "download_button":
            (self.files if part.url else self.deferred).append(part.url or part.deferred_file_id)
        if part is not None and getattr(part, "id", ""):
            self.widgets[part.id] = kind


class Socket:
    """One browser tab: who it is, as a cookie, and the session that it claims to continue."""

    def __init__(self, address: str, *, token: str = "", session: str = "") -> None:
        self.session = ""
        self.page_hash = ""
        self.drawn = Drawn()
        self._connecting = connect(
            f"{address.replace('http', 'ws')}/_stcore/stream",
            subprotocols=["streamlit", *(["none", session] if session else [])],  # type: ignore[list-item]
            additional_headers={"Cookie": f"{cookie.NAME}={token}"} if token else {},
            proxy=None,
            max_size=None,
        )

    def __enter__(self) -> "Socket":
        self._socket = self._connecting.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connecting.__exit__(kind, error, trace)

    def run(
        self,
        page: str = "",
        *,
        query: str = "",
        states: Iterable[WidgetState] = (),
        page_hash: str = "",
    ) -> Drawn:
        """Have the server run a page; return what it has sent."""
        message = BackMsg()
        client = message.rerun_script
        client.query_string, client.page_name, client.page_script_hash = query, page, page_hash
        client.widget_states.widgets.extend(states)
        self.send(message)
        self.drawn = Drawn()
        while True:
            said = self.receive()
            kind = said.WhichOneof("type")
            if kind == "new_session":
                self.session = said.new_session.initialize.session_id or self.session
            if kind == "navigation":
                self.page_hash = said.navigation.page_script_hash
            self.drawn.take(said)
            if kind == "script_finished" and said.script_finished in DONE:
                return self.drawn

    def send_fragment(self, fragment: str, states: Iterable[WidgetState]) -> None:
        """Ask for a run of a fragment, which the server leaves alone where it does not know it."""
        message = BackMsg()
        message.rerun_script.fragment_id = fragment
        message.rerun_script.page_script_hash = self.page_hash
        message.rerun_script.widget_states.widgets.extend(states)
        self.send(message)

    def send(self, message: BackMsg) -> None:
        """Send any message."""
        self._socket.send(message.SerializeToString())

    def receive(self) -> ForwardMsg:
        """The next message of the server."""
        data = self._socket.recv(timeout=PATIENCE)
        assert isinstance(data, bytes)
        said = ForwardMsg()
        said.ParseFromString(data)
        return said

    def file_address(self, deferred: str) -> str:
        """Have the server make a file that a button offers; return its address."""
        message = BackMsg()
        request = message.backend_operation_request
        request.request_id, request.session_id = "file", self.session
        request.deferred_file.file_id = deferred
        self.send(message)
        while (said := self.receive()).WhichOneof("type") != "backend_operation_response":
            pass
        answer = said.backend_operation_response
        assert not answer.error_msg, answer.error_msg
        return str(answer.deferred_file.url)


def pressed(
    widgets: dict[str, str], *, text: str = "admin", number: float = 1e9
) -> list[WidgetState]:
    """States of widgets: buttons pressed, boxes ticked, fields filled with one value."""
    return [_state(name, kind, text, number) for name, kind in widgets.items()]


def _state(name: str, kind: str, text: str, number: float) -> WidgetState:
    state = WidgetState(id=name)
    match kind:
        case "checkbox":
            state.bool_value = True
        case "number_input":
            state.double_value = number
        case "slider":
            state.double_array_value.data.append(number)
        case "multiselect" | "button_group":
            state.string_array_value.data.append(text)
        case "bidi_component" | "component_instance":
            state.json_value = json.dumps({"value": text})
        case "text_input" | "text_area" | "selectbox" | "radio":
            state.string_value = text
        case "dataframe" | "plotly_chart":
            state.string_value = json.dumps(
                {"selection": {"rows": [0], "columns": [], "cells": []}}
            )
        case _ if kind in TRIGGERS:
            state.trigger_value = True
        case _:
            state.string_value = text
    return state
