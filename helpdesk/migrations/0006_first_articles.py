"""The first help articles, and the right of staff to edit articles.

Staff can change or unpublish them in the admin. The format is described in helpdesk/article_text.py.
"""

from django.db import migrations

ADD_A_CREDIT = """
There are three ways to add a training from the [events calendar](events:calendar) to your credits. For all of them, sign in first. No one can claim a training before it is over, or before its recording is available.

## You registered for it

1. Open the event on the calendar and press **Register**.
2. Take part.
3. When the event is over, look at [My credits](tracks:credits). The credit is added automatically, unless you canceled or the organizer marked you absent.

If the button says **Register on another site**, the organizer keeps the list. Add the credit in one of the other two ways.

## You did not register, or you watched the recording

1. Find the event on the calendar. Live events have no time limit. A recording earns credit while it is available.
2. Press the green button **Add CE credit**.
3. Check that the credit is in [My credits](tracks:credits).

## You want to choose from a list

1. Open [Continuing Education](tracks:dashboard). The list has the events of the past year, newest first. Events that you have claimed are not listed.
2. Choose the event, and go on to the next page.
3. Check the title, the date and the credit. Then press **Save**.

A new credit is Pending until staff approve it or it is verified with your record. You can claim each event only once. If the training is not on the calendar, use [Create New…](helpdesk:article/create-new) instead. If the date or category is wrong, [open a help ticket](helpdesk:create).
"""

CREATE_NEW = """
Use **Create New…** for training that is not on the calendar: a webinar from elsewhere, an online course, a conference outside Montana, or training inside your library.

1. Open [Continuing Education](tracks:dashboard) and check that the training is not in the list.
2. Press the white button with red letters, **Create New…**.
3. Fill in the fields with an asterisk: the title, the start, the end, the sponsor, the trainer or presenter, and the CE category. The category is last, above the button.
4. If you leave the credit value blank, you get one credit for each hour, rounded down to the half. You can enter up to one credit for each hour, rounded up to the half.
5. Describe what you learned. Reviewers read the description. You can also add a certificate or a program as a PDF, JPEG or PNG file of up to 10 MB.
6. Press **Save**. To finish later, press **Save as draft**.

The credit is in [My credits](tracks:credits) right away, with the status Pending. Staff approve the training, or return or decline it with a reason, and we e-mail you the decision. Until they decide, you can change what you entered.

Several sessions of one outside conference have [a form of their own](credits:conference). So does [a course at a college or university](credits:college), which needs a transcript. An unofficial one is enough. Not sure whether a training counts? Read [what counts](helpdesk:article/what-counts).
"""

ARCHIVED = """
Every credit you earn is kept. [My credits](tracks:credits) says for each one whether it is archived or posted.

## Archived

An archived credit is kept for you, but it does not count in any track. All of your credits are archived until you [choose a track](helpdesk:article/choose-a-track). You lose nothing by choosing later than others, as long as your credits are not too old for the rules.

## Posted

A posted credit is assigned to a track. When you choose a track, every eligible credit in your archive is posted right away. After that, new credits are posted when they are added. If you follow several tracks, one credit can be posted to each of them.

## Why a credit may stay in the archive

- It was earned too long ago. For a first certificate under the present rules, credits from the four years before you choose the track can be posted.
- A certificate has already counted it for that track, or it was a surplus credit of that certificate.
- The rules of your track do not count its category, or they count only courses from the [course catalog](events:catalog).

A posted credit can also become too old: on any day, only credits from the last four years count. The portal then says that the credit has aged out. It stays in your list.

Credits that staff declined, and those that you withdrew, count nowhere. If you think that something is wrong, follow **Something wrong?** at the credit.
"""

CHOOSE_A_TRACK = """
A certification track has the rules for one kind of work in a library: Library Director, Library Staff or Library Trustee. Your credits count toward certification only in a track.

1. Open [My tracks](tracks:choose) in the menu.
2. If you are not sure which track fits, say what you do and press **Show matching tracks**. If your [profile](accounts:profile) has your position, the portal marks the tracks that match it.
3. Read the rules of the track, and then press the button that chooses it.

Every eligible credit in your archive is posted to the track at once. You follow the rules that are in force on that day, and you keep them even if new rules come later. Your period ends four years later under the present rules.

You can follow several tracks at the same time, and one credit can count in more than one. If you have earned a certificate for a track before, you follow its rules for renewal. After each certificate, the next period starts automatically.

To stop, open the track and use **Leave this track**. Your credits return to your archive, and you lose none of them. You can resume the track until its period ends. While a record is with the CE Coordinator or your supervisor, you cannot leave its track, but you can withdraw the record first.

All rules, including earlier ones, are on the page [Certification rules](tracks:rules).
"""

