"""Revoking a certificate and issuing it anew: first in words what follows, then the act."""

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.models import User
from aspen.admin import staff_page
from aspen.db.audit import dry_run
from aspen.formats import format_credits, format_day
from aspen.staff_queue import reason_field
from aspen.web.refusals import refusal_as_form_error
from aspen.web.request import AuthenticatedHttpRequest
from tracks.certification import certifying, record
from tracks.certification.admin import presentation
from tracks.counting import queries as counting_queries
from tracks.models import Certificate, Participation

MAX_INTEGER = 2**31 - 1


class ConfirmForm(forms.Form):
    """A form of which the consequences are shown before it acts."""

    # What was chosen when the consequences were shown; something else is shown first, not done.
    shown = forms.CharField(max_length=200, required=False)

    def asked(self) -> str:
        """What the consequences depend on."""
        raise NotImplementedError


class RevokeForm(ConfirmForm):
    LEAVE, REOPEN = "leave", "reopen"
    reason = reason_field("Everybody who checks the certificate reads it, and so does the person.")
    then = forms.ChoiceField(
        label="And then",
        choices=[
            (LEAVE, "Leave it at that: the certified period stays closed"),
            (REOPEN, "Reopen the certified period, so that what is wrong can be mended"),
        ],
        initial=LEAVE,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose one of the two."},
    )

    def asked(self) -> str:
        return str(self.cleaned_data["then"])


class ReissueForm(ConfirmForm):
    name = forms.CharField(
        max_length=150,
        label="Name on the new certificate",
        widget=forms.TextInput(attrs={"class": "vTextField"}),
        error_messages={"required": "Say which name shall stand on it."},
    )
    reason = reason_field("Everybody who checks the old certificate reads it.")

    def asked(self) -> str:
        return str(self.cleaned_data["name"])


def revoke_view(request: AuthenticatedHttpRequest, certificate_id: int) -> HttpResponse:
    """Ask for reason and choice, say what follows, and revoke."""
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
        RevokeForm(request.POST or None),
        action,
        follows=lambda form: _revoking(certificate, form.asked() == RevokeForm.REOPEN),
        title="Revoke a certificate",
        button="Revoke the certificate",
        done=f"Certificate {certificate.number} is revoked.",
    )


def reissue_view(request: AuthenticatedHttpRequest, certificate_id: int) -> HttpResponse:
    """Ask for name and reason, say what follows, and issue the certificate anew."""
    certificate = _certificate(request, certificate_id)

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
        ReissueForm(request.POST or None, initial={"name": certificate.name}),
        action,
        follows=lambda form: _reissuing(certificate, form.asked()),
        title="Issue a certificate anew",
        button="Issue it anew",
        done=f"Certificate {certificate.number} is issued anew.",
    )


def _certificate(request: HttpRequest, certificate_id: int) -> Certificate:
    if not request.user.has_perm("tracks.review_submission"):
        raise PermissionDenied
    if certificate_id > MAX_INTEGER:
        raise Http404
    found = Certificate.objects.select_related("person", "participation__track")
    return get_object_or_404(found, pk=certificate_id)


def _answer(
    request: AuthenticatedHttpRequest,
    certificate: Certificate,
    form: ConfirmForm,
    action: Callable[[forms.Form, User], None],
    *,
    follows: Callable[[ConfirmForm], list[str]],
    title: str,
    button: str,
    done: str,
) -> HttpResponse:
    by = request.user
    consequences: list[str] = []
    if request.method == "POST" and form.is_valid():
        with refusal_as_form_error(form):
            if "save" in request.POST and form.cleaned_data["shown"] == form.asked():
                action(form, by)
                messages.success(request, done)
                page = reverse("admin:tracks_certificate_change", args=[certificate.pk])
                return HttpResponseRedirect(page)
            dry_run(lambda: action(form, by))
            consequences = follows(form)
    context = {
        "title": title,
        "certificate": certificate,
        "facts": presentation.certificate_card(certificate, decides=False),
        "is_own": certificate.person_id == by.pk,
        "form": form,
        "consequences": consequences,
        "shown": form.asked() if consequences else "",
        "button": button,
    }
    return staff_page(request, "admin/tracks/certificate/consequences.html", Certificate, context)


# ---------- What follows, in words ----------


def _revoking(certificate: Certificate, reopen: bool) -> list[str]:
    counted = format_credits(record.counted_credits(certificate.record))
    said = [
        f"Certificate {certificate.number} of {certificate.person} stays where it is, and says "
        "that it was revoked, and why."
    ]
    following = _following_period(certificate)
    if reopen:
        closes_on = format_day(certificate.participation.closes_on)
        said.append(
            f"The certified period is under way again until {closes_on}, with its {counted} as "
            "far as they are eligible. The person can mend it and send it anew."
        )
        if following:
            said.append(
                f"The period that began on {format_day(following.selected_on)} is left, and its "
                "credits are archived."
            )
        return said
    said.append(f"Its {counted} are archived; they count in no certificate any more.")
    if following:
        said.append(
            f"The period that began on {format_day(following.selected_on)} goes on. What was "
            "earned before the certificate was issued does not count in it."
        )
    return said


def _following_period(certificate: Certificate) -> Participation | None:
    active = counting_queries.active_participations(certificate.person)
    return active.filter(track=certificate.participation.track_id).first()


def _reissuing(certificate: Certificate, name: str) -> list[str]:
    return [
        f"A new certificate with a new number is issued to {name}. Its days, and what it counted, "
        f"stay as they are: issued {format_day(certificate.issued_on)}, valid until "
        f"{format_day(certificate.expires_on)}.",
        f"Certificate {certificate.number} stays where it is, and says that it was issued anew, "
        "and why.",
    ]
