"""The colours of the pages can be read by everybody."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TOKENS = ROOT / "quality" / "static" / "look" / "tokens.css"
SHEETS = [
    path
    for folder in (
        "scans/static",
        "accounts/static",
        "quality/static/look",
        "quality/monitor/static",
    )
    for path in (ROOT / folder).rglob("*.css")
    if path != TOKENS
]
LEAST_CONTRAST = 4.5  # WCAG 2.2, level AA, for text
LEAST_CONTRAST_OF_EDGES = 3.0  # for what shows that something can be pressed or written in

# Text, and all that it stands on.
TEXTS = {
    "text": ["page", "surface", "accent-soft", "good-soft", "reject-soft", "problem-soft"],
    "soft": ["page", "surface", "accent-soft", "reject-soft", "problem-soft"],
    "accent": ["page", "surface", "accent-soft"],
    "on-accent": ["accent"],
    "on-state": ["good", "reject", "kept", "problem", "calm"],
    "on-alarm": ["alarm"],
    "good": ["page", "surface", "accent-soft", "good-soft"],
    "reject": ["page", "surface", "accent-soft"],
    "kept": ["page", "accent-soft"],
    "problem": ["surface", "problem-soft"],
}
EDGES = {"edge": ["page", "surface"], "accent": ["page", "surface", "accent-soft"]}
TOKEN = re.compile(r"--([\w-]+): var\(--light, (#\w{6})\w{0,2}\) var\(--dark, (#\w{6})\w{0,2}\);")


def palette(scheme: str) -> dict[str, str]:
    tokens = TOKEN.findall(TOKENS.read_text())
    return {name: light if scheme == "light" else dark for name, light, dark in tokens}


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("pairs", "least"), [(TEXTS, LEAST_CONTRAST), (EDGES, LEAST_CONTRAST_OF_EDGES)]
)
def test_everything_has_contrast_on_all_that_it_stands_on(pairs, least, scheme):
    colours = palette(scheme)
    weak = {
        f"{one} on {ground}": round(contrast(colours[one], colours[ground]), 2)
        for one, grounds in pairs.items()
        for ground in grounds
        if contrast(colours[one], colours[ground]) < least
    }
    assert weak == {}


def test_every_colour_is_a_token_with_a_value_for_light_and_one_for_dark():
    colours = re.findall(r"#[0-9a-f]{3,8}\b", TOKENS.read_text())
    assert len(colours) == 2 * len(palette("light")) > 40


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_no_colour_stands_outside_the_tokens(sheet):
    assert re.findall(r":[^;{]*(?:#[0-9a-f]{3,8}\b|\b(?:rgb|hsl)a?\()", sheet.read_text()) == []


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_every_token_that_is_used_exists(sheet):
    text = sheet.read_text()
    known = set(re.findall(r"--([\w-]+):", TOKENS.read_text() + text))
    # The admin's own come with its theme.
    used = {name for name in re.findall(r"var\(--([\w-]+)", text) if not name.startswith("color-")}
    assert used - known == set()
