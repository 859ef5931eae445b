"""The functions that check text, for the constraints of all apps (aspen/db/constraints.py).

They accept what aspen/text.py returns. To change them, add a migration that replaces them. Control
characters other than the line break are forbidden, so the checks of spaces do not list them.
"""

from django.db import migrations

from aspen.db.constraints import CleanColumn
from aspen.migrations._operations import AddCleanColumns

JOINING = (
    r"\u0610-\u061A\u0620-\u065F\u066E-\u06D3\u06D5-\u06DC\u06DF-\u06E8\u06EA-\u06EF\u06FA-\u06FC"
    r"\u06FF\u0710-\u07B1\u07CA-\u07F5\u07FA-\u07FD\u0800-\u082D\u0840-\u085B\u0860-\u086A"
    r"\u0870-\u0887\u0889-\u088E\u0898-\u08E1\u08E3-\u0963\u0971-\u09E3\u09F0-\u09F1\u09FC"
    r"\u09FE-\u0A5E\u0A70-\u0A75\u0A81-\u0AE3\u0AF9-\u0B63\u0B71\u0B82-\u0BD7\u0C00-\u0C63"
    r"\u0C80-\u0C83\u0C85-\u0CE3\u0CF1-\u0D4E\u0D54-\u0D57\u0D5F-\u0D63\u0D7A-\u0DDF\u0DF2-\u0DF3"
    r"\u1000-\u103F\u1050-\u108F\u109A-\u109D\u1780-\u17B3\u17B6-\u17D3\u17D7\u17DC-\u17DD"
    r"\u1820-\u18AA"
)
VIRAMA = r"\u094D\u09CD\u0A4D\u0ACD\u0B4D\u0BCD\u0C4D\u0CCD\u0D4D\u0DCA"
MONGOLIAN = r"\u1820-\u18AA"
CHINESE = r"\u3400-\u4DBF\u4E00-\u9FFF\uF900-\uFAFF\U00020000-\U0003FFFD"
EMOJI = (
    r"\u00A9\u00AE\u203C\u2049\u2122\u2139\u2190-\u21FF\u2300-\u23FF\u2460-\u24FF\u25A0-\u27BF"
    r"\u2900-\u297F\u2B00-\u2BFF\u3030\u303D\u3297\u3299\U0001F000-\U0001FAFF"
)
FORBIDDEN = "|".join(
    [
        r"[\u0001-\u0009\u000B-\u001F\u007F-\u009F\u00AD\u034F\u061C\u115F\u1160\u17B4\u17B5"
        r"\u180E\u200B\u200E\u200F\u2028-\u202E\u2060-\u206F\u3164\uFDD0-\uFDEF\uFEFF\uFFA0"
        r"\uFFF0-\uFFFC\uFFFE\uFFFF\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A"
        r"\U000E0000-\U000E00FF\U000E01F0-\U000E0FFF]",
        rf"(?<![{JOINING}])\u200C|\u200C(?![{JOINING}])",
        rf"(?<![{JOINING}{EMOJI}\uFE0F])\u200D",
        rf"(?<=[{EMOJI}\uFE0F])\u200D(?![{EMOJI}])",
        rf"(?<![{VIRAMA}{EMOJI}\uFE0F])\u200D(?![{JOINING}])",
        rf"(?<![{CHINESE}])[\uFE00-\uFE0D\U000E0100-\U000E01EF]",
        rf"(?<![{EMOJI}])\uFE0E",
        rf"(?<![{EMOJI}])\uFE0F(?!\u20E3)",
        rf"(?<![{EMOJI}0-9#*])\uFE0F",
        rf"(?<![{MONGOLIAN}])[\u180B-\u180D\u180F]",
    ]
)
SPACES = r"\u00A0\u1680\u2000-\u200A\u202F\u205F\u2800\u3000"

# Restoring a backup runs the checks without a search path.
CHECKS = {
    "line(text)": rf"$1 IS NFC NORMALIZED AND $1 !~ '{FORBIDDEN}|[\n{SPACES}]|^ | $|  '",
    "text(text)": rf"$1 IS NFC NORMALIZED AND $1 !~ '{FORBIDDEN}|[{SPACES}]|^[ \n]|[ \n]$| \n'",
    "lines(text[])": (
        "coalesce((SELECT bool_and(public.aspen_is_clean_line(line) AND line <> '')"
        " FROM unnest($1) AS line), true)"
    ),
    "email(text)": r"$1 ~ '^[!-@\[-~]*$'",
    "web_address(text)": (
        r"$1 = '' OR public.aspen_is_clean_line($1) AND $1 ~ '^https?://[^ /?#@\\]+([/?#][^ ]*)?$'"
    ),
}


class Migration(migrations.Migration):
    dependencies = [("aspen", "0001_initial")]

    operations = [
        *[
            migrations.RunSQL(
                f"CREATE FUNCTION aspen_is_clean_{signature} RETURNS boolean"
                f" LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $check$ SELECT {check} $check$",
                f"DROP FUNCTION aspen_is_clean_{signature}",
            )
            for signature, check in CHECKS.items()
        ],
        AddCleanColumns('mail', [
            CleanColumn(field='to_name', kind='line', name='aspen_mail_to_name_clean'),
            CleanColumn(field='subject', kind='line', name='aspen_mail_subject_clean'),
            CleanColumn(field='to_address', kind='email', name='aspen_mail_to_address_clean'),
            CleanColumn(field='address', kind='email', name='aspen_mail_address_clean'),
        ]),
    ]
