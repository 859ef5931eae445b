"""Certificate pages: for anyone with the address, for the holder and for staff."""

import datetime as dt
import uuid

import pytest
import time_machine
from django.contrib.messages import get_messages
from django.test import Client

from accounts.enums import Role
from aspen.files import qr
from tests import factories as make
from tests.web import signed_in
from tracks import actions
from tracks.certification import certificates
from tracks.counting import queries as counting_queries
from tracks.models import Certificate

pytestmark = pytest.mark.django_db
NOW = dt.datetime(2026, 11, 20, 18, tzinfo=dt.UTC)


@pytest.fixture(autouse=True)
def _frozen():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def june():
    return make.person(display_name="June Alvarez", email="june@library.example")


@pytest.fixture
def certificate(june):
    return make.certificate(make.following(june))


def main(response):
    text = response.content.decode()
    return text[text.index("<main") : text.index("</main")]


def revoke(certificate, **fields):
    values = {"reason": "An invented <b>training</b>.", "by": make.person(Role.CE_COORDINATOR)}
    return actions.revoke_certificate(certificate_id=certificate.pk, **values | fields)


def reissue(certificate, name="June Alvarez-Stone"):
    return actions.reissue_certificate(
        certificate_id=certificate.pk,
        name=name,
        reason="The name changed.",
        by=make.person(Role.CE_COORDINATOR),
    )


# ---------- The public page ----------


def test_the_address_contains_the_uuid(certificate):
    assert certificate.get_absolute_url() == f"/certificates/{certificate.uuid}/"


def test_the_public_page_shows_the_certificate_but_nothing_else_about_the_person(certificate):
    response = Client().get(certificate.get_absolute_url())
    assert response.context["certificate"]._asdict() == {
        "number": "2026-0001",
        "name": "June Alvarez",
        "track": "Library Trustee",
        "issued_on": "Fri, Nov 20, 2026",
        "expires_on": "Wed, Nov 20, 2030",
        "validity": (
            ("Valid", "good", "✓"),
            "Certificate 2026-0001 is valid until Wed, Nov 20, 2030.",
        ),
        "revoked_reason": "",
        "reissued": "",
        "is_demonstration": False,
        "url": certificate.get_absolute_url(),
        "address": certificates.certificate_url(certificate),
        "pdf_url": certificates.pdf_url(certificate),
    }
    page = response.content.decode()
    assert "June Alvarez" in main(response)
    title = certificate.participation.postings.get().credit.claim.event.title
    for private in ("june@library.example", "15", title, "Dana Chair"):
        assert private not in main(response)
    assert 'name="robots" content="noindex, nofollow"' in page
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in response["Cache-Control"]


@pytest.mark.parametrize(
    ("years", "days", "label"), [(4, 0, "Valid"), (4, 1, "Expired"), (40, 0, "Expired")]
)
def test_a_certificate_is_valid_through_its_last_day(certificate, years, days, label):
    later = NOW.replace(year=NOW.year + years) + dt.timedelta(days=days)
    with time_machine.travel(later):
        response = Client().get(certificate.get_absolute_url())
    assert response.context["certificate"].validity.label.text == label
    expired = "2026-0001 was valid until Wed, Nov 20, 2030 and has expired."
    assert (expired in main(response)) == (label == "Expired")


def test_a_revoked_certificate_shows_the_day_and_the_reason(certificate):
    revoke(certificate)
    with time_machine.travel(NOW.replace(year=2035)):  # and it stays revoked
        response = Client().get(certificate.get_absolute_url())
    page = main(response)
    assert response.context["certificate"].validity.label.text == "Revoked"
    assert "Certificate 2026-0001 was revoked on Fri, Nov 20, 2026." in page
    assert "An invented &lt;b&gt;training&lt;/b&gt;." in page
    assert "Reissued" not in page


def test_a_reissued_certificate_shows_the_new_number_but_not_the_new_name(certificate):
    again = reissue(certificate)
    page = main(Client().get(certificate.get_absolute_url()))
    assert "as certificate 2026-0002" in page
    assert "Reissued: The name changed." in page
    assert "Stone" not in page
    assert str(again.uuid) not in page
    facts = Client().get(again.get_absolute_url()).context["certificate"]
    assert (facts.name, facts.validity.label.text) == ("June Alvarez-Stone", "Valid")


