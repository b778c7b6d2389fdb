"""ALLSCOPE_MAX_UPLOAD_MB is the limit of Streamlit's uploads."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser import steps
from tests.browser.conftest import Start

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]


def test_upload__above_the_limit(
    browser: Browser, start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALLSCOPE_MAX_UPLOAD_MB", "1")
    big = tmp_path / "big.bmp"
    big.write_bytes(b"\0" * 1_500_000)
    with start() as server, browser.new_context() as context:
        context.set_default_timeout(steps.PATIENCE)
        page = context.new_page()
        steps.visit(page, server.at("admin_sign_in"))
        code = steps.setup_code(server.terminal)
        steps.make_account(
            page, username="ada", name="Ada", button="Make the administrator", code=code
        )
        steps.title(page, "Administration")
        steps.remembered(page)
        page.goto(server.at("predict"))
        uploader = page.get_by_test_id("stFileUploader").first
        expect(uploader).to_contain_text("1MB")
        page.locator("input[type=file]").first.set_input_files(big)
        expect(uploader).to_contain_text("must be 1.0MB or smaller")
