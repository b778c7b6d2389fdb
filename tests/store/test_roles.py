"""The table of roles, and that what writes asks for its action."""

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from allcore.store import roles
from allcore.store.roles import ACCOUNT_ROLES, PERMISSIONS, ROLES, NotAllowed

ROOT = Path(__file__).parents[2]
READS = {
    "batches.list_of", "batches.names", "data_sets.list_of", "flags.cut_of", "flags.list_of",
    "history.find",
    "history.models", "history.search", "kept_pictures.flagged_digests",
    "kept_pictures.read_flagged", "people.find", "people.list_all", "pictures.allowed",
    "pictures.flagged_digests", "pictures.read", "pictures.read_flagged",
    "registration.mode", "reviews.items", "reviews.judgements", "reviews.queues",
    "admin_settings.read", "admin_settings.read_all", "slices.list_of", "slice_store.list_of",
    "storage.usage_by_account",
    "stored_accounts.administrator_exists",
}  # fmt: skip
"""Of the store, as pages call them: what changes nothing."""
FOR_EVERYONE = {
    "deletion.delete_expired_hourly", "codes.redeem_reset", "codes.redeem_setup",
    "identities.sign_in", "registration.register", "sign_in.authenticate",
}  # fmt: skip
"""What changes something and needs no role: tidying up, a code that is its own proof, and
registering or coming in, before which nobody has a role."""


def actions(role: str) -> set[str]:
    return {action for action in PERMISSIONS if roles.may(role, action)}


def test_may__each_role_has_all_of_the_one_before() -> None:
    for less, more in itertools.pairwise(ROLES):
        assert actions(less) <= actions(more)
        assert roles.includes(more, less)
        assert not roles.includes(less, more)


def test_may__who_may_change_nothing() -> None:
    assert actions("visitor") == set()
    assert actions("demo") == {"look"}


def test_may__a_user_does_all_but_judge_and_administer() -> None:
    assert set(PERMISSIONS) - actions("user") == {"review", "profile", "administer"}
    assert actions("reviewer") - actions("user") == {"review", "profile"}
    assert actions("admin") == set(PERMISSIONS)
    assert ACCOUNT_ROLES == ("demo", "user", "reviewer", "admin")


@pytest.mark.parametrize(
    ("role", "action", "sentence"),
    [
        ("visitor", "look", "Sign in to do this."),
        ("demo", "keep", "A demonstration stores nothing: sign in with an account of your own"),
        ("user", "review", "This is for reviewers: ask an administrator for the role."),
        ("reviewer", "administer", "This is for administrators: ask an administrator"),
    ],
)
def test_require__says_what_to_do(role: str, action: roles.Action, sentence: str) -> None:
    with pytest.raises(NotAllowed, match=sentence):
        roles.require(role, action)


def test_may__what_there_is_not() -> None:
    with pytest.raises(ValueError, match="no action 'admin'"):
        roles.may("admin", "admin")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no role 'king'"):
        roles.may("king", "look")


def calls(path: Path) -> Iterator[tuple[str, str]]:
    """Functions of the store that a file calls on a database, and how it came by the database."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    named = {
        ast.unparse(target): ast.unparse(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            given = ast.unparse(node.args[0])
            source = named.get(given, given)
            if source.startswith("accounts.store"):
                yield ast.unparse(node.func), source


OPENED_TO_FEW = ("allcore/web/history/", "allcore/web/administration/")
"""Drawn by one page alone, whose guard has looked right before, and called by no callback."""


@pytest.mark.parametrize("folder", ["allcore/web", "pages"])
def test_writers__ask_for_their_action(folder: str) -> None:
    """Whatever changes the database from a page has it by `store_to`, which asks."""
    found = {
        (name, function)
        for path in sorted((ROOT / folder).rglob("*.py"))
        if not (name := path.relative_to(ROOT).as_posix()).startswith(OPENED_TO_FEW)
        for function, source in calls(path)
        if source == "accounts.store()" and function not in READS | FOR_EVERYONE
    }
    assert list((ROOT / folder).rglob("*.py"))
    assert found == set()
