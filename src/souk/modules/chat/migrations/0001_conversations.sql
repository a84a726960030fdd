create table conversations (
    id uuid primary key,
    -- Made of who takes part and what it is about: the same people and matter find the same conversation. It is given up when
    -- somebody joins or leaves a group, because then they are not the same people any more.
    key uuid unique,
    about_kind text check (about_kind ~ '^[a-z][a-z0-9_]{0,39}$'),
    about_id uuid,
    title text check (length(title) between 1 and 200),
    -- Of two people for good: nobody is added, nobody leaves. Staff may join all the same.
    direct boolean not null,
    -- Nobody, where the market began it.
    begun_by uuid,
    begun_at timestamptz not null,
    -- How many messages it has had. The next one takes the next place, so order does not depend on anybody's clock.
    places bigint not null default 0 check (places >= 0),
    -- How often it changed who takes part: who writes names the number that their list of readers is of.
    roster integer not null default 0,
    check ((about_kind is null) = (about_id is null))
);

create index conversations_about on conversations (about_kind, about_id) where about_kind is not null;

create type participant_role as enum ('member', 'staff');

create table participants (
    conversation_id uuid not null references conversations,
    person_id uuid not null,
    role participant_role not null default 'member',
    joined_at timestamptz not null,
    -- Who has left sees nothing of it any more; the row stays, because others may see that they were there.
    left_at timestamptz,
    -- What stands at this place or before it was said before they came.
    from_place bigint not null default 0,
    delivered_place bigint not null default 0,
    read_place bigint not null default 0,
    -- Kept, not counted: messages of others behind `read_place`.
    unread integer not null default 0 check (unread >= 0),
    touched_at timestamptz not null,
    archived boolean not null default false,
    muted boolean not null default false,
    primary key (conversation_id, person_id),
    check (left_at is null or unread = 0),
    -- What was read has arrived.
    check (read_place <= delivered_place)
);

-- A person's own conversations, the latest first.
create index participants_of_person on participants (person_id, touched_at desc, conversation_id desc) where left_at is null;

create table unread_totals (
    person_id uuid primary key,
    unread bigint not null check (unread >= 0)
);

comment on table unread_totals is 'What a person has not read, in all their conversations: the number on the badge.';

create table chat_messages (
    id uuid primary key,
    conversation_id uuid not null references conversations,
    place bigint not null,
    -- Nobody, where the market itself says something.
    author_id uuid,
    type text not null check (type ~ '^[a-z][a-z0-9_]{0,39}$'),
    content text not null check (length(content) <= 4000),
    payload jsonb,
    files uuid[] not null default '{}',
    reply_to uuid,
    client_id text,
    -- Whether it makes anybody's number of unread messages larger. Notices of who came and went do not.
    counts boolean not null,
    -- What the market's policy saw in it and let pass.
    flags text[] not null default '{}',
    sent_at timestamptz not null,
    edited_at timestamptz,
    deleted_at timestamptz,
    deleted_by uuid,
    -- Its words without case and accents, for searching.
    words tsvector not null,
    unique (conversation_id, place),
    -- A tombstone says nothing.
    check (deleted_at is null or (content = '' and payload is null and files = '{}'))
);

-- A client that asks again under its own id has posted once.
create unique index chat_messages_once on chat_messages (author_id, client_id) where client_id is not null;
create index chat_messages_by_word on chat_messages using gin (words);
create index chat_messages_of_author on chat_messages (author_id, id desc) where author_id is not null;
create index chat_messages_flagged on chat_messages (id desc) where flags <> '{}';

create table chat_versions (
    message_id uuid not null references chat_messages,
    content text not null,
    why text not null check (why in ('masked', 'edited', 'deleted')),
    until timestamptz not null,
    id bigint generated always as identity primary key
);

comment on table chat_versions is 'What a message said before it was masked, edited or deleted: for staff.';

create index chat_versions_of_message on chat_versions (message_id, id);

create type report_outcome as enum ('dismissed', 'warned', 'removed');

