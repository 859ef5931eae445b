"""Dates and times that people type, in the hours when clocks change."""

import datetime as dt

import pytest
from django import forms
from django.contrib import admin

from aspen.admin import SplitMomentField, StaffAdmin
from credits.forms.conference import OutsideSessionForm
from events.editing.fields import INVALID_MOMENT, MomentField
from events.editing.series_forms import SessionForm
from events.models import Category, Event

# The hour that is repeated on November 1, 2026, and the one that is skipped on March 14, 2027.
REPEATED, FIRST_OF_TWO = "2026-11-01T01:30", "2026-11-01T07:30:00+00:00"
SKIPPED = "2027-03-14T02:30"


def utc(moment: dt.datetime | None) -> str:
    assert moment is not None
    return moment.astimezone(dt.UTC).isoformat()


@pytest.mark.parametrize(
    ("typed", "moment"),
    [
        (REPEATED, FIRST_OF_TWO),
        ("11/01/2026 1:30 AM", FIRST_OF_TWO),
        ("2026-11-01 01:30", FIRST_OF_TWO),
        # With its offset, the second of the two is meant.
        ("2026-11-01T01:30-07:00", "2026-11-01T08:30:00+00:00"),
        ("11/23/2026 9:00 AM", "2026-11-23T16:00:00+00:00"),
    ],
)
def test_the_hour_that_autumn_repeats_is_the_first_one(typed: str, moment: str) -> None:
    assert utc(MomentField().clean(typed)) == moment


@pytest.mark.parametrize("typed", [SKIPPED, "03/14/2027 2:30 AM", "soon", "2026-13-01T09:00"])
def test_a_time_that_does_not_exist_is_rejected(typed: str) -> None:
    with pytest.raises(forms.ValidationError) as error:
        MomentField().clean(typed)
    assert error.value.messages == [INVALID_MOMENT]


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_a_year_off_the_calendar_is_rejected(year: str) -> None:
    with pytest.raises(forms.ValidationError, match="between 1990 and 2099"):
        MomentField().clean(f"{year}-01-01T00:00")


def test_a_blank_time_can_be_left_out() -> None:
    assert MomentField(required=False).clean("") is None


def test_the_admin_accepts_the_repeated_hour_too() -> None:
    field = SplitMomentField()
    assert utc(field.clean(["2026-11-01", "01:30"])) == FIRST_OF_TWO
    with pytest.raises(forms.ValidationError, match="Clocks skip this time"):
        field.clean(["2027-03-14", "02:30"])
    with pytest.raises(forms.ValidationError, match="required"):
        field.clean(["2027-03-14", ""])
    with pytest.raises(forms.ValidationError, match="Enter a valid time"):
        SplitMomentField(required=False).clean(["2027-03-14", ""])


def test_every_time_in_the_admin_is_such_a_field() -> None:
    begins_at = Event._meta.get_field("begins_at")
    for model_admin in admin.site._registry.values():
        if isinstance(model_admin, StaffAdmin):
            field = model_admin.formfield_for_dbfield(begins_at, None)
            assert isinstance(field, SplitMomentField), model_admin


def test_a_session_can_end_at_midnight() -> None:
    typed = {"title": "Late", "day": "2026-06-30", "begin": "22:00", "end": "00:00"}
    assert SessionForm(typed, categories={}).is_valid()
    assert not SessionForm(typed | {"end": "21:00"}, categories={}).is_valid()


@pytest.mark.django_db
def test_a_session_of_an_outside_conference_can_end_at_midnight() -> None:
    category = Category.objects.order_by("pk")[0]
    typed = {"title": "Late", "presenter": "Ada", "category": str(category.pk), "amount": "2"}
    times = {"day": "2026-06-30", "begin": "22:00", "end": "00:00"}
    form = OutsideSessionForm(typed | times, categories={category.pk: category})
    assert form.is_valid(), form.errors
    assert utc(form.cleaned_data["ends_at"]) == "2026-07-01T06:00:00+00:00"
