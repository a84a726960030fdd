-- law: every posting is one of a vector that is there
select p.model, p.candidate, p.term
from match_postings p left join match_vectors v on v.model = p.model and v.candidate = p.candidate and p.term = any(v.terms)
where v.candidate is null;

-- law: whoever can be found has a vector under the current model
select c.pairing, c.side, c.id
from match_candidates c join match_models m on m.pairing = c.pairing and m.state = 'current'
where not exists (select from match_vectors v where v.model = m.id and v.candidate = c.number);

-- law: a recorded ranking descends, and its total is the weighted sum of its parts
select e.record_id, e.place, e.score
from match_entries e
where e.score > (select min(b.score) from match_entries b where b.record_id = e.record_id and b.place < e.place)
   or abs(e.score - (select sum((p ->> 'weight')::float8 * (p ->> 'score')::float8) from jsonb_array_elements(e.parts) p)) > 1e-9;
