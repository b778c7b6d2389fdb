"""The command line: ``python -m allcore COMMAND``.

Each command is a plain typed function, listed in ``COMMANDS``. Exit status 0 is success, 1 a
failure with a one-line reason, 2 a usage error, 130 an end by Ctrl-C.
"""

import logging
import sys
from importlib import import_module
from typing import cast

import typer

from allcore import formats, logs
from allcore.cli import terminal
from allcore.errors import AllScopeError, Stopped

STOPPED = 130
UsageProblem = cast(type[typer.BadParameter], typer.BadParameter.__mro__[2])
"""Click's base of usage errors; typer ships Click and doesn't export it."""

COMMANDS = {
    "info": "info.info",
    "predict": "predict.predict",
    "train": "train.train",
    "evaluate": "evaluate.evaluate",
    "validate": "validate.validate",
    "compare": "compare.compare",
    "experiment": "experiment.experiment",
    "index": "index.index",
    "data show": "data.show_dataset",
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
    """Run the command in ``sys.argv``, and exit with its status; a failure prints one line."""
    terminal.escape_unknown_letters()
    status, line = _run()
    line = formats.printable(line)
    if status == 1 and line:
        sys.exit(line)  # prints it, and exits with status 1
    if line:
        terminal.emit(line, file=sys.stderr)
    sys.exit(status)


def _run() -> tuple[int, str]:
    """Exit status of the command, and the line that says why it failed."""
    try:
        logs.configure(at_least=logging.WARNING)
        status = application()(standalone_mode=False)
        terminal.flush()
        return (STOPPED, "Stopped.") if status == STOPPED else (int(status or 0), "")
    except UsageProblem as problem:
        problem.message = "\n".join(map(formats.printable, problem.message.split("\n")))
        problem.show()
        return problem.exit_code, ""
    except Stopped as stop:
        return STOPPED, str(stop)
    except (KeyboardInterrupt, typer.Abort):
        return STOPPED, "Stopped."
    except AllScopeError as error:
        return 1, f"Error: {error}"
    except BrokenPipeError:  # nobody reads on, as after `| head`
        return 1, ""
    except OSError as error:
        place = error.filename or "The output"
        return 1, (
            f"Error: {place} can't be read or written ({error.strerror or error}): check its "
            "rights and the free space, or choose another place."
        )


def _typer(text: str) -> typer.Typer:
    return typer.Typer(
        help=text, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False
    )


if __name__ == "__main__":
    main()
