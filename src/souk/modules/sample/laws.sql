-- law: no order counts more messages than it has
select o.id, o.message_count, count(m.id) as messages
from orders o left join messages m on m.order_id = o.id
group by o.id
having o.message_count > count(m.id);

-- law: only the two parties of an order write about it
select m.id, m.order_id, m.sender_id
from messages m join orders o on o.id = m.order_id
where m.sender_id not in (o.customer_id, o.provider_id);

-- law: an order with counted messages is not open any more
select id, state, message_count from orders where state = 'open' and message_count > 0;
