"""Templates: files of the modules that send, in any number of languages, which a market may replace by its own.

    src/souk/modules/identity/templates/verify_email.en.txt      Subject: …, an empty line, the text
    src/souk/modules/identity/templates/verify_email.en.html     optional; otherwise it is made from the text
    src/souk/modules/identity/templates/verify_email.toml        its values, each with a sample
    src/souk/markets/tulifo/templates/identity/verify_email.en.txt   tulifo's own

All of a market's are read, compiled and rendered with their samples at start: a broken one cannot wait for its first use.
"""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import jinja2
import msgspec
from jinja2 import StrictUndefined, meta
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from souk.kernel.assembly import Market, Module
from souk.modules.mail.html import direction, is_address, paragraphs

FALLBACK: Final = "en"
ALWAYS: Final = frozenset({"market", "web"})
SUBJECT: Final = "Subject:"
OWN: Final = Path(__file__).parent
MARKETS: Final = OWN.parents[1] / "markets"

TEXT: Final = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
HTML: Final = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=True)


class BrokenTemplates(Exception):
    """Templates that cannot be used. Lists every problem, so that they are mended at once."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("Templates of mail are broken:" + "".join(f"\n  - {problem}" for problem in problems))


class UnknownTemplate(LookupError):
    """No module of this market has a template of that name."""


class WrongValues(ValueError):
    """A template was given values that it does not have, or not all of those it has, or an address that is none."""


class Rendered(msgspec.Struct, frozen=True):
    """A letter as it is read."""

    subject: str
    text: str
    html: str
    language: str


class Version(msgspec.Struct, frozen=True):
    """One template in one language."""

    subject: jinja2.Template | None
    """None where it is only a short text."""
    text: jinja2.Template
    html: jinja2.Template | None


class Template(msgspec.Struct, frozen=True):
    """One template in all its languages."""

    name: str
    samples: dict[str, str]
    versions: dict[str, Version]

    @property
    def links(self) -> frozenset[str]:
        """The values that are addresses, as their samples say."""
        return frozenset(name for name, sample in self.samples.items() if is_address(sample))

    def in_language(self, language: str) -> tuple[str, Version]:
        """The version for `fr-CA`: that, else `fr`, else English."""
        wanted = language.lower().replace("_", "-")
        tag = next((each for each in (wanted, wanted.partition("-")[0]) if each in self.versions), FALLBACK)
        return tag, self.versions[tag]

    def check(self, values: Mapping[str, str]) -> None:
        """Whether these are its values, all of them and no others."""
        missing, unknown = sorted(self.samples.keys() - values.keys()), sorted(values.keys() - self.samples.keys())
        if missing or unknown:
            raise WrongValues(f"{self.name}: missing {missing}, unknown {unknown}")
        wrong = sorted(name for name in self.links if not is_address(values[name]))
        if wrong:
            raise WrongValues(f"{self.name}: {', '.join(wrong)} must be an http(s) address")


class Templates:
    """Every template that a market can send."""

    def __init__(self, market: Market, reached_at: str, *, own: Path | None = None) -> None:
        self._always = {"market": market.title.partition(":")[0].strip(), "web": reached_at + market.base}
        folder = own or MARKETS / market.name / "templates"
        layout = next(file for file in (folder / "mail" / "layout.html", OWN / "layout.html") if file.exists())
        self._layout = _template(HTML, layout.read_text())
        problems: list[str] = []
        self._templates = {each.name: each for each in _collected(market.modules, folder, problems)}
        problems += [problem for each in self._templates.values() for problem in self._tried(each)]
        if problems:
            raise BrokenTemplates(problems)

    def names(self) -> list[str]:
        """Their names, in order."""
        return sorted(self._templates)

    def of(self, name: str) -> Template:
        """A template by its name."""
        found = self._templates.get(name)
        if found is None:
            raise UnknownTemplate(f"no template is called {name!r}; there are: {', '.join(self.names()) or 'none'}")
        return found

    def render(self, name: str, language: str, values: Mapping[str, str]) -> Rendered:
        """A letter in that language, or in English."""
        template = self.of(name)
        template.check(values)
        return self._rendered(template, language, values)

    def sample(self, name: str, language: str = FALLBACK) -> Rendered:
        """A letter as it looks with its sample values."""
        return self.render(name, language, self.of(name).samples)

    def _rendered(self, template: Template, language: str, values: Mapping[str, str]) -> Rendered:
        tag, version = template.in_language(language)
        known = {**self._always, **values}
        subject = one_line(version.subject.render(known)) if version.subject is not None else ""
        text = version.text.render(known).strip() + "\n"
        links = [values[name] for name in template.links]
        content = Markup(version.html.render(known)) if version.html is not None else paragraphs(text, [*links, self._always["web"]])  # noqa: S704 - autoescaped
        page = self._layout.render(known, language=tag, direction=direction(tag), subject=subject, content=content)
        return Rendered(subject, text, page, tag)

    def _tried(self, template: Template) -> Iterable[str]:
        """What is wrong with a template, found by using it."""
        if FALLBACK not in template.versions:
            yield f"{template.name}: {template.name.partition('/')[2]}.{FALLBACK}.txt is missing: every template is there in English"
            return
        for tag in template.versions:
            try:
                self._rendered(template, tag, template.samples)
            except (jinja2.TemplateError, ArithmeticError, TypeError, ValueError) as error:
                yield f"{template.name} in {tag}: {error}"


def one_line(text: str) -> str:
    """A text that cannot end a header: no line breaks, no control characters."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