@pytest.mark.parametrize(
    "address",
    ["3f2f7a3e-0000-4000-8000-000000000000", "2026-0001", "1", "x", "🐻", "%00", "a" * 4000, "٣"],
)
def test_an_address_without_a_certificate(certificate, address):
    response = Client().get(f"/certificates/{address}/")
    assert response.status_code == 404
    assert "<h1>No certificate has this address</h1>" in response.content.decode()
    assert "Unknown" in main(response)
    assert "June" not in response.content.decode()
    assert response["X-Robots-Tag"] == "noindex, nofollow"


def test_an_address_typed_from_paper_in_upper_case(certificate):
    response = Client().get(f"/certificates/{str(certificate.uuid).upper()}/")
    assert response.context["certificate"].number == "2026-0001"


def test_the_page_says_if_the_certificate_is_only_a_demonstration(certificate, june):
    page = main(Client().get(certificate.get_absolute_url()))
    assert "Demonstration" not in page
    type(june).objects.filter(pk=june.pk).update(is_demonstration=True)
    page = main(Client().get(certificate.get_absolute_url()))
    assert "This is not a real certificate." in page


def test_the_page_takes_one_query(certificate, django_assert_num_queries):
    reissue(certificate)
    with django_assert_num_queries(1):
        Client().get(certificate.get_absolute_url())
    with django_assert_num_queries(1):
        Client().get(f"/certificates/{uuid.uuid4()}/")


# ---------- Printing ----------


def test_only_the_person_and_staff_can_print_it(certificate, june):
    address = f"{certificate.get_absolute_url()}certificate.pdf"
    for reader in (june, make.person(Role.HELP_DESK), make.person(Role.CE_COORDINATOR)):
        response = signed_in(reader).get(address)
        assert response["Content-Type"] == "application/pdf"
        assert response.content.startswith(b"%PDF")
        assert response["Content-Disposition"] == (
            'attachment; filename="certificate-2026-0001.pdf"'
        )
        assert "no-store" in response["Cache-Control"]
    colleague = make.person(Role.EVENT_EDITOR)
    for reader in (make.person(), colleague):
        assert signed_in(reader).get(address).status_code == 404
    assert Client().get(address)["Location"] == f"/accounts/login/?next={address}"


def test_former_staff_cannot_print_it(certificate):
    before = make.person(Role.HELP_DESK)
    type(before).objects.filter(pk=before.pk).update(is_staff=False)
    address = f"{certificate.get_absolute_url()}certificate.pdf"
    assert signed_in(before).get(address).status_code == 404


def test_a_revoked_certificate_cannot_be_printed_and_the_page_says_why(certificate, june):
    revoke(certificate)
    response = signed_in(june).get(f"{certificate.get_absolute_url()}certificate.pdf", follow=True)
    assert response.redirect_chain == [(certificate.get_absolute_url(), 302)]
    [message] = get_messages(response.wsgi_request)
    assert str(message).startswith(
        "Certificate 2026-0001 was revoked, so it can no longer be printed"
    )
    assert "An invented" in main(response)


def test_an_expired_certificate_can_be_printed(certificate, june):
    with time_machine.travel(NOW.replace(year=2032)):
        response = signed_in(june).get(f"{certificate.get_absolute_url()}certificate.pdf")
    assert response.content.startswith(b"%PDF")


# ---------- My certificates ----------


def test_my_certificates_shows_the_valid_one_and_lists_the_others(certificate, june, settings):
    settings.ADDRESS = "https://aspen.example.gov"
    again = reissue(certificate)
    make.certificate(make.following(make.person(display_name="Someone Else")))
    response = signed_in(june).get("/certificates/")
    shown = response.context["certificate"]
    assert (shown.facts.number, shown.is_valid, shown.credits) == ("2026-0002", True, "15 credits")
    [other] = response.context["others"]
    assert (other.number, other.reissued) == ("2026-0001", "2026-0002")
    page = main(response)
    assert "until <strong>Wed, Nov 20, 2030</strong>" in page
    assert f'value="https://aspen.example.gov/certificates/{again.uuid}/"' in page
    assert f'href="/certificates/{again.uuid}/certificate.pdf"' in page
    assert f'href="/certificates/{certificate.uuid}/"' in page
    assert f'href="/certificates/{certificate.uuid}/certificate.pdf"' not in page
    assert "Certificate 2026-0002 replaces it." in page
    assert "Someone Else" not in page


