"""What is drawn as a barcode is read again: by another's decoder, and by the standard's own sum."""

import re
import string
from xml.etree import ElementTree

import pytest
import zxingcpp
from PIL import Image

from scans.barcode import COMMANDS, STANDARD
from scans.code128 import check_value, svg

ALL = "".join(chr(number) for number in range(32, 127))


def drawn(text: str, *, pixels: int = 2) -> Image.Image:
    """The barcode's bars as a picture, so many pixels for each module."""
    source = svg(text)
    (width, height) = map(int, re.findall(r'viewBox="0 0 (\d+) (\d+)"', source)[0])
    picture = Image.new("L", (width * pixels, height * pixels), 255)
    for at, bar in re.findall(r"M(\d+) 0h(\d+)v60", source)[1:]:
        left = int(at) * pixels
        picture.paste(0, (left, 0, left + int(bar) * pixels, height * pixels))
    return picture


def read(text: str) -> str:
    (found,) = zxingcpp.read_barcodes(drawn(text), formats=zxingcpp.BarcodeFormat.Code128)
    return found.text


@pytest.mark.parametrize(
    "text",
    [
        *COMMANDS.values(),
        *STANDARD.examples.values(),
        *(ALL[at : at + 19] for at in range(0, 95, 19)),
        string.digits,
        "a",
    ],
)
def test_a_decoder_reads_what_was_drawn(text):
    assert read(text) == text


def test_every_check_value_is_drawn_right():
    """All of the table is used at one time or another, the values that no character has too."""
    texts = {check_value(f"{one}{other}"): f"{one}{other}" for one in ALL for other in ALL}
    assert sorted(texts) == list(range(103))
    assert {value: read(text) for value, text in texts.items()} == texts


def test_the_check_value_is_the_standards():
    # 104 + 1·16 + 2·17 + 3·18 = 208, and 208 mod 103 = 2
    assert check_value("012") == 2


def test_what_it_holds_is_said_and_hurts_no_page():
    picture = ElementTree.fromstring(svg("<\"'&>"))  # noqa: S314 - we made it ourselves
    assert picture.get("aria-label") == "<\"'&>"


@pytest.mark.parametrize("text", ["", "ă", "a\n", "\x7f"])
def test_what_the_code_cannot_hold_is_refused(text):
    with pytest.raises(ValueError, match="Code 128 B"):
        svg(text)