create table chat_reports (
    id uuid primary key,
    message_id uuid not null references chat_messages,
    conversation_id uuid not null references conversations,
    -- Nobody, once they have been forgotten.
    reporter_id uuid,
    reason text not null,
    note text not null check (length(note) <= 2000),
    reported_at timestamptz not null,
    outcome report_outcome,
    resolved_by uuid,
    resolution text,
    resolved_at timestamptz,
    -- Nobody reports the same message twice.
    unique (message_id, reporter_id),
    -- Nothing is resolved without a word of why.
    check ((outcome is null) = (resolved_at is null) and (outcome is null) = (coalesce(resolution, '') = ''))
);

-- The queue: what waits, the oldest first.
create index chat_reports_waiting on chat_reports (id) where outcome is null;
create index chat_reports_of_person on chat_reports (reporter_id);

-- Locks are taken in one order everywhere: the conversation, its participants, the totals by person. So nobody waits in a circle.

-- Adds to what people have not read. `by` is the same for all of them.
create function add_to_totals(people uuid[], by integer) returns void language sql as $$
    insert into unread_totals as t (person_id, unread)
    select person, greatest(by, 0) from unnest(people) person order by person
    on conflict (person_id) do update set unread = t.unread + by
$$;

-- Writes a message: its place, the others' unread counts and totals, and what it said before it was masked, if it was.
create function post_message(
    message uuid, conversation uuid, as_of integer, author uuid, kind text, said text, card text, files uuid[], answers uuid,
    client text, counted boolean, flags text[], found_by text, at timestamptz, original text
) returns setof chat_messages language plpgsql as $$
declare
    mine bigint;
    others uuid[];
begin
    update conversations c set places = c.places + 1 where c.id = conversation and c.roster = as_of returning c.places into mine;
    if mine is null then
        raise exception 'somebody came or left meanwhile' using errcode = 'serialization_failure';
    end if;
    if answers is not null and not exists (select from chat_messages m where m.id = answers and m.conversation_id = conversation) then
        raise no_data_found using message = 'what is answered does not stand in this conversation';
    end if;
    with told as (
        update participants p set touched_at = at, archived = false,
            unread = p.unread + case when counted and p.person_id is distinct from author then 1 else 0 end
        where p.conversation_id = conversation and p.left_at is null
        returning p.person_id
    )
    select coalesce(array_agg(t.person_id), '{}') into others from told t where counted and t.person_id is distinct from author;
    perform add_to_totals(others, 1);
    return query
    insert into chat_messages as m
        (id, conversation_id, place, author_id, type, content, payload, files, reply_to, client_id, counts, flags, sent_at, words)
    values (message, conversation, mine, author, kind, said, card::jsonb, post_message.files, answers, client,
        counted, post_message.flags, at, to_tsvector('simple', found_by))
    returning m.*;
    if original is not null then
        insert into chat_versions (message_id, content, why, until) values (message, original, 'masked', at);
    end if;
end
$$;

-- Notes how far somebody has got. Statements of a function see what was committed before each of them: what is counted here has
-- been seen after their row was locked, so a message that comes at this moment is counted either here or by who posts it.
create function got_to(conversation uuid, person uuid, upto bigint, has_read boolean) returns integer language plpgsql as $$
declare
    mine participants;
    left_over integer;
begin
    select p.* into mine from participants p
    where p.conversation_id = conversation and p.person_id = person and p.left_at is null for update;
    if not found then
        raise no_data_found using message = 'whoever does not take part reads nothing';
    end if;
    if not has_read then
        update participants p set delivered_place = greatest(p.delivered_place, upto)
        where p.conversation_id = conversation and p.person_id = person;
        return mine.unread;
    end if;
    if upto <= mine.read_place then
        return mine.unread;
    end if;
    select count(*) into left_over from chat_messages m
    where m.conversation_id = conversation and m.place > greatest(upto, mine.from_place) and m.author_id is distinct from person
        and m.counts and m.deleted_at is null;
    update participants p set read_place = upto, delivered_place = greatest(p.delivered_place, upto), unread = left_over
    where p.conversation_id = conversation and p.person_id = person;
    perform add_to_totals(array[person], left_over - mine.unread);
    return left_over;
