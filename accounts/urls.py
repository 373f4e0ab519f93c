"""Where people sign in and out, and change how they do."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from accounts import api, views

app_name = "accounts"

urlpatterns = [
    path("login/", views.SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("logout/everywhere/", views.sign_out_everywhere, name="logout_everywhere"),
    # The steps of a sign-in; the last two are for those who are signed in as well.
    path("code/", views.code, name="code"),
    path("password/", views.password, name="password"),
    path("device/", views.device, name="device"),
    # A link of `manage.py firstadmin`.
    path("first/", views.first, name="first"),
    # Who there is, and who is there.
    path("people/", api.people_page, name="people"),
    path("people.json", api.people_json, name="people_json"),
    path("present/", api.present_page, name="present"),
    path("present.json", api.present_json, name="present_json"),
]
