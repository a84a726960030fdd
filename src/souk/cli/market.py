"""`souk market`: make one, judge it, look at it, let it run by itself, and change it while it runs."""

from __future__ import annotations

from pathlib import Path

import rich_click as click

from souk.cli.commands import main, settings, settings_of
from souk.cli.screen import Steps, say


@main.group()
def market() -> None:
    """Make a market, judge its processes, and change them while orders run.

    A market that is not installed is named by where it is declared: `souk market check examples.lessons:LESSONS`.
    """


@market.command()
@click.argument("name")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), help="The folder to write to, instead of ./NAME.")
def new(name: str, into: Path | None) -> None:
    """Begin a market of your own: a declaration on a page, its story as a test, and a README. What is there stays."""
    from souk.app.scaffolding import CannotBegin, new_market

    try:
        written = new_market(name, into or Path(name))
    except CannotBegin as wrong:
        raise click.BadParameter(str(wrong), param_hint="NAME") from None
    for file in written:
        click.echo(file)
    say(f"go on from there: cd {into or name} && SOUK_MARKETS={name}:{name.upper()} souk up")


@market.command()
@click.argument("names", nargs=-1, metavar="[NAME]…")
@click.pass_context
def check(ctx: click.Context, names: tuple[str, ...]) -> None:
    """Judge processes by every law. NAME is a market, or `module:NAME` of a market or of one process.

    Prints the laws, and of each broken one where, and what would mend it. Ends with 1 when one is broken. Needs no database.
    """
    from souk.app.choosing import NotThere
    from souk.app.declared import judged
    from souk.cli.outcome import Code

    try:
        judgements = list(judged(settings(), names))
    except NotThere as wrong:
        raise click.BadParameter(f"{wrong}. {wrong.remedy}.", param_hint="NAME") from None
    for judgement in judgements:
        for line in judgement.lines():
            click.echo(line)
    broken = sum(bool(judgement.faults) for judgement in judgements)
    say(f"{broken} of {len(judgements)} break a law" if broken else "all well" if judgements else "no market here has a process")
    ctx.exit(Code.FAILED if broken else Code.DONE)


@market.command()
@click.argument("name")
@click.argument("process", default="")
@click.option("--table", is_flag=True, help="Who may take which step in which state, as a table in Markdown.")
def draw(name: str, process: str, *, table: bool) -> None:
    """Draw a process in Mermaid's words, with its money and its times: `souk market draw examples.lessons:LESSONS`.

    Without PROCESS, every process of the market.
    """
    from souk.app.choosing import NotThere
    from souk.app.declared import drawn

    try:
        click.echo(drawn(settings(), name, process, "table" if table else "diagram"), nl=False)
    except NotThere as wrong:
        raise click.BadParameter(f"{wrong}. {wrong.remedy}.", param_hint="NAME") from None


@market.command()
@click.argument("name")
@click.option("--orders", default=100, show_default=True, type=click.IntRange(1, 100_000), help="How many orders begin in each walk.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="What the first walk follows from.")
@click.option("--seeds", default=1, show_default=True, type=click.IntRange(1, 1_000_000), help="How many walks: SEED and those after it.")
@click.pass_context
def simulate(ctx: click.Context, name: str, orders: int, seed: int, seeds: int) -> None:
    """Let everybody walk at random through a market, and hold what happens against its process and every law.

    Runs in a temporary database, with a clock and a bank of its own; nobody's data is touched. Ends with 1 at the first walk that goes
    wrong, and says by which command it goes wrong again.
    """
    from souk.app.simulating import NothingToSimulate
    from souk.app.simulating import simulate as simulated
    from souk.cli.outcome import Code
    from souk.modules.orders import WentWrong

    chosen = settings_of(name)
    try:
        with Steps("walking") as steps:
            played = simulated(chosen, orders, range(seed, seed + seeds), heard=steps)
    except NothingToSimulate as error:
        raise click.BadParameter(str(error), param_hint="NAME") from None
    except WentWrong as wrong:
        click.echo(str(wrong))
        say(f"again: souk market simulate {name} --orders {orders} --seed {wrong.seed}")
        ctx.exit(Code.FAILED)
    for line in played.lines():
        click.echo(line)


@market.command("migrate-orders")
@click.argument("name")
@click.argument("process")
@click.option("--from", "old", required=True, type=click.IntRange(1), help="The version that orders have now.")
@click.option("--to", "new", required=True, type=click.IntRange(1), help="The version that they shall have.")
@click.option("--dry-run", is_flag=True, help="Only say what would be moved, and what does not fit.")
@click.option("--leave", is_flag=True, help="Move what fits, and leave the rest with its version.")
@click.pass_context
def migrate_orders(  # noqa: PLR0913 - a command's options
    ctx: click.Context, name: str, process: str, old: int, new: int, *, dry_run: bool, leave: bool
) -> None:
    """Move running orders to another version of their process: `souk market migrate-orders lessons lesson --from 1 --to 2 --dry-run`.

    Nothing moves unless every order fits, or `--leave` is said. What does not fit is listed with the reason, and ends it with 1.
    """
    from souk.app.migrating import Wanted
    from souk.app.migrating import migrate_orders as migrated
    from souk.cli.outcome import Code
    from souk.modules.orders import NoSuchVersion

    wanted = Wanted(process, old, new, dry_run, leave)
    try:
        with Steps("moving") as steps:
            result = migrated(settings_of(name), wanted, heard=steps)
    except NoSuchVersion as error:
        raise click.UsageError(str(error)) from None
    for line in result.lines():
        click.echo(line)
    if not result.moved:
        say("nothing was moved" if dry_run else "nothing was moved: mend what does not fit, or leave it behind with --leave")
    ctx.exit(Code.DONE if result.whole else Code.FAILED)
