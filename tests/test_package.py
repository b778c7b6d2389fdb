"""The installed program: its wheel in an environment of its own, called from another folder."""

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from tests.conftest import REPOSITORY, draw_cell

BUILT = ("allcore", "pages", "models", ".streamlit")
FILES = ("app.py", "setup.py", "pyproject.toml", "requirements.txt", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the commands of an environment that holds the wheel and sees all other packages."""
    source, root = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("installed")
    for name in BUILT:
        shutil.copytree(
            REPOSITORY / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
        )
    for name in FILES:
        shutil.copy(REPOSITORY / name, source / name)
    build = "from setuptools import build_meta; build_meta.build_wheel('dist')"
    made = subprocess.run([sys.executable, "-c", build], cwd=source, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    venv.create(root, with_pip=False)
    paths = {"base": str(root), "platbase": str(root)}
    packages = Path(sysconfig.get_path("purelib", "venv", paths))
    (packages / "others.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (wheel,) = (source / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(packages)
    (entry,) = packages.glob("allscope-*.dist-info/entry_points.txt")
    assert "allscope = allcore.__main__:main" in entry.read_text()
    command = root / "bin" / "allscope"
    command.write_text(f"#!{root / 'bin' / 'python'}\nfrom allcore.__main__ import main\nmain()\n")
    command.chmod(0o755)
    return command


def run(command: Path, *arguments: object, cwd: Path) -> "subprocess.CompletedProcess[str]":
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("ALLSCOPE_", "PYTHON", "XDG_"))
    }
    return subprocess.run(
        [str(command), *map(str, arguments)],
        cwd=cwd,
        env=environment | {"HOME": str(cwd), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )


def test_installed__works_from_any_folder_with_the_shipped_models(
    installed: Path, tmp_path: Path
) -> None:
    Image.fromarray(draw_cell(seed=0)).save(tmp_path / "cell.png")
    answered = run(installed, "predict", "cell.png", "--json", cwd=tmp_path)
    assert answered.returncode == 0, answered.stderr
    (row,) = json.loads(answered.stdout)
    assert row["model"] == "qcresnet-cnmc"
    assert row["verdict"] in ("all", "hem", "refused")
    assert not (tmp_path / "models").exists()


def test_installed__says_where_its_home_is(installed: Path, tmp_path: Path) -> None:
    found = run(installed, "info", "--json", cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    facts = json.loads(found.stdout)
    shipped = {path.parent.name for path in (REPOSITORY / "models").glob("*/model.json")}
    assert set(facts["models"]) == shipped
    assert Path(facts["home"]).is_relative_to(tmp_path)
    assert facts["dashboard"] == "python -m allcore.web.serve"
    (app,) = installed.parent.parent.rglob("shipped/app.py")
    pages = {path.name for path in (REPOSITORY / "pages").glob("*.py")}
    assert {path.name for path in (app.parent / "pages").glob("*.py")} == pages
    assert (app.parent / ".streamlit" / "config.toml").is_file()
    said = run(installed, "info", cwd=tmp_path).stdout
    assert f"home       {facts['home']}" in said
