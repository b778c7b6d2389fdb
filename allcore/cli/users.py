"""``python -m allcore users ...``: administration of accounts without the web page."""

import getpass
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from allcore.cli import options, terminal
from allcore.errors import StoreError

if TYPE_CHECKING:
    from allcore.store.accounts import AccountInfo

Name = Annotated[str, Argument(help="Username.")]


def add(
    name: Name,
    role: Annotated[str, Option(help="demo, user, reviewer or admin.")] = "user",
    email: Annotated[str, Option(help="E-mail address.")] = "",
    display_name: Annotated[str, Option(help="The person's name.")] = "",
    password_file: Annotated[
        Path | None, Option(help="File whose first line is the password; - reads it here.")
    ] = None,
) -> None:
    """Make an account: asks for a password on a terminal, else prints a one-time reset code."""
    from allcore.store import accounts, codes, database

    accounts.check_role(role)
    password = _password(password_file)
    opened = database.connect()
    account = accounts.create(
        opened,
        username=name,
        display_name=display_name or name,
        email=email,
        password=password,
        role=role,
    )
    terminal.emit(f"Made the account {account.username} with the role {account.role}.")
    if password is None:
        _print_code(codes.issue_reset(opened, account.username))


def list_accounts(as_json: options.JsonFlag = False) -> None:
    """List the accounts."""
    from allcore.store import accounts, database

    rows = [_row(account) for account in accounts.list_all(database.connect())]
    if as_json:
        terminal.emit(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    if not rows:
        terminal.emit(
            "No accounts yet; make one with: python -m allcore users add NAME --role admin"
        )
        return
    columns = ("username", "role", "state", "email", "last_sign_in", "display_name")
    lines = [columns, *(tuple(str(row[column] or "") for column in columns) for row in rows)]
    widths = [max(map(len, texts)) for texts in zip(*lines, strict=True)]
    for line in lines:
        terminal.emit("  ".join(map(str.ljust, line, widths)).rstrip())


def disable(name: Name) -> None:
    """Shut an account out; its open sessions end."""
    from allcore.store import accounts, database

    terminal.emit(
        f"Disabled {accounts.set_active(database.connect(), name, active=False).username}."
    )


def enable(name: Name) -> None:
    """Let a disabled account in again."""
    from allcore.store import accounts, database

    terminal.emit(f"Enabled {accounts.set_active(database.connect(), name, active=True).username}.")


def reset(name: Name) -> None:
    """Print a one-time code with which the account's owner sets a new password."""
    from allcore.store import codes, database

    _print_code(codes.issue_reset(database.connect(), name))


def role(name: Name, role: Annotated[str, Argument(help="demo, user, reviewer or admin.")]) -> None:
    """Give an account a role."""
    from allcore.store import accounts, database

    changed = accounts.set_role(database.connect(), name, role)
    terminal.emit(f"{changed.username} has the role {changed.role}.")


def approve(name: Name) -> None:
    """Approve an account that has registered and waits."""
    from allcore.store import accounts, database

    terminal.emit(f"Approved {accounts.approve(database.connect(), name).username}.")


def invite(
    role: Annotated[str, Option(help="demo, user, reviewer or admin.")] = "user",
    note: Annotated[str, Option(help="For whom it is.")] = "",
    days: Annotated[int, Option(help="Days until it ends, 1 to 90.")] = 7,
) -> None:
    """Print an invitation with which somebody makes an account, once."""
    from allcore.store import database, registration

    code = registration.invite(database.connect(), role=role, note=note, days=days)
    terminal.emit(f"Invitation, good once within {days} days, at the end of the app's address:")
    terminal.emit(f"\n    /register?invitation={code}\n")


def invitations(as_json: options.JsonFlag = False) -> None:
    """List the invitations that can still be used; not their codes, which are not kept."""
    from allcore.store import database, registration

    usable = registration.invitations(database.connect())
    if as_json:
        rows = [asdict(invitation) for invitation in usable]
        terminal.emit(json.dumps(rows, indent=2, ensure_ascii=False, default=str))
        return
    for invitation in usable:
        by = invitation.made_by or "the command line"
        until = invitation.expires_at.isoformat(timespec="minutes")
        line = f"{invitation.id}  {invitation.role}, until {until}, made by {by}  {invitation.note}"
        terminal.emit(line.rstrip())
    if not usable:
        terminal.emit("No invitation can be used; make one with: python -m allcore users invite")


def withdraw(
    number: Annotated[int, Argument(help="Of the invitation, as 'users invitations' says.")],
) -> None:
    """Withdraw an invitation."""
    from allcore.store import database, registration

    if not registration.withdraw(database.connect(), number):
        raise StoreError(f"No invitation {number} can be used; see 'users invitations'.")
    terminal.emit(f"Withdrew the invitation {number}.")


def _password(file: Path | None) -> str | None:
    """Read the password from a file, standard input or a prompt; None otherwise."""
    if file is not None:
        try:
            text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise StoreError(f"The password file {file} can't be read; check its path.") from None
        return text.split("\n")[0].rstrip("\r")
    if not sys.stdin.isatty():
        return None
    password = getpass.getpass("Password (12 to 64 characters): ")
    if getpass.getpass("The same again: ") != password:
        raise StoreError("The two passwords differ; run the command again.")
    return password


def _print_code(code: str) -> None:
    terminal.emit(
        "Reset code, good for 24 hours, for the sign-in page under 'I have a reset code':"
    )
    terminal.emit(f"\n    {code}\n")


def _row(account: "AccountInfo") -> dict[str, str | None]:
    names = ("username", "display_name", "email", "role", "state")
    times = {"created_at": account.created_at, "last_sign_in": account.last_sign_in}
    return {name: getattr(account, name) for name in names} | {
        name: time and time.isoformat(timespec="seconds") for name, time in times.items()
    }
