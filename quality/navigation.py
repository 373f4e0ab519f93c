"""The links at the side of the admin."""

from typing import Any

from django.http import HttpRequest
from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

# Title, and of each link: text, address, icon, the right that it takes.
Link = tuple[str, str, str, str]


def admin_links(request: HttpRequest) -> list[dict[str, Any]]:
    """What the person may open, in groups. Asks nobody but the person's rights."""
    groups: list[tuple[str, list[Link]]] = [
        (
            _("Operations"),
            [
                (
                    _("Connection pool"),
                    "admin:monitor_pool_changelist",
                    "monitor_heart",
                    "monitor.view_pool",
                ),
                (
                    _("Backups"),
                    "admin:backups_backup_changelist",
                    "backup",
                    "backups.view_backup",
                ),
                (_("Runbook"), "monitor:runbook", "menu_book", "monitor.view_pool"),
            ],
        ),
        (
            _("Quality"),
            [
                (_("Board"), "scans:board", "dashboard", "scans.view_board"),
                (_("Reports"), "scans:reports", "bar_chart", "scans.view_scan"),
                (_("Trace"), "scans:trace", "timeline", "scans.view_scan"),
                (_("Corrections"), "scans:proposals", "rule", "scans.view_scan"),
            ],
        ),
        (
            _("Scans"),
            [
                (_("scans"), "admin:scans_scan_changelist", "barcode_scanner", "scans.view_scan"),
                (
                    _("corrections"),
                    "admin:scans_event_changelist",
                    "undo",
                    "scans.view_event",
                ),
                (
                    _("incidents"),
                    "admin:scans_incident_changelist",
                    "error",
                    "scans.view_incident",
                ),
                (
                    _("stations"),
                    "admin:scans_station_changelist",
                    "point_of_sale",
                    "scans.view_station",
                ),
                (
                    _("station profiles"),
                    "admin:scans_profile_changelist",
                    "tune",
                    "scans.view_profile",
                ),
                (
                    _("browsers"),
                    "admin:scans_presence_changelist",
                    "tablet",
                    "scans.view_presence",
                ),
                (_("Bind this browser"), "scans:bind", "link", "scans.bind_station"),
                (_("operators"), "admin:scans_operator_changelist", "badge", "scans.view_operator"),
                (_("defects"), "admin:scans_defect_changelist", "report", "scans.view_defect"),
                (_("Code sheet"), "scans:sheet", "barcode", "scans.view_scan"),
                (
                    _("settings"),
                    "admin:scans_settings_changelist",
                    "settings",
                    "scans.view_settings",
                ),
            ],
        ),
        (
            _("People"),
            [
                (_("users"), "admin:accounts_user_changelist", "group", "accounts.view_user"),
                (
                    _("sign-in attempts"),
                    "admin:accounts_attempt_changelist",
                    "login",
                    "accounts.view_attempt",
                ),
                (_("roles"), "admin:auth_group_changelist", "shield_person", "auth.view_group"),
                (_("Accounts"), "accounts:people", "contacts", "accounts.view_user"),
                (_("Signed in now"), "accounts:present", "how_to_reg", "accounts.view_user"),
            ],
        ),
    ]
    return [
        {
            "title": title,
            "items": [
                {"title": capfirst(text), "link": reverse(address), "icon": icon}
                for text, address, icon, right in links
                if request.user.has_perm(right)
            ],
        }
        for title, links in groups
    ]


def account_links(request: HttpRequest) -> list[dict[str, Any]]:
    """In the menu of the person's own account."""
    return [
        {"title": _("Change password"), "link": reverse("accounts:password")},
        {"title": _("Second factor"), "link": reverse("accounts:device")},
        {"title": _("Where you are signed in"), "link": reverse("accounts:logout_everywhere")},
    ]
