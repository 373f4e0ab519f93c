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

# Each text of a .po file by its keyword: msgctxt, msgid, msgid_plural, msgstr…
Block = dict[str, str]
# msgid → its Romanian forms, by the catalogue's name.
Entries = dict[str, list[str]]
# A msgid with a context begins with it, as in a compiled catalogue.
CONTEXT_END = "\x04"


def blocks(domain: str) -> list[Block]:
    """What stands in a .po file."""
    found = []
    for block in (CATALOGUES / f"{domain}.po").read_text().split("\n\n"):
        lines = [line for line in block.splitlines() if line and not line.startswith("#")]
        texts: Block = {}
        keyword = ""
        for line in lines:
            if not line.startswith('"'):
                keyword, _space, line = line.partition(" ")
                texts[keyword] = ""
            texts[keyword] += ast.literal_eval(line)
        if texts.get("msgid"):
            found.append(texts)
    return found


def forms_of(block: Block) -> list[str]:
    return [text for keyword, text in block.items() if keyword.startswith("msgstr")]


def in_context(context: str, text: str) -> str:
    return f"{context}{CONTEXT_END}{text}" if context else text


def entries(domain: str) -> Entries:
    return {
        in_context(block.get("msgctxt", ""), block["msgid"]): forms_of(block)
        for block in blocks(domain)
    }


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
    text = r"""u?('[^']*'|"[^"]*")"""
    source = templatize(source)
    found = re.findall(rf"\b(?:n?gettext|_)\({text}", source)
    with_context = re.findall(rf"\bn?pgettext\({text}, {text}", source)
    return {ast.literal_eval(each) for each in found} | {
        in_context(ast.literal_eval(context), ast.literal_eval(each))
        for context, each in with_context
    }


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
        folders = [ROOT / "templates", *ROOT.glob("quality/*/templates")]
        sources += [(texts_of_template, folder, "*.html") for folder in folders]
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
        for block in blocks(domain):
            text, forms = block["msgid"], forms_of(block)
            assert len(forms) == (3 if "msgid_plural" in block else 1), text
            # "This is the newest": one needs no number, though several do.
            originals = [text, *[block.get("msgid_plural", "")] * 2]
            for original, form in zip(originals, forms, strict=False):
                assert form, f"{text!r} is not translated."
                assert placeholders(form) == placeholders(original), text

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
