"""How a verb tells a user's mistake: one sentence with the nearest right name, and an exit code."""

import io
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from analysis import other_names
from analysis.cli import given, stopping
from analysis.errors import UserError, WorkError
from analysis.parameters import meant

MOST_NAMED = 3
"""Verbs that a message names which have an option that another lacks."""


class Verb(click.Command):
    """A verb that tells a UserError, the package's word for a user's mistake, in its one sentence.

    So does a place that the system refuses. Any other exception is a fault of this program and keeps its
    traceback.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the words after the verb; a usage error for one too many, and for an option without value."""
        given.refuse_empty(self, args)
        ctx.allow_extra_args = True
        try:
            more = super().parse_args(ctx, args)
        except click.BadOptionUsage as error:
            raise given.without_value(self, error) from error
        if more and not ctx.resilient_parsing:
            raise click.UsageError(given.too_many(self, more[0]), ctx)
        return more

    def invoke(self, ctx: click.Context) -> Any:
        """Run the verb; turn a UserError into a usage error."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            raise click.UsageError(str(error), ctx) from error
        except WorkError as error:
            raise click.ClickException(str(error)) from error
        except BrokenPipeError:  # no fault: see Verbs.main
            raise
        except OSError as error:
            if told := given.told(error):
                raise told from error
            if said := stopping.sentence(error):
                raise click.ClickException(said) from error
            raise


class Verbs(click.Group):
    """A group that names the nearest verb, and tells every mistake in one sentence without a traceback."""

    command_class = Verb

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb, or say which one was probably meant."""
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            known = self.list_commands(ctx)
            hint = did_you_mean(args[0], known) or f" The verbs are: {', '.join(known)}."
            raise click.UsageError(f"there is no verb '{args[0]}'.{hint}", ctx)
        return super().resolve_command(ctx, args)

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and end with the exit code that design and documentation promise."""
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        stopping.listen()
        _show_any_character()
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.ctx.get_help())
            code = 0
        except click.NoSuchOption as error:
            hint = option_hint(error.option_name, error.ctx) if error.ctx else ""
            code = fail(f"there is no option '{error.option_name}'.{hint}", 2)
        except click.ClickException as error:
            code = fail(error.format_message(), error.exit_code)
        except (click.Abort, KeyboardInterrupt):
            code = fail("stopped", 130)
        except BrokenPipeError:
            # The reader of a pipe (head, less) went away: nothing is wrong, and nobody is left to tell.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 0
        sys.exit(code if isinstance(code, int) else 0)


def _show_any_character() -> None:
    """Have a console that lacks a character, as those of Windows do, show its number; as JSON has it too."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def option_hint(name: str, ctx: click.Context) -> str:
    """What was meant by an option that a verb lacks: its own by another name, another verb's, a near one."""
    known = given.flags(ctx.command)
    verbs = ctx.parent.command.commands if ctx.parent and isinstance(ctx.parent.command, click.Group) else {}
    having = sorted(f"'{verb}'" for verb, command in verbs.items() if name in given.flags(command))
    if having and not other_names.counterpart(name, known):
        verbs_named = ", ".join(having) if len(having) <= MOST_NAMED else "other verbs"
        return f" It is one of {verbs_named}, not of '{ctx.info_name}'."
    return did_you_mean(name, known)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Say which known name was probably meant, as a sentence after a space; empty when none is near."""
    near = meant(name, known)
    return f" Did you mean '{near}'?{other_names.remark(name, near)}" if near else ""


def fail(message: str, code: int) -> int:
    """Write one sentence to standard error and hand back the exit code."""
    click.echo(f"error: {given.shown(message)}", err=True)
    return code
