"""`souk mail`: letters as they would look, from the templates alone."""

from __future__ import annotations

from collections.abc import Iterator

from souk.app.choosing import chosen_markets
from souk.kernel.config import Settings
from souk.kernel.errors import Refusal
from souk.modules import mail


class NoSuchTemplate(Refusal, status=404, message="{reason}."):
    """The market has none of that name."""

    reason: str


def listed(templates: mail.Templates) -> Iterator[str]:
    """Each template with its languages and values, a line each."""
    for name in templates.names():
        found = templates.of(name)
        yield f"{name}  {' '.join(sorted(found.versions))}  ({', '.join(found.samples) or 'no values'})"


def previewed(templates: mail.Templates, name: str, language: str, *, html: bool) -> str:
    """A letter with its sample values, as text or as HTML."""
    try:
        written = templates.sample(name, language)
    except mail.UnknownTemplate as error:
        raise NoSuchTemplate(reason=str(error)) from None
    if html:
        return written.html
    return f"Subject: {written.subject}\n\n{written.text}" if written.subject else written.text


def templates_of(settings: Settings) -> mail.Templates:
    """The templates of the one market that was chosen."""
    (market,) = chosen_markets(settings)
    return mail.Templates(market, settings.reached_at)
