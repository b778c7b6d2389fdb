"""People for the tests, also in processes of their own."""

from allcore.store import accounts, passwords, sign_in
from allcore.store.accounts import AccountInfo
from allcore.store.database import Database

PASSWORD = "correct horse battery"


def add(
    database: Database,
    username: str,
    *,
    display_name: str = "",
    email: str = "",
    role: str = "user",
    password: str | None = PASSWORD,
) -> AccountInfo:
    return accounts.create(
        database,
        username=username,
        display_name=display_name or username,
        email=email,
        password=password,
        role=role,
    )


def fewest_rounds() -> None:
    """For a process that pytest's fixtures do not reach."""
    passwords.ROUNDS = 4
    sign_in.NAME_COST = 4
