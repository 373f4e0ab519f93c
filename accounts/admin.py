"""Users, roles and who tried to sign in, in the admin."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserCreationForm

from accounts import attempts
from accounts.administration import KeptAdmin
from accounts.models import Attempt, User
from accounts.office import RoleForm, UserForm
from accounts.roles import ROLES, beyond_catalogue, is_beyond
from accounts.sessions import end_sessions


@admin.register(User)
class UserAdmin(DjangoUserAdmin, KeptAdmin):
    activity = "is_active"
    actions = ("activate", "deactivate", "sign_out_everywhere", "unlock")
    list_display = (
        "username", "first_name", "last_name", "roles", "is_active", "is_staff", "last_login",
    )  # fmt: skip
    list_filter = ("is_active", "is_staff", "is_superuser", "groups")
    fieldsets = (
        *(DjangoUserAdmin.fieldsets or ()),
        (_("Language"), {"fields": ("language",)}),
        (None, {"fields": ("reason",)}),
    )
    # As Django's, in the look of the others.
    form = UserForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm

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
        field = super().formfield_for_manytomany(db_field, request, **kwargs)
        if db_field.name == "groups" and field is not None and not request.user.is_superuser:
            # A role with more than the catalogue is not his to give, to himself least of all.
            field.queryset = Group.objects.exclude(permissions__in=beyond_catalogue())
        return field

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Else an administrator could set a more powerful one's password, and be that one.
        if obj is not None and not request.user.is_superuser and is_beyond(obj):
            return False
        return bool(super().has_change_permission(request, obj))

    def may_set_activity(self, request: HttpRequest, obj: Any, *, active: bool) -> bool:
        return obj != request.user and self.has_change_permission(request, obj)

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
class RoleAdmin(KeptAdmin):
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

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if obj is not None and not request.user.is_superuser and is_beyond(obj):
            return False
        return bool(super().has_change_permission(request, obj))


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
