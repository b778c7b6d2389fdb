"""How a test looks at a page: open it as a script, and read what it says."""

from pathlib import Path

from streamlit.testing.v1 import AppTest


def opened(page: Path) -> AppTest:
    """The page after its first run, which must not fail; importing torch may take long."""
    found = AppTest.from_file(str(page), default_timeout=60).run()
    assert not found.exception
    return found


def words(page: AppTest) -> str:
    """All that the page says outside its tables, charts and controls, without escapes."""
    kinds = (page.subheader, page.markdown, page.caption, page.info, page.warning, page.error)
    return "\n".join(str(part.value).replace("\\", "") for parts in kinds for part in parts)
