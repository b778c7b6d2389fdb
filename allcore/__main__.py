"""The command line: ``python -m allcore COMMAND``.

Each command is a plain typed function, listed in ``COMMANDS``. Exit status 0 is success, 1 a
failure with a one-line reason, 2 a usage error.
"""

import sys
from importlib import import_module

import typer

from allcore.errors import AllScopeError

COMMANDS = {
    "info": "info.info",
    "predict": "predict.predict",
    "train": "train.train",
    "evaluate": "evaluate.evaluate",
    "compare": "compare.compare",
    "experiment": "experiment.experiment",
    "index": "index.index",
    "data synth": "data.synth",
    "data measure": "data.measure",
    "data compare": "data.compare",
    "data verify": "data.verify",
    "data health": "health.health",
    "data fetch": "data.fetch",
    "users add": "users.add",
    "users list": "users.list_accounts",
    "users disable": "users.disable",
    "users enable": "users.enable",
    "users reset": "users.reset",
    "users role": "users.role",
    "users approve": "users.approve",
    "users invite": "users.invite",
    "users invitations": "users.invitations",
    "users withdraw": "users.withdraw",
    "db backup": "db.backup",
    "db restore": "db.restore",
    "db check": "db.check",
}
"""Module in ``allcore.cli`` and function of each command, in the order of the help."""

GROUPS = {"data": "Data sets.", "users": "Accounts without the web page.", "db": "The database."}


def application() -> typer.Typer:
    """Build the command line with all commands of ``COMMANDS``."""
    root = _typer("ALLScope: classifying acute lymphoblastic leukemia cells. Research use only.")
    groups = {name: _typer(text) for name, text in GROUPS.items()}
    for path, function in COMMANDS.items():
        group, _, name = path.rpartition(" ")
        module, _, attribute = function.partition(".")
        command = getattr(import_module(f"allcore.cli.{module}"), attribute)
        (groups[group] if group else root).command(name)(command)
    for name, group_app in groups.items():
        root.add_typer(group_app, name=name)
    return root


def main() -> None:
    """Run the command in ``sys.argv``; an AllScopeError prints one line and exits with status 1."""
    try:
        application()()
    except AllScopeError as error:
        sys.exit(f"Error: {error}")


def _typer(text: str) -> typer.Typer:
    return typer.Typer(
        help=text, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )


if __name__ == "__main__":
    main()
