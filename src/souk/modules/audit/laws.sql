-- law: the chain has no gaps
select position, before
from (select position, lag(position, 1, 0::bigint) over (order by position) as before from audit_seals) places
where position <> before + 1;

-- law: each seal has its entry
select s.position, s.entry_id
from audit_seals s left join audit_entries e on e.id = s.entry_id
where e.id is null;

-- law: each entry has a seal or waits for one, and not both
select e.id, s.position
from audit_entries e left join audit_seals s on s.entry_id = e.id left join audit_unsealed u on u.entry_id = e.id
where (s.entry_id is null) = (u.entry_id is null);

-- law: details are there, or were erased with a person, or never were
select e.id, d.part
from audit_entries e
cross join lateral (values ('change'::audit_part, e.change_digest), ('circumstances', e.circumstances_digest)) d(part, digest)
left join audit_details kept on kept.entry_id = e.id and kept.part = d.part
left join audit_erasures erased on erased.entry_id = e.id and erased.part = d.part
where (d.digest is not null) <> (kept.entry_id is not null or erased.entry_id is not null)
    or (kept.entry_id is not null and erased.entry_id is not null);

-- law: every erasure is an entry of its own
select x.entry_id, x.erasure_id
from audit_erasures x left join audit_entries e on e.id = x.erasure_id and e.action = 'audit.erased'
where e.id is null;
