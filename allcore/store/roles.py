"""Who may open which page, and do what there: one table for navigation, guard, store and tests.

A page is named by the stem of its script. An action is what a page lets people do beyond opening
it; whatever writes asks for its action right before it writes (`allcore.web.accounts.store_to`), so
that a button, a callback and a call from anywhere else are answered alike.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from allcore.errors import AllScopeError

Page = Literal[
    "home", "predict", "history", "evaluation", "review", "dataset", "compare", "networks",
    "about", "account", "administration", "sign_in", "register", "admin_sign_in",
]  # fmt: skip
Action = Literal["look", "check", "keep", "connect", "review", "account", "administer"]

PAGES: tuple[Page, ...] = get_args(Page)
ACTIONS: dict[Action, str] = {
    "look": "look at the model, its figures and the data set, and ask it about curated examples",
    "check": "ask the model about pictures of one's own, and bring predictions of one's own",
    "keep": "keep things: history, slices, splits, cells queued for review",
    "connect": "connect, index and verify data sets",
    "review": "judge queued cells",
    "account": "change one's own name, e-mail address and password",
    "administer": "look after accounts, settings and what others have connected",
}
"""What each action is, in words that follow "may"."""


class NotAllowed(AllScopeError):
    """Something that the role of who asks does not allow."""


@dataclass(frozen=True)
class Role:
    """A line of the table.

    Attributes:
        name: as the database and the command line have it.
        title: what people call one who has it.
        people: several of them, for "For reviewers".
        pages: that it opens.
        actions: that it may do.
    """

    name: str
    title: str
    people: str
    pages: frozenset[Page]
    actions: frozenset[Action]


_DOORS: frozenset[Page] = frozenset({"home", "sign_in", "register", "admin_sign_in"})
_SHOWN: frozenset[Page] = _DOORS | {
    "predict", "evaluation", "dataset", "compare", "networks", "about",
}  # fmt: skip
_WORKED: frozenset[Page] = _SHOWN | {"history", "account"}
_USED: frozenset[Action] = frozenset({"look", "check", "keep", "connect", "account"})

TABLE: dict[str, Role] = {
    role.name: role
    for role in (
        Role("visitor", "Visitor", "visitors", _DOORS, frozenset()),
        Role("demo", "Demonstration", "visitors of a demonstration", _SHOWN, frozenset({"look"})),
        Role("user", "User", "users", _WORKED, _USED),
        Role("reviewer", "Reviewer", "reviewers", _WORKED | {"review"}, _USED | {"review"}),
        Role("admin", "Administrator", "administrators", frozenset(PAGES), frozenset(ACTIONS)),
    )
}
"""From the least to the most. A visitor is not signed in; all others are roles of accounts."""
OF_ACCOUNTS = tuple(name for name in TABLE if name != "visitor")


def opens(role: str, page: Page) -> bool:
    """Tell whether a role opens a page.

    Raises:
        ValueError: there is no such role or page, which is a mistake in the program.
    """
    if page not in PAGES:
        raise ValueError(f"There is no page '{page}'.")
    return page in _of(role).pages


def may(role: str, action: Action) -> bool:
    """Tell whether a role may do something.

    Raises:
        ValueError: there is no such role or action, which is a mistake in the program.
    """
    if action not in ACTIONS:
        raise ValueError(f"There is no action '{action}'.")
    return action in _of(role).actions


def require(role: str, action: Action) -> None:
    """Refuse what a role may not do.

    Raises:
        NotAllowed: the role may not; the sentence says what to do.
        ValueError: as `may`.
    """
    if not may(role, action):
        raise NotAllowed(refusal(role, action))


def refusal(role: str, action: Action) -> str:
    """The sentence for who may not do something."""
    if role == "visitor":
        return "Sign in to do this."
    if role == "demo":
        return "A demonstration stores nothing: sign in with an account of your own to do this."
    least = next(other for other in TABLE.values() if action in other.actions)
    return f"This is for {least.people}: ask an administrator for the role."


def sentence(role: str) -> str:
    """Say what a role of accounts may do."""
    said = "; ".join(words for action, words in ACTIONS.items() if may(role, action))
    return f"May {said}."


def least_for(page: Page) -> Role:
    """The first role of the table that opens a page."""
    return next(role for role in TABLE.values() if page in role.pages)


def _of(role: str) -> Role:
    if role not in TABLE:
        raise ValueError(f"There is no role '{role}'.")
    return TABLE[role]