WHAT_COUNTS = """
Training usually counts if you can answer yes to four questions:

- Was it structured learning, with a start, an end and an instructor?
- Was it about libraries, or about the needs of your library?
- Does it help you do your job?
- Does it fit one of the four CE categories?

Meetings, job orientation, vendor demonstrations and author talks usually do not count.

## The four categories

- **Library Administration**: governance, law, budgets, personnel, policy, planning, advocacy and boards.
- **Library Services to the Public**: reference, programs, youth services, outreach and accessibility.
- **Collection Management and Technical Services**: selection, weeding, cataloging, the shared catalog and preservation.
- **Technology**: hardware, software, networks, the web, privacy, security and digital literacy.

## How much a training is worth

One credit is about one hour, and half a credit is the smallest amount. For an event on the [calendar](events:calendar), the organizer sets the credit. For training that you enter with [Create New…](credits:create), you get at most one credit for each hour, rounded up to the half. Presenters earn double credit, at most twice in four years for the same topic. College courses have [their own values](credits:college).

Each track has its own minimums for the categories: see [Certification rules](tracks:rules). Not sure whether a training counts? Enter it anyway, and describe how it helps you or your library. Staff will decide.
"""

SUBMIT = """
When you meet all requirements of a track, send your record. The portal does not do this for you.

1. Open [Continuing Education](tracks:dashboard) or the page of your track. Press **Review and submit your record**.
2. Check each line. Surplus credits are listed apart. They will not be on the certificate, and they will not count toward the next one.
3. Enter your name as it should be on the certificate. Say whether the annual list may have your name.
4. Choose who will verify your record. The portal suggests people from the positions at your library. You can also name another person. It cannot be you.
5. Press **Send to the CE Coordinator**.

## What happens next

The CE Coordinator reviews your record. It may come back to you with a reason. Make the changes, and send it again.

After the review, we e-mail your supervisor a link, which can be used for 30 days. Your supervisor does not need an account. When your supervisor verifies the record, your certificate is issued. You find it in [My certificates](tracks:certificates), where you can print it and share its address. It is valid for four years under the present rules.

Your next period starts automatically. It counts what you earned on or after the day on which you sent the record, unless it was in the record.

Until the certificate is issued, you can withdraw the record: open the page of your track and press **Withdraw**. Your credits stay as they are.
"""

CERTIFICATION = """
The Montana State Library certifies people who work in Montana’s libraries or serve on their boards. A certificate shows that you keep learning what your library needs.

## Who needs it

- Directors of public libraries must be certified so that their library can receive state aid. A new director has four years from the start of the position.
- Library staff and trustees can become certified if they wish.

## How you become certified

1. [Create an account](account_signup), and choose the [certification track](helpdesk:article/choose-a-track) that fits your position.
2. Take part in training from the [events calendar](events:calendar), or watch recordings. Training from elsewhere can count as well.
3. Your credits add up. One credit is about one hour of training. Under the rules of 2023, directors and staff need 60 credits in four years, and trustees need 15. Some must be in certain categories.
4. When you have everything, [send your record](helpdesk:article/submit-your-record). The CE Coordinator of the State Library reviews it, and your supervisor verifies it.
5. Print your certificate. It is valid for four years, and your next period starts automatically.

Credits that you earn before you choose a track are not lost. They are kept in your archive.

All requirements are on the page [Certification rules](tracks:rules). Read also [what counts and what does not](helpdesk:article/what-counts).
"""

# In the order of the help page.
ARTICLES = [
    ("add-a-credit", "Add a training to your credits: three ways", ADD_A_CREDIT),
    ("create-new", "Add training from elsewhere: Create New…", CREATE_NEW),
    ("what-counts", "What counts, and what does not", WHAT_COUNTS),
    ("archived-and-posted-credits", "Archived and posted credits", ARCHIVED),
    ("choose-a-track", "Choose or leave a track", CHOOSE_A_TRACK),
    ("submit-your-record", "Submit your record and get the certificate", SUBMIT),
    ("what-is-certification", "What is certification, and who needs it?", CERTIFICATION),
]


def add(apps, schema_editor):
    Article = apps.get_model("helpdesk", "Article")
    for position, (slug, title, text) in enumerate(ARTICLES, start=1):
        Article.objects.create(
            slug=slug, title=title, text=text.strip(), position=10 * position, is_published=True
        )


def remove(apps, schema_editor):
    slugs = [slug for slug, _, _ in ARTICLES]
    apps.get_model("helpdesk", "Article").objects.filter(slug__in=slugs).delete()


def let_staff_edit(apps, schema_editor):
    """Let everyone who answers tickets, and administrators, edit articles."""
    Permission = apps.get_model("auth", "Permission")
    work = Permission.objects.filter(
        content_type__app_label="helpdesk", codename="work_ticket"
    ).first()
    if work is None:  # a new database, whose roles are created after its migrations
        return
    content_type, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="helpdesk", model="article"
    )
    groups = list(work.group_set.order_by("pk"))
    groups += apps.get_model("auth", "Group").objects.filter(name="Administrators")
    for verb in ("add", "change"):
        permission, _ = Permission.objects.get_or_create(
            content_type=content_type,
            codename=f"{verb}_article",
            defaults={"name": f"Can {verb} help article"},
        )
        for group in groups:
            group.permissions.add(permission)


class Migration(migrations.Migration):
    dependencies = [
        ("helpdesk", "0005_articles"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunPython(add, remove),
        migrations.RunPython(let_staff_edit, migrations.RunPython.noop),
    ]
