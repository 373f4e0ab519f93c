"""Reads compose files as docker does: anchors resolved, variables filled in."""

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

DOCKER = Path(__file__).resolve().parents[2] / "docker"
# ${NAME}, ${NAME:-default} and ${NAME:?what it is}; group 2 is the sign, 3 the rest.
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
# Without these nothing of the file starts.
NEEDED = {
    "compose.cluster.yml": {
        "SITE_HOST": "quality.example",
        "NODE_NAME": "web1",
        "NODE_ADDRESS": "10.0.0.21",
        "FRONT_ADDRESS": "10.0.0.10",
        "GALERA_ADDRESS": "gcomm://10.0.0.11,10.0.0.12,10.0.0.13",
        "NODE_ONE": "10.0.0.11:3306",
        "NODE_TWO": "10.0.0.12:3306",
        "NODE_THREE": "10.0.0.13:3306",
        "WEB_ONE": "10.0.0.21:8000",
        "DB_HOSTS": "2",
    }
}


def services(name: str = "compose.yml", **environment: str) -> dict[str, Any]:
    """The services of a file, as they come out when `environment` is what docker is told."""
    environment = NEEDED.get(name, {}) | environment
    return {key: _filled(one, environment) for key, one in content(name)["services"].items()}


def content(name: str = "compose.yml") -> dict[str, Any]:
    read: dict[str, Any] = YAML(typ="safe").load(DOCKER / name)
    return read


def volumes(service: dict[str, Any]) -> dict[str, str]:
    """By the place in the container, what is mounted there; `:ro` where it is only read."""
    found = {}
    for volume in service.get("volumes", []):
        source, target, *mode = volume.split(":")
        found[target] = ":".join([source, *mode])
    return found


def variables(name: str = "compose.yml") -> set[str]:
    """All that a file takes from outside."""
    found = {match[1] for match in VARIABLE.finditer((DOCKER / name).read_text())}
    for service in content(name)["services"].values():
        environment = service.get("environment", {})
        found |= {key for key, value in environment.items() if value is None}
    return found


def needed(name: str) -> dict[str, str]:
    """Something for each variable that a file cannot do without: an address, which fits most."""
    found = VARIABLE.finditer((DOCKER / name).read_text())
    return {match[1]: "10.0.0.1" for match in found if match[2] == "?"}


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def _filled(value: Any, given: dict[str, str]) -> Any:
    if isinstance(value, str):
        return VARIABLE.sub(lambda match: _one(match, given), value)
    if isinstance(value, list):
        return [_filled(item, given) for item in value]
    if isinstance(value, dict):
        filled = {key: _filled(item, given) for key, item in value.items()}
        if isinstance(environment := filled.get("environment"), dict):
            # A name alone is taken from outside, or is not there at all.
            filled["environment"] = {
                key: given[key] if item is None else item
                for key, item in environment.items()
                if item is not None or key in given
            }
        return filled
    return value


def _one(match: re.Match[str], given: dict[str, str]) -> str:
    name, sign, rest = match.groups()
    if given.get(name):
        return given[name]
    if sign == "?":
        raise KeyError(f"{name}: {rest}")
    return rest or ""
