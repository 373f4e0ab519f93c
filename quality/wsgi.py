"""The application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "quality.settings")

application = get_wsgi_application()

# Each worker begins with these, too: what does not load is to be found out before a reload.
from quality import chores  # noqa: E402, F401
from quality.monitor import health, sampling  # noqa: E402, F401
