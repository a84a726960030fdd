-- law: the entries of every journal add up to nothing, asset by asset
select e.journal_id, a.asset, sum(e.amount) from entries e join accounts a on a.id = e.account_id
group by e.journal_id, a.asset having sum(e.amount) <> 0;

-- law: every entry belongs to an account
select e.position, e.account_id from entries e where not exists (select from accounts a where a.id = e.account_id);

-- law: an account has what its entries add up to
select a.id, a.purpose, a.posted, coalesce(e.amount, 0) as entries
from accounts a
left join (select account_id, sum(amount) as amount from entries group by account_id) e on e.account_id = a.id
left join (select account_id, sum(amount) as amount from hot_changes group by account_id) h on h.account_id = a.id
where a.posted + coalesce(h.amount, 0) <> coalesce(e.amount, 0);

-- law: the balance beside an entry is what was there then
select account_id, position from (
    select e.account_id, e.position, e.balance, e.amount, lag(e.balance, 1, 0::bigint) over (partition by e.account_id order by e.position) as before
    from entries e join accounts a on a.id = e.account_id and not a.hot) lines
where balance is distinct from before + amount;

-- law: what an account has on hold is what its open holds add up to
select a.id, a.purpose, a.held, coalesce(h.amount, 0) as holds
from accounts a left join (select account_id, sum(amount) as amount from holds where state = 'open' group by account_id) h on h.account_id = a.id
where a.held <> coalesce(h.amount, 0);

-- law: no account that may not owe has less than it holds back
select id, purpose, posted, held from accounts where not below_zero and posted < held;

-- law: a hold ends once, and what was taken of it is within it
select id, state, amount, captured from holds
where (state = 'open') <> (resolved_by is null) or captured > amount or (state <> 'captured' and captured > 0);

-- law: credits are what their lots add up to
select a.id, a.posted, coalesce(l.remaining, 0) as lots, a.held, coalesce(l.held, 0) as lots_held
from accounts a
left join (select account_id, sum(remaining) as remaining, sum(held) as held from lots group by account_id) l on l.account_id = a.id
where case when a.in_lots then a.posted <> coalesce(l.remaining, 0) or a.held <> coalesce(l.held, 0) else l.account_id is not null end;

-- law: a lot has what was granted less what was drawn
select l.id, l.remaining, coalesce(sum(c.amount), 0) as changes from lots l left join lot_changes c on c.lot_id = l.id
group by l.id having l.remaining <> coalesce(sum(c.amount), 0);

-- law: what a lot holds back is what open holds reserved of it
select l.id, l.held, coalesce(sum(r.amount), 0) as reserved
from lots l left join (select r.lot_id, r.amount from held_lots r join holds h on h.id = r.hold_id and h.state = 'open') r on r.lot_id = l.id
group by l.id having l.held <> coalesce(sum(r.amount), 0);

-- law: of no journal comes back more than it moved
select j.reverses, e.account_id, o.amount, sum(e.amount) as returned
from journals j join entries e on e.journal_id = j.id left join entries o on o.journal_id = j.reverses and o.account_id = e.account_id
where j.reverses is not null
group by j.reverses, e.account_id, o.amount
having o.amount is null or sum(e.amount) not between least(-o.amount, 0) and greatest(-o.amount, 0) or bool_or(sign(e.amount) = sign(o.amount));
