import pytest

from allcore.store import accounts, database
from allcore.store.audit import AuditQuery
from allcore.store.roles import NotAllowed
from allcore.web.administration import audit_log
from tests.web import sessions


def test_exported__to_who_is_an_administrator_then() -> None:
    """The button's file is made when it is clicked, outside of the session that drew it."""
    sessions.add("boss", role="admin")
    sessions.add("chief", role="admin")
    opened = database.connect()
    assert b"account made" in audit_log.audit_csv(opened, "boss", AuditQuery())
    accounts.set_role(opened, "boss", "reviewer")
    sessions.add("ada", role="admin")
    accounts.set_active(opened, "ada", active=False)
    for name in ("boss", "ada", "nobody"):
        with pytest.raises(NotAllowed):
            audit_log.audit_csv(opened, name, AuditQuery())
