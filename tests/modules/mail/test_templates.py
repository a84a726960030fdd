"""Templates: languages, a market's own, what a broken one says at start, and that no value becomes more than text."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

import souk
from souk.kernel.assembly import Market, Module
from souk.markets import MARKETS
from souk.modules import mail
from souk.modules.mail.html import direction, paragraphs
from tests.modules.mail.conftest import BIENVENUE, LINK, write

EVIL = "<script>alert(1)</script>"
MODULES_FOLDER = Path(str(souk.__file__)).parent / "modules"


def rendered(templates: mail.Templates, language: str = "en", name: str = "Ada", link: str = LINK) -> mail.Rendered:
    return templates.render("club/welcome", language, {"name": name, "link": link})


def problems(market: Market, own: Path) -> str:
    """What is said at start."""
    with pytest.raises(mail.BrokenTemplates) as broken:
        mail.Templates(market, "https://souk.example", own=own)
    return str(broken.value)


@pytest.mark.parametrize(
    ("asked", "language", "subject"),
    [
        ("en", "en", "Welcome, Ada"),
        ("fr", "fr", "Bienvenue, Ada"),
        ("FR_ca", "fr", "Bienvenue, Ada"),
        ("fr-CA", "fr", "Bienvenue, Ada"),
        ("de", "en", "Welcome, Ada"),
        ("", "en", "Welcome, Ada"),
    ],
)
def test_a_letter_is_in_the_readers_language_or_in_english(templates: mail.Templates, asked: str, language: str, subject: str) -> None:
    written = rendered(templates, asked)
    assert (written.language, written.subject) == (language, subject)
    assert f'<html lang="{language}" dir="ltr">' in written.html


def test_arabic_runs_from_right_to_left(templates: mail.Templates) -> None:
    assert '<html lang="ar" dir="rtl">' in rendered(templates, "ar").html
    assert [direction(tag) for tag in ("ar-MA", "he", "fa", "en", "arn")] == ["rtl", "rtl", "rtl", "ltr", "ltr"]


def test_every_letter_names_its_market(templates: mail.Templates) -> None:
    written = rendered(templates)
    assert written.text.endswith("\nSample\n")
    assert '<a href="https://souk.example/sample"' in written.html


def test_a_markets_own_template_goes_before_the_modules(market: Market, own: Path) -> None:
    write(own / "club", welcome__en__txt="Subject: Hi {{ name }}\n\nOurs: {{ link }}\n", welcome__de__txt="Subject: Hallo\n\n{{ link }}\n")
    templates = mail.Templates(market, "https://souk.example", own=own)
    assert rendered(templates).subject == "Hi Ada"
    assert rendered(templates, "de").subject == "Hallo"
    assert rendered(templates, "fr").subject == "Bienvenue, Ada"


def test_a_markets_own_text_is_not_mixed_with_the_modules_html(market: Market, own: Path, folder: Path) -> None:
    write(folder / "templates", welcome__en__html="<p>the module's</p>")
    write(own / "club", welcome__en__txt="Subject: Hi\n\nthe market's {{ name }}\n")
    assert "the module's" not in rendered(mail.Templates(market, "https://souk.example", own=own)).html


def test_a_market_may_have_a_layout_of_its_own(market: Market, own: Path) -> None:
    write(own / "mail", layout__html="<html><body><h1>{{ market }}!</h1>{{ content }}</body></html>")
    assert "<h1>Sample!</h1>" in rendered(mail.Templates(market, "https://souk.example", own=own)).html


def test_html_of_its_own_stands_in_the_shared_layout(market: Market, own: Path, folder: Path) -> None:
    write(folder / "templates", welcome__en__html='<p>Hi <b>{{ name }}</b>, <a href="{{ link }}">confirm</a></p>')
    html = rendered(mail.Templates(market, "https://souk.example", own=own), name=EVIL).html
    assert "<p>Hi <b>&lt;script&gt;alert(1)&lt;/script&gt;</b>" in html
    assert html.count("<html") == 1


# Values are text


def test_markup_in_a_value_stays_text(templates: mail.Templates) -> None:
    written = rendered(templates, name=EVIL)
    assert EVIL not in written.html
    assert "Hello &lt;script&gt;alert(1)&lt;/script&gt;," in written.html
    assert EVIL in written.text


def test_a_template_in_a_value_is_not_filled_in(templates: mail.Templates) -> None:
    written = rendered(templates, name="{{ link }}{% for x in link %}")
    assert "Hello {{ link }}{% for x in link %}," in written.text


def test_a_subject_is_one_line_whatever_it_is_made_of(templates: mail.Templates) -> None:
    written = rendered(templates, name="Ada\r\nBcc: everybody@example.com\n\nbody\x00\u2028x")
    assert written.subject == "Welcome, Ada Bcc: everybody@example.com body x"


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "https://[x", "data:text/html,x", "https://", "//evil.example", "https://a.example/ x", 'https://a"b', ""],
)
def test_a_link_leads_to_a_web_address_or_the_letter_is_not_written(templates: mail.Templates, link: str) -> None:
    with pytest.raises(ValueError, match="link must be an http"):
        rendered(templates, link=link)


def test_only_links_that_are_meant_can_be_clicked(templates: mail.Templates) -> None:
    html = rendered(templates, name=f"see https://evil.example/x or {LINK}.evil.example or {LINK}&x=1").html
    assert html.count(f'<a href="{LINK}">{LINK}</a>') == 1
    assert 'href="https://evil' not in html
    assert ".evil.example</a>" not in html


def test_a_link_at_the_end_of_a_sentence_is_clicked_without_its_point(market: Market, own: Path) -> None:
    write(own / "club", welcome__en__txt="Subject: x\n\nGo to {{ link }}. Or ({{ link }}), {{ link }}!\n")
    html = rendered(mail.Templates(market, "https://souk.example", own=own)).html
    assert html.count(f'<a href="{LINK}">{LINK}</a>') == 3


def test_a_text_without_links_is_only_escaped() -> None:
    assert paragraphs("a <b>\nc\n\nhttps://x.example", []) == "<p>a &lt;b&gt;<br>\nc</p>\n<p>https://x.example</p>"


def test_missing_and_unknown_values_are_named(templates: mail.Templates) -> None:
    with pytest.raises(ValueError, match=r"club/welcome: missing \['link'\], unknown \['x'\]"):
        templates.render("club/welcome", "en", {"name": "Ada", "x": "y"})


def test_an_unknown_template_is_told_which_there_are(templates: mail.Templates) -> None:
    with pytest.raises(mail.UnknownTemplate, match="there are: club/code, club/welcome"):
        templates.of("club/welcom")


# Broken ones keep a process from starting


@pytest.mark.parametrize(
    ("name", "source", "said"),
    [
        ("x__en__txt", "Subject: {{ nobody }}\n\nHello\n", "nobody is not declared"),
        ("x__en__txt", "Subject: x\n\n{{ nam }}\n", "nam is not declared"),
        ("x__en__txt", "Subject: x\n\n{% if %}\n", "club/x in en: Expected an expression"),
        ("x__en__txt", "Subject: x\n\n{{ ''.__class__.__mro__ }}\n", "club/x in en: access to attribute '__class__'"),
        ("x__en__txt", "Subject: x\n\n{{ market.nothing }}\n", "has no attribute 'nothing'"),
        ("x__en__txt", "Subject: x\n\n{{ market / 0 }}\n", "club/x in en"),
        ("x__en__txt", "Subject: x\nno empty line\n", "an empty line is missing below the subject"),
        ("x__fr__txt", BIENVENUE, "x.en.txt is missing"),
        ("x__en__html", "<p>only HTML</p>", "there is HTML without a text"),
        ("x__toml", "name = 1\n", "each line is `value"),
        ("x__toml", "name =\n", "each line is `value"),
        ("x__en__md", "what is this", "x.en.md is neither"),
    ],
)
def test_a_broken_template_is_found_at_start(market: Market, tmp_path: Path, name: str, source: str, said: str) -> None:
    write(tmp_path / "club" / "templates", **{name: source})
    assert said in problems(market, tmp_path / "none")


def test_every_broken_template_is_named_at_once(market: Market, own: Path, folder: Path) -> None:
    write(folder / "templates", a__en__txt="{{ x }}", b__en__txt="{{ y }}", c__en__html="z")
    said = problems(market, own)
    assert [name for name in ("club/a", "club/b", "club/c") if name not in said] == []


def test_templates_for_a_module_that_the_market_does_not_have_are_named(market: Market, own: Path) -> None:
    write(own / "clubb", welcome__en__txt="Subject: x\n\ny\n")
    assert "clubb, which is no module of it" in problems(market, own)


# What is in the repository


def in_repository() -> list[tuple[str, str, str]]:
    """Every template of every module, in every language it has, as each market that has the module sends it."""
    found = []
    for market in all_markets():
        templates = mail.Templates(market, "https://souk.example")
        found += [(market.name, name, tag) for name in templates.names() for tag in templates.of(name).versions]
    return found


def all_markets() -> list[Market]:
    """The markets, and one that has every module there is."""
    modules = [Module(folder.name, folder) for folder in sorted(MODULES_FOLDER.iterdir()) if folder.is_dir()]
    return [*MARKETS.values(), Market("everything", "/everything", "Everything: all modules", (), tuple(modules))]


TEMPLATES = {market.name: mail.Templates(market, "https://souk.example") for market in all_markets()}


@pytest.mark.parametrize(("market", "name", "language"), in_repository())
def test_every_template_of_the_repository_can_be_sent(market: str, name: str, language: str) -> None:
    written = TEMPLATES[market].sample(name, language)
    assert written.language == language
    assert written.text.strip()
    assert "{{" not in written.text + written.subject
    assert all(sample in written.text for value, sample in TEMPLATES[market].of(name).samples.items() if value == "link")


def test_the_market_with_everything_is_no_smaller_than_the_others() -> None:
    """Guards the test above: a module's templates are looked at even while no market sends them."""
    everything = set(TEMPLATES["everything"].names())
    for market in MARKETS.values():
        own = msgspec.structs.replace(market, name="none")
        assert set(mail.Templates(own, "https://souk.example").names()) <= everything
