"""People and the directory of libraries, for administrators."""

from typing import Any

from allauth.account.admin import EmailAddressAdmin
from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin
from django.contrib.auth import admin as auth_admin
from django.contrib.auth import forms as auth_forms
from django.contrib.auth.models import Group
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from accounts import actions, queries
from accounts.enums import STAFF_ROLES
from accounts.models import Federation, Organization, Position, User
from aspen.admin import EditableAdmin, LabeledInlineFormSet, SearchByWord, StaffAdmin
from aspen.admin_site import Waiting, waits_for
from aspen.formats import counted
from aspen.staff_queue import ConditionFilter

HELP_TEXTS = {
    "display_name": "As it appears on certificates.",
    "email": "Used to sign in. A new address must be confirmed at the next sign-in.",
    "is_active": "Clear this instead of deleting an account, so that its history stays on record.",
    "is_staff": "Can open these pages. The roles below determine what the person can do here. "
    f"{', '.join(STAFF_ROLES[:-1])} and {STAFF_ROLES[-1]} set this automatically.",
    "groups": "Each role comes with permissions. You cannot change your own roles.",
    "is_superuser": "Can do everything. Only superusers can see and change this.",
}


class NewPersonForm(auth_forms.AdminUserCreationForm):
    class Meta:
        model = User
        fields = ("email", "display_name")
        help_texts = HELP_TEXTS


class PersonForm(auth_forms.UserChangeForm):
    class Meta:
        model = User
        fields = "__all__"  # The fieldsets choose.
        field_classes: dict[str, type[forms.Field]] = {}
        help_texts = HELP_TEXTS
        # There are only a few roles, and checkboxes work without JavaScript.
        widgets = {"groups": forms.CheckboxSelectMultiple}


class PositionInlineForm(forms.ModelForm):
    """A position form that also checks constraints involving the person.

    Django skips these in inline forms.
    """

    class Meta:
        model = Position
        fields = ("organization", "kind", "since_on", "until_on", "supervisor", "is_confirmed")

    def validate_unique(self) -> None:
        super().validate_unique()
        try:
            self.instance.validate_constraints(exclude={"id"})
        except forms.ValidationError as error:
            self.add_error(None, error)


class PositionFormSet(LabeledInlineFormSet):
    def clean(self) -> None:
        """Reject the form if two new rows have the same position.

        The database rejects a new row that duplicates a stored one.
        """
        super().clean()
        rows = [form.cleaned_data for form in self.forms if not form.errors]
        positions = [
            (row["organization"], row["kind"])
            for row in rows
            if row.get("organization") and not row.get("until_on")
        ]
        if len(positions) != len(set(positions)):
            raise forms.ValidationError("The same position is listed twice.")


class PositionInline(admin.TabularInline):
    """The person's positions and a row for adding one. Each position is edited on its own page."""

    model = Position
    form = PositionInlineForm
    formset = PositionFormSet
    fk_name = "person"
    extra = 1
    raw_id_fields = ["organization", "supervisor"]
    show_change_link = True
    verbose_name_plural = "Positions (to end a position, enter its last day instead of deleting it)"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Position]:
        return super().get_queryset(request).select_related("organization", "supervisor")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(User)
class PersonAdmin(StaffAdmin, auth_admin.UserAdmin):
    """The admin for accounts. Staff cannot change their own permissions.

    Only superusers can change superusers.
    """

    form = PersonForm
    add_form = NewPersonForm
    list_display = ("name", "email", "is_active", "is_staff", "joined_at")
    list_filter = ("is_active", "is_staff", "groups", "is_demonstration")
    search_fields = ("search_key__finds",)
    ordering = ("sort_key", "id")
    filter_horizontal = ()
    readonly_fields = ("joined_at", "last_login")
    add_fieldsets = (
        (None, {"fields": ("email", "display_name", "usable_password", "password1", "password2")}),
    )
    inlines = (PositionInline,)

    @admin.display(description="name", ordering="sort_key")
    def name(self, person: User) -> str:
        return person.display_name

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> Any:
        return self.inlines if obj else ()

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        about = ["email", "display_name"]
        if self.has_change_permission(request, obj):
            about.append("password")
        rights = ["is_active", "is_staff", "groups"]
        if request.user.is_superuser:
            rights += ["is_superuser", "user_permissions"]
        return [
            (None, {"fields": about}),
            ("Rights", {"fields": rights}),
            ("Dates", {"fields": ["joined_at", "last_login"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Make the permissions in a staff member's own account read-only, except for superusers."""
        fields = list(super().get_readonly_fields(request, obj))
        person = request.user
        if obj is not None and obj.pk == person.pk and not person.is_superuser:
            fields += ["is_active", "is_staff", "groups"]
        return fields

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        if isinstance(obj, User) and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        assert request.user.is_authenticated
        roles = form.cleaned_data.get("groups", ())
        actions.save_person(person=obj, by=request.user, roles=roles)


@admin.register(Organization)
class OrganizationAdmin(StaffAdmin):
    list_display = ("name", "kind", "city", "county", "federation")
    list_filter = ("kind", "federation")
    list_select_related = ("federation",)
    search_fields = ("search_key__finds", "county")
    raw_id_fields = ("parent",)


@admin.register(Federation)
class FederationAdmin(StaffAdmin):
    search_fields = ("name__finds",)


class ConfirmationFilter(ConditionFilter):
    """A filter for positions that give access to other people's data once staff confirm them."""

    title, parameter_name = "access", "access"
    TO_CONFIRM = "to-confirm"

    def options(self) -> list[tuple[str, str, Q]]:
        return [(self.TO_CONFIRM, "Waiting to be confirmed", queries.waiting_for_confirmation())]


@admin.register(Position)
class PositionAdmin(StaffAdmin):
    """The admin for positions. It calls no action; the model's constraints are the only rules."""

    list_display = (
        *("person", "kind", "organization", "since_on", "until_on", "supervisor"),
        "is_confirmed",
    )
    list_filter = (
        *("kind", "is_confirmed", ("until_on", admin.EmptyFieldListFilter)),
        "organization__federation",
        ConfirmationFilter,
    )
    list_select_related = ("person", "organization", "supervisor")
    search_fields = ("person__search_key__finds", "organization__search_key__finds")
    raw_id_fields = ("person", "organization", "supervisor")


@waits_for("accounts.change_position", order=45)
def positions_to_confirm() -> list[Waiting]:
    """Count directors and board chairs whose position staff have not confirmed."""
    count = Position.objects.filter(queries.waiting_for_confirmation()).count()
    page = reverse("admin:accounts_position_changelist")
    url = f"{page}?{ConfirmationFilter.parameter_name}={ConfirmationFilter.TO_CONFIRM}"
    return [Waiting(f"{counted(count, 'position')} to confirm", url)] if count else []


# ---------- Models of other packages, whose admin classes we extend ----------

admin.site.unregister(Group)
admin.site.unregister(EmailAddress)


@admin.register(Group)
class RoleAdmin(EditableAdmin, auth_admin.GroupAdmin):
    """The permissions of each role."""


@admin.register(EmailAddress)
class AddressAdmin(SearchByWord, EditableAdmin, EmailAddressAdmin):
    """The addresses with which people sign in."""

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return ("email", "user__search_key__finds")
