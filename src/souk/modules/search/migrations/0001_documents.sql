-- What can be searched: one row for each document of each index. Everything in it is public, and may be thrown away and made again.

create table search_documents (
    kind text not null check (kind ~ '^[a-z][a-z0-9_-]{0,39}$'),
    id uuid not null,
    -- Newer than what it replaces, or it does not replace it: events may come in any order.
    revision bigint not null,
    language text not null,
    title text not null,
    -- Words with their weights, and whatever it can be filtered by as lexemes that begin with '=': so that one index answers all of it.
    vector tsvector not null,
    -- What is counted in facets: `skills=Python`.
    terms text[] not null,
    n1 float8,
    n2 float8,
    n3 float8,
    n4 float8,
    n5 float8,
    n6 float8,
    -- On the unit sphere: the straight line between two points grows with the way between them, and an index can walk along it.
    place cube,
    boost float8 not null,
    -- Seconds since 1970: a key to sort by like the others, which a cursor holds exactly.
    at float8 not null,
    shown jsonb not null,
    updated_at timestamptz not null,
    primary key (kind, id)
) with (toast_tuple_target = 4000);

-- Without a list of what is pending: searching would have to read it each time.
create index search_matches on search_documents using gin (vector) with (fastupdate = off);
-- The orders in which documents can be walked through, where too many match to look at all of them.
create index search_by_boost on search_documents (kind, boost, id);
create index search_by_time on search_documents (kind, at, id);
create index search_by_n1 on search_documents (kind, n1, id) where n1 is not null;
create index search_by_n2 on search_documents (kind, n2, id) where n2 is not null;
create index search_by_n3 on search_documents (kind, n3, id) where n3 is not null;
create index search_by_n4 on search_documents (kind, n4, id) where n4 is not null;
create index search_by_n5 on search_documents (kind, n5, id) where n5 is not null;
create index search_by_n6 on search_documents (kind, n6, id) where n6 is not null;
create index search_by_place on search_documents using gist (kind, place) where place is not null;

-- The word itself and what is left of it without one letter: two words that differ by one slip of the hand have one of these in common.
create function search_near(word text) returns text[] language sql immutable parallel safe as $$
    select case when left(word, 1) in ('=', '~') or length(word) not between 4 and 24 or word ~ '^\d+$' then '{}'
        else array(select overlay(word placing '' from i for 1) from generate_series(1, length(word)) i) || word end
$$;

-- Every lexeme of an index, and in how many documents it is. `=…` can be filtered by, `~…` is a value of a facet.
create table search_words (
    kind text not null,
    word text collate "C" not null,
    docs integer not null,
    near text[] not null generated always as (search_near(word)) stored,
    primary key (kind, word)
);

create index search_near_words on search_words using gin (near) with (fastupdate = off);
create index search_alike_words on search_words using gin (word gin_trgm_ops) with (fastupdate = off) where near <> '{}';

-- Changes of those numbers, until they are added up: a number that every writer changed would be a queue.
create table search_changes (
    kind text not null,
    word text collate "C" not null,
    docs integer not null
);

create function search_note_words() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into search_changes (kind, word, docs) select kind, word, count(*)
        from (select kind, unnest(tsvector_to_array(vector)) as word from added
              union all select kind, '~' || unnest(terms) from added) each group by 1, 2;
    elsif tg_op = 'DELETE' then
        insert into search_changes (kind, word, docs) select kind, word, -count(*)
        from (select kind, unnest(tsvector_to_array(vector)) as word from gone
              union all select kind, '~' || unnest(terms) from gone) each group by 1, 2;
    else
        insert into search_changes (kind, word, docs) select kind, word, sum(docs)
        from (select kind, unnest(tsvector_to_array(vector)) as word, 1 as docs from added
              union all select kind, '~' || unnest(terms), 1 from added
              union all select kind, unnest(tsvector_to_array(vector)), -1 from gone
              union all select kind, '~' || unnest(terms), -1 from gone) each group by 1, 2 having sum(docs) <> 0;
    end if;
    -- A new word is known at once. In order, so that two writers cannot wait for each other.
    if tg_op <> 'DELETE' then
        insert into search_words (kind, word, docs)
        select kind, word, 0 from (
            select distinct kind, unnest(tsvector_to_array(vector) || array(select '~' || t from unnest(terms) t)) collate "C" as word from added) each
        where not exists (select from search_words w where w.kind = each.kind and w.word = each.word)
        order by 1, 2 on conflict do nothing;
    end if;
    return null;
end $$;

create trigger search_words_added after insert on search_documents
    referencing new table as added for each statement execute function search_note_words();
create trigger search_words_changed after update on search_documents
    referencing new table as added old table as gone for each statement execute function search_note_words();
create trigger search_words_gone after delete on search_documents
    referencing old table as gone for each statement execute function search_note_words();

