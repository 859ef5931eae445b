"""Form fields clean what people type. Every form of the portal uses them."""

import re
from collections.abc import Iterator

import pytest
from django import forms
from django.conf import settings
from django.urls import get_resolver

from aspen.form_fields import (
    EmailAddressField,
    LineField,
    TextField,
    WebAddressField,
    _CleanedField,
)

APPS = ("aspen", "accounts", "events", "credits", "tracks", "helpdesk")


def form_classes(base: type = forms.BaseForm) -> Iterator[type[forms.BaseForm]]:
    for each in base.__subclasses__():
        if each.__module__.split(".")[0] in APPS:
            yield each
        yield from form_classes(each)


def test_every_text_field_of_a_form_cleans_its_input() -> None:
    _ = get_resolver().url_patterns  # imports all forms
    classes = {each for each in form_classes() if hasattr(each, "base_fields")}
    assert len(classes) > 50
    unclean = [
        f"{each.__module__}.{each.__qualname__}.{name}"
        for each in classes
        for name, field in each.base_fields.items()
        if isinstance(field, forms.CharField)
        and not isinstance(field, _CleanedField | forms.SlugField | forms.UUIDField)
        and not isinstance(field.widget, forms.PasswordInput)
    ]
    # django-allauth removes the field from each form.
    assert unclean == ["accounts.forms.SignUpForm.username"]


def test_no_form_adds_another_kind_of_text_field() -> None:
    """Some forms add fields when they are shown."""
    pattern = re.compile(r"forms\.(CharField|EmailField|URLField)\(")
    paths = (path for app in APPS for path in (settings.BASE_DIR / app).rglob("*.py"))
    found = [
        f"{path}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if pattern.search(line) and not line.startswith("class ")
    ]
    assert found == []


def test_required_fields_need_a_visible_character() -> None:
    for field in (LineField(), TextField(), EmailAddressField(), WebAddressField()):
        with pytest.raises(forms.ValidationError, match="This field is required"):
            field.clean(" \u200b\u3164\n")
        with pytest.raises(forms.ValidationError, match="Null characters"):
            field.clean("a\x00b")


def test_the_length_is_checked_after_cleaning() -> None:
    assert LineField(max_length=4).clean("Se\u0301li\n") == "Séli"
    assert TextField(max_length=3).clean("a\r\nb\r\n") == "a\nb"


def test_unchanged_text_is_not_a_change() -> None:
    """Browsers send line breaks as two characters."""
    assert not TextField().has_changed("a\nb", "a\r\nb")
    assert not LineField().has_changed("Séliš", "Se\u0301liš ")


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("msl.mt.gov", "https://msl.mt.gov"),
        (" HTTP://msl.mt.gov\u200b/a ", "http://msl.mt.gov/a"),
    ],
)
def test_web_addresses(typed: str, address: str) -> None:
    assert WebAddressField().clean(typed) == address


@pytest.mark.parametrize(
    "typed", ["//library.example/", "https://a@library.example/", "javascript:alert(1)"]
)
def test_unsafe_web_addresses(typed: str) -> None:
    with pytest.raises(forms.ValidationError, match="Enter a"):
        WebAddressField().clean(typed)
