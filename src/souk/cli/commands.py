"""The commands. Each reads the settings, calls one function of `souk.app` and says how it went.

What takes a moment to import is imported where it is used: `souk --help` should not wait for it.
"""

from __future__ import annotations

import contextlib
import os
import platform
from importlib.metadata import version as installed
from typing import Any

import rich_click as click
from click.exceptions import Exit

from souk.cli.screen import Steps, say, show, tell
from souk.kernel.config import ConfigError, Settings

click.rich_click.TEXT_MARKUP = "markdown"
click.rich_click.SHOW_ARGUMENTS = True
click.rich_click.COMMAND_GROUPS = {
    "souk": [
        {"name": "Run", "commands": ["up", "serve", "work"]},
        {"name": "Prepare", "commands": ["migrate", "seed"]},
        {"name": "Look", "commands": ["doctor", "version"]},
    ]
}


class Souk(click.RichGroup):
    """The group of all commands, where failures become a line and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except (click.ClickException, Exit, click.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:
            if ctx.params.get("debug"):
                raise
            from souk.cli.outcome import outcome

            end = outcome(error)
            tell(end)
            ctx.exit(end.code)


def settings(**chosen: object) -> Settings:
    """The settings of the environment, with what the command line chose instead."""
    return Settings.load({**os.environ, **{name: str(value) for name, value in chosen.items() if value is not None}})


ADDRESS = (
    click.option("--host", help="The address to listen on, instead of SOUK_HOST."),
    click.option("--port", type=int, help="The port to listen on, instead of SOUK_PORT; 0 takes a free one."),
)


def with_address(command: Any) -> Any:
    """Give a command the options of an address."""
    for option in reversed(ADDRESS):
        command = option(command)
    return command


@click.group(cls=Souk, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show where an unexpected failure came from.")
def main(*, debug: bool) -> None:
    """**Souk** runs service marketplaces: several on one machine, each with its own data.

    `souk up` is all that is needed to try it. Settings are environment variables (SOUK_…): `souk doctor` says which are
    wrong, the documentation lists them.

    Exit codes: 0 done, 1 failed, 2 wrong command line, 3 wrong configuration, 4 database not available, 130 interrupted.
    """
    del debug  # Souk.invoke reads it


@main.command()
@with_address
def up(host: str | None, port: int | None) -> None:
    """Run everything here: database, migrations, demo data, API and worker, in one process.

    Prints the address of every market, then `souk: ready on …`. Ctrl-C stops it; data stays in SOUK_HOME.
    """
    from souk.app import run
    from souk.kernel.postgres import serve as embedded

    chosen = settings(SOUK_HOST=host, SOUK_PORT=port)
    with contextlib.nullcontext() if chosen.database_url else embedded(chosen.home):
        with Steps("migrating") as steps:
            run.migrate(chosen, plan_only=False, heard=steps)
        if not chosen.production:
            with Steps("seeding") as steps:
                run.seed(chosen, heard=steps)
        run.serve(chosen, work=True, modules=())


@main.command()
@with_address
@click.option("--modules", default="", help="Serve only the routes of these modules, for example `identity,payments`.")
@click.option("--work", is_flag=True, help="Do the jobs in this process too.")
def serve(host: str | None, port: int | None, modules: str, *, work: bool) -> None:
    """Serve the API of the migrated markets. Any number of processes may."""
    from souk.app import run

    chosen = settings(SOUK_HOST=host, SOUK_PORT=port)
    run.serve(chosen, work=work, modules=tuple(name.strip() for name in modules.split(",") if name.strip()))


@main.command()
def work() -> None:
    """Do the jobs: reactions to events, timers, periodic work. Any number of processes may."""
    from souk.app import run

    run.work(settings())


@main.command()
@click.option("--plan", is_flag=True, help="Only say what would run.")
def migrate(*, plan: bool) -> None:
    """Bring every market's schema forward. Safe to call by several processes at once, and again."""
    from souk.app import run

    with Steps("planning" if plan else "migrating") as steps:
        run.migrate(settings(), plan_only=plan, heard=steps)
    if plan:
        say(f"{steps.count} migrations would run" if steps.count else "nothing to do")
    else:
        say(f"{steps.count} migrations in {steps.seconds:.1f} s" if steps.count else "nothing to do")


@main.command()
def seed() -> None:
    """Fill every market with demo data. What is there stays."""
    from souk.app import run

    with Steps("seeding") as steps:
        run.seed(settings(), heard=steps)
    say(f"seeded in {steps.seconds:.1f} s")


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON on standard output.")
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Look for what is missing or wrong, and say how to mend it. Changes nothing."""
    from souk.app.doctor import examine, unreadable
    from souk.cli.outcome import Code

    try:
        findings = examine(settings())
        worst = Code.FAILED
    except ConfigError as error:
        findings = unreadable(error)
        worst = Code.CONFIGURATION
    show(findings, as_json=as_json)
    ctx.exit(Code.DONE if all(one.ok for one in findings) else worst)


@main.command()
def version() -> None:
    """Say which Souk this is."""
    click.echo(f"souk {installed('souk')} on Python {platform.python_version()}")
