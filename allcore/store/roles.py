"""Roles of accounts, and what each may do.

Roles are ordered: each has all rights of those before it. `allcore.web.page_table` says which role
opens which page. An action is what a page lets people do beyond opening it. Whatever writes to the
database checks its action right before it writes (`allcore.web.accounts.store_to`), so that a
button, a callback and a call from anywhere else get the same answer.
"""

from dataclasses import dataclass
from typing import Literal

from allcore.errors import AllScopeError

Action = Literal["look", "check", "keep", "connect", "review", "account", "administer"]


class NotAllowed(AllScopeError):
    """The role of the person who asks does not allow it."""


@dataclass(frozen=True)
class Role:
    """A role.

    Attributes:
        name: as the database and the command line have it.
        title: of a person who has it.
        people: of several, for "For reviewers".
    """

    name: str
    title: str
    people: str


@dataclass(frozen=True)
class Permission:
    """An action with the least role that may take it, and words that follow "may"."""

    role: str
    words: str


ROLES = {
    role.name: role
    for role in (
        Role("visitor", "Visitor", "visitors"),
        Role("demo", "Demonstration", "visitors of a demonstration"),
        Role("user", "User", "users"),
        Role("reviewer", "Reviewer", "reviewers"),
        Role("admin", "Administrator", "administrators"),
    )
}
"""From the least to the most. A visitor is not signed in; all others are roles of accounts."""
ACCOUNT_ROLES = tuple(name for name in ROLES if name != "visitor")
PERMISSIONS: dict[Action, Permission] = {
    "look": Permission(
        "demo",
        "look at the model, its figures and the data set, and ask it about curated examples",
    ),
    "check": Permission(
        "user",
        "ask the model about pictures of one's own, and bring predictions of one's own",
    ),
    "keep": Permission("user", "keep things: history, slices, splits, cells queued for review"),
    "connect": Permission("user", "connect, index and verify data sets"),
    "review": Permission("reviewer", "judge queued cells"),
    "account": Permission("user", "change one's own name, e-mail address and password"),
    "administer": Permission(
        "admin", "look after accounts, settings and what others have connected"
    ),
}


def includes(role: str, other: str) -> bool:
    """Tell whether a role has all rights of another one.

    Raises:
        ValueError: there is no such role, which is a mistake in the program.
    """
    order = list(ROLES)
    for name in (role, other):
        if name not in ROLES:
            raise ValueError(f"There is no role '{name}'.")
    return order.index(role) >= order.index(other)


def may(role: str, action: Action) -> bool:
    """Tell whether a role may take an action.

    Raises:
        ValueError: there is no such role or action, which is a mistake in the program.
    """
    if action not in PERMISSIONS:
        raise ValueError(f"There is no action '{action}'.")
    return includes(role, PERMISSIONS[action].role)


def require(role: str, action: Action) -> None:
    """Refuse an action that a role may not take.

    Raises:
        NotAllowed: the role may not; the sentence says what to do.
        ValueError: as `may`.
    """
    if not may(role, action):
        raise NotAllowed(refusal(role, action))


def refusal(role: str, action: Action) -> str:
    """Return the sentence for a person who may not take an action."""
    if role == "visitor":
        return "Sign in to do this."
    if role == "demo":
        return "A demonstration stores nothing: sign in with an account of your own to do this."
    people = ROLES[PERMISSIONS[action].role].people
    return f"This is for {people}: ask an administrator for the role."


def sentence(role: str) -> str:
    """Say what a role of accounts may do."""
    words = (permission.words for action, permission in PERMISSIONS.items() if may(role, action))
    return f"May {'; '.join(words)}."
