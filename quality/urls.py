"""Every address of the house."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import JavaScriptCatalog

from accounts.views import admin_sign_in, choose_language
from quality import views
from quality.monitor import health

urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/", include("accounts.urls")),
    path("scans/", include("scans.urls")),
    # Answered earlier, by health.answer_probes; here so that they stand among the addresses.
    *(path(address.lstrip("/"), probe) for address, probe in health.PROBES.items()),
    # The texts of the pages' scripts: of our own locale folder, not of every app's.
    path("i18n/texts.js", JavaScriptCatalog.as_view(packages=["scans"]), name="texts"),
    path("i18n/setlang/", choose_language, name="set_language"),
    path("monitor/", include("quality.monitor.urls")),
    # There is one page for each of these, in front of the admin's own.
    path("admin/password_change/", RedirectView.as_view(pattern_name="accounts:password")),
    path("admin/login/", admin_sign_in),
    path("admin/", admin.site.urls),
]

handler500 = "quality.views.server_error"
