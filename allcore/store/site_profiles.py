"""Site profiles as accounts save and delete them, with entries in the audit log."""

from allcore import site_profile
from allcore.site_profile import SiteProfile
from allcore.store import accounts, audit, roles
from allcore.store.database import Database


def save(
    database: Database, username: str, profile: SiteProfile, *, address: str = ""
) -> SiteProfile:
    """Save a profile for all accounts; return it with its version.

    Raises:
        NotAllowed: the account lacks the right.
        DataError: the name can't be used, or the folder can't be written.
        StoreError: there is no such account.
    """
    _require(database, username)
    saved = site_profile.save(profile)
    _record(database, username, "site profile saved", saved, address)
    return saved


def delete(database: Database, username: str, profile: SiteProfile, *, address: str = "") -> None:
    """Delete a profile for all accounts.

    Raises:
        NotAllowed: the account lacks the right.
        DataError: the file can't be deleted.
        StoreError: there is no such account.
    """
    _require(database, username)
    site_profile.delete(profile)
    _record(database, username, "site profile deleted", profile, address)


def _require(database: Database, username: str) -> None:
    with database.read() as session:
        account = accounts.existing(session, username)
        roles.require(account.role if account.active else "visitor", "profile")


def _record(
    database: Database, username: str, action: str, profile: SiteProfile, address: str
) -> None:
    detail = {"model": profile.model, "data": profile.data, "sha256": profile.digest}
    with database.write() as session:
        account = accounts.existing(session, username)
        audit.record(
            session, action, by=account, target=profile.key, address=address, detail=detail
        )
