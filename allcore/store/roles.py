"""Roles of accounts and their permissions.

Roles are ordered: each includes the permissions of those before it. `allcore.web.page_table` gives
the required role of each page. An action is an operation on a page beyond opening it. Every
database write checks its action immediately before (`allcore.web.accounts.store_to`), so that
buttons, callbacks and other calls are treated alike.
"""

from dataclasses import dataclass
from typing import Literal

from allcore.errors import AllScopeError

Action = Literal["look", "check", "keep", "connect", "review", "profile", "account", "administer"]


class NotAllowed(AllScopeError):
    """The caller's role lacks the permission."""


@dataclass(frozen=True)
class Role:
    """A role."""

    name: str  # stored and command-line name
    title: str  # display name of one person in the role
    people: str  # plural, for "For reviewers"


@dataclass(frozen=True)
class Permission:
    """An action with its minimum role, and the words that follow "may"."""

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
"""Roles in ascending order. A visitor is not signed in; all others are roles of accounts."""
ACCOUNT_ROLES = tuple(name for name in ROLES if name != "visitor")
PERMISSIONS: dict[Action, Permission] = {
    "look": Permission(
        "demo", "look at the model, its figures and the data set, and ask it about curated examples"
    ),
    "check": Permission(
        "user", "ask the model about pictures of one's own, and bring predictions of one's own"
    ),
    "keep": Permission("user", "keep things: history, slices, splits, cells queued for review"),
    "connect": Permission("user", "connect, index and verify data sets"),
    "review": Permission("reviewer", "judge queued cells"),
    "profile": Permission("reviewer", "save and delete site profiles"),
    "account": Permission("user", "change one's own name, e-mail address and password"),
    "administer": Permission(
        "admin", "look after accounts, settings and what others have connected"
    ),
}


def includes(role: str, other: str) -> bool:
    """True if a role has all permissions of another one; a ValueError for an unknown role."""
    order = list(ROLES)
    for name in (role, other):
        if name not in ROLES:
            raise ValueError(f"There is no role '{name}'.")
    return order.index(role) >= order.index(other)


def may(role: str, action: Action) -> bool:
    """True if a role may perform an action; a ValueError where there is no such role or action."""
    if action not in PERMISSIONS:
        raise ValueError(f"There is no action '{action}'.")
    return includes(role, PERMISSIONS[action].role)


def require(role: str, action: Action) -> None:
    """Raise NotAllowed, with the remedy, where a role may not perform an action."""
    if not may(role, action):
        raise NotAllowed(refusal(role, action))


def refusal(role: str, action: Action) -> str:
    """Return the sentence for a person without permission for an action."""
    if role == "visitor":
        return "Sign in to do this."
    if role == "demo":
        return "A demonstration stores nothing: sign in with an account of your own to do this."
    people = ROLES[PERMISSIONS[action].role].people
    return f"This is for {people}: ask an administrator for the role."


def sentence(role: str) -> str:
    """Return the permissions of a role as a sentence."""
    words = (permission.words for action, permission in PERMISSIONS.items() if may(role, action))
    return f"May {'; '.join(words)}."
