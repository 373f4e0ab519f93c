"""Users, roles and who tried to sign in, in the admin."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts import attempts
from accounts.models import Attempt, User
from accounts.sessions import end_sessions


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):
    list_display = ("username", "first_name", "last_name", "is_active", "is_staff", "last_login")
    fieldsets = (*(DjangoUserAdmin.fieldsets or ()), (_("Language"), {"fields": ("language",)}))
    actions = ("sign_out_everywhere", "unlock")
    # As Django's, in the look of the others.
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

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

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody is deleted: records name who made them. Who leaves is deactivated."""
        return False

    @admin.action(description=_("Sign out everywhere"), permissions=["change"])
    def sign_out_everywhere(
        self, request: HttpRequest, queryset: QuerySet[User]
    ) -> HttpResponse | None:
        """Asks first, with whom it is about."""
        users = [user for user in queryset if self.has_change_permission(request, user)]
        if "confirmed" not in request.POST:
            context = self.admin_site.each_context(request) | {
                "title": gettext("Sign out everywhere"),
                "opts": self.opts,
                "users": users,
                "checkbox": ACTION_CHECKBOX_NAME,
            }
            return TemplateResponse(request, "admin/accounts/user/sign_out.html", context)
        for user in users:
            ended = end_sessions(user)
            self.log_change(request, user, f"Signed out everywhere, {ended} sessions")
        text = ngettext(
            "%(count)d person was signed out.", "%(count)d people were signed out.", len(users)
        )
        messages.success(request, text % {"count": len(users)})
        return None

    @admin.action(description=_("Unlock the sign-in"), permissions=["change"])
    def unlock(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            forgiven = attempts.forgive(user.get_username())
            self.log_change(request, user, f"Unlocked, {forgiven} failures forgiven")
        messages.success(request, gettext("They can sign in again."))


admin.site.unregister(Group)


@admin.register(Group)
class RoleAdmin(DjangoGroupAdmin, ModelAdmin):
    """Django's, in the look of the others."""


@admin.register(Attempt)
class AttemptAdmin(ModelAdmin):
    """Who tried to sign in, from where, and what became of it: to read."""

    list_display = ("at", "name", "outcome", "address", "browser")
    list_filter = ("outcome", "at")
    search_fields = ("name", "address")
    search_help_text = _("User name or address")
    ordering = ("-at",)
    # To count them all takes longer than to show some.
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
