-- Payments as they are now.
\ir migrations/0001_payments.sql
\ir migrations/0002_sandbox.sql
