"""The door for operators: the command `accessbot`, one group of commands per module of this package.

What a command prints goes to standard output, everything else to standard error. Each command imports what it needs
when it runs, so that help and completion answer at once.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from accessbot.cli.program import app
from accessbot.domain.errors import AccessbotError

FAILED = 1
INTERRUPTED = 130


def main() -> None:
    """Run the command line and leave with its exit status: 0 done, 1 refused or failed, 2 wrong usage."""
    sys.exit(run(sys.argv[1:]))


def run(args: Sequence[str]) -> int:
    """Run one command line and give its exit status; errors are told on standard error, a line for each."""
    try:
        status = app(args=args, prog_name="accessbot", standalone_mode=False)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has seen enough; without this the interpreter would complain when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = FAILED
    except KeyboardInterrupt:
        status = INTERRUPTED
    except typer.Abort:
        status = FAILED
    except typer.TyperException as error:
        status = _say_usage(error)
    except AccessbotError as error:
        status = _say(*error.lines)
    except Exception as error:
        if os.environ.get("LOG_LEVEL", "").upper() == "DEBUG":
            raise
        status = _say(_unexpected(error))
    return status if isinstance(status, int) else 0


def _say(*lines: str) -> int:
    for line in lines:
        typer.echo(line, err=True)
    return FAILED


def _say_usage(error: typer.TyperException) -> int:
    """Tell of a mistake in one line that names the command to ask for help; a bare group shows its help instead."""
    context = getattr(error, "ctx", None)
    message = " ".join(error.format_message().replace("Value error, ", "").split())
    if type(error).__name__ == "NoArgsIsHelpError":
        _say(error.format_message())
    elif context is None:
        _say(f"accessbot: {message}")
    else:
        _say(f"{context.command_path}: {message} See '{context.command_path} --help'.")
    return error.exit_code


def _unexpected(error: Exception) -> str:
    from accessbot.log import redact  # noqa: PLC0415 - imported only when something went wrong

    told = " ".join(redact(f"{type(error).__name__}: {error}").split())
    return f"accessbot failed unexpectedly ({told}); run it again with LOG_LEVEL=DEBUG and report what it prints."
