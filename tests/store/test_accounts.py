from collections.abc import Callable

import pytest

from allcore.errors import StoreError
from allcore.settings import Settings
from allcore.store import accounts, audit, roles
from allcore.store import database as databases
from allcore.store.database import Database
from tests import forking
from tests.store.people import add, fewest_rounds


def test_create__gives_what_was_kept(database: Database) -> None:
    made = accounts.create(
        database, username="Ada", display_name="Ada L.", email="ADA@b.org", password=None
    )
    assert (made.username, made.email, made.role, made.active) == ("ada", "ada@b.org", "user", True)
    assert not made.has_password
    assert made.created_at.utcoffset() is not None
    assert accounts.find(database, "ADA") == made


def test_create__username_taken_in_another_case(database: Database) -> None:
    add(database, "ada")
    with pytest.raises(StoreError, match="'ada' is taken"):
        add(database, "ADA")


def test_create__email_taken_in_another_case(database: Database) -> None:
    add(database, "ada", email="ada@b.org")
    with pytest.raises(StoreError, match="Another account has this e-mail"):
        add(database, "bob", email="Ada@B.org")


def test_create__many_without_email(database: Database) -> None:
    add(database, "ada")
    add(database, "bob")
    assert len(accounts.list_all(database)) == 2


def test_create__processes_lose_and_double_nothing(config: Settings) -> None:
    """Four processes register 40 people of their own each, and all want 10 names more."""
    databases.connect(config)
    with forking.CONTEXT.Pool(4) as pool:
        made = sum(pool.starmap(_register, [(config, worker) for worker in range(4)]))
    assert made == 4 * 40 + 10
    names = [account.username for account in accounts.list_all(databases.connect(config))]
    assert len(names) == len(set(names)) == made


def test_listed__searches_names_and_addresses(database: Database) -> None:
    add(database, "ada", email="a@b.org")
    add(database, "bob", display_name="Bob 100% Ad_hoc")
    found = {
        search: [account.username for account in accounts.list_all(database, search=search)]
        for search in ("", "ADA", "b.org", "100%", "%", "_", "nobody")
    }
    assert found == {
        "": ["ada", "bob"],
        "ADA": ["ada"],
        "b.org": ["ada"],
        "100%": ["bob"],
        "%": ["bob"],
        "_": ["bob"],
        "nobody": [],
    }


def test_change_profile__keeps_every_rule(database: Database) -> None:
    add(database, "ada", email="ada@b.org")
    add(database, "bob")
    changed = accounts.change_profile(database, "bob", display_name=" Bob  B ", email="")
    assert (changed.display_name, changed.email) == ("Bob B", None)
    with pytest.raises(StoreError, match="Another account has this e-mail"):
        accounts.change_profile(database, "bob", display_name="Bob", email="ada@b.org")
    assert accounts.find(database, "bob") == changed


def test_set_active__disabling_ends_sessions_for_good(database: Database) -> None:
    before = add(database, "ada")
    disabled = accounts.set_active(database, "ada", active=False)
    enabled = accounts.set_active(database, "ada", active=True)
    assert (disabled.active, enabled.active) == (False, True)
    assert before.session_version < disabled.session_version == enabled.session_version


@pytest.mark.parametrize(
    "change",
    [
        lambda database: accounts.set_role(database, "ada", "user"),
        lambda database: accounts.set_active(database, "ada", active=False),
    ],
    ids=["demote", "disable"],
)
def test_last_administrator__stays(
    database: Database, change: Callable[[Database], object]
) -> None:
    add(database, "ada", role="admin")
    add(database, "bob", role="admin")
    accounts.set_active(database, "bob", active=False)
    with pytest.raises(StoreError, match="last active administrator"):
        change(database)
    account = accounts.find(database, "ada")
    assert account
    assert (account.role, account.active) == ("admin", True)


def test_last_administrator__stays_when_processes_race(config: Settings) -> None:
    database = databases.connect(config)
    for number in range(4):
        add(database, f"admin{number}", role="admin")
    with forking.CONTEXT.Pool(4) as pool:
        demoted = pool.starmap(_demote, [(config, f"admin{number}") for number in range(4)])
    assert sorted(demoted) == [False, True, True, True]
    assert [a.role for a in accounts.list_all(database)].count("admin") == 1


@pytest.mark.parametrize("role", ["demo", "user", "reviewer"])
def test_last_administrator__gets_no_other_role(database: Database, role: str) -> None:
    add(database, "ada", role="admin")
    with pytest.raises(StoreError, match="last active administrator"):
        accounts.set_role(database, "ada", role)


def test_set_role__every_role_of_the_table(database: Database) -> None:
    add(database, "boss", role="admin")
    add(database, "ada")
    for role in roles.ACCOUNT_ROLES:
        assert accounts.set_role(database, "ada", role).role == role
    with pytest.raises(StoreError, match="no role 'visitor'"):
        accounts.set_role(database, "ada", "visitor")


def test_set_toured__is_kept(database: Database) -> None:
    assert add(database, "ada").toured_at is None
    accounts.set_toured(database, "ADA")
    found = accounts.find(database, "ada")
    assert found
    assert found.toured_at is not None
    with pytest.raises(StoreError, match="no account named 'bob'"):
        accounts.set_toured(database, "bob")


def test_set_role__unknown(database: Database) -> None:
    with pytest.raises(StoreError, match="no account named 'nobody'"):
        accounts.set_role(database, "nobody", "admin")
    with pytest.raises(StoreError, match="no role 'king'; use one of: demo, user, reviewer, admin"):
        accounts.set_role(database, "nobody", "king")


def _register(config: Settings, worker: int) -> int:
    fewest_rounds()
    database, made = databases.connect(config), 0
    own = [f"worker{worker}-{number}" for number in range(40)]
    shared = [f"shared-{number}" for number in range(10)]
    for name in [*own, *shared]:
        try:
            add(database, name, email=f"{name}@b.org")
            made += 1
        except StoreError as error:
            if "another" not in str(error):
                raise
    return made


def _demote(config: Settings, username: str) -> bool:
    try:
        accounts.set_role(databases.connect(config), username, "user")
    except StoreError:
        return False
    return True


def test_change_profile__tells_what_was_changed_and_not_what_it_was(database: Database) -> None:
    add(database, "ada")
    by = audit.Actor("ada", "10.0.0.7")
    for email in ("ada@b.org", "ada@b.org"):
        accounts.change_profile(database, "ada", display_name="ada", email=email, by=by)
    [line] = audit.search(database, audit.AuditQuery(action="profile changed")).entries
    assert (line.username, line.target, line.address) == ("ada", "ada", "10.0.0.7")
    assert line.detail == '{"changed": "e-mail"}'
