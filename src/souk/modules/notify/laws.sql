-- law: nobody's bell and list show other numbers than their notifications
select coalesce(c.person_id, n.person_id) as person_id, c.unread, c.listed, n.unread as unread_counted, n.listed as counted
from notification_counts c
full join (
    select person_id, count(*) as listed, count(*) filter (where read_at is null) as unread
    from notifications where shown group by person_id
) n using (person_id)
where (coalesce(c.unread, 0), coalesce(c.listed, 0)) is distinct from (coalesce(n.unread, 0), coalesce(n.listed, 0));

-- law: no notification has two deliveries by one channel to one place
select notification_id, channel, device_id, count(*)
from notification_deliveries group by notification_id, channel, device_id having count(*) > 1;

-- law: nothing waits without a job that will send it, or a dead one that staff know of
select d.id, d.channel, d.due_at
from notification_deliveries d
where d.state in ('waiting', 'claimed') and d.digest is null
    and not exists (select from jobs j where j.name in ('notify.write', 'notify.push') and j.payload ->> 'deliveryId' = d.id::text)
    and not exists (select from dead_jobs j where j.name in ('notify.write', 'notify.push') and j.payload ->> 'deliveryId' = d.id::text);

-- law: nothing waits for a digest that nobody writes
select d.person_id, d.digest, min(d.due_at)
from notification_deliveries d
where d.state = 'waiting' and d.digest is not null
    and not exists (
        select from jobs j
        where j.name = 'notify.digest' and j.payload ->> 'personId' = d.person_id::text and j.payload ->> 'digest' = d.digest)
    and not exists (
        select from dead_jobs j
        where j.name = 'notify.digest' and j.payload ->> 'personId' = d.person_id::text and j.payload ->> 'digest' = d.digest)
group by d.person_id, d.digest;

-- law: no notification that is in a list lacks the delivery that put it there
select n.id, n.person_id from notifications n
where n.shown and not exists (
    select from notification_deliveries d where d.notification_id = n.id and d.channel = 'in_app' and d.state = 'sent');

-- law: a blocked person's words are kept nowhere
select n.id, n.person_id from notifications n
where (n.title <> '' or n.body <> '' or n.parameters <> '{}')
    and exists (select from notification_deliveries d where d.notification_id = n.id and d.why = 'blocked' and d.channel = 'in_app');
