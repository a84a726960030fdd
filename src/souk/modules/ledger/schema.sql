-- The ledger as it is now.
\ir migrations/0001_accounts.sql
\ir migrations/0002_posting.sql
\ir migrations/0003_lots.sql
