-- How far this market's business clock is ahead of the machine's. Only development and tests ever move it.
create table business_clock (
    only_row boolean primary key default true check (only_row),
    -- Deadlines that were met must stay met: time never runs backwards.
    ahead interval not null default '0' check (ahead >= '0')
);

insert into business_clock default values;

-- Makes a table a record of what happened: rows are added and read, never changed or removed. Whoever may write it by
-- accident is stopped by the missing right, and whoever has every right (the owner, in psql) by the trigger.
create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception 'the rows of % are never changed or removed', tg_table_name using errcode = 'insufficient_privilege';
end $$;

create function append_only(kept regclass) returns void language plpgsql as $$
begin
    execute format('revoke update, delete, truncate on %s from %I', kept, current_setting('souk.runtime_role'));
    execute format('create trigger append_only before update or delete or truncate on %s for each statement execute function refuse_change()', kept);
end $$;

-- What a statement may not go on without: `insert … values (must_exist((select id from orders where …)), …)`. Where there is
-- none the whole statement fails, and nothing else of it happens: no event rides on a change that was not allowed.
create function must_exist(id uuid) returns uuid language plpgsql stable as $$
begin
    if id is null then
        raise no_data_found using message = 'a row that must exist does not, or is not for the caller';
    end if;
    return id;
end $$;
