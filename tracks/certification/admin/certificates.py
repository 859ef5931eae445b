"""Admin pages for revoking and reissuing certificates. They show the consequences first."""

from collections.abc import Callable
from typing import NamedTuple

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.models import User
from aspen.admin import staff_page
from aspen.db.audit import dry_run
from aspen.form_fields import LineField
from aspen.formats import format_credits, format_day
from aspen.staff_queue import reason_field
from aspen.web import form_recovery
from aspen.web.refusals import refusal_as_form_error
from aspen.web.request import AuthenticatedHttpRequest
from tracks.certification import certifying, record
from tracks.certification.admin import presentation
from tracks.counting import queries as counting_queries
from tracks.models import Certificate, Participation

MAX_INTEGER = 2**31 - 1


class ConfirmForm(forms.Form):
    """A form that can be saved only after staff have seen the consequences."""

    # The choice whose consequences were shown. If it differs now, they are shown again.
    shown = LineField(max_length=200, required=False)

    def choice(self) -> str:
        """Return the value on which the consequences depend."""
        raise NotImplementedError


class RevokeForm(ConfirmForm):
    LEAVE, REOPEN = "leave", "reopen"
    reason = reason_field("The person and anyone who checks the certificate can read it.")
    then = forms.ChoiceField(
        label="Certified period",
        choices=[
            (LEAVE, "Keep it closed"),
            (REOPEN, "Reopen it so that the person can correct the record"),
        ],
        initial=LEAVE,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose what happens to the certified period."},
    )

    def choice(self) -> str:
        return str(self.cleaned_data["then"])


class ReissueForm(ConfirmForm):
    name = LineField(
        max_length=150,
        label="Name on the new certificate",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        error_messages={"required": "Enter the name for the new certificate."},
    )
    reason = reason_field("Anyone who checks the old certificate can read it.")

    def choice(self) -> str:
        return str(self.cleaned_data["name"])


class Consequences(NamedTuple):
    """The consequences of revoking or reissuing, for consequences.html.

    `kind` selects the sentences. `next_period_since` is empty if there is no next period.
    """

    kind: str
    counted: str
    closes_on: str
    next_period_since: str
    name: str
    issued_on: str
    expires_on: str


@form_recovery.recover_after_sign_in
def revoke_view(request: AuthenticatedHttpRequest, certificate_id: int) -> HttpResponse:
    """Ask for a reason and what to do with the period, show the consequences, then revoke."""
    certificate = _certificate(request, certificate_id)

    def action(form: forms.Form, by: User) -> None:
        certifying.revoke_certificate(
            certificate_id=certificate.pk,
            reason=form.cleaned_data["reason"],
            reopen=form.cleaned_data["then"] == RevokeForm.REOPEN,
            by=by,
        )

    return _answer(
        request,
        certificate,
        RevokeForm(request.POST or None, initial=form_recovery.recovered_form(request)),
        action,
        consequences_of=lambda form: _consequences(
            certificate, form.choice(), next_period=_next_period(certificate)
        ),
        title="Revoke certificate",
        button="Revoke certificate",
        done=f"Certificate {certificate.number} was revoked.",
    )


@form_recovery.recover_after_sign_in
def reissue_view(request: AuthenticatedHttpRequest, certificate_id: int) -> HttpResponse:
    """Ask for a name and a reason, show the consequences, then reissue."""
    certificate = _certificate(request, certificate_id)
    initial = {"name": certificate.name} | (form_recovery.recovered_form(request) or {})

    def action(form: forms.Form, by: User) -> None:
        certifying.reissue_certificate(
            certificate_id=certificate.pk,
            name=form.cleaned_data["name"],
            reason=form.cleaned_data["reason"],
            by=by,
        )

    return _answer(
        request,
        certificate,
        ReissueForm(request.POST or None, initial=initial),
        action,
        consequences_of=lambda form: _consequences(certificate, "reissue", name=form.choice()),
        title="Reissue certificate",
        button="Reissue certificate",
        done=f"Certificate {certificate.number} was reissued.",
    )


def _certificate(request: HttpRequest, certificate_id: int) -> Certificate:
    if not request.user.has_perm("tracks.review_submission"):
        raise PermissionDenied
    if certificate_id > MAX_INTEGER:
        raise Http404
    certificates = Certificate.objects.select_related("person", "participation__track")
    return get_object_or_404(certificates, pk=certificate_id)


def _answer(
    request: AuthenticatedHttpRequest,
    certificate: Certificate,
    form: ConfirmForm,
    action: Callable[[forms.Form, User], None],
    *,
    consequences_of: Callable[[ConfirmForm], Consequences],
    title: str,
    button: str,
    done: str,
) -> HttpResponse:
    by = request.user
    consequences: Consequences | None = None
    if request.method == "POST" and form.is_valid():
        with refusal_as_form_error(form):
            if "save" in request.POST and form.cleaned_data["shown"] == form.choice():
                action(form, by)
                messages.success(request, done)
                page = reverse("admin:tracks_certificate_change", args=[certificate.pk])
                return HttpResponseRedirect(page)
            dry_run(lambda: action(form, by))
            consequences = consequences_of(form)
    context = {
        "title": title,
        "certificate": certificate,
        "card": presentation.certificate_card(certificate, decides=False),
        "is_own": certificate.person_id == by.pk,
        "form": form,
        "consequences": consequences,
        "shown": form.choice() if consequences else "",
        "button": button,
    }
    return staff_page(request, "admin/tracks/certificate/consequences.html", Certificate, context)


def _next_period(certificate: Certificate) -> Participation | None:
    active = counting_queries.active_participations(certificate.person)
    return active.filter(track=certificate.participation.track_id).first()


def _consequences(
    certificate: Certificate, kind: str, *, next_period: Participation | None = None, name: str = ""
) -> Consequences:
    return Consequences(
        kind=kind,
        counted=format_credits(record.counted_credits(certificate.record)),
        closes_on=format_day(certificate.participation.closes_on),
        next_period_since=format_day(next_period.selected_on) if next_period else "",
        name=name,
        issued_on=format_day(certificate.issued_on),
        expires_on=format_day(certificate.expires_on),
    )
