-- law: no letter waits without a job that will send it, or a dead one that staff know of
select m.id, m.template, m.created_at
from mails m
where m.state = 'waiting'
    and not exists (select from jobs j where j.name = 'mail.deliver' and j.payload ->> 'mailId' = m.id::text)
    and not exists (select from dead_jobs d where d.name = 'mail.deliver' and d.payload ->> 'mailId' = m.id::text);

-- law: an erased letter keeps neither an address nor what was written
select id, template from mails where recipient = '' and (address <> '' or sealed is not null);
