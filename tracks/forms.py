from typing import Any

from django import forms
from django.core.paginator import EmptyPage, Page, PageNotAnInteger, Paginator

from tracks.models import Track


class ChooseForm(forms.Form):
    """Which track to follow."""

    track = forms.ModelChoiceField(queryset=Track.objects.order_by("position"))


class PageForm(forms.Form):
    """A page number; nonsense is the first page."""

    page = forms.IntegerField(required=False, min_value=1, max_value=10_000_000)


def page_of(items: Any, data: Any, *, size: int, count: int | None = None) -> Page:
    """The page that the query parameters ask for; the nearest one that exists otherwise.

    `count` spares the counting query when the number of items is known already.
    """
    form = PageForm(data)
    number = form.cleaned_data["page"] if form.is_valid() else 1
    paginator = Paginator(items, size)
    if count is not None:
        paginator.count = count
    try:
        return paginator.page(number or 1)
    except (EmptyPage, PageNotAnInteger):
        return paginator.page(paginator.num_pages)
