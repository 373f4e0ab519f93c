"""What the pools were like, for a week."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Pool(models.Model):
    """The samples of one host in ten minutes, in columns; see history.py."""

    host = models.CharField(_("host"), max_length=64)
    began_at = models.DateTimeField(_("began"))
    samples = models.JSONField(_("samples"))

    class Meta:
        verbose_name = _("pool")
        verbose_name_plural = _("pools")
        # Rows come from the monitor alone: nobody adds or changes one.
        default_permissions = ("view",)
        permissions = [
            ("manage_pool", "Can close idle connections, drain pools and kill statements")
        ]
        constraints = [
            # Its order is that of the history: all hosts' rows since some time.
            models.UniqueConstraint(fields=["began_at", "host"], name="one_row_per_host_and_time"),
        ]

    def __str__(self) -> str:
        return f"{self.host} {self.began_at:%Y-%m-%d %H:%M}"
