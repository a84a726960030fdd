-- When workers are busy: what a function of the market writes while an order takes a step.
create table slots (
    worker_id uuid not null,
    slot integer not null,
    visit_id uuid not null,
    primary key (worker_id, slot)
);
comment on table slots is 'Hours in which a worker is taken, and by what.';
