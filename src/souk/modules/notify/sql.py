"""Every statement of notify."""

from __future__ import annotations

from souk.kernel.db import count, many, one, only
from souk.modules.notify.model import AllRead, Card, Chosen, Counted, Delivered, Errand, KnownDevice, Listed, Reach, Unread

# Telling. Whoever adds to one group waits here for the other, so that both see what there is already.

ONE_BY_ONE = count("select pg_advisory_xact_lock(hashtextextended($1, 0))")

REACH = only(
    Reach,
    """select q.starts as quiet_from, q.ends as quiet_until,
              coalesce((select jsonb_agg(jsonb_build_object('scope', c.scope, 'channel', c.channel, 'wanted', c.wanted))
                        from notification_choices c where c.person_id = asked.id and c.scope = any($2::text[])), '[]') as "choices!",
              coalesce((select jsonb_agg(jsonb_build_object('id', d.id, 'service', d.service) order by d.created_at)
                        from notification_devices d where d.person_id = asked.id), '[]') as "devices!",
              g.id as grouped, coalesce(g.count, 0) as count,
              (select min(w.due_at) from notification_deliveries w
               where w.person_id = asked.id and w.digest = $4::text and w.state = 'waiting') as digest_at
       from (select $1::uuid as id) asked
       left join notification_quiet_hours q on q.person_id = asked.id
       left join notifications g on g.person_id = asked.id and g.group_key = $3::text and g.read_at is null""",
)

ADD = count(
    """with added as (
           insert into notifications (id, person_id, kind, category, shown, title, body, link, about_id, actor_id, parameters, group_key,
                                      created_at, updated_at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::text::jsonb, $12, $13, $13)
           returning person_id, shown),
       counted as (
           insert into notification_counts (person_id, unread, listed) select person_id, 1, 1 from added where shown
           on conflict (person_id) do update set unread = notification_counts.unread + 1, listed = notification_counts.listed + 1)
       insert into notification_deliveries (id, notification_id, person_id, channel, device_id, service, state, why, digest,
                                            created_at, due_at, done_at)
       select d.id, $1, $2, d.channel, d.device_id, d.service, d.state, d.why, d.digest, $13, d.due_at, d.done_at
       from jsonb_to_recordset($14::text::jsonb) d (id uuid, channel notification_channel, device_id uuid, service push_service,
                                              state notification_state, why notification_reason, digest text, due_at timestamptz,
                                              done_at timestamptz)"""
)

# It may have been read since it was looked at: then nothing joins it any more.
JOIN = one(
    Card,
    """update notifications set count = count + 1, title = $2, body = $3, link = $4, parameters = $5::text::jsonb, actor_id = $6,
           updated_at = $7
       where id = $1 and read_at is null
       returning id, kind, category, title, body, link, about_id as about, count, parameters, created_at, updated_at, read_at""",
)

# Delivering

ERRAND = one(
    Errand,
    """select d.id, d.notification_id, d.person_id, d.channel, d.device_id, d.state, d.attempts, d.created_at, d.digest, n.kind,
              n.parameters, n.about_id as about, n.actor_id, n.count, n.read_at is not null as "is_read!",
              (select q.starts from notification_quiet_hours q where q.person_id = d.person_id) as quiet_from,
              (select q.ends from notification_quiet_hours q where q.person_id = d.person_id) as quiet_until,
              coalesce((select jsonb_agg(jsonb_build_object('scope', c.scope, 'channel', c.channel, 'wanted', c.wanted))
                        from notification_choices c
                        where c.person_id = d.person_id and c.scope in (n.category, 'kind:' || n.kind)), '[]') as "choices!",
              (select jsonb_build_object('id', v.id, 'service', v.service, 'endpoint', v.endpoint, 'p256dh', v.p256dh, 'auth', v.auth)
               from notification_devices v where v.id = d.device_id and v.person_id = d.person_id) as device
       from notification_deliveries d join notifications n on n.id = d.notification_id
       where d.id = $1 and d.state in ('waiting', 'claimed') for update of d""",
)

DIGESTED = many(
    Errand,
    """select d.id, d.notification_id, d.person_id, d.channel, d.device_id, d.state, d.attempts, d.created_at, d.digest, n.kind,
              n.parameters, n.about_id as about, n.actor_id, n.count, n.read_at is not null as "is_read!",
              (select q.starts from notification_quiet_hours q where q.person_id = d.person_id) as quiet_from,
              (select q.ends from notification_quiet_hours q where q.person_id = d.person_id) as quiet_until,
              coalesce((select jsonb_agg(jsonb_build_object('scope', c.scope, 'channel', c.channel, 'wanted', c.wanted))
                        from notification_choices c
                        where c.person_id = d.person_id and c.scope in (n.category, 'kind:' || n.kind)), '[]') as "choices!",
              null::jsonb as device
       from notification_deliveries d join notifications n on n.id = d.notification_id
       where d.person_id = $1 and d.digest = $2 and d.state = 'waiting' order by n.updated_at, d.id for update of d""",
)

