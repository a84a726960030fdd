"""The commands. Each reads the settings, calls one function of `souk.app` and says how it went.

What takes a moment to import is imported where it is used: `souk --help` should not wait for it.
"""

from __future__ import annotations

import contextlib
import os
import platform
from importlib.metadata import version as installed
from pathlib import Path
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
        {"name": "Make", "commands": ["market"]},
        {"name": "People", "commands": ["person"]},
        {"name": "Look", "commands": ["doctor", "laws", "explain", "audit", "mail", "version"]},
    ],
    "souk market": [
        {"name": "Declare", "commands": ["new", "check", "draw", "simulate"]},
        {"name": "Change what runs", "commands": ["migrate-orders"]},
    ],
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


def settings_of(*names: str) -> Settings:
    """The settings for the markets that the command line names: by their names, or as `module:NAME`."""
    from souk.app.choosing import NotThere, known_markets, spelt

    mine = settings()
    try:
        chosen = settings(SOUK_MARKETS=",".join(spelt(mine, name) for name in names) or None)
        known = known_markets(chosen)
    except NotThere as wrong:
        raise click.BadParameter(f"{wrong}. {wrong.remedy}.", param_hint="MARKET") from None
    for name in names:
        if spelt(mine, name) not in known:
            raise click.BadParameter(f"there is no market {name}; there are {', '.join(known)}", param_hint="MARKET")
    return chosen


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


@main.group()
def mail() -> None:
    """Look at the letters that markets send. Needs no database."""


@mail.command()
@click.argument("market")
def templates(market: str) -> None:
    """List the templates of a market, and their languages."""
    from souk.app.preview import listed, templates_of

    for line in listed(templates_of(settings_of(market))):
        click.echo(line)


@mail.command()
@click.argument("market")
@click.argument("template")
@click.option("--language", default="en", show_default=True, help="The language; English where the template is not there in it.")
@click.option("--html", is_flag=True, help="The HTML instead of the text.")
@click.option("--out", type=click.Path(dir_okay=False, writable=True), help="Write it to a file.")
def preview(market: str, template: str, language: str, out: str | None, *, html: bool) -> None:
    """Show a letter with its sample values: `souk mail preview tulifo identity/verify_email --language fr`.

    `souk mail templates tulifo` lists which there are.
    """
    from souk.app.preview import previewed, templates_of

    shown = previewed(templates_of(settings_of(market)), template, language, html=html)
    if out is None:
        click.echo(shown, nl=False)
    else:
        Path(out).write_text(shown, encoding="utf-8")


@main.group()
def audit() -> None:
    """Look at the audit logs of the markets."""


@audit.command()
@click.argument("markets", nargs=-1, metavar="[MARKET]…")
@click.option(
    "--since", metavar="POSITION:HASH", help="A head that was kept from an earlier run: the chain must still hold it. One market only."
)
@click.pass_context
def verify(ctx: click.Context, markets: tuple[str, ...], since: str | None) -> None:
    """Verify that nothing in the audit log was edited, removed, moved or put in. Changes nothing.

    Prints for each market how many entries there are, what is wrong, and the head of its chain. Keep the head elsewhere: only with
    `--since` is it seen that the newest entries were cut off. Ends with 1 when something is wrong.
    """
    from souk.app.auditing import verify as verified
    from souk.cli.outcome import Code
    from souk.modules.audit import Head

    if since is not None and len(markets) != 1:
        raise click.UsageError("--since is the head of one market: name that market")
    try:
        head = Head.read(since) if since is not None else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--since") from None
    with Steps("verifying") as steps:
        results = verified(settings_of(*markets), since=head, heard=steps)
    for result in results:
        for line in result.lines():
            click.echo(line)
    if not results:
        say("no market here has an audit log")
    ctx.exit(Code.DONE if all(result.whole for result in results) else Code.FAILED)


@main.command()
@click.argument("markets", nargs=-1, metavar="[MARKET]…")
@click.pass_context
def laws(ctx: click.Context, markets: tuple[str, ...]) -> None:
    """Ask whether what must always hold does: every balance is what its entries add up to, and so on. Changes nothing.

    Prints for each market how many laws hold, and of each broken one the sentence and the first rows. Ends with 1 when one is broken.
    """
    from souk.app.laws import check
    from souk.cli.outcome import Code

    with Steps("asking") as steps:
        results = check(settings_of(*markets), heard=steps)
    for result in results:
        for line in result.lines():
            click.echo(line)
    ctx.exit(Code.FAILED if any(result.broken for result in results) else Code.DONE)


@main.command()
@click.argument("market")
@click.argument("what")
@click.option("--last", default=100, show_default=True, type=click.IntRange(1, 100_000), help="Tell at most so many steps, the newest.")
def explain(market: str, what: str, last: int) -> None:
    """Tell the story of a balance, step by step: `souk explain tulifo ada@example.com`.

    WHAT is a person's address or id, an account's id, or a purpose such as `fees` or `fees:USD`.
    """
    from souk.app.explaining import explained
    from souk.modules.ledger import Unexplained

    try:
        for line in explained(settings_of(market), what, last):
            click.echo(line)
    except Unexplained as error:
        raise click.BadParameter(str(error), param_hint="WHAT") from None


@main.group()
def person() -> None:
    """Bring people into a market."""


@person.command("add")
@click.argument("market")
@click.argument("email")
@click.option("--role", required=True, help="A role of the market, for example `admin`.")
@click.option("--first", default="", help="The first name; what stands before the @ otherwise.")
@click.option("--last", default="", help="The last name; the role otherwise.")
def add_person(market: str, email: str, role: str, first: str, last: str) -> None:
    """Make an account without a password, and print the link by which its owner chooses one.

    For the first staff of an instance: `souk person add tulifo ada@example.com --role admin`. The link is good for 24 hours, and once;
    give it to nobody else. Afterwards, "forgot password" sends another.
    """
    from souk.app.inviting import NoPeople, add_person
    from souk.kernel.http import Invalid
    from souk.modules.identity import Invited

    try:
        link = add_person(settings_of(market), Invited(email, role, first, last))
    except Invalid as wrong:
        raise click.UsageError("; ".join(f"{each.field} {each.problem}" for each in wrong.problems)) from None
    except NoPeople as error:
        raise click.BadParameter(str(error), param_hint="MARKET") from None
    say(f"{email} is {role} of {market}; the password is chosen here, within 24 hours:")
    click.echo(link)


@main.command()
def version() -> None:
    """Say which Souk this is."""
    click.echo(f"souk {installed('souk')} on Python {platform.python_version()}")
