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
from scripts import image as built

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


def test_build__knows_every_step_of_the_file() -> None:
    """What scripts/image.py runs is what the Dockerfile says, in order and without comments."""
    steps = list(built.steps((ROOT / "Dockerfile").read_text(encoding="utf-8")))
    assert [name for name, _ in steps] == [
        "FROM", "ARG", "ENV", "WORKDIR", "COPY", "RUN", "COPY", "RUN", "USER", "VOLUME", "EXPOSE",
        "HEALTHCHECK", "CMD",
    ]  # fmt: skip
    image = built.Image(Path("/nowhere"), {"TORCH_INDEX": ""})
    for name, rest in steps:
        if name in ("ARG", "ENV", "USER", "HEALTHCHECK", "CMD"):
            built.take(image, name, rest)
    assert (image.user, image.arguments["TORCH_INDEX"]) == ("allscope", "")
    assert image.environment["ALLSCOPE_HOME"] == "/var/lib/allscope"
    assert (image.command, image.health) == (command("CMD"), command(r"HEALTHCHECK .* CMD"))
    assert steps[0][1].removeprefix("python:").removesuffix("-slim") in built.SUITES
    with pytest.raises(ValueError, match="ONBUILD"):
        built.take(image, "ONBUILD", "RUN true")


@pytest.mark.parametrize(
    ("name", "out"),
    [
        ("allcore/web/serve.py", False),
        (".streamlit/config.toml", False),
        (".streamlit/secrets.toml", True),
        ("allcore/__pycache__/errors.cpython-311.pyc", True),
        ("tests/test_image.py", True),
        (".git/config", True),
        ("requirements-dev.lock", True),
        ("requirements.lock", False),
    ],
)
def test_build__copies_what_dockerignore_leaves(name: str, out: bool) -> None:
    assert built.ignored(name, IGNORED) is out


def test_build__counts_the_files_of_cuda(tmp_path: Path) -> None:
    packages = tmp_path / "usr/local/lib/python3.13/site-packages"
    for name in ("nvidia/cublas/lib/libcublas.so", "torch/lib/libtorch_cuda.so", "torch/a.py"):
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_bytes(b"12345")
    (packages / "linked.py").hardlink_to(packages / "torch/a.py")
    assert built.sizes(tmp_path) == (15, 10)


def test_build__figures_stand_in_the_document() -> None:
    figures = built.Figures(size=6_000_000_000, cuda=4_500_000_000, build=60, start=9, predict=4)
    text = built.replaced("a\n<!-- image -->\nold\n<!-- end of image -->\nb\n", figures)
    assert "old" not in text and text.startswith("a\n") and text.endswith("\nb\n")
    assert "| size | 6.00 GB, 1.50 GB of them without the CUDA files |" in text
    document = (ROOT / "docs" / "deploy.md").read_text(encoding="utf-8")
    assert built.replaced(document, figures) != document