CLAIM = count("update notification_deliveries set state = 'claimed', attempts = attempts + 1 where id = $1 and state = 'waiting'")

SUPPRESS = count(
    "update notification_deliveries set state = 'suppressed', why = $2, done_at = $3 where id = any($1::uuid[]) and state = 'waiting'"
)

HANDED_OVER = count(
    """update notification_deliveries set state = 'sent', attempts = attempts + 1, done_at = $2
       where id = any($1::uuid[]) and state = 'waiting'"""
)

POSTPONE = count("update notification_deliveries set due_at = $2 where id = any($1::uuid[]) and state = 'waiting'")

CANNOT_BE_WRITTEN = count(
    """update notification_deliveries set state = 'failed', attempts = attempts + 1, error = $2, done_at = $3
       where id = any($1::uuid[]) and state = 'waiting'"""
)

# Only what is claimed is settled: it may have been erased while it was on its way.
PUSHED = count(
    """with settled as (
           update notification_deliveries set state = 'sent', error = null, done_at = $2 where id = $1 and state = 'claimed'
           returning device_id)
       update notification_devices d set last_pushed_at = $2 from settled where d.id = settled.device_id"""
)

NOT_PUSHED = count("update notification_deliveries set state = $2, error = $3, done_at = $4 where id = $1 and state = 'claimed'")

PUSH_LATER = count("update notification_deliveries set state = 'waiting', error = $2, due_at = $3 where id = $1 and state = 'claimed'")

# The token or address as it was called: one that was renewed meanwhile is another.
REMOVE_DEAD = count("delete from notification_devices where id = $1 and endpoint = $2")

# Reading

# By index alone, whatever the server believes of the table: each filter has a statement, and who begins does so from the end of time.

NOTIFICATIONS = many(
    Listed,
    """select n.id, n.kind, n.category, n.title, n.body, n.link, n.about_id as about, n.count, n.parameters, n.created_at, n.updated_at,
              n.read_at, (select c.listed from notification_counts c where c.person_id = $1) as "total!"
       from notifications n
       where n.person_id = $1 and n.shown and (n.updated_at, n.id) < ($2, $3::uuid)
       order by n.updated_at desc, n.id desc limit $4 offset $5""",
)

UNREAD_ONES = many(
    Listed,
    """select n.id, n.kind, n.category, n.title, n.body, n.link, n.about_id as about, n.count, n.parameters, n.created_at, n.updated_at,
              n.read_at, (select c.unread from notification_counts c where c.person_id = $1) as "total!"
       from notifications n
       where n.person_id = $1 and n.shown and n.read_at is null and (n.updated_at, n.id) < ($2, $3::uuid)
       order by n.updated_at desc, n.id desc limit $4 offset $5""",
)

HOW_MANY = one(Counted, "select unread, listed from notification_counts where person_id = $1")

UNREAD = one(Unread, "select unread from notification_counts where person_id = $1")

MARK_READ = one(
    Unread,
    """with mine as (select id, read_at from notifications where id = $1 and person_id = $2 and shown for update),
       marked as (
           update notifications n set read_at = $3 from mine where n.id = mine.id and mine.read_at is null returning n.person_id),
       fewer as (
           update notification_counts c set unread = c.unread - 1 from marked where c.person_id = marked.person_id returning c.unread)
       select coalesce((select unread from fewer), (select unread from notification_counts where person_id = $2), 0) as unread
       from mine""",
)

MARK_ALL_READ = one(
    AllRead,
    """with marked as (
           update notifications set read_at = $2 where person_id = $1 and shown and read_at is null returning id)
       update notification_counts set unread = unread - (select count(*) from marked) where person_id = $1
       returning (select count(*) from marked) as "marked!", unread""",
)

# Devices

ADD_DEVICE = only(
    KnownDevice,
    """with fewer as (
           delete from notification_devices where id in (
               select id from notification_devices where person_id = $2 and endpoint <> $4
               order by created_at desc, id desc offset $9))
       insert into notification_devices (id, person_id, service, endpoint, p256dh, auth, name, created_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8)
       on conflict (endpoint) do update set person_id = excluded.person_id, service = excluded.service, p256dh = excluded.p256dh,
           auth = excluded.auth, name = excluded.name,
           id = case when notification_devices.person_id = excluded.person_id then notification_devices.id else excluded.id end
       returning id, service, name, created_at, last_pushed_at""",
)

