"""Certificates in the admin, where staff find, view and print them."""

from typing import Any

from django.contrib import admin
from django.db.models import Model, Q, QuerySet
from django.db.models.functions import ExtractYear
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from aspen.admin import ReadOnlyAdmin
from aspen.clock import today
from aspen.formats import format_amount, format_credits, format_day
from aspen.staff_queue import ConditionFilter
from tracks.certification import certificates, record
from tracks.counting import queries as counting_queries
from tracks.enums import CertificateValidity
from tracks.models import Certificate, Track


class CertificateStateFilter(ConditionFilter):
    title, parameter_name = "status", "state"

    def options(self) -> list[tuple[str, str, Q]]:
        day = today()
        conditions = {
            CertificateValidity.VALID: Q(revoked_at=None, expires_on__gte=day),
            CertificateValidity.EXPIRED: Q(revoked_at=None, expires_on__lt=day),
            CertificateValidity.REVOKED: Q(revoked_at__isnull=False),
        }
        return [(each.value, each.label, conditions[each]) for each in CertificateValidity]


class TrackFilter(ConditionFilter):
    title = parameter_name = "track"

    def options(self) -> list[tuple[str, str, Q]]:
        tracks = Track.objects.order_by("position")
        return [(str(each.pk), each.name, Q(participation__track=each.pk)) for each in tracks]


class YearFilter(ConditionFilter):
    title = parameter_name = "year"

    def options(self) -> list[tuple[str, str, Q]]:
        years = Certificate.objects.order_by().annotate(year=ExtractYear("issued_on"))
        newest_first = years.values_list("year", flat=True).distinct().order_by("-year")
        return [(str(year), str(year), Q(issued_on__year=year)) for year in newest_first]


@admin.register(Certificate)
class CertificateAdmin(ReadOnlyAdmin):
    """Read-only certificates. They are revoked and reissued on separate pages."""

    view_on_site = False  # change_form.html has its own button, next to the PDF
    change_form_template = "admin/tracks/certificate/change_form.html"
    list_display = ("number", "name", "person", "track", "issued_on", "expires_on", "state")
    list_filter = (CertificateStateFilter, TrackFilter, YearFilter)
    search_fields = ("number", "name__finds", "person__search_key__finds")
    ordering = ("-issued_on", "-id")
    fields = (
        ("number", "state"),
        ("name", "person"),
        ("track", "rule_set"),
        ("issued_on", "expires_on"),
        ("coordinator_name", "reviewed_at"),
        ("supervisor_name", "verified_at"),
        "listed_as",
        ("revoked_at", "revoked_by"),
        "revoked_reason",
        "reissued",
        "counted",
        "surplus",
    )
    readonly_fields = ("track", "rule_set", "state", "reissued", "counted", "surplus")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Certificate]:
        return counting_queries.certificates_with_details().select_related("revoked_by")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        """Omit fields without a value, such as those about revocation."""
        assert isinstance(obj, Certificate)
        omitted: set[Any] = set() if obj.listed_as else {"listed_as"}
        if not obj.revoked_at:
            omitted |= {("revoked_at", "revoked_by"), "revoked_reason"}
        if not (obj.replaces or certificates.replacement(obj)):
            omitted.add("reissued")
        if not obj.record["surplus"]:
            omitted.add("surplus")
        return [each for each in self.fields if each not in omitted]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        return super().change_view(
            request, object_id, form_url, {"title": "Certificate", **(extra_context or {})}
        )

    @admin.display(description="track", ordering="participation__track__position")
    def track(self, certificate: Certificate) -> str:
        return str(certificate.record["track"])

    @admin.display(description="rules")
    def rule_set(self, certificate: Certificate) -> str:
        return str(certificate.record["rule_set"])

    @admin.display(description="status")
    def state(self, certificate: Certificate) -> str:
        return str(certificates.validity(certificate).label)

    @admin.display(description="reissued")
    def reissued(self, certificate: Certificate) -> str:
        replacement, replaced = certificates.replacement(certificate), certificate.replaces
        sentences = [
            f"Reissued as {replacement}." if replacement else "",
            f"Replaces {replaced}." if replaced else "",
        ]
        return " ".join(filter(None, sentences))

    @admin.display(description="credits counted")
    def counted(self, certificate: Certificate) -> SafeString:
        total = format_credits(record.counted_credits(certificate.record))
        return _table(record.record_lines(certificate.record), f"{total} in total")

    @admin.display(description="surplus")
    def surplus(self, certificate: Certificate) -> SafeString:
        return _table(
            record.record_lines(certificate.record, "surplus"), "Not needed for this certificate"
        )


def _table(lines: list[record.RecordLine], caption: str) -> SafeString:
    rows = format_html_join(
        "",
        "<tr><td>{}</td><th scope='row'>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
        (
            (
                *(format_day(line.earned_on), line.title, line.sponsor),
                *(line.category, format_amount(line.amount)),
            )
            for line in lines
        ),
    )
    heads = ("Earned on", "Event", "Sponsor", "CE category", "Credits")
    head = format_html_join("", "<th scope='col'>{}</th>", ((each,) for each in heads))
    return format_html(
        "<table><caption>{}</caption><thead><tr>{}</tr></thead><tbody>{}</tbody></table>",
        caption,
        head,
        rows,
    )
