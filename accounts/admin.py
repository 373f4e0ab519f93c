"""Users, roles and who tried to sign in, in the admin."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.forms import AdminPasswordChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from accounts import attempts, second_factor
from accounts.administration import KeptAdmin, ReadOnlyAdmin
from accounts.models import Attempt, User
from accounts.office import RoleForm, UserForm
from accounts.roles import ROLES, beyond_catalogue, is_beyond
from accounts.sessions import end_sessions


class FirstPasswordForm(UserCreationForm):
    """What an administrator gives is for the first sign-in only."""

    # Without a password nobody gets in here.
    usable_password = None

    def save(self, commit: bool = True) -> Any:
        self.instance.must_change_password = True
        return super().save(commit)


class ResetPasswordForm(AdminPasswordChangeForm):
    """The same for who has forgotten his own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields.pop("usable_password", None)

    def save(self, commit: bool = True) -> Any:
        self.user.must_change_password = True
        return super().save(commit)


class CataloguedAdmin(KeptAdmin):
    """Who, and what, holds more than the catalogue is changed by superusers alone."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Else an administrator could set a more powerful one's password, and be that one.
        if obj is not None and not request.user.is_superuser and is_beyond(obj):
            return False
        return bool(super().has_change_permission(request, obj))


@admin.register(User)
class UserAdmin(DjangoUserAdmin, CataloguedAdmin):
    activity = "is_active"
    actions = (
        *("activate", "deactivate"),
        *("sign_out_everywhere", "unlock", "remove_second_factor"),
    )
    list_display = (
        "username", "first_name", "last_name", "roles", "is_active", "is_staff", "last_login",
    )  # fmt: skip
    list_filter = ("is_active", "is_staff", "is_superuser", "groups")
    fieldsets = (
        *(DjangoUserAdmin.fieldsets or ()),
        (_("Sign-in"), {"fields": ("language", "must_change_password")}),
        (None, {"fields": ("reason",)}),
    )
    add_form_template = None
    add_fieldsets = (
        (
            None,
            {
                "fields": (
                    *("username", "password1", "password2", "first_name", "last_name"),
                    "groups",
                )
            },
        ),
    )
    filter_horizontal = ("user_permissions",)
    # As Django's, in the look of the others.
    form = UserForm
    add_form = FirstPasswordForm
    change_password_form = ResetPasswordForm

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users: QuerySet[User] = super().get_queryset(request)
        return users.prefetch_related("groups")

    @admin.display(description=_("roles"))
    def roles(self, user: User) -> str:
        return ", ".join(group.name for group in user.groups.all())

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only a superuser makes superusers or hands out single rights; others give roles."""
        readonly = [*self.readonly_fields, "last_login", "date_joined"]
        if not request.user.is_superuser:
            readonly += ["is_superuser", "user_permissions"]
        if obj is not None and obj == request.user:
            # Nobody shuts himself out.
            readonly += ["is_active", "is_staff"]
        return readonly

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "groups":
            # There are few: all of them are seen at once, and ticked.
            kwargs["widget"] = UnfoldAdminCheckboxSelectMultipleWidget
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        if db_field.name == "groups" and field is not None and not request.user.is_superuser:
            # A role with more than the catalogue is not his to give, to himself least of all.
            field.queryset = Group.objects.exclude(permissions__in=beyond_catalogue())
        return field

    def lookup_allowed(self, lookup: str, value: Any, request: Any = None) -> bool:
        """Django lets filter by the key of whatever points here: a session's opens it."""
        is_filter = lookup.partition("__")[0] in self.list_filter
        return is_filter and bool(super().lookup_allowed(lookup, value, request))

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Nobody gives a password to himself: he knows the old one, and is asked for it."""
        # However his number is written: 7, 07 or +7.
        if self.get_object(request, unquote(id)) == request.user:
            return redirect("accounts:password")
        return super().user_change_password(request, id, form_url)

    def may_set_activity(self, request: HttpRequest, obj: Any, *, active: bool) -> bool:
        return obj != request.user and self.has_change_permission(request, obj)

    @admin.action(description=_("Sign out everywhere"), permissions=["change"])
    def sign_out_everywhere(
        self, request: HttpRequest, queryset: QuerySet[User]
    ) -> HttpResponse | None:
        """Asks first, with whom it is about."""
        users = self._changeable(request, queryset)
        if "confirmed" not in request.POST:
            return self._ask_about(
                request,
                users,
                action="sign_out_everywhere",
                title=gettext("Sign out everywhere"),
                consequence=gettext(
                    "They are signed out in each browser, at once. What waits at a station is kept "
                    "and sent after the next sign-in."
                ),
            )
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
        users = self._changeable(request, queryset)
        if refused := [str(user) for user in queryset if user not in users]:
            # With their locks gone he could guess at more powerful ones' passwords for ever.
            text = gettext("You may not do this to: %(names)s.") % {"names": ", ".join(refused)}
            messages.error(request, text)
            return
        for user in users:
            forgiven = attempts.forgive(user.get_username())
            self.log_change(request, user, f"Unlocked, {forgiven} failures forgiven")
        messages.success(request, gettext("They can sign in again."))

    @admin.action(description=_("Remove the second factor"), permissions=["change"])
    def remove_second_factor(
        self, request: HttpRequest, queryset: QuerySet[User]
    ) -> HttpResponse | None:
        """For the lost phone of somebody else; asks first, with whom it is about."""
        # One's own costs the password.
        users = [user for user in self._changeable(request, queryset) if user != request.user]
        if "confirmed" not in request.POST:
            return self._ask_about(
                request,
                users,
                action="remove_second_factor",
                title=gettext("Remove the second factor"),
                consequence=gettext(
                    "From now on their passwords let them in without a code. Make sure that it is "
                    "they who ask for it."
                ),
            )
        removed = [user for user in users if second_factor.remove(user)]
        for user in removed:
            self.log_change(request, user, "Removed the second factor")
        text = ngettext(
            "%(count)d second factor was removed.",
            "%(count)d second factors were removed.",
            len(removed),
        )
        messages.success(request, text % {"count": len(removed)})
        return None

    def _changeable(self, request: HttpRequest, queryset: QuerySet[User]) -> list[User]:
        return [user for user in queryset if self.has_change_permission(request, user)]

    def _ask_about(
        self,
        request: HttpRequest,
        users: list[User],
        *,
        action: str,
        title: str,
        consequence: str,
    ) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": title,
            "action": action,
            "consequence": consequence,
            "opts": self.opts,
            "users": users,
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/accounts/user/confirm.html", context)


admin.site.unregister(Group)
# Their pages show keys. Whose phone is lost gets rid of it in the list of users.
admin.site.unregister([TOTPDevice, StaticDevice])


@admin.register(Group)
class RoleAdmin(CataloguedAdmin):
    """Roles are composed out of the catalogue. Ours keep their names and what belongs to them."""

    form = RoleForm
    actions = ()
    list_display = ("name", "people")
    search_fields = ("name",)
    ordering = ("name",)
    filter_horizontal = ("permissions",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Group]:
        groups: QuerySet[Group] = super().get_queryset(request)
        return groups.annotate(people=Count("user"))

    @admin.display(description=_("people"), ordering="people")
    def people(self, group: Any) -> int:
        return int(group.people)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        further = ("permissions",) if request.user.is_superuser else ()
        return ("name", "rights", *further, "reason")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return ("name",) if obj is not None and obj.name in ROLES else ()


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    """Who tried to sign in, from where, and what became of it: to read."""

    list_display = ("at", "name", "outcome", "address", "browser")
    list_filter = ("outcome", "at")
    search_fields = ("name", "address")
    search_help_text = _("User name or address")
    ordering = ("-at",)