def test_a_valid_certificate_is_shown_before_a_newer_revoked_one(certificate, june):
    revoke(make.certificate(make.following(june, "Library Staff")))
    shown = signed_in(june).get("/certificates/").context["certificate"]
    assert shown.facts.number == "2026-0001"


def test_only_the_holder_sees_the_picture_and_the_file_at_the_address(certificate, june):
    address = certificate.get_absolute_url()
    response = signed_in(june).get(address)
    page = main(response)
    assert 'class="sheet"' in page
    assert "has completed 15 credits of continuing education" in page
    assert "and is certified until November 20, 2030" in page
    assert f'href="{address}certificate.pdf"' in page
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert "no-store" in response["Cache-Control"]
    readers = (make.person(), make.person(Role.CE_COORDINATOR))
    for client in (Client(), *(signed_in(reader) for reader in readers)):
        page = main(client.get(address))
        assert "<h1>Certificate 2026-0001</h1>" in page
        for private in ("certificate.pdf", "sheet", "What happens next"):
            assert private not in page


def test_the_holder_reads_what_comes_next(certificate, june):
    [period] = counting_queries.active_participations(june)
    client, address = signed_in(june), certificate.get_absolute_url()
    promise = "We will e-mail you a year before the certificate expires."
    page = main(client.get(address))
    assert f'href="/tracks/{period.pk}/"' in page
    assert promise in page
    with time_machine.travel(NOW.replace(year=2030)):  # that day is over
        assert promise not in main(signed_in(june).get(address))
    type(june).objects.filter(pk=june.pk).update(wants_certification_reminders=False)
    assert promise not in main(client.get(address))
    actions.leave_track(participation_id=period.pk, by=june)
    page = main(client.get(address))
    assert "You are not following this track. To renew the certificate" in page
    assert 'href="/tracks/"' in page


def test_the_holder_of_an_expired_certificate_can_still_download_it(certificate, june):
    type(june).objects.filter(pk=june.pk).update(wants_certification_reminders=True)
    with time_machine.travel(NOW.replace(year=2032)):
        page = main(signed_in(june).get(certificate.get_absolute_url()))
    assert "2026-0001 was valid until Wed, Nov 20, 2030 and has expired." in page
    assert "certificate.pdf" in page
    assert "We will e-mail you" not in page


def test_the_holder_of_a_revoked_certificate_reads_why_and_what_to_do(certificate, june):
    again = reissue(certificate)
    page = main(signed_in(june).get(certificate.get_absolute_url()))
    assert "Certificate 2026-0001 was revoked on Fri, Nov 20, 2026." in page
    assert "Reissued: The name changed." in page
    assert f'href="/certificates/{again.uuid}/"' in page
    revoke(again)
    page = main(signed_in(june).get(again.get_absolute_url()))
    assert "An invented &lt;b&gt;training&lt;/b&gt;." in page
    assert 'href="/help/new/' in page
    for gone in ("certificate.pdf", 'class="sheet"'):
        assert gone not in page


@pytest.mark.parametrize("name", ["June Alvarez", "N" * 150])
def test_a_name_of_any_length_fits_in_the_picture(june, name):
    page = main(signed_in(june).get(issue_to(june, name).get_absolute_url()))
    assert ('textLength="580"' in page) == (len(name) > 26)


def issue_to(person, name):
    return make.certificate(make.following(person), name=name)


def test_without_a_certificate_the_page_says_how_to_earn_one(june):
    page = main(signed_in(june).get("/certificates/"))
    assert "No certificate yet" in page
    assert 'href="/tracks/"' in page


def test_the_first_pages_show_a_new_certificate_for_a_month(certificate, june):
    address = f'href="{certificate.get_absolute_url()}"'
    with time_machine.travel(certificate.issued_at + dt.timedelta(days=30), tick=False):
        response = signed_in(june).get("/continuing-education/")
    with time_machine.travel(NOW + dt.timedelta(days=30), tick=False):
        today = signed_in(june).get("/")
    [row] = response.context["new_certificates"]
    assert (row.facts.number, row.is_valid) == ("2026-0001", True)
    for page in (response, today):
        assert "You are certified: Library Trustee." in main(page)
        assert address in main(page)
    assert f'href="/certificates/{certificate.uuid}/certificate.pdf"' in main(response)
    with time_machine.travel(certificate.issued_at + dt.timedelta(days=32), tick=False):
        response = signed_in(june).get("/continuing-education/")
    with time_machine.travel(NOW + dt.timedelta(days=32), tick=False):
        today = signed_in(june).get("/")
    assert response.context["new_certificates"] == []
    assert "You are certified" not in main(today)


