"""The app that watches the pool."""

from django.apps import AppConfig


class MonitorConfig(AppConfig):
    name = "quality.monitor"

    def ready(self) -> None:
        """Listen to what there is to log."""
        from django.core import signals
        from django.db.backends.signals import connection_created

        from quality.monitor import auditing, metrics, middleware, timing
        from quality.pool.events import on_lease_ended

        on_lease_ended(middleware.lease_ended)
        connection_created.connect(timing.watch)
        signals.got_request_exception.connect(middleware.remember_error)
        # After Django's own receiver, which returns the connections.
        signals.request_finished.connect(middleware.request_finished)
        auditing.listen()
        metrics.count_signals()
