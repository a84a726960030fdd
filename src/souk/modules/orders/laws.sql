-- law: the history of an order is whole, and ends where the order is
select o.id, o.process, o.state, o.revision, s.steps, s.last, l.target
from orders o
left join (select order_id, count(*) as steps, max(revision) as last from order_steps group by order_id) s on s.order_id = o.id
left join order_steps l on l.order_id = o.id and l.revision = o.revision
where s.steps is distinct from o.revision or s.last is distinct from o.revision or l.target is distinct from o.state;

-- law: an order goes on from where it was
select s.order_id, s.revision, s.source, before.target
from order_steps s left join order_steps before on before.order_id = s.order_id and before.revision = s.revision - 1
where s.source is distinct from coalesce(before.target, 'start');

-- law: what an order holds is held for it, whole, by its payer
select m.order_id, m.amount, h.state, h.amount as held, p.held as by_payment
from order_money m
left join holds h on h.id = m.hold_id
left join accounts a on a.id = h.account_id
left join payments p on p.id = m.payment_id
where m.escrow = 'held' and m.amount > 0
    and not coalesce(h.state = 'open' and h.amount = m.amount and a.owner_id = m.payer_id, p.held = m.amount and p.payer_id = m.payer_id, false)
    and not coalesce(p.disputed > 0 or p.refunded > 0, false);

-- law: an order whose money is over holds nothing
select m.order_id, m.escrow, m.hold_id, p.held
from order_money m left join payments p on p.id = m.payment_id
where m.escrow in ('nothing', 'settled') and (m.hold_id is not null or coalesce(p.held, 0) <> 0);

-- law: nothing is held for an order that does not know of it
select h.id, h.amount, j.kind, j.reference_id
from holds h join journals j on j.id = h.journal_id join orders o on o.id = j.reference_id
left join order_money m on m.order_id = o.id and m.hold_id = h.id and m.escrow = 'held'
where h.state = 'open' and m.order_id is null;
