"""Every statement of mail."""

from __future__ import annotations

from souk.kernel.db import count, many, one, only
from souk.modules.mail.model import BouncedAddress, Mail, SealedMail

ADD_MAIL = count(
    """insert into mails (id, channel, recipient, address, template, language, person_id, sealed, created_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
)

# Delivering

WAITING_MAIL = one(
    SealedMail,
    """select m.id, m.channel, m.recipient as to, m.template, m.language, m.sealed, m.state, m.attempts, m.created_at, m.sent_at,
              m.channel = 'email' and exists (select from bounced_addresses b where b.address = m.address) as "suppressed!"
       from mails m where m.id = $1 and m.state = 'waiting'""",
)

# Only what still waits is recorded: a letter may have been erased while it was on its way.
POSTPONE = count("update mails set attempts = attempts + $2, error = coalesce($3, error) where id = $1 and state = 'waiting'")

SENT = count(
    """update mails set state = 'sent', attempts = attempts + 1, error = null, message_id = $2, sent_at = $3,
           sealed = case when $4 then sealed end
       where id = $1 and state = 'waiting'"""
)

NOT_SENT = count(
    """update mails set state = $2, attempts = attempts + $3, error = $4, sealed = case when $5 then sealed end
       where id = $1 and state = 'waiting'"""
)

# Bounces

SUPPRESS = count(
    """insert into bounced_addresses (address, kind, reason, mail_id, created_at) values ($1, $2, $3, $4, $5)
       on conflict (address) do update set kind = excluded.kind, reason = excluded.reason, mail_id = excluded.mail_id,
           created_at = excluded.created_at"""
)

MARK_BOUNCED = count("update mails set state = 'bounced', error = $2 where id = $1 and state in ('sent', 'waiting')")

NOTE_REPORT = count("insert into bounce_reports (id, received_at) values ($1, $2) on conflict (id) do nothing")

CLEAR_BOUNCE = count("delete from bounced_addresses where address = $1")

BOUNCED = many(
    BouncedAddress,
    "select address, kind, reason, created_at from bounced_addresses order by created_at desc, address limit $1 offset $2",
)

HOW_MANY_BOUNCED = only(int, 'select count(*) as "count!" from bounced_addresses')

# Looking

MAILS = many(
    Mail,
    """select id, channel, recipient as to, template, language, person_id, state, attempts, error, message_id, created_at, sent_at
       from mails where ($1::text is null or address = $1) and ($2::mail_state is null or state = $2)
       order by created_at desc, id desc limit $3 offset $4""",
)

HOW_MANY_MAILS = only(
    int, 'select count(*) as "count!" from mails where ($1::text is null or address = $1) and ($2::mail_state is null or state = $2)'
)

LATEST_MAILS = many(
    SealedMail,
    """select id, channel, recipient as to, template, language, sealed, state, attempts, created_at, sent_at, false as suppressed
       from mails where $1::text is null or address = $1
       order by created_at desc, id desc limit $2""",
)

# People

MAILS_OF_PERSON = many(
    Mail,
    """select id, channel, recipient as to, template, language, person_id, state, attempts, error, message_id, created_at, sent_at
       from mails where person_id = $1 order by created_at desc, id desc""",
)

FORGET_BOUNCES_OF_PERSON = count("delete from bounced_addresses where address in (select address from mails where person_id = $1)")

ERASE_MAILS_OF_PERSON = count(
    """update mails set recipient = '', address = '', sealed = null,
           error = case when state = 'waiting' then 'its person was erased' when error is null then null else 'forgotten' end,
           state = case when state = 'waiting' then 'suppressed' else state end
       where person_id = $1"""
)

# Housekeeping

FORGET_MAILS = count(
    """delete from mails where id in (
           select id from mails where created_at < $1 and state <> 'waiting' order by created_at limit $2)"""
)

FORGET_REPORTS = count("delete from bounce_reports where received_at < $1")
