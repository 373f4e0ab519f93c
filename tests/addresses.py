"""The addresses of the house, and the table of what each role is answered there."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.urls import URLResolver, get_resolver

from scans.models import Scan, Station

FILE = Path(__file__).with_name("urls.md")
ROLES = ("nobody", "operator", "quality", "auditor", "admin", "superuser")

_ROW = re.compile(r"\| `(?P<address>/.*?)` \| (?P<cells>.*) \|")


def table() -> dict[str, list[str]]:
    """By address, what each role is answered: `GET / POST`, or once what both are."""
    rows = (_ROW.fullmatch(line) for line in FILE.read_text().splitlines())
    return {row["address"]: row["cells"].split(" | ") for row in rows if row}


def line(address: str, cells: list[str]) -> str:
    return f"| `{address}` | {' | '.join(cells)} |"


def _plain(route: str) -> str:
    """As a person writes it, also where Django writes an expression: /admin/<app_label>/."""
    return re.sub(r"\(\?P(<\w+>).*?\)", r"\1", route.removeprefix("^").removesuffix("$"))


def _all(resolver: URLResolver, prefix: str = "/") -> Iterator[str]:
    for entry in resolver.url_patterns:
        address = prefix + _plain(str(entry.pattern))
        if isinstance(entry, URLResolver):
            yield from _all(entry, address)
        else:
            yield address


ADDRESSES = sorted(set(_all(get_resolver())))


def fill(address: str) -> str:
    """The address with something in the place of each `<…:name>`."""
    found = re.match(r"/admin/(\w+)/(\w+)/", address)
    is_of_model = found is not None and found[1] in apps.app_configs
    model = apps.get_model(found[1], found[2]) if found and is_of_model else Station
    return re.sub(r"<(?:\w+:)?(\w+)>", lambda one: _argument(one[1], model), address)


def _argument(name: str, model: Any) -> str:
    match name:
        case "uid":
            return str(Scan.objects.values_list("uid", flat=True).first() or uuid4())
        case "object_id" | "id":
            return str(model._base_manager.values_list("pk", flat=True).first() or 1)
        case "content_type_id":
            return str(ContentType.objects.get_for_model(Station).pk)
        case "app_label":
            return "scans"
    return "1"
