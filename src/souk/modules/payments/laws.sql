-- law: every captured payment came in once, whole, from its provider to its payer
select p.id, p.captured from payments p where p.state = 'captured' and (
    not exists (
        select from entries e join accounts a on a.id = e.account_id
        where e.journal_id = p.captured_by and e.amount = p.captured and a.owner_id = p.payer_id and a.purpose = 'wallet' and a.asset = p.currency)
    or not exists (
        select from entries e join accounts a on a.id = e.account_id
        where e.journal_id = p.captured_by and e.amount = -p.captured and a.purpose = 'clearing:' || p.provider));

-- law: nothing came in but by a captured payment
select j.id, j.reference_id from journals j
where j.kind = 'payment.captured' and not exists (select from payments p where p.captured_by = j.id);

-- law: what was sent back of a payment is what its refunds add up to
select coalesce(p.id, r.payment_id) as id, coalesce(p.refunded, 0) as refunded, coalesce(r.amount, 0) as refunds
from (select id, refunded from payments where refunded <> 0) p
full join (select payment_id, sum(amount) as amount from refunds where state <> 'failed' group by payment_id) r on r.payment_id = p.id
where coalesce(p.refunded, 0) <> coalesce(r.amount, 0);

-- law: of no payment more is sent back than was captured
select p.id, p.captured, r.amount
from payments p join (select payment_id, sum(amount) as amount from refunds where state <> 'failed' group by payment_id) r on r.payment_id = p.id
where r.amount > p.captured;

-- law: a refund left for the provider, and one that failed came back
select r.id, r.state, r.amount, coalesce(m.amount, 0) as moved
from refunds r left join (
    select j.reference_id, a.purpose, sum(e.amount) as amount
    from refunds x join journals j on j.reference_id = x.id join entries e on e.journal_id = j.id
    join accounts a on a.id = e.account_id and a.purpose like 'clearing:%'
    group by j.reference_id, a.purpose) m on m.reference_id = r.id and m.purpose = 'clearing:' || r.provider
where coalesce(m.amount, 0) <> case r.state when 'failed' then 0 else r.amount end;

-- law: what a payment holds is held in its payer's wallet
select p.id, p.held, h.state, h.amount
from payments p left join holds h on h.id = p.hold_id left join accounts a on a.id = h.account_id
where p.held > 0 and (h.state is distinct from 'open' or h.amount <> p.held or a.owner_id <> p.payer_id);

-- law: every captured escrow is held, released, sent back or disputed
select p.id, p.captured, p.held, r.amount as sent_back, d.amount as disputed
from payments p
left join (select payment_id, sum(amount) as amount from refunds where source = 'hold' and state <> 'failed' group by payment_id) r on r.payment_id = p.id
left join (select payment_id, sum(from_hold) as amount from payment_disputes where state <> 'won' group by payment_id) d
    on d.payment_id = p.id
where p.escrow and p.state = 'captured' and p.released_by is null and p.held + coalesce(r.amount, 0) + coalesce(d.amount, 0) <> p.captured;

-- law: the fee that was returned is what refunds returned of it
select p.id, p.fee_returned, coalesce(r.amount, 0) as refunds
from payments p
left join (select payment_id, sum(fee_returned) as amount from refunds where state <> 'failed' group by payment_id) r on r.payment_id = p.id
where p.fee_returned <> coalesce(r.amount, 0);

-- law: every payout is what left its owner's wallet for it: in transit until it is paid, and back there if it is not
select o.id, o.state, o.amount, o.netted, m.wallet, m.kept, m.transit, m.away
from payouts o
left join (
    select j.reference_id,
        coalesce(sum(e.amount) filter (where a.purpose = 'wallet' and j.kind like 'payout.%'), 0) as wallet,
        coalesce(sum(e.amount) filter (where a.purpose = 'receivable' and j.key = 'payout ' || j.reference_id || ' netted'), 0) as kept,
        coalesce(sum(e.amount) filter (where a.purpose = 'payouts'), 0) as transit,
        coalesce(sum(e.amount) filter (where a.purpose like 'clearing:%'), 0) as away
    from payouts p join journals j on j.reference_id = p.id join entries e on e.journal_id = j.id join accounts a on a.id = e.account_id
    group by j.reference_id) m on m.reference_id = o.id
where m.wallet is distinct from case when o.state in ('failed', 'returned', 'declined', 'canceled') then 0 else -o.amount end
    or m.transit <> case when o.state in ('requested', 'approved', 'unknown', 'sent') then o.amount else 0 end
    or m.away <> case o.state when 'paid' then o.amount else 0 end
    or m.kept <> o.netted;

-- law: in transit is what payouts on their way add up to
select t.asset, t.amount, coalesce(o.amount, 0) as payouts
from (
    select a.asset, sum(e.amount) as amount from accounts a join entries e on e.account_id = a.id where a.purpose = 'payouts' group by a.asset) t
left join (
    select currency, sum(amount) as amount from payouts where state in ('requested', 'approved', 'unknown', 'sent') group by currency) o
    on o.currency = t.asset
where t.amount <> coalesce(o.amount, 0);

-- law: a payout leaves when as many people as it needs have let it go, and its receiver is none of them
select o.id, o.state, o.approvals_needed, count(a.person_id) as approvals
from payouts o left join payout_approvals a on a.payout_id = o.id
where o.state not in ('declined', 'canceled') group by o.id
having (o.state <> 'requested' and count(a.person_id) < o.approvals_needed) or bool_or(a.person_id = o.person_id);

-- law: nobody is owed by those who owe
select id, owner_id, asset, posted from accounts where purpose = 'receivable' and posted > 0;

-- law: what is disputed of a payment is what its chargebacks took
select p.id, p.disputed, coalesce(d.amount, 0) as chargebacks
from payments p
left join (select payment_id, sum(amount) as amount from payment_disputes where state <> 'won' group by payment_id) d on d.payment_id = p.id
where p.disputed <> coalesce(d.amount, 0);

-- law: a chargeback and its fee left for the provider, and what was won came back
select d.id, d.state, d.amount, d.fee, coalesce(m.away, 0) as away, coalesce(m.fees, 0) as fees
from payment_disputes d
left join (
    select j.reference_id, sum(e.amount) filter (where a.purpose like 'clearing:%') as away,
        sum(e.amount) filter (where a.purpose = 'provider_fees') as fees
    from payment_disputes x join journals j on j.reference_id = x.id join entries e on e.journal_id = j.id join accounts a on a.id = e.account_id
    group by j.reference_id) m on m.reference_id = d.id
where coalesce(m.away, 0) <> d.fee + case d.state when 'won' then 0 else d.amount end or coalesce(m.fees, 0) <> -d.fee;

-- law: where provider and ledger do not agree, somebody has explained it within a day
select d.id, d.provider, d.kind, d.what, d.source, d.there, d.here, d.found_at
from reconciliation_differences d, business_clock c
where d.explained_at is null and d.found_at < clock_timestamp() + c.ahead - interval '1 day';

-- law: nothing is at a provider's without an end for ten days
select o.id, o.state, o.amount, o.sent_at from payouts o, business_clock c
where o.state in ('unknown', 'sent') and o.sent_at < clock_timestamp() + c.ahead - interval '10 days';
