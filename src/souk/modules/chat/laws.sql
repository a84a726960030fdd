-- law: what somebody has not read of a conversation is what others said behind the place up to which they have read
select p.conversation_id, p.person_id, p.unread, found.unread as counted
from participants p cross join lateral (
    select count(*) as unread from chat_messages m
    where m.conversation_id = p.conversation_id and m.place > greatest(p.read_place, p.from_place)
        and m.author_id is distinct from p.person_id and m.counts and m.deleted_at is null) found
where p.left_at is null and p.unread <> found.unread;

-- law: the number on a person's badge is the sum of what they have not read anywhere
select person_id, coalesce(t.unread, 0) as kept, coalesce(sum(p.unread), 0) as counted
from unread_totals t full join participants p using (person_id)
group by person_id, t.unread
having coalesce(t.unread, 0) <> coalesce(sum(p.unread), 0);

-- law: a conversation has as many places as messages, and the last is taken
select c.id, c.places, count(m.id) as messages, max(m.place) as last
from conversations c left join chat_messages m on m.conversation_id = c.id
group by c.id
having c.places <> count(m.id) or c.places <> coalesce(max(m.place), 0);

-- law: nobody has read further than there is
select p.conversation_id, p.person_id, p.read_place, c.places
from participants p join conversations c on c.id = p.conversation_id
where p.delivered_place > c.places or p.from_place > c.places;

-- law: whoever writes takes part, or did
select m.id, m.author_id from chat_messages m
where m.author_id is not null and not exists (
    select from participants p where p.conversation_id = m.conversation_id and p.person_id = m.author_id);

-- law: a conversation of two has two members at most
select c.id from conversations c join participants p on p.conversation_id = c.id
where c.direct and p.role = 'member'
group by c.id having count(*) > 2;

-- law: a message that was removed by a report is a tombstone
select r.id, r.message_id from chat_reports r join chat_messages m on m.id = r.message_id
where r.outcome = 'removed' and m.deleted_at is null;
