"""The staff pages for merging and correcting events, and redirects from merged events."""

from typing import Any

import pytest
from django.test import Client

from accounts.enums import Role
from credits import actions
from credits.models import Claim, Merge
from events import actions as event_actions
from events.enums import Decision, EventState
from tests import factories as make
from tests.web import signed_in

pytestmark = pytest.mark.django_db
START = "/admin/credits/merge/start/"


def staff() -> Client:
    return signed_in(make.person(Role.CE_COORDINATOR))


def text(response: Any) -> str:
    assert response.status_code == 200
    return str(response.content.decode())


def test_a_change_after_the_preview_requires_a_new_preview() -> None:
    author, target = make.person(), make.event()
    claim = actions.claim_custom_event(facts=make.facts(), by=author)
    decide = {"event_id": claim.event_id, "by": make.person(), "reason": "Which?"}
    event_actions.decide_custom_event(decision=Decision.RETURN, **decide)
    client, pair = staff(), {"source": claim.event_id, "target": target.pk, "reason": "The same."}
    seen = client.get(START, pair).context["preview"].seen
    facts = make.facts(title="Something else entirely")
    event_actions.revise_custom_event(event_id=claim.event_id, facts=facts, by=author)
    answer = client.post(START, pair | {"seen": seen})
    assert "Nothing was merged. One of the two events has changed" in text(answer)
    assert answer.context["form"]["reason"].value() == "The same."
    assert not Merge.objects.exists()
    client.post(START, pair | {"seen": answer.context["preview"].seen})
    assert Merge.objects.get().source_id == claim.event_id


def test_events_are_found_previewed_merged_and_unmerged() -> None:
    source, target = make.event(title="Weeding basics"), make.event(title="Weeding the basics")
    make.event(title="Something else entirely")
    person = make.person(display_name="Ann Both")
    make.claim(person, source)
    make.claim(person, target)
    claim = make.claim(make.person(), source)
    client = staff()
    page = text(client.get(START, {"source": source.pk}))
    assert f'href="{START}?source={source.pk}&amp;target={target.pk}"' in page
    assert "Something else" not in page
    page = text(client.get(START, {"source": source.pk, "target": target.pk}))
    assert '<th scope="row">Claims that will move</th><td>1</td>' in page
    assert '<th scope="row">People who claimed both and will keep one claim</th><td>1</td>' in page
    assert "People who claimed both: Ann Both." in page
    assert not Merge.objects.exists()
    pair = {"source": source.pk, "target": target.pk, "reason": "The same."}
    page = text(client.post(START, pair, follow=True))
    merge = Merge.objects.get()
    undo = f"/admin/credits/merge/{merge.pk}/undo/"
    assert (
        "“Weeding basics” was merged into “Weeding the basics”. "
        f'You have one day to <a href="{undo}">undo the merge</a>.' in page
    )
    assert "1 moved, 1 duplicate" in text(client.get(undo))
    assert Claim.objects.get(pk=claim.pk).event_id == target.pk
    client.post(undo)
    assert Claim.objects.get(pk=claim.pk).event_id == source.pk
    assert f'href="{undo}"' not in text(client.get("/admin/credits/merge/"))


def test_a_refused_merge_shows_the_reason_and_merges_nothing() -> None:
    source, target = make.event(), make.event(days=3)
    client = staff()
    pair = {"source": source.pk, "target": target.pk}
    assert "is not over yet" in text(client.get(START, pair))
    assert "is not over yet" in text(client.post(START, pair))
    assert not Merge.objects.exists()


def test_scripts_in_titles_are_escaped() -> None:
    script = "<script>alert(1)</script>"
    source, target = make.event(title=script), make.event(title=script)
    client = staff()
    pair = {"source": source.pk, "target": target.pk}
    assert script not in text(client.get(START, pair))
    assert script not in text(client.post(START, pair, follow=True))
    assert script not in text(client.get(f"/admin/credits/merge/{Merge.objects.get().pk}/undo/"))


