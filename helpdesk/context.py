"""Where “Help” leads from each page. Takes no queries."""

from django.http import HttpRequest
from django.urls import reverse

CLAIMING, CREATING, ARCHIVE = "add-a-credit", "create-new", "archived-and-posted-credits"
TRACKS, COUNTING, SUBMITTING = "choose-a-track", "what-counts", "submit-your-record"
CERTIFICATION = "what-is-certification"
# The article about a page, by the name of its URL. Other pages lead to the list of articles.
ARTICLES = {
    "tracks:dashboard": CLAIMING,
    "events:calendar": CLAIMING,
    "events:detail": CLAIMING,
    "events:my_registrations": CLAIMING,
    "credits:claim": CLAIMING,
    "credits:claim_sessions": CLAIMING,
    "credits:create": CREATING,
    "credits:revise": CREATING,
    "credits:college": CREATING,
    "credits:conference": CREATING,
    "tracks:credits": ARCHIVE,
    "tracks:credit": ARCHIVE,
    "credits:detail": ARCHIVE,
    "tracks:choose": TRACKS,
    "tracks:progress": TRACKS,
    "tracks:rules": COUNTING,
    "tracks:rule_set": COUNTING,
    "tracks:submit": SUBMITTING,
    "tracks:take_back": SUBMITTING,
    "tracks:verify_years": SUBMITTING,
    "tracks:certificates": SUBMITTING,
    "home": CERTIFICATION,
}


def help_link(request: HttpRequest) -> dict[str, object]:
    """Return the address of the page's article, and whether it has one."""
    page = request.resolver_match.view_name if request.resolver_match else ""
    slug = ARTICLES.get(page)
    url = reverse("helpdesk:article", args=[slug]) if slug else reverse("helpdesk:list")
    return {"help_url": url, "has_help": slug is not None}
