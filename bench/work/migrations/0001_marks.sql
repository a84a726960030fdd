-- One row for each job that wrote: a job that took effect twice is refused here, and shows.
create table marks (
    number integer primary key,
    -- The machine's time at which the handler began.
    handled_at double precision not null
);