DEVICES = many(
    KnownDevice,
    """select id, service, name, created_at, last_pushed_at from notification_devices where person_id = $1
       order by created_at desc, id desc""",
)

REMOVE_DEVICE = count("delete from notification_devices where id = $1 and person_id = $2")

REMOVE_ENDPOINT = count("delete from notification_devices where endpoint = $1 and person_id = $2")

# Preferences

CHOSEN = only(
    Chosen,
    """select q.starts, q.ends,
              coalesce((select jsonb_agg(jsonb_build_object('scope', c.scope, 'channel', c.channel, 'wanted', c.wanted)
                                         order by c.scope, c.channel)
                        from notification_choices c where c.person_id = asked.id), '[]') as "choices!"
       from (select $1::uuid as id) asked left join notification_quiet_hours q on q.person_id = asked.id""",
)

CHOOSE = count(
    """with wanted as (
           select scope, channel, wanted
           from jsonb_to_recordset($2::text::jsonb) w (scope text, channel notification_channel, wanted boolean)),
       dropped as (
           delete from notification_choices c
           where c.person_id = $1 and not exists (select from wanted w where (w.scope, w.channel) = (c.scope, c.channel)))
       insert into notification_choices (person_id, scope, channel, wanted) select $1, scope, channel, wanted from wanted
       on conflict (person_id, scope, channel) do update set wanted = excluded.wanted"""
)

SET_QUIET_HOURS = count(
    """insert into notification_quiet_hours (person_id, starts, ends) values ($1, $2, $3)
       on conflict (person_id) do update set starts = excluded.starts, ends = excluded.ends"""
)

CLEAR_QUIET_HOURS = count("delete from notification_quiet_hours where person_id = $1")

UNSUBSCRIBE = count(
    """with own as (
           delete from notification_choices where person_id = $1 and channel = 'mail' and scope = any($3::text[]))
       insert into notification_choices (person_id, scope, channel, wanted) select $1, scope, 'mail', false from unnest($2::text[]) scope
       on conflict (person_id, scope, channel) do update set wanted = false"""
)

# Staff

DELIVERIES = many(
    Delivered,
    """select d.id, d.notification_id, d.person_id, n.kind, d.channel, d.service, d.state, d.why, d.attempts, d.error, d.created_at,
              d.due_at, d.done_at
       from notification_deliveries d join notifications n on n.id = d.notification_id
       where ($1::uuid is null or d.person_id = $1) and ($2::text is null or n.kind = $2)
           and ($3::notification_channel is null or d.channel = $3) and ($4::notification_state is null or d.state = $4)
           and ($5::timestamptz is null or (d.created_at, d.id) < ($5, $6::uuid))
       order by d.created_at desc, d.id desc limit $7""",
)

# People

NOTIFICATIONS_KNOWN = many(
    Card,
    """select id, kind, category, title, body, link, about_id as about, count, parameters, created_at, updated_at, read_at
       from notifications where person_id = $1 and title <> '' order by updated_at desc, id desc""",
)

DELIVERIES_KNOWN = many(
    Delivered,
    """select d.id, d.notification_id, d.person_id, n.kind, d.channel, d.service, d.state, d.why, d.attempts, d.error, d.created_at,
              d.due_at, d.done_at
       from notification_deliveries d join notifications n on n.id = d.notification_id
       where d.person_id = $1 and d.why is distinct from 'blocked' order by d.created_at desc, d.id desc""",
)

# What a person brought about stands in the lists of others, with their name in it.
FORGET_BROUGHT_ABOUT = count(
    """with gone as (delete from notifications where actor_id = $1 returning person_id, shown, shown and read_at is null as unread)
       update notification_counts c set unread = c.unread - g.unread, listed = c.listed - g.listed
       from (select person_id, count(*) filter (where unread) as unread, count(*) filter (where shown) as listed
             from gone group by person_id) g
       where c.person_id = g.person_id"""
)

FORGET_NOTIFICATIONS = count("delete from notifications where person_id = $1")

FORGET_SETTINGS = count(
    """with counts as (delete from notification_counts where person_id = $1),
       devices as (delete from notification_devices where person_id = $1),
       quiet as (delete from notification_quiet_hours where person_id = $1)
       delete from notification_choices where person_id = $1"""
)

# Housekeeping

FORGET_OLD = count(
    """with gone as (
           delete from notifications where id in (select id from notifications where updated_at < $1 order by updated_at limit $2)
           returning person_id, shown, shown and read_at is null as unread)
       update notification_counts c set unread = c.unread - g.unread, listed = c.listed - g.listed
       from (select person_id, count(*) filter (where unread) as unread, count(*) filter (where shown) as listed
             from gone group by person_id) g
       where c.person_id = g.person_id"""
)
