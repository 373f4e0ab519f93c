"""Users and roles in the admin."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.models import User


class FirstPasswordForm(UserCreationForm):
    """What an administrator gives is for the first sign-in only."""

    def save(self, commit: bool = True) -> Any:
        self.instance.must_change_password = True
        return super().save(commit)


class ResetPasswordForm(AdminPasswordChangeForm):
    """The same for who has forgotten his own."""

    def save(self, commit: bool = True) -> Any:
        self.user.must_change_password = True
        return super().save(commit)


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    list_display = ("username", "first_name", "last_name", "is_active", "is_staff", "last_login")
    fieldsets = (
        *(DjangoUserAdmin.fieldsets or ()),
        (_("Sign-in"), {"fields": ("language", "must_change_password")}),
    )
    # As Django's, in the look of the others.
    form = UserChangeForm
    add_form = FirstPasswordForm
    change_password_form = ResetPasswordForm

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only a superuser makes superusers or hands out single rights; others give roles."""
        if request.user.is_superuser:
            return self.readonly_fields
        return (*self.readonly_fields, "is_superuser", "user_permissions")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Else an administrator could set a superuser's password, and be one.
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Nobody gives a password to himself: he knows the old one, and is asked for it."""
        if id == str(request.user.pk):
            return redirect("accounts:password")
        return super().user_change_password(request, id, form_url)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody is deleted: records name who made them. Who leaves is deactivated."""
        return False


admin.site.unregister(Group)
# Their pages show keys. Whose phone is lost gets rid of it in the list of users.
admin.site.unregister([TOTPDevice, StaticDevice])


@admin.register(Group)
class RoleAdmin(DjangoGroupAdmin, ModelAdmin):
    """Django's, in the look of the others."""
