"""The runbook as a page: where every alert leads."""

from functools import cache

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown import Markdown

from quality.monitor.passes import watcher


@watcher("monitor.view_pool")
def page(request: HttpRequest) -> HttpResponseBase:
    """Needs no database: it is read while there is none."""
    text, contents = rendered()
    context = admin.site.each_context(request) | {
        "title": _("Runbook"),
        "text": text,
        "contents": contents,
    }
    return TemplateResponse(request, "monitor/runbook.html", context)


@cache
def rendered() -> tuple[SafeString, SafeString]:
    """RUNBOOK.md as HTML, and its table of contents. Each heading's anchor is its name in small
    letters, as GitHub and GitLab make it: see Rule.runbook."""
    # Its first line is the title, which the frame shows.
    _title, _newline, source = (settings.BASE_DIR / "RUNBOOK.md").read_text().partition("\n")
    markdown = Markdown(extensions=["toc"], extension_configs={"toc": {"toc_depth": "2"}})
    # A tag is shown as it stands there, not obeyed.
    markdown.preprocessors.deregister("html_block")
    markdown.inlinePatterns.deregister("html")
    text = markdown.convert(source)
    return mark_safe(text), mark_safe(markdown.toc)  # noqa: S308
