"""Every text has its Romanian words, and the compiled catalogues are those of the sources."""

import ast
import gettext
import re
from pathlib import Path

import pytest
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[1]
CATALOGUES = ROOT / "quality" / "locale" / "ro" / "LC_MESSAGES"
REMEDY = (
    "Run `manage.py makemessages -l ro --no-wrap --add-location=file -i var -i tests`, the same "
    "with `-d djangojs`, translate what is new, run `manage.py compilemessages`."
)

# msgid → its Romanian forms, by the catalogue's name.
Entries = dict[str, list[str]]


def entries(domain: str) -> Entries:
    """What stands in a .po file."""
    found: Entries = {}
    for block in (CATALOGUES / f"{domain}.po").read_text().split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        texts: dict[str, str] = {}
        keyword = ""
        for line in lines:
            if not line.startswith('"'):
                keyword, _space, line = line.partition(" ")
                texts[keyword] = ""
            texts[keyword] += ast.literal_eval(line)
        if texts.get("msgid"):
            found[texts["msgid"]] = [
                text for keyword, text in texts.items() if keyword.startswith("msgstr")
            ]
    return found


def texts_of_python(source: str) -> set[str]:
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return {
        call.args[0].value
        for call in calls
        if isinstance(call.func, ast.Name)
        and call.func.id in ("_", "gettext", "gettext_lazy", "ngettext")
        and isinstance(call.args[0], ast.Constant)
    }


def texts_of_template(source: str) -> set[str]:
    found = re.findall(r"""\b(?:n?gettext|_)\(u?('[^']*'|"[^"]*")""", templatize(source))
    return {ast.literal_eval(text) for text in found}


def texts_of_script(source: str) -> set[str]:
    found = re.findall(r'gettext\(\s*("(?:[^"\\]|\\.)*")', source)
    return {ast.literal_eval(text) for text in found}


def texts_of_the_house(domain: str) -> set[str]:
    rooms = ("quality", "scans", "accounts")
    if domain == "djangojs":
        rooms = ("scans", "accounts", "quality/monitor")
        sources = [(texts_of_script, ROOT / room / "static", "*.js") for room in rooms]
    else:
        sources = [(texts_of_python, ROOT / room, "*.py") for room in rooms]
        folders = ("templates", "quality/monitor/templates")
        sources += [(texts_of_template, ROOT / folder, "*.html") for folder in folders]
    return {
        text
        for texts_of, folder, pattern in sources
        for path in folder.rglob(pattern)
        # The theme's own words come with it.
        if "migrations" not in path.parts and "unfold" not in path.parts
        for text in texts_of(path.read_text())
    }


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)[sd]|%%", text))


@pytest.mark.parametrize("domain", ["django", "djangojs"])
class TestCatalogue:
    def test_every_text_of_the_house_is_in_it_and_no_other(self, domain):
        texts = texts_of_the_house(domain)
        assert len(texts) > 30
        assert texts == set(entries(domain)), REMEDY

    def test_every_text_has_romanian_words_with_the_same_placeholders(self, domain):
        for text, forms in entries(domain).items():
            assert len(forms) in (1, 3), text
            for form in forms:
                assert form, f"{text!r} is not translated."
                assert placeholders(form) == placeholders(text), text

    def test_romanian_letters_have_commas_not_cedillas(self, domain):
        assert not re.search("[şţŞŢ]", (CATALOGUES / f"{domain}.po").read_text())

    def test_the_compiled_catalogue_is_in_step(self, domain):
        with (CATALOGUES / f"{domain}.mo").open("rb") as file:
            compiled = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
        expected = {}
        for text, forms in entries(domain).items():
            if len(forms) == 1:
                expected[text] = forms[0]
            else:
                expected |= {(text, number): form for number, form in enumerate(forms)}
        assert {text: words for text, words in compiled.items() if text} == expected, REMEDY
