"""The image and the compose file, as far as that can be seen without Docker."""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from allcore.settings import Settings
from benchmarks import servers

ROOT = Path(__file__).parents[1]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
IGNORED = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()


def command(pattern: str) -> list[str]:
    """What the Dockerfile says as a JSON list after these words."""
    found = re.search(rf"^{pattern}\s*(\[.*\])\s*$", DOCKERFILE, flags=re.MULTILINE)
    assert found
    words: list[str] = json.loads(found[1])
    return words


def test_image__holds_what_it_needs_and_nothing_else() -> None:
    kept = {name.removeprefix("!") for name in IGNORED if name.startswith("!")}
    assert IGNORED[0] == "*"  # what is not named stays out: tests, notebooks, secrets, history
    assert [name for name in kept if not (ROOT / name).exists()] == []
    assert kept >= {"allcore", "pages", "models", "app.py", "requirements.lock", ".streamlit"}
    assert not kept & {"tests", "benchmarks", "scripts", "docs", ".git", "var", ".env", "deploy"}
    for line in re.findall(r"^COPY (.+)$", DOCKERFILE, flags=re.MULTILINE):
        *sources, _ = shlex.split(line)
        assert all(source == "." or source in kept for source in sources)


def test_image__runs_without_rights() -> None:
    users = re.findall(r"^USER (.+)$", DOCKERFILE, flags=re.MULTILINE)
    assert users and users[-1] not in ("root", "0")
    assert DOCKERFILE.index("USER allscope") < DOCKERFILE.index("\nCMD")


def test_image__locks_hold_what_it_greps_for() -> None:
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    named = re.findall(r"^(torch|torchvision)==", lock, flags=re.MULTILINE)
    assert sorted(named) == ["torch", "torchvision"]


def test_compose__its_files_and_variables_are_there() -> None:
    services = COMPOSE["services"]
    assert set(services) == {"database", "app1", "app2", "proxy"}
    mounted = [each.split(":")[0] for each in services["proxy"]["volumes"]]
    made = {"./certificates"}  # by who deploys: docs/deploy.md
    assert [path for path in mounted if path not in made and not (ROOT / path).is_file()] == []
    template = (ROOT / "deploy" / "nginx.conf.template").read_text(encoding="utf-8")
    wanted = set(re.findall(r"\$\{(\w+)\}", template))
    assert wanted <= set(services["proxy"]["environment"])
    volumes = {
        each.split(":")[0] for name in ("app1", "database") for each in services[name]["volumes"]
    }
    assert volumes == set(COMPOSE["volumes"])


@pytest.mark.parametrize("name", ["app1", "app2"])
def test_compose__the_app_has_few_rights_and_known_settings(name: str) -> None:
    app = COMPOSE["services"][name]
    assert app["read_only"] is True
    assert app["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in app["security_opt"]
    assert "ports" not in app  # the proxy alone is reached from outside
    known = {f"ALLSCOPE_{field.upper()}" for field in Settings.model_fields}
    given = {key for key in app["environment"] if key.startswith("ALLSCOPE_")}
    assert given <= known
    assert "ports" not in COMPOSE["services"]["database"]


@pytest.mark.skipif(os.name == "nt", reason="the image is for Linux")
@pytest.mark.timeout(180)
def test_image__starts_and_is_healthy(tmp_path: Path) -> None:
    """The image's own commands, on another port: it starts, and its health can be asked for."""
    start, health = command("CMD"), command(r"HEALTHCHECK .* CMD")
    port = servers.free_port()
    start, health = (
        [each.replace("8501", str(port)) for each in words] for words in (start, health)
    )
    run = subprocess.Popen(
        [sys.executable, *start[1:]],
        cwd=ROOT,
        env={**os.environ, "ALLSCOPE_HOME": str(tmp_path), "HOME": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        asked, latest = [sys.executable, *health[1:]], time.monotonic() + 120
        while subprocess.run(asked, capture_output=True).returncode:
            assert time.monotonic() < latest and run.poll() is None
            time.sleep(0.5)
    finally:
        run.terminate()
        run.wait()
