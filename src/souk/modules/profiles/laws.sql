-- law: nothing that somebody wrote of themselves outlives their erasure
select p.person_id from profiles p join people who on who.id = p.person_id where who.status = 'erased';

-- law: nobody blocks, or is blocked by, who was erased
select b.person_id, b.blocked_id
from blocks b join people who on who.id in (b.person_id, b.blocked_id) where who.status = 'erased';

-- law: every skill of the catalogue is found by a name
select s.slug from skills s where not exists (select from skill_names n where n.slug = s.slug);
