"""The app that watches the pool."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MonitorConfig(AppConfig):
    name = "quality.monitor"
    verbose_name = _("Operations")

    def ready(self) -> None:
        """Listen to what there is to log."""
        from django.conf import settings
        from django.core import signals

        from quality.monitor import auditing, metrics, middleware, timing
        from quality.pool import events

        events.on_lease_began(middleware.lease_began)
        events.on_lease_ended(middleware.lease_ended)
        events.on_statements(middleware.statements_ended)
        events.on_slow_statement(timing.tell, after_seconds=settings.SLOW_STATEMENT_SECONDS)
        signals.got_request_exception.connect(middleware.remember_error)
        # After Django's own receiver, which returns the connections.
        signals.request_finished.connect(middleware.request_finished)
        auditing.listen()
        metrics.count_signals()
