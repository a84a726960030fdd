-- law: whoever may not come in has no open session
select s.id, p.id as person_id, p.status
from sessions s join people p on p.id = s.person_id
where s.ended_at is null and p.status <> 'active';

-- law: a refresh token that is good was not spent
select s.id from sessions s join spent_refresh_tokens t using (refresh_hash);

-- law: everybody who is not erased has a role
select id from people where status <> 'erased' and cardinality(roles) = 0;
