"""Gives each reader a copy of what it reads, as a file of its own that nobody else may open."""

import os
from pathlib import Path
from urllib.parse import quote

# The users of the images.
SITE = FRONT = 1000
MARIADB = 999
PROMETHEUS = ALERTMANAGER = 65534
GRAFANA = 472

TLS = {
    True: "tls /run/secrets/tls.crt /run/secrets/tls.key\n",
    # By an authority that is made here, once, and lies in the front's volume.
    False: "tls internal\n",
}


def hand_out(values: dict[str, str], alertmanager: str, to: Path) -> None:
    """Write every copy anew. Whoever has read the one of before has it until the next start."""
    # The front keeps its certificates there, and is not root.
    _give(to / "front-data", FRONT)
    for folder, files in _files(values, alertmanager).items():
        for name, (reader, text) in files.items():
            _write(to / folder / name, text, reader)


def _files(values: dict[str, str], alertmanager: str) -> dict[str, dict[str, tuple[int, str]]]:
    # Files that are named in compose.yml are always there: an empty one counts as none.
    optional = {name: values.get(name, "") for name in ("tls.crt", "tls.key")}
    return {
        "site": {
            "secret_key": (SITE, values["secret_key"]),
            "database_url": (SITE, _url("site", values["site_password"])),
            "metrics_token": (SITE, values["metrics_token"]),
            "email_url": (SITE, values.get("email_url", "")),
            "daily_report_webhook": (SITE, values.get("daily_report_webhook", "")),
        },
        "owner": {
            "database_url": (SITE, _url("quality", values["owner_password"])),
            "backup_key": (SITE, values.get("backup_key", "")),
            "admin_password": (SITE, values.get("admin_password", "")),
        },
        "database": {
            name: (MARIADB, values[name])
            for name in ("root_password", "owner_password", "site_password")
        },
        "front": {
            "tls.caddy": (FRONT, TLS["tls.crt" in values]),
            **{name: (FRONT, text) for name, text in optional.items()},
        },
        "watch": {
            "metrics_token": (PROMETHEUS, values["metrics_token"]),
            "alertmanager.yml": (ALERTMANAGER, alertmanager),
            "slack_url": (ALERTMANAGER, values.get("slack_url", "")),
            "pagerduty_key": (ALERTMANAGER, values.get("pagerduty_key", "")),
            "grafana_password": (GRAFANA, values["grafana_password"]),
        },
    }


def _url(user: str, password: str) -> str:
    return f"mysql://{user}:{quote(password, safe='')}@database:3306/quality"


def _write(path: Path, text: str, reader: int) -> None:
    """Aside and into place: a reader never finds half of it."""
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w") as file:
        file.write(text)
    _give(aside, reader)
    aside.replace(path)


def _give(path: Path, reader: int) -> None:
    # Whoever is not root tries this out, and owns all of it.
    if os.geteuid() == 0:
        os.chown(path, reader, reader)
