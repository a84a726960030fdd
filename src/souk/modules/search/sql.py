"""The statements of the index. Those that find are put together in `finding.py`, of parts that stand there."""

from __future__ import annotations

from uuid import UUID

import msgspec

from souk.kernel.db import count, many, only, values

LOCK = count("select pg_advisory_xact_lock(hashtextextended('souk search ' || $1 || ' ' || each, 0)) from unnest($2::text[]) each")
"""Whoever looks at a document again does so alone: what is read after this is as new as what is written then. Ids stand in order."""

PUT = count(
    """insert into search_documents (kind, id, revision, language, title, vector, terms, n1, n2, n3, n4, n5, n6, place, boost, at, shown,
                                     updated_at)
       select $1, d.id, d.revision, d.language, d.title, search_vector(d.language, d.words, d.places, d.lexemes), d.terms,
              d.numbers[1], d.numbers[2], d.numbers[3], d.numbers[4], d.numbers[5], d.numbers[6],
              case when d.point is not null then cube(d.point) end, d.boost, d.at, d.shown, $3
       from jsonb_to_recordset($2::text::jsonb) d(id uuid, revision bigint, language text, title text, words text[], places text[],
            lexemes text[], terms text[], numbers float8[], point float8[], boost float8, at float8, shown jsonb)
       order by d.id
       on conflict (kind, id) do update set revision = excluded.revision, language = excluded.language, title = excluded.title,
           vector = excluded.vector, terms = excluded.terms, n1 = excluded.n1, n2 = excluded.n2, n3 = excluded.n3, n4 = excluded.n4,
           n5 = excluded.n5, n6 = excluded.n6, place = excluded.place, boost = excluded.boost, at = excluded.at, shown = excluded.shown,
           updated_at = excluded.updated_at
       where search_documents.revision <= excluded.revision"""
)

REMOVE = count("delete from search_documents where kind = $1 and id = any($2::uuid[])")

KNOWN_BETWEEN = values(
    UUID,
    """select id from search_documents
       where kind = $1 and ($2::uuid is null or id > $2) and ($3::uuid is null or id <= $3) order by id limit $4""",
)
"""What the index has between two ids: during a rebuild, what is not there any more shows itself so."""

COUNTS = only(int, """select count(*) as "count!" from search_documents where kind = $1""")

ADD_UP = only(int, 'select search_add_up($1) as "added!"')


class Looked(msgspec.Struct, frozen=True):
    """What a word, or a filter, stands for."""

    word: str
    how: str
    lexeme: str
    docs: int


LOOK_UP = many(
    Looked,
    """select word as "word!", how as "how!", lexeme as "lexeme!", docs as "docs!"
       from search_look_up($1, $2::text[], $3::text[], $4::text, $5::text[])""",
)

BEGINS = values(
    str,
    """select title from search_documents where kind = $1 and vector @@ $2::text::tsquery
       group by title order by max(boost) desc, title limit $3""",
)
