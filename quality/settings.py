"""Django's settings, fed by the environment: production unless DEVELOPMENT=1."""

import os
import re
import socket
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.utils.translation import gettext_lazy as _

from quality import database, logs
from quality.environment import (
    BASE_DIR,
    VAR_DIR,
    factor,
    is_private,
    kept_secret,
    networks,
    seconds,
    secret,
    time_of_day,
    unreadable,
    whole_number,
)

env: Any = environ.Env()

DEVELOPMENT = env.bool("DEVELOPMENT", default=False)
DEBUG = DEVELOPMENT and env.bool("DEBUG", default=False)


# ----- What a production start cannot do without

REQUIRED = {
    "SECRET_KEY": "a long random text, e.g. from `openssl rand -base64 48`",
    "ALLOWED_HOSTS": "the names under which browsers reach the site, separated by commas",
    "DATABASE_URL": "mysql://user:password@host:port/name",
}


def _refuse_missing() -> None:
    given = {
        "SECRET_KEY": secret("SECRET_KEY"),
        "ALLOWED_HOSTS": os.environ.get("ALLOWED_HOSTS"),
        "DATABASE_URL": secret("DATABASE_URL"),
    }
    missing = [name for name in REQUIRED if not given[name]]
    if missing and not DEVELOPMENT:
        lines = "\n".join(f"  {name}: {REQUIRED[name]}" for name in missing)
        raise ImproperlyConfigured(
            f"The environment lacks:\n{lines}\n"
            "Set them, or set DEVELOPMENT=1 on a machine that is not in production."
        )


def _development_database_url() -> str:
    from quality.devdb.mariadb import PrivateMariaDB

    return PrivateMariaDB(VAR_DIR / "mariadb").url("quality")


def _development_hosts() -> list[str]:
    """This machine's own names, and the address that the developer opened to others."""
    bind = os.environ.get("BIND") or "127.0.0.1"
    if bind in {"0.0.0.0", "::"}:  # noqa: S104
        return ["*"]
    return ["localhost", "127.0.0.1", "[::1]", f"[{bind}]" if ":" in bind else bind]


_refuse_missing()

# A key of this checkout's own, kept so that sessions survive a restart.
SECRET_KEY = secret("SECRET_KEY") or kept_secret(VAR_DIR / "secret-key")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[]) or _development_hosts()
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])


# ----- Database

DATABASE_URL = secret("DATABASE_URL") or _development_database_url()
if sys.argv[1:2] in (["migrate"], ["backup"], ["restore"]):
    # A pooling proxy mixes up the sessions that these rely on.
    DATABASE_URL = secret("DATABASE_DIRECT_URL") or DATABASE_URL
