"""What Streamlit is told for everyone stays on the safe side."""

import tomllib

import pytest
from streamlit import config

from allcore.settings import REPOSITORY

TOLD = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
HARDENED = {
    "server.enableXsrfProtection": True,
    "server.enableCORS": True,
    "server.enableStaticServing": False,
    "server.enableAgentApi": False,
    "server.scriptHealthCheckEnabled": False,
    "server.trustedUserHeaders": {},
    "client.showErrorDetails": "type",
    "client.toolbarMode": "viewer",
    "client.allowedOrigins": [],
    "browser.gatherUsageStats": False,
    "global.e2eTest": False,
    "global.unitTest": False,
}


@pytest.mark.parametrize("option", list(HARDENED))
def test_config__is_hardened(option: str) -> None:
    """Said in the file, or what Streamlit does by itself."""
    section, _, name = option.partition(".")
    untold = config._config_options_template[option].default_val
    assert TOLD.get(section, {}).get(name, untold) == HARDENED[option]


def test_config__leaves_what_is_for_developers_alone() -> None:
    assert "global" not in TOLD