-- What a language makes of a word: its stem, nothing where it says nothing ("the"), itself where the language is not known.
create function search_stem(language text, word text) returns text[] language sql immutable parallel safe as $$
    select case language
        when 'en' then ts_lexize('pg_catalog.english_stem', word) when 'fr' then ts_lexize('pg_catalog.french_stem', word)
        when 'ar' then ts_lexize('pg_catalog.arabic_stem', word) when 'de' then ts_lexize('pg_catalog.german_stem', word)
        when 'es' then ts_lexize('pg_catalog.spanish_stem', word) when 'it' then ts_lexize('pg_catalog.italian_stem', word)
        when 'pt' then ts_lexize('pg_catalog.portuguese_stem', word) when 'nl' then ts_lexize('pg_catalog.dutch_stem', word)
        when 'ro' then ts_lexize('pg_catalog.romanian_stem', word) when 'ru' then ts_lexize('pg_catalog.russian_stem', word)
        when 'tr' then ts_lexize('pg_catalog.turkish_stem', word) when 'sv' then ts_lexize('pg_catalog.swedish_stem', word)
        else array[word] end
$$;

-- Words with their places (`3A,17C`) and the lexemes to filter by. Words are letters and digits, so nothing has to be quoted.
create function search_vector(language text, words text[], places text[], lexemes text[]) returns tsvector language sql immutable as $$
    select coalesce((
        select string_agg('''' || lexeme || ''':' || place, ' ')::tsvector
        from unnest(words, places) each(word, place), search_stem(language, word) stems,
            lateral (select word union select unnest(stems)) made(lexeme)
        where stems is null or stems <> '{}'
    ), ''::tsvector) || array_to_tsvector(lexemes)
$$;

-- How a word was probably meant: the two likeliest that are known, by one slip of the hand, or else by how they look.
create function search_meant(about text, given text) returns table (word text, docs integer) language plpgsql stable
set pg_trgm.similarity_threshold = 0.45 set plan_cache_mode = force_generic_plan as $$
begin
    return query select w.word, w.docs from search_words w where w.kind = about and w.near && search_near(given) and w.docs > 0
        order by 6 * similarity(w.word, given) + 0.7 * ln(w.docs + 1) - 0.5 * abs(length(w.word) - length(given))
            + case when left(w.word, 1) = left(given, 1) then 1.5 else 0 end desc, w.word limit 2;
    if not found and length(given) > 5 then
        return query select w.word, w.docs from search_words w where w.kind = about and w.near <> '{}' and w.word % given and w.docs > 0
            order by 6 * similarity(w.word, given) + 0.4 * ln(w.docs + 1) desc, w.word limit 2;
    end if;
end $$;

-- What words stand for in an index: the word and its stems, words that begin like it (the last one may be unfinished), or those it was
-- probably meant to be; and in how many documents each lexeme is. `filters` are only counted,
-- and where nothing has one it says -1.
create function search_look_up(about text, languages text[], given text[], unfinished text, filters text[])
returns table (word text, how text, lexeme text, docs integer) language plpgsql stable set plan_cache_mode = force_generic_plan as $$
declare
    each text;
begin
    foreach each in array given loop
        if exists (select from unnest(languages) l where search_stem(l, each) = '{}') then
            return query select each, 'stop', each, 0;
            continue;
        end if;
        return query select each, 'known', w.word, w.docs from search_words w
            where w.kind = about and w.word = any (array(select each union select unnest(search_stem(l, each)) from unnest(languages) l));
        continue when found;
        if each = unfinished then
            return query select each, 'begins', w.word, w.docs from search_words w
                where w.kind = about and w.word >= each and w.word < each || U&'\+10FFFF' order by w.docs desc limit 8;
            continue when found;
        end if;
        return query select each, 'meant', m.word, m.docs from search_meant(about, each) m;
        if not found then
            return query select each, 'unknown', each, -1;
        end if;
    end loop;
    return query select f, 'filter', f, coalesce((select w.docs from search_words w where w.kind = about and w.word = f), -1)
        from unnest(filters) f;
end $$;

-- Add up what has changed since the last time. What is in no document any more is forgotten.
create function search_add_up(most integer) returns integer language plpgsql as $$
declare
    added integer;
begin
    with taken as (
        delete from search_changes where ctid = any (array(select ctid from search_changes limit most for update skip locked))
        returning kind, word, docs
    )
    insert into search_words as w (kind, word, docs) select t.kind, t.word, sum(t.docs) from taken t group by 1, 2 order by 1, 2
    on conflict (kind, word) do update set docs = greatest(w.docs + excluded.docs, 0);
    get diagnostics added = row_count;
    if added > 0 then
        delete from search_words w where w.docs <= 0
            and not exists (select from search_changes c where c.kind = w.kind and c.word = w.word);
    end if;
    return added;
end $$;