end
$$;

-- Leaves a tombstone, keeps what it said for staff, and takes it from the counts of those who had not read it.
create function delete_message(message uuid, remover uuid, at timestamptz) returns setof chat_messages language plpgsql as $$
declare
    gone chat_messages;
    relieved uuid[];
begin
    perform from conversations c where c.id = (select m.conversation_id from chat_messages m where m.id = message) for update;
    select m.* into gone from chat_messages m where m.id = message and m.deleted_at is null for update;
    if not found then
        raise no_data_found using message = 'there is no such message any more';
    end if;
    insert into chat_versions (message_id, content, why, until) values (message, gone.content, 'deleted', at);
    if gone.counts then
        with told as (
            update participants p set unread = p.unread - 1
            where p.conversation_id = gone.conversation_id and p.left_at is null and p.person_id is distinct from gone.author_id
                and greatest(p.read_place, p.from_place) < gone.place
            returning p.person_id
        )
        select coalesce(array_agg(t.person_id), '{}') into relieved from told t;
        perform add_to_totals(relieved, -1);
    end if;
    return query update chat_messages m
    set content = '', payload = null, files = '{}', words = '', deleted_at = at, deleted_by = remover where m.id = message returning m.*;
end
$$;

-- Lets somebody take part, or again. Members see what is said from now on, staff everything. Answers the new number of the roster.
create function join_conversation(conversation uuid, person uuid, part participant_role, at timestamptz) returns integer
language plpgsql as $$
declare
    known conversations;
    since bigint;
begin
    update conversations c set roster = c.roster + 1, key = case when part = 'staff' then c.key end
    where c.id = conversation returning c.* into known;
    if known.id is null then
        raise no_data_found using message = 'there is no such conversation';
    end if;
    since := case when part = 'staff' then 0 else known.places end;
    insert into participants as p
        (conversation_id, person_id, role, joined_at, from_place, delivered_place, read_place, touched_at)
    values (conversation, person, part, at, since, known.places, known.places, at)
    on conflict (conversation_id, person_id) do update set role = excluded.role, joined_at = excluded.joined_at, left_at = null,
        from_place = excluded.from_place, delivered_place = excluded.delivered_place, read_place = excluded.read_place,
        touched_at = excluded.touched_at, archived = false
    where p.left_at is not null;
    return known.roster;
end
$$;

-- Ends somebody's part; what they had not read counts no more.
create function leave_conversation(conversation uuid, person uuid, at timestamptz) returns integer language plpgsql as $$
declare
    part participants;
begin
    perform from conversations c where c.id = conversation for update;
    select p.* into part from participants p
    where p.conversation_id = conversation and p.person_id = person and p.left_at is null for update;
    if not found then
        raise no_data_found using message = 'whoever does not take part cannot leave';
    end if;
    update participants p set left_at = at, unread = 0 where p.conversation_id = conversation and p.person_id = person;
    if part.unread > 0 then
        perform add_to_totals(array[person], -part.unread);
    end if;
    update conversations c set roster = c.roster + 1, key = case when part.role = 'staff' then c.key end where c.id = conversation;
    return part.unread;
end
$$;

-- Begins a conversation, or finds the one of the same key. Of two who begin it at once, the second waits and finds it.
create function begin_conversation(
    conversation uuid, sought uuid, kind text, matter uuid, called text, is_direct boolean, beginner uuid, people uuid[], at timestamptz
) returns table (which uuid, is_new boolean) language plpgsql as $$
begin
    insert into conversations (id, key, about_kind, about_id, title, direct, begun_by, begun_at)
    values (conversation, sought, kind, matter, called, is_direct, beginner, at)
    on conflict (key) do nothing;
    select c.id, c.id = conversation into which, is_new from conversations c
    where c.id = conversation or (sought is not null and c.key = sought);
    if is_new then
        insert into participants (conversation_id, person_id, joined_at, touched_at)
        select conversation, person, at, at from unnest(people) person;
    else
        update participants p set archived = false where p.conversation_id = which and p.person_id = beginner;
    end if;
    return next;
end
$$;
