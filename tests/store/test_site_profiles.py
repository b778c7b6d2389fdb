import pytest

from allcore import site_profile
from allcore.settings import Settings
from allcore.store import accounts, audit, database, site_profiles
from allcore.store.database import Database
from allcore.store.roles import NotAllowed
from tests import validated


@pytest.fixture
def store(config: Settings, monkeypatch: pytest.MonkeyPatch) -> Database:
    monkeypatch.setenv("ALLSCOPE_HOME", str(config.home))
    opened = database.connect(config)
    for name, role in (("ada", "user"), ("rev", "reviewer")):
        accounts.create(
            opened, username=name, display_name=name, email=f"{name}@example.org",
            password="correct horse 7 battery", role=role,
        )  # fmt: skip
    return opened


def test_save__and_delete_are_in_the_audit_log(store: Database) -> None:
    saved = site_profiles.save(store, "rev", validated.profile(), address="10.0.0.7")
    assert site_profile.find("Laboratory A") == saved
    site_profiles.delete(store, "rev", saved)
    assert site_profile.list_profiles() == ([], [])
    last, first = audit.search(store).entries[:2]
    assert (first.action, first.target, first.address) == (
        "site profile saved", "Laboratory A@1", "10.0.0.7",
    )  # fmt: skip
    assert (last.action, last.username) == ("site profile deleted", "rev")


def test_save__is_for_reviewers(store: Database) -> None:
    with pytest.raises(NotAllowed, match="This is for reviewers"):
        site_profiles.save(store, "ada", validated.profile())
    saved = site_profiles.save(store, "rev", validated.profile())
    with pytest.raises(NotAllowed):
        site_profiles.delete(store, "ada", saved)
    assert site_profile.list_profiles()[0] == [saved]
