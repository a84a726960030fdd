-- What handlers of the tests leave behind. Nothing here is unique, so that an effect that happens twice is seen twice.
create table effects (
    id bigint generated always as identity primary key,
    what text not null,
    at timestamptz not null default clock_timestamp()
);

-- How often a worker vanished with a job: the jobs themselves are gone when the story ends.
create table losses (job uuid not null);

create function note_loss() returns trigger language plpgsql as $$
begin
    insert into losses values (new.id);
    return new;
end
$$;

create trigger note_loss after update of losses on jobs for each row when (new.losses > old.losses) execute function note_loss();
