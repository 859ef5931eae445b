from django.urls import path

from tracks.views import (
    certificates,
    choosing,
    credits,
    library,
    reports,
    rules,
    submitting,
    tracks,
    verifying,
)

app_name = "tracks"
urlpatterns = [
    # These need to know where a credit is posted, so they live here and not in credits/.
    path("continuing-education/", tracks.panel, name="panel"),
    path("continuing-education/credits/", credits.my_credits, name="credits"),
    path(
        "continuing-education/credits/transcript.<str:format>",
        credits.transcript,
        name="transcript",
    ),
    path("continuing-education/credits/<int:credit_id>/", credits.credit, name="credit"),
    path("tracks/", choosing.choose, name="choose"),
    path("tracks/rules/", rules.rules, name="rules"),
    path("tracks/rules/<int:rule_set_id>/", rules.rule_set, name="rule_set"),
    path("continuing-education/library/", library.people, name="library"),
    path("reports/", reports.index, name="reports"),
    path("reports/<slug:name>/", reports.report, name="report"),
    path("reports/<slug:name>/<slug:table>.<slug:format>", reports.file, name="report_file"),
    path("tracks/<int:participation_id>/", tracks.progress, name="progress"),
    path("tracks/<int:participation_id>/leave/", tracks.leave, name="leave"),
    path("tracks/<int:participation_id>/resume/", tracks.resume, name="resume"),
    path("certificates/", certificates.mine, name="certificates"),
    path("certificates/<str:address>/", certificates.certificate, name="certificate"),
    path(
        "certificates/<str:address>/certificate.pdf",
        certificates.certificate_pdf,
        name="certificate_pdf",
    ),
    path("tracks/<int:participation_id>/submit/", submitting.submit, name="submit"),
    path("tracks/<int:participation_id>/take-back/", submitting.take_back, name="take_back"),
    path("tracks/<int:participation_id>/years/", submitting.years, name="years"),
    path(
        "tracks/verifications/<int:verification_id>/", verifying.verification, name="verification"
    ),
    path("verify/<str:token>/", verifying.verify, name="verify"),
]