DATABASE_URL = database.quoted(DATABASE_URL)
DATABASES = {"default": database.settings_of(DATABASE_URL)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# At boot a late database is tried this often, so many seconds apart.
DB_BOOT_RETRIES = whole_number("DB_BOOT_RETRIES", 30, least=0)
DB_BOOT_DELAY = seconds("DB_BOOT_DELAY", 2)


# ----- Monitoring

# Seconds between two samples of the pools, under which name this host's stand in the history,
# and for how many days.
MONITOR_INTERVAL = seconds("MONITOR_INTERVAL", 10)
MONITOR_HOST = (os.environ.get("MONITOR_HOST") or socket.gethostname())[:64]
MONITOR_HISTORY_DAYS = whole_number("MONITOR_HISTORY_DAYS", 7)
# Every alert's times are multiplied by it: a drill need not wait for as long as people should.
ALERT_TIME_FACTOR = factor("ALERT_TIME_FACTOR", 1)
# Leads those who are told of an alert elsewhere to this site.
SITE_URL = os.environ.get("SITE_URL") or ""
if SITE_URL and not re.fullmatch(r"https?://[^/\s]+", SITE_URL):
    raise ImproperlyConfigured(
        f"SITE_URL must look like https://quality.example, without a path, not {SITE_URL!r}."
    )


# ----- Chores

# Functions without arguments, done by one process of each host every so many seconds; 0: by none.
CHORES_INTERVAL = whole_number("CHORES_INTERVAL", 60, least=0)
CHORES = [
    "scans.keeping.sealing.seal_new",
    "scans.reporting.rollups.refresh",
    "scans.daily_report.send_due",
]

# The report of the production day before: to whom, from which time of the factory's day on, and in
# which language. To nobody unless somebody is named.
DAILY_REPORT_EMAIL = env.list("DAILY_REPORT_EMAIL", default=[])
DAILY_REPORT_WEBHOOK = secret("DAILY_REPORT_WEBHOOK")
DAILY_REPORT_AT = time_of_day("DAILY_REPORT_AT", "06:30")
DAILY_REPORT_LANGUAGE = os.environ.get("DAILY_REPORT_LANGUAGE") or "ro"
if DAILY_REPORT_WEBHOOK and not is_private(DAILY_REPORT_WEBHOOK, or_loopback=DEVELOPMENT):
    raise ImproperlyConfigured("DAILY_REPORT_WEBHOOK must look like https://host/path.")
if DAILY_REPORT_LANGUAGE not in ("ro", "en"):
    raise ImproperlyConfigured("DAILY_REPORT_LANGUAGE must be ro or en.")
EMAIL_URL = secret("EMAIL_URL")
try:
    vars().update(env.email_url_config(EMAIL_URL or "dummymail://"))
except ValueError:
    raise unreadable("EMAIL_URL") from None
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = os.environ.get("EMAIL_FROM") or "quality@localhost"
if DAILY_REPORT_EMAIL and not EMAIL_URL:
    raise ImproperlyConfigured(
        "DAILY_REPORT_EMAIL needs EMAIL_URL: smtp+tls://user:password@host:587."
    )


# ----- Backups

# They lie here; without it nobody is told that they are too old.
BACKUP_DIR = os.environ.get("BACKUP_DIR", "")
# For whom they are encrypted; see backups/keys.py.
BACKUP_KEY = secret("BACKUP_KEY")
# So many days and weeks of them are kept.
BACKUP_KEEP_DAILY = whole_number("BACKUP_KEEP_DAILY", 14)
BACKUP_KEEP_WEEKLY = whole_number("BACKUP_KEEP_WEEKLY", 8, least=0)
# Where each is tested; by default the database's own name with _restored.
BACKUP_SCRATCH_DATABASE = os.environ.get("BACKUP_SCRATCH_DATABASE") or ""
# Whoever has a session's key is signed in: backups hold none, and after a restore all sign in anew.
BACKUP_WITHOUT_ROWS = ["accounts_session"]
# Tells the ends of the chain of seals; the command that verifies it. `backups` knows no records.
BACKUP_HEADS = "scans.keeping.sealing.heads"
BACKUP_VERIFICATION = "verifyrecords"


# ----- Cache

# Several hosts share what is cached in a Redis; without it each process keeps its own.
REDIS_URL = os.environ.get("REDIS_URL") or ""
if REDIS_URL:
    if not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
        raise ImproperlyConfigured("REDIS_URL must look like redis://:password@host:port/0.")
    try:
        urlsplit(REDIS_URL).port  # noqa: B018 - or each use of the cache would say so
    except ValueError:
        raise unreadable("REDIS_URL") from None
    CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.redis.RedisCache",
            "LOCATION": REDIS_URL,
            "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1},
        }
    }


# ----- Applications

INSTALLED_APPS = [
    # Before the admin, whose templates it replaces.
    "unfold",
    "unfold.contrib.simple_history",
    "unfold.contrib.import_export",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    # Before staticfiles: `runserver` then serves static files as gunicorn does.
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "simple_history",
    "import_export",
    "quality.monitor",
    "quality.backups",
    "quality.devdb",
    "scans",
    # Last: after migrate it grants the roles the rights that all the others have made.
    "accounts",
]

MIDDLEWARE = [
    # Before all that ask who asks.
    "quality.proxies.Proxies",
    # Early: a probe knows no host name, and asks for no session.
    "quality.monitor.health.answer_probes",
    # Outside of the sessions: it looks at whether theirs has ended.
    "quality.monitor.middleware.Lifetime",
    "django.middleware.security.SecurityMiddleware",
    "quality.headers.add",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "accounts.sessions.Middleware",
    "accounts.language.speak",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.backends.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "quality.urls"
WSGI_APPLICATION = "quality.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]


# ----- People

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backends.RightsBackend"]
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {
        "NAME": "accounts.passwords.LongEnough",
        "OPTIONS": {"min_length": 10},
    },
    *(
        {"NAME": f"django.contrib.auth.password_validation.{name}"}
        for name in (
            "UserAttributeSimilarityValidator",
            "CommonPasswordValidator",
            "NumericPasswordValidator",
        )
    ),
    {"NAME": "accounts.passwords.Varied"},
    {"NAME": "accounts.passwords.NotTheSame"},
]
# Who is made an administrator while there is none; without a name, `firstadmin` prints a link.
ADMIN_USERNAME = os.environ.get("ADMIN_USERNAME") or ""
ADMIN_PASSWORD = secret("ADMIN_PASSWORD")
# Whoever administers needs a code beside the password, and sets that up when first let in.
REQUIRE_SECOND_FACTOR = env.bool("REQUIRE_SECOND_FACTOR", default=False)
OTP_TOTP_ISSUER = "quality"
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "accounts:login"
# One password for all demo logins; a random one is kept, so that each start prints the same.
if DEVELOPMENT:
    DEMO_PASSWORD = os.environ.get("DEMO_PASSWORD") or kept_secret(VAR_DIR / "demo-password")[:12]
# In a cookie, so that a page with none to show asks the database for none.
MESSAGE_STORAGE = "django.contrib.messages.storage.cookie.CookieStorage"
SESSION_ENGINE = "accounts.sessions"
# A shift and its hand-over: nobody is signed out in the middle of one.
SESSION_COOKIE_AGE = 14 * 60 * 60
# Says at which station a browser stands, if at any. `accounts` knows no stations.
STATION_OF_BROWSER = "scans.binding.bound_station"


