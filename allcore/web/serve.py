"""Start the server: ``python -m allcore.web.serve [--port PORT]``.

It listens on this machine alone, unless ``ALLSCOPE_HOST`` opens it to others. The setup code is
printed before the first page is opened. Streamlit's other options are set by its own environment
variables, such as ``STREAMLIT_SERVER_HEADLESS``.
"""

import argparse
import errno
import ipaddress
import os
import signal
import socket
import sys
from collections.abc import Sequence

from allcore import settings
from allcore.errors import AllScopeError
from allcore.store import codes, database

PORT = 8501
TRIED = 20
"""Number of ports tried from the wanted one on."""
OPENED = (
    "ALLScope listens on {host}, so other machines can reach it: put a proxy with TLS before it "
    "(docs/deploy.md), or unset ALLSCOPE_HOST."
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the server until a signal ends it, then end the process.

    Raises:
        SystemExit: a setting can't be used, or no port is free; its text says what to do.
    """
    parser = argparse.ArgumentParser(prog="python -m allcore.web.serve", allow_abbrev=False)
    parser.add_argument("--port", type=int, default=PORT, help=f"first port to try ({PORT})")
    wanted = parser.parse_args(arguments).port
    try:
        host = settings.load().host
        port = free_port(host, wanted)
    except AllScopeError as error:
        sys.exit(str(error))
    if port != wanted:
        print(f"Port {wanted} is taken, so ALLScope uses {port}.", flush=True)
    if not is_loopback(host):
        print(OPENED.format(host=host), flush=True)
    _print_setup_code()
    _run_streamlit(host, port)
    _end()


def free_port(host: str, wanted: int) -> int:
    """Return the first port from ``wanted`` on that nobody listens on.

    Raises:
        AllScopeError: the address is not one of this machine, or no port near is free.
    """
    for port in range(wanted, min(wanted + TRIED, 65_536)):
        try:
            with socket.create_server((host, port), family=_family(host)):
                return port
        except OSError as error:
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise AllScopeError(
                    f"ALLSCOPE_HOST can't be used: '{host}' is no address of this machine. "
                    "Correct or unset it and start again."
                ) from None
    raise AllScopeError(
        f"No port from {wanted} to {wanted + TRIED - 1} is free: choose another by PORT or --port."
    )


def is_loopback(host: str) -> bool:
    """Tell whether an address is reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _print_setup_code() -> None:
    try:
        opened = database.connect()
        codes.print_setup(opened)
        opened.engine.dispose()
    except AllScopeError as error:  # the pages say it too, and work once it can be opened
        print(error, file=sys.stderr, flush=True)


def _end(*_: object) -> None:
    """End the process: native threads of torch and pyarrow can abort an interpreter's shutdown."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def _run_streamlit(host: str, port: int) -> None:
    from streamlit.web import cli

    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, _end)  # before the server takes them, and when it raises them again
    options = (
        f"--server.address={host}",
        f"--server.port={port}",
        # With an address of its own to show, Streamlit does not look one up abroad at the start.
        "--browser.serverAddress=localhost",
    )
    cli.main(["run", str(settings.APP_FOLDER / "app.py"), *options], standalone_mode=False)


if __name__ == "__main__":
    main()
