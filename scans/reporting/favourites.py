"""Keeps the filters that people have given a name."""

from datetime import date, timedelta
from urllib.parse import parse_qsl, urlencode

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from scans.models import SavedFilter
from scans.reporting.filters import Filters

MOST = 30
MAX_NAME_LENGTH = 60
MAX_QUERY_LENGTH = 500
# So many days, of which the last one lies so many before the day on which it is opened. The
# addresses of reports never have these: who sends one on means days, not "yesterday".
SPAN, AGO = "span", "ago"
# A period that ended earlier is meant as it is.
LATEST_AGO = 1


class NotSaved(ValueError):
    """Why a filter was not kept, in words for its owner."""


class IsThere(NotSaved):
    """One of that name is kept already, and it is not to be overwritten unasked."""

    def __init__(self, found: SavedFilter) -> None:
        super().__init__(_("You have a filter of that name."))
        self.found = found


def of(user: User) -> list[SavedFilter]:
    """By name."""
    return list(SavedFilter.objects.filter(user=user))


def save(
    user: User, name: str, filters: Filters, *, today: date, overwrite: bool = False
) -> SavedFilter:
    """Keep a filter under a name. Raises NotSaved, IsThere among it."""
    name = " ".join(name.split())
    if not name:
        raise NotSaved(_("Give the filter a name."))
    if len(name) > MAX_NAME_LENGTH or not name.isprintable():
        raise NotSaved(_("A name has at most %(most)d characters.") % {"most": MAX_NAME_LENGTH})
    query = stored(filters, today=today)
    if len(query) > MAX_QUERY_LENGTH:
        raise NotSaved(_("The codes of this filter are too long to be kept."))
    with transaction.atomic():
        # One at a time for each person: two at once would both find room for the last one.
        User.objects.select_for_update().only("pk").get(pk=user.pk)
        found = SavedFilter.objects.filter(user=user, name=name).first()
        if found is not None and not overwrite:
            raise IsThere(found)
        if found is None and SavedFilter.objects.filter(user=user).count() >= MOST:
            message = _("You have %(most)d filters: forget one before you save another.")
            raise NotSaved(message % {"most": MOST})
        one = found or SavedFilter(user=user, name=name)
        one.query = query
        one.save()
    return one


def forget(user: User, pk: int) -> bool:
    """Only one's own; whether it was there."""
    deleted, _by_model = SavedFilter.objects.filter(user=user, pk=pk).delete()
    return bool(deleted)


def is_relative(filters: Filters, *, today: date) -> bool:
    """Whether it is kept as "the last days", counted anew from each day on which it is opened."""
    return 0 <= (today - filters.until).days <= LATEST_AGO


def stored(filters: Filters, *, today: date) -> str:
    """As it is kept."""
    if not is_relative(filters, today=today):
        return filters.as_query()
    ago = (today - filters.until).days
    return urlencode({SPAN: filters.days, AGO: ago, **filters.chosen})


def opened(saved: SavedFilter, *, today: date) -> str:
    """The query with which a report is asked for it on that day."""
    values = dict(parse_qsl(saved.query))
    if SPAN not in values:
        return saved.query
    span, ago = int(values.pop(SPAN)), int(values.pop(AGO))
    until = today - timedelta(days=ago)
    since = until - timedelta(days=span - 1)
    return urlencode({"since": since, "until": until, **values})
