"""Settings, read from environment variables that start with ``ALLSCOPE_``."""

import functools
import os
from pathlib import Path
from typing import Annotated, Literal

from platformdirs import user_data_path
from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from allcore.errors import AllScopeError

REPOSITORY = Path(__file__).resolve().parent.parent
"""Root of a checkout; the folder of all packages where the program is installed."""
_SHIPPED = Path(__file__).resolve().parent / "shipped"
APP_FOLDER = _SHIPPED if _SHIPPED.is_dir() else REPOSITORY
"""Folder of app.py, the pages and the shipped models: the checkout, or inside the package."""


def default_home() -> Path:
    """Return ``var`` of a checkout, or the person's data folder where the program is installed."""
    if APP_FOLDER == REPOSITORY:
        return REPOSITORY / "var"
    return user_data_path("allscope", appauthor=False)


PREFIX = "ALLSCOPE_"


class Settings(BaseSettings):
    """Settings of an installation; the variable of a field is ``ALLSCOPE_<FIELD>``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True)

    home: Path = Field(default_factory=default_home, description="folder for what the app keeps")
    data: Path | None = Field(None, description="folder of a data set, such as C-NMC 2019")
    data_roots: Annotated[tuple[Path, ...], NoDecode] = Field(
        (), description="folders below which users may connect data sets"
    )
    database_url: str | None = Field(None, description="PostgreSQL address; empty means SQLite")
    models: Path = Field(APP_FOLDER / "models", description="folder of the model folders")
    model: str = Field("qcresnet-cnmc", description="model that answers unless one is chosen")
    host: str = Field("127.0.0.1", description="address that the server listens on")
    device: str = Field("auto", description="auto, cpu, cuda or cuda:<n>")
    precision: Literal["auto", "bf16", "fp32"] = Field(
        "auto", description="of convolutions; auto is bf16 where the device computes it"
    )
    threads: int | None = Field(None, ge=1, description="CPU threads of a forward pass")
    max_upload_mb: int = Field(200, ge=1, description="largest single upload in megabytes")
    demo: bool = Field(False, description="let everyone look, without an account, storing nothing")
    score_synthetic: bool = Field(
        True, description="score the synthetic cells in the background at first start"
    )
    registration: Literal["open", "invitation", "closed"] = Field(
        "open", description="who may register, until an administrator chooses"
    )
    cookie_days: float = Field(7.0, gt=0, description="days until a sign-in ends by itself")
    idle_minutes: int = Field(720, ge=0, description="minutes without use that end it, 0 for none")
    secure_cookie: bool = Field(False, description="never send the cookie without TLS")
    trusted_proxy: int = Field(0, ge=0, description="proxies before the app that name the address")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="how much is logged"
    )

    @field_validator("data_roots", mode="before")
    @classmethod
    def _folders(cls, value: object) -> object:
        """Split a list of folders by the system's path separator."""
        if not isinstance(value, str):
            return value
        folders = [Path(part.strip()) for part in value.split(os.pathsep) if part.strip()]
        if not all(folder.expanduser().is_absolute() for folder in folders):
            raise ValueError("every folder needs its whole path")
        return tuple(folder.expanduser() for folder in folders)

    @property
    def database(self) -> str:
        """SQLAlchemy URL: ``database_url`` or a SQLite file in ``home``."""
        return self.database_url or f"sqlite:///{self.home / 'allscope.db'}"

    @property
    def demo_set(self) -> Path:
        """Folder of the synthetic demonstration set."""
        return self.home / "demo"


def load() -> Settings:
    """Return the current settings, cached by the environment variables.

    Raises:
        AllScopeError: a variable has an invalid value; the sentence names it.
    """
    return _of(frozenset((k, v) for k, v in os.environ.items() if k.upper().startswith(PREFIX)))


@functools.lru_cache(maxsize=4)
def _of(variables: frozenset[tuple[str, str]]) -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        variable = f"ALLSCOPE_{'_'.join(str(part) for part in first['loc']).upper()}"
        raise AllScopeError(
            f"{variable} can't be used: {first['msg']}. Correct or unset it and start again."
        ) from None