@pytest.mark.parametrize("number", [1, 3])
def test_queries_of_the_list(june, number, django_assert_num_queries):
    certificate = make.certificate(make.following(june))
    for _ in range(number - 1):
        certificate = reissue(certificate)
    assert Certificate.objects.count() == number
    client = signed_in(june)
    client.get("/certificates/")
    with django_assert_num_queries(4):
        client.get("/certificates/")
    with django_assert_num_queries(4):
        client.get(certificate.get_absolute_url())


# ---------- Counted credits, in My credits and on their own pages ----------


@pytest.fixture
def settled(june):
    """A certificate with a counted and a surplus credit, and a credit in the next period."""
    participation = make.following(june)
    event = participation.postings.get().credit.claim.event
    event.title = "Counted"
    event.save(update_fields=["title"])
    make.claim(june, title="Beyond", credits={make.TECHNOLOGY: "3.0"}, days=-1)
    certificate = make.certificate(participation)
    with time_machine.travel(NOW + dt.timedelta(days=3), tick=False):
        make.claim(june, title="Since", days=-1)
        yield certificate


def test_the_transcript_labels_a_period_with_its_certificate(settled, june):
    response = signed_in(june).get("/continuing-education/credits/")
    groups = {group.title: group for group in response.context["groups"]}
    titles = [
        "Library Trustee",
        "Library Trustee, certificate 2026-0001",
        "Archived: not in a track",
    ]
    assert list(groups) == titles
    assert groups[titles[1]].note == (
        "These credits were counted toward certificate 2026-0001, issued on Fri, Nov 20, 2026, so "
        "they cannot count toward Library Trustee again."
    )
    rows = {row.title: row.tracks for row in response.context["credits"]}
    recorded = (
        "Not in Library Trustee: Already in the record for certificate 2026-0001, so it does not "
        "count again."
    )
    assert rows == {
        "Since": ["Posted to Library Trustee"],
        "Counted": ["Counted in certificate 2026-0001, Library Trustee"],
        "Beyond": [recorded, "Not needed for certificate 2026-0001, Library Trustee."],
    }
    choices = dict(response.context["form"].fields["period"].choices)
    assert choices[str(settled.participation_id)] == "Library Trustee, certificate 2026-0001"
    assert (
        signed_in(june)
        .get(f"/continuing-education/credits/?period={settled.participation_id}")
        .context["summary"]
        .startswith("19 credits from 3 trainings")
    )


def test_continuing_education_and_the_page_of_a_credit_agree(settled, june):
    client = signed_in(june)
    rows = {
        row.title: row.tracks for row in client.get("/continuing-education/").context["credits"]
    }
    assert rows["Counted"] == ["Counted in certificate 2026-0001, Library Trustee"]
    credit = settled.participation.postings.get().credit_id
    page = main(client.get(f"/continuing-education/credits/{credit}/", follow=True))
    assert "Counted in certificate 2026-0001, Library Trustee" in page


def test_files_group_credits_by_certificate(settled, june):
    text = signed_in(june).get("/continuing-education/credits/transcript.csv").content.decode()
    [counted] = [line for line in text.splitlines() if "2026-11-13,Counted," in line]
    assert counted.startswith('"Library Trustee, certificate 2026-0001",2026,2026-11-13,Counted')
    assert counted.endswith(",15,15,Approved,Verified with certificate 2026-0001.")


def test_the_period_of_a_revoked_certificate_is_not_listed(settled, june):
    revoke(settled)
    response = signed_in(june).get("/continuing-education/credits/")
    assert [group.title for group in response.context["groups"]] == [
        "Library Trustee",
        "Archived: not in a track",
    ]


def test_after_leaving_the_next_period_the_archive_explains_how_to_choose_a_track(settled, june):
    [active] = june.participations.filter(state="open")
    actions.leave_track(participation_id=active.pk, by=june)
    page = main(signed_in(june).get("/continuing-education/credits/"))
    assert "As soon as you choose a track" in page


def test_the_printed_address_is_the_public_one(certificate, settings):
    settings.ADDRESS = "https://aspen.example.gov"
    address = f"https://aspen.example.gov/certificates/{certificate.uuid}/"
    assert certificates.certificate_url(certificate) == address
    assert qr.svg_file(address).startswith("<svg ")
