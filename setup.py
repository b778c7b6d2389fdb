"""What pyproject.toml can't say: app, pages and models travel inside the installed package."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
SHIPPED = ("app.py", "pages", "models", ".streamlit/config.toml")


class BuildWithPages(build_py):
    """Copies them to ``allcore/shipped``, where ``allcore.settings`` finds them."""

    def run(self) -> None:
        """Build the package; an editable one finds all in its checkout."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "allcore" / "shipped"
        shutil.rmtree(target, ignore_errors=True)
        for name in SHIPPED:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / name, target / name, ignore=ignored)
            else:
                shutil.copy2(ROOT / name, target / name)


setup(cmdclass={"build_py": BuildWithPages})