@pytest.mark.parametrize("role", [Role.EVENT_EDITOR, Role.HELP_DESK, Role.ADMINISTRATOR])
def test_only_coordinators_can_merge_undo_and_correct(role: Role) -> None:
    source, target = make.event(title="Not for others"), make.event()
    make.claim(make.person(), source)
    pair = {"source": source.pk, "target": target.pk}
    done = actions.merge_events(
        source_id=make.event().pk, target_id=target.pk, reason="", by=make.person()
    )
    client = signed_in(make.person(role))
    correct = f"/admin/credits/claim/correct-event/{source.pk}/"
    undo = f"/admin/credits/merge/{done.merge.pk}/undo/"
    answers = [
        client.get(START, pair),
        client.post(START, pair),
        client.get(undo),
        client.post(undo),
        client.get(correct),
        client.post(correct, {"reason": "So.", "save": "x"}),
    ]
    assert [answer.status_code for answer in answers] == [403] * 6
    assert not any("Not for others" in answer.content.decode() for answer in answers)
    source.refresh_from_db()
    assert source.state == EventState.PUBLISHED
    assert Merge.objects.get().undone_at is None


def test_an_event_is_corrected_after_a_preview() -> None:
    event = make.event()
    claim = make.claim(make.person(), event)
    technology = make.category().pk
    client, url = staff(), f"/admin/credits/claim/correct-event/{event.pk}/"
    assert f'name="amount_{technology}" value="1.0"' in text(client.get(url))
    data = {f"amount_{technology}": "2", "reason": "Two hours.", "seen": f"{technology}:1.0"}
    page = text(client.post(url, data | {"look": "x"}))
    assert "<td>Technology 1</td><td>Technology 2</td><td>1</td>" in page
    assert claim.credits.get().amount == 1
    # Lines that were not previewed are previewed first.
    page = text(client.post(url, data | {"save": "x", "shown": f"{technology}:3.0"}))
    assert "Effect of saving" in page
    assert claim.credits.get().amount == 1
    page = text(client.post(url, data | {"save": "x", "shown": f"{technology}:2.0"}, follow=True))
    assert claim.credits.get().amount == 2
    assert "were corrected, and 1 claim was updated." in page
    assert "Two hours." in page


def test_a_merged_event_redirects_to_the_last_event_of_a_chain() -> None:
    first, second, third = make.event(title="One"), make.event(), make.event(title="Three")
    for source, target in ((first, second), (second, third)):
        actions.merge_events(source_id=source.pk, target_id=target.pk, reason="", by=make.person())
    answer = Client().get(first.get_absolute_url())
    assert (answer.status_code, answer.headers["Location"]) == (301, f"/events/{third.pk}/three/")
    assert "no-cache" in answer.headers["Cache-Control"]
    assert '/one/"' not in text(Client().get("/events/?view=list&past=1&q=One"))


def test_only_people_with_a_claim_see_another_persons_custom_event() -> None:
    author, other = make.person(), make.person()
    theirs = actions.claim_custom_event(facts=make.facts(title="Secret"), by=author).event
    mine = actions.claim_custom_event(facts=make.facts(), by=other).event
    clients = [signed_in(author), signed_in(other), signed_in(make.person()), Client()]
    page = f"/events/{theirs.pk}/"
    assert [client.get(page).status_code for client in clients] == [200, 404, 404, 404]
    actions.merge_events(source_id=mine.pk, target_id=theirs.pk, reason="", by=make.person())
    answers = [client.get(page) for client in clients]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 404]
    assert not any("Secret" in answer.content.decode() for answer in answers[2:])
    answers = [client.get(f"/events/{mine.pk}/") for client in clients]
    assert [answer.status_code for answer in answers] == [301, 301, 404, 404]


@pytest.mark.parametrize("items", [1, 3])
def test_the_number_of_queries_is_fixed(items: int, django_assert_num_queries: Any) -> None:
    for _ in range(items):
        actions.merge_events(
            source_id=make.event().pk, target_id=make.event().pk, reason="", by=make.person()
        )
    client = staff()
    with django_assert_num_queries(7):
        client.get("/admin/credits/merge/")