# ----- Monitoring

# Lets a Prometheus read /metrics from another machine.
METRICS_TOKEN = secret("METRICS_TOKEN")
# A scan is answered in some ms; whoever waits for 10 s has given up.
PROMETHEUS_LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# What is counted of the answers: route → counter and, by status, outcome. `monitor` knows no scans.
MONITOR_OUTCOMES = {
    "scans:record": (
        "scans",
        {
            201: "stored",
            200: "repeated",
            400: "malformed",
            401: "not_signed_in",
            403: "forbidden",
            409: "conflict",
            413: "too_large",
            422: "invalid",
            429: "too_fast",
            500: "error",
            503: "away",
        },
    ),
    "scans:recent": ("station_polls", {200: "answered", 401: "not_signed_in", 503: "away"}),
}
# Signals that are counted: counter → signal, and what it tells; where one tells something that is
# to be told apart, its name and what it may be. Nor does `monitor` know of rights.
MONITOR_SIGNALS: dict[str, tuple[Any, ...]] = {
    "permission_cache_hits": (
        "accounts.backends.rights_known",
        "Checks of a right that asked no database.",
    ),
    "permission_cache_misses": (
        "accounts.backends.rights_read",
        "Checks of a right for which rights were read.",
    ),
    "scan_retries": (
        "scans.retrying.retried",
        "Scans that were tried again, by the database's error.",
        ("code", (1047, 1180, 1205, 1213, 2002, 2006, 2013)),
    ),
}


# ----- Language and time

LANGUAGE_CODE = "ro"
LANGUAGES = [("ro", _("Romanian")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "quality" / "locale"]
FORMAT_MODULE_PATH = "quality.formats"
USE_I18N = True
USE_TZ = True
TIME_ZONE = logs.TIME_ZONE


# ----- Static files

STATIC_URL = "static/"
STATIC_ROOT = (
    None if DEVELOPMENT else Path(os.environ.get("STATIC_ROOT") or BASE_DIR / "staticfiles")
)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEVELOPMENT
        else "quality.storage.StaticFiles"
    },
}
STATICFILES_DIRS = [BASE_DIR / "quality" / "static"]
# Development serves the files where they lie: no collectstatic between an edit and a reload.
WHITENOISE_USE_FINDERS = DEVELOPMENT


# ----- The admin's look; its colours are in quality/static/theme/theme.css

UNFOLD = {
    "SITE_TITLE": "quality",
    "SITE_HEADER": "quality",
    "SITE_ICON": lambda request: static("scans/icon.svg"),
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("scans/icon.svg")}
    ],
    "SHOW_LANGUAGES": True,
    "SIDEBAR": {"navigation": "quality.navigation.admin_links"},
    "ACCOUNT": {"navigation": "quality.navigation.account_links"},
}


# History is read by what it is of, never by its date.
SIMPLE_HISTORY_DATE_INDEX = False


# ----- Security

CSRF_FAILURE_VIEW = "quality.views.csrf_failure"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = not DEVELOPMENT
SECURE_SSL_REDIRECT = not DEVELOPMENT
# Probes from the same host speak plain HTTP.
SECURE_REDIRECT_EXEMPT = [r"^health/"]
if not DEVELOPMENT:
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
BEHIND_TLS_PROXY = env.bool("BEHIND_TLS_PROXY", default=False)
if BEHIND_TLS_PROXY:
    # Only for a proxy that always sets this header itself: else anyone could.
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Whose X-Forwarded-For is believed.
TRUSTED_PROXIES = networks("TRUSTED_PROXIES", default="127.0.0.1,::1" if BEHIND_TLS_PROXY else "")

# So much a session may send to one worker in the long run: no page of its own takes all of it.
SCANS_PER_SECOND = whole_number("SCANS_PER_SECOND", 100, least=0)
# Longer than any form of ours without its files, and than any file that is imported.
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1_000
DATA_UPLOAD_MAX_NUMBER_FILES = 1
UPLOAD_MAX_BYTES = 5_000_000
FILE_UPLOAD_HANDLERS = [
    "quality.uploads.Limit",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
DEFAULT_EXCEPTION_REPORTER_FILTER = "quality.reporting.Filter"


# ----- Logging

LOGGING = logs.configuration()
# Warnings: a statement, a wait for a connection, a connection held by a request, and how many
# statements a request may send.
SLOW_STATEMENT_SECONDS = seconds("SLOW_STATEMENT_SECONDS", 0.5)
LONG_WAIT_SECONDS = seconds("LONG_WAIT_SECONDS", 1)
LONG_HOLD_SECONDS = seconds("LONG_HOLD_SECONDS", 3)
MANY_STATEMENTS = whole_number("MANY_STATEMENTS", 50)
# Of what is asked all the time, or comes with a page, only failures are logged.
QUIET_PATHS = ("/static/", "/monitor/", "/metrics")
