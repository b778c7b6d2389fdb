"""``python -m allcore info``: versions, device, models, database and data sets."""

import json
import platform
from typing import Any

from allcore import notice, settings
from allcore.cli import options, terminal
from allcore.errors import DataError

PACKAGES = (
    "streamlit", "streamlit-authenticator", "torch", "torchvision", "lightning", "scikit-learn",
    "pillow", "plotly", "sqlalchemy",
)  # fmt: skip


def info(as_json: options.JsonFlag = False) -> None:
    """Home folder, versions, device, models found, database and data sets."""
    facts = _facts()
    if as_json:
        terminal.emit(json.dumps(facts, indent=2, ensure_ascii=False))
        return
    for key, value in facts.items():
        if isinstance(value, dict):
            value = ", ".join(f"{name} {text}" for name, text in value.items()) or "none"
        terminal.emit(f"{key:<10} {value}")


def _facts() -> dict[str, Any]:
    from sqlalchemy import make_url

    import allcore
    from allcore import model_folder, site_profile
    from allcore.inference import devices, provenance
    from allcore.store import database

    chosen = settings.load()
    return {
        "allscope": allcore.__version__,
        "notice": notice.RESEARCH_USE,
        "python": platform.python_version(),
        "packages": {name: provenance.package_version(name) for name in PACKAGES},
        "device": devices.described(chosen.device, chosen.threads),
        "home": str(chosen.home),
        "dashboard": "python -m allcore.web.serve",
        "models": {
            name: f"({model.architecture}, threshold {model.threshold:.3f})"
            for name in model_folder.names(chosen.models)
            if (model := model_folder.read_info(chosen.models / name))
        },
        "profiles": {
            profile.key: f"({profile.model}, {profile.mark})"
            for profile in site_profile.list_profiles()[0]
        },
        "database": database.label(make_url(chosen.database)),
        "datasets": _datasets(chosen),
    }


def _datasets(chosen: Any) -> dict[str, str]:
    from allcore.data import readers

    texts = {}
    for name, path in {"data": chosen.data, "demo": chosen.demo_set}.items():
        if path is None:
            continue
        try:
            texts[name] = f"{len(readers.read(path))} images in {path}"
        except DataError:
            texts[name] = f"nothing usable in {path}"
    return texts
