import pytest

from allcore.web import guard, page_table
from tests.web import sessions


def names(role: str) -> set[str]:
    return {page.name for page in page_table.PAGES if page.opens_to(role)}


def test_pages__are_all_scripts() -> None:
    scripts = {path.stem for path in (sessions.ROOT / "pages").glob("*.py")}
    assert {page.name for page in page_table.PAGES} == scripts == names("admin")


def test_pages__by_role() -> None:
    assert names("visitor") == {"home", "sign_in", "register", "admin_sign_in"}
    assert not names("demo") & {"history", "review", "account", "administration"}
    assert names("reviewer") - names("user") == {"review"}
    assert names("admin") - names("reviewer") == {"administration"}


def test_page__that_is_not_there() -> None:
    with pytest.raises(ValueError, match="add a line to allcore/web/page_table"):
        page_table.page("user")
    with pytest.raises(ValueError, match="no page 'user'"):
        guard.require("user")
