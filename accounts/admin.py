"""Users and roles in the admin."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserCreationForm

from accounts.administration import KeptAdmin
from accounts.forms import RoleForm, UserForm
from accounts.models import User
from accounts.roles import ROLES, beyond_catalogue, is_beyond


@admin.register(User)
class UserAdmin(KeptAdmin, DjangoUserAdmin):
    activity = "is_active"
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
