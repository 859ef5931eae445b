from django.urls import path

from tracks import dashboard
from tracks.certification.views import certificates, submitting, verifying
from tracks.following import views as following_views
from tracks.reports import directors_views
from tracks.reports import views as reports_views
from tracks.rule_sets import views as rule_sets_views
from tracks.transcript import views as transcript_views

app_name = "tracks"
urlpatterns = [
    # These pages show where credits are posted, so they are here and not in credits/.
    path("continuing-education/", dashboard.dashboard, name="dashboard"),
    path("continuing-education/credits/", transcript_views.my_credits, name="credits"),
    path(
        "continuing-education/credits/transcript.<str:format>",
        transcript_views.transcript,
        name="transcript",
    ),
    path("continuing-education/credits/<int:credit_id>/", transcript_views.credit, name="credit"),
    path("tracks/", following_views.choose, name="choose"),
    path("tracks/rules/", rule_sets_views.rules, name="rules"),
    path("tracks/rules/<int:rule_set_id>/", rule_sets_views.rule_set, name="rule_set"),
    path("continuing-education/library/", directors_views.library_people, name="library_people"),
    path("reports/", reports_views.index, name="reports"),
    path("reports/<slug:name>/", reports_views.report, name="report"),
    path(
        "reports/<slug:name>/<slug:table>.<slug:format>",
        reports_views.report_file,
        name="report_file",
    ),
    path("tracks/<int:participation_id>/", dashboard.track_progress, name="progress"),
    path("tracks/<int:participation_id>/leave/", dashboard.leave, name="leave"),
    path("tracks/<int:participation_id>/resume/", dashboard.resume, name="resume"),
    path("certificates/", certificates.my_certificates, name="certificates"),
    path("certificates/<str:address>/", certificates.certificate, name="certificate"),
    path(
        "certificates/<str:address>/certificate.pdf",
        certificates.certificate_pdf,
        name="certificate_pdf",
    ),
    path("tracks/<int:participation_id>/submit/", submitting.submit, name="submit"),
    path("tracks/<int:participation_id>/take-back/", submitting.take_back, name="take_back"),
    path("tracks/<int:participation_id>/years/", submitting.verify_years, name="verify_years"),
    path(
        "tracks/verifications/<int:verification_id>/", verifying.verification, name="verification"
    ),
    path("verify/<str:token>/", verifying.verify, name="verify"),
]