# Reading the files


def _collected(modules: Iterable[Module], folder: Path, problems: list[str]) -> Iterable[Template]:
    """The templates of these modules, where the market's own files go before the module's."""
    known = {module.name: module for module in modules}
    if folder.is_dir():
        strangers = sorted(each.name for each in folder.iterdir() if each.is_dir() and each.name not in known and each.name != "mail")
        problems += [f"{folder.parent.name} has templates for {name}, which is no module of it" for name in strangers]
    for module in known.values():
        places = [place for place in (module.folder / "templates", folder / module.name) if place.is_dir()]
        names = sorted(
            {
                file.name.partition(".")[0]
                for place in places
                for file in place.iterdir()
                if file.name != "layout.html" and file.name[0] != "."
            }
        )
        for name in names:
            yield _read(f"{module.name}/{name}", places, problems)


def _read(name: str, places: Sequence[Path], problems: list[str]) -> Template:
    """One template from the folders that have it; the later ones win."""
    short = name.partition("/")[2]
    samples: dict[str, str] = {}
    versions: dict[str, Version] = {}
    for place in places:
        declared = place / f"{short}.toml"
        if declared.exists():
            samples = _samples(declared, problems)
        found: dict[str, dict[str, Path]] = defaultdict(dict)
        for file in sorted(place.glob(f"{short}.*")):
            parts = file.name.split(".")
            if len(parts) == 3 and parts[2] in ("txt", "html"):
                found[parts[1].lower()][parts[2]] = file
            elif file != declared:
                problems.append(f"{name}: {file.name} is neither <name>.<language>.txt or .html nor <name>.toml")
        for tag, files in found.items():
            if "txt" not in files:
                problems.append(f"{name} in {tag}: there is HTML without a text")
            elif (version := _version(f"{name} in {tag}", files, samples.keys() | ALWAYS, problems)) is not None:
                versions[tag] = version
    return Template(name, samples, versions)


def _samples(file: Path, problems: list[str]) -> dict[str, str]:
    try:
        return msgspec.convert(tomllib.loads(file.read_text()), dict[str, str])
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        problems.append(f'{file.name}: each line is `value = "sample"`: {error}')
        return {}


def _version(name: str, files: Mapping[str, Path], declared: frozenset[str] | set[str], problems: list[str]) -> Version | None:
    first, _, rest = files["txt"].read_text().partition("\n")
    has_subject = first.startswith(SUBJECT)
    if has_subject and rest[:1] != "\n":
        problems.append(f"{name}: an empty line is missing below the subject")
    sources = (
        (TEXT, first.removeprefix(SUBJECT).strip() if has_subject else None),
        (TEXT, rest if has_subject else files["txt"].read_text()),
        (HTML, files["html"].read_text() if "html" in files else None),
    )
    subject, text, html = (_compiled(name, env, source, declared, problems) if source is not None else None for env, source in sources)
    return Version(subject, text, html) if text is not None else None


def _compiled(name: str, env: Any, source: str, declared: frozenset[str] | set[str], problems: list[str]) -> jinja2.Template | None:
    try:
        unknown = sorted(_variables(env, source) - declared)
        problems += [f"{name}: {each} is not declared; give it a sample in the template's .toml" for each in unknown]
        return _template(env, source)
    except jinja2.TemplateSyntaxError as error:
        problems.append(f"{name}: {error}")
        return None


# Markets share most of their templates: each text is compiled once in a process, which otherwise is most of its start.


@cache
def _template(env: Any, source: str) -> jinja2.Template:
    """A text, compiled."""
    compiled: jinja2.Template = env.from_string(source)
    return compiled


@cache
def _variables(env: Any, source: str) -> frozenset[str]:
    """The names that a text takes values from."""
    return frozenset(meta.find_undeclared_variables(env.parse(source)))
