"""Templates that cannot be compiled are found, where they are ours."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
from django.template import TemplateSyntaxError
from django.template.loader import get_template

from quality.compiling import broken


@pytest.fixture
def write(tmp_path, settings) -> Callable[..., None]:
    """`write(text)` is a page of the house."""
    settings.TEMPLATES = copy.deepcopy(settings.TEMPLATES)
    settings.TEMPLATES[0]["DIRS"] = [tmp_path, *settings.TEMPLATES[0]["DIRS"]]

    def write(text: str | bytes, name: str = "scans/page.html") -> None:
        path = Path(tmp_path, name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return write


def said() -> list[str]:
    return [f"{message.obj}: {message.msg}" for message in broken(None)]


def test_those_of_the_house_are_whole_whatever_libraries_bring():
    assert said() == []
    with pytest.raises(TemplateSyntaxError):
        get_template("unfold_crispy/field.html")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{% if True %}", "Unclosed tag on line 1: 'if'"),
        ("{% load nothing %}", "'nothing' is not a registered tag library"),
        ("{{ a|nothing }}", "Invalid filter: 'nothing'"),
        ("{% extends 'scans/gone.html' %}", "TemplateDoesNotExist: scans/gone.html"),
        ("{% block a %}{% include './gone.html' %}{% endblock %}", "scans/gone.html"),
        ("ț".encode("utf-16"), "UnicodeDecodeError"),
    ],
)
def test_a_broken_one_is_named_with_what_is_wrong(write, text, why):
    write(text)
    [message] = said()
    assert message.startswith("scans/page.html: ")
    assert why in message


def test_texts_are_templates_too_and_what_editors_leave_is_none(write):
    write("{% if %}", "a.txt")
    for name in ("a.html~", ".a.html.swp", ".#a.html", "a.html.orig", "a.html.rej"):
        write(b"\xff{% if %}", name)
    [message] = said()
    assert message.startswith("a.txt: ")


def test_what_is_known_only_when_it_is_drawn_is_not_looked_for(write):
    write("{% extends base %}{% include name|default:'gone.html' %}")
    assert said() == []
