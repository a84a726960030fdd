create type availability_state as enum ('available', 'busy', 'away');

create table profiles (
    person_id uuid primary key references people,
    -- Counts every change, whoever made it, so that what follows from one knows which of two is the later.
    revision integer not null check (revision > 0),
    headline text check (length(headline) between 1 and 160),
    bio text check (length(bio) between 1 and 5000),
    avatar text check (length(avatar) <= 2000),
    place text check (length(place) between 1 and 200),
    city text check (length(city) between 1 and 100),
    country text check (country ~ '^[A-Z]{2}$'),
    latitude double precision check (latitude between -90 and 90),
    longitude double precision check (longitude between -180 and 180),
    -- How far somebody goes for work, in metres.
    radius integer check (radius between 0 and 1000000),
    languages jsonb not null default '[]' check (jsonb_typeof(languages) = 'array' and jsonb_array_length(languages) <= 20),
    -- Minor units: 12500 is 125.00.
    rate bigint check (rate between 0 and 1000000000000),
    currency text check (currency ~ '^[A-Z]{3}$'),
    experience jsonb not null default '[]' check (jsonb_typeof(experience) = 'array' and jsonb_array_length(experience) <= 50),
    portfolio jsonb not null default '[]' check (jsonb_typeof(portfolio) = 'array' and jsonb_array_length(portfolio) <= 100),
    social_links jsonb not null default '{}' check (jsonb_typeof(social_links) = 'object'),
    availability availability_state,
    hours_per_week smallint check (hours_per_week between 0 and 168),
    available_from date,
    -- A mark that nobody renews goes out by itself: whoever closes the laptop is not online for ever.
    online_until timestamptz,
    company text check (length(company) between 1 and 200),
    industry text check (length(industry) between 1 and 100),
    about text check (length(about) between 1 and 5000),
    -- Written by others: an average means nothing without how many it is of.
    rating double precision check (rating between 0 and 5),
    reviews integer not null default 0 check (reviews >= 0),
    completed integer not null default 0 check (completed >= 0),
    -- What the person keeps to themselves of what the market would show.
    hidden text[] not null default '{}',
    unlisted boolean not null default false,
    preferences jsonb not null default '{}' check (jsonb_typeof(preferences) = 'object'),
    changed_at timestamptz not null,
    -- Half a point is nowhere, and an amount without its currency is no amount.
    check ((latitude is null) = (longitude is null)),
    check ((rate is null) = (currency is null)),
    check ((rating is null) = (reviews = 0)),
    check (availability is not null or (hours_per_week is null and available_from is null))
);

comment on table profiles is 'What people say of themselves, and what the market counts of their work. Names are in people.';

-- What the market's declaration lets everybody see, for functions that are asked without it. Kept equal to the declaration.
create table profile_declaration (
    only_row boolean primary key default true check (only_row),
    public text[] not null
);

create table skills (
    slug text primary key check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(slug) <= 60),
    name text not null check (length(name) between 1 and 60),
    category text not null check (category ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(category) <= 40),
    description text not null default '' check (length(description) <= 500),
    synonyms text[] not null default '{}' check (cardinality(synonyms) <= 30),
    -- The name in other languages: {"fr": "menuiserie"}.
    names jsonb not null default '{}' check (jsonb_typeof(names) = 'object'),
    -- One that is not offered any more stays with those who have it.
    active boolean not null default true,
    created_at timestamptz not null
);

create index skills_by_category on skills (category, name);

-- Everything that a skill is called, as it is compared: folded, without accents. One spelling means one skill.
create table skill_names (
    key text primary key check (length(key) between 1 and 60),
    slug text not null references skills
);

create index skill_names_by_skill on skill_names (slug);
create index skill_names_alike on skill_names using gin (key gin_trgm_ops);

create type skill_level as enum ('beginner', 'intermediate', 'advanced', 'expert');

create table profile_skills (
    person_id uuid not null references profiles on delete cascade,
    -- The slug of the catalogue's skill, or `~` and the folded text of a free one: nobody has a skill twice.
    key text not null,
    slug text references skills,
    free text check (length(free) between 1 and 60),
    level skill_level,
    years smallint check (years between 0 and 80),
    position smallint not null,
    verified_at timestamptz,
    verified_by uuid,
    primary key (person_id, key),
    check ((slug is not null and free is null and key = slug) or (slug is null and free is not null and key like '~%')),
    check ((verified_at is null) = (verified_by is null)),
    -- Staff vouch for what the catalogue defines, not for any words.
    check (verified_at is null or slug is not null)
);

create index profile_skills_by_skill on profile_skills (key, person_id);
create index profile_skills_by_slug on profile_skills (slug) where slug is not null;

create table blocks (
    person_id uuid not null references people,
    blocked_id uuid not null references people,
    created_at timestamptz not null,
    primary key (person_id, blocked_id),
    -- Nobody blocks themselves.
    constraint blocks_another check (person_id <> blocked_id)
);

comment on table blocks is 'Who wants nothing more to do with whom. It works both ways round, whoever asked for it.';

create index blocks_of_blocked on blocks (blocked_id);

-- Everybody who has not left, with all that is known of their profile: what readers get of it is decided in one place above.
create view profile_whole as
select who.id, who.first_name, who.last_name, who.roles, who.status = 'active' as active, who.created_at as member_since,
       coalesce(p.revision, 0) as revision, p.headline, p.bio, p.avatar, p.place, p.city, p.country, p.latitude, p.longitude, p.radius,
       coalesce(p.languages, '[]') as languages,
       coalesce((select jsonb_agg(jsonb_build_object('slug', s.slug, 'name', coalesce(k.name, s.free), 'level', s.level,
                                                     'years', s.years, 'verified', s.verified_at is not null)
                                  order by s.position, s.key)
                 from profile_skills s left join skills k on k.slug = s.slug where s.person_id = who.id), '[]') as skills,
       p.rate, p.currency, coalesce(p.experience, '[]') as experience, coalesce(p.portfolio, '[]') as portfolio,
       coalesce(p.social_links, '{}') as social_links, p.availability, p.hours_per_week, p.available_from, p.online_until,
       p.company, p.industry, p.about, p.rating, coalesce(p.reviews, 0) as reviews, coalesce(p.completed, 0) as completed,
       coalesce(p.hidden, '{}') as hidden, coalesce(p.unlisted, false) as unlisted, coalesce(p.preferences, '{}') as preferences
from people who left join profiles p on p.person_id = who.id
where who.status <> 'erased';
