-- Orders as their tables and functions are now.
\ir migrations/0001_orders.sql
\ir migrations/0002_money_and_parties_follow.sql
