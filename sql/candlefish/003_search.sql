-- slipway: no-transaction
--
-- Full-text search over documents.
--
-- A query that an application writes itself, WHERE search @@ …, is right but does not use this index: row-level security has Postgres check
-- the organization first, because @@ is not marked leakproof, so it reads the organization's documents and compares each. Asking
-- search_documents() uses it: the function reads as the owner, for whom no rule stands before the search, and names the organization itself.
CREATE INDEX CONCURRENTLY documents_search_idx ON public.documents USING gin (search);

CREATE FUNCTION public.search_documents(query text, most integer DEFAULT 20)
RETURNS TABLE (id uuid, title text, rank real)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT d.id, d.title, ts_rank(d.search, websearch_to_tsquery('english', query))
    FROM public.documents d
   WHERE d.organization_id = nullif(current_setting('candlefish.organization_id', true), '')::uuid
     AND d.archived_at IS NULL
     AND d.search @@ websearch_to_tsquery('english', query)
   ORDER BY 3 DESC, d.id
   LIMIT greatest(0, least(most, 100))
$$;
-- New functions are everybody's by default; the roles step gives this one to the application.
REVOKE EXECUTE ON FUNCTION public.search_documents(text, integer) FROM PUBLIC;
COMMENT ON FUNCTION public.search_documents(text, integer) IS
  'Documents of the transaction''s organization that match, best first. The query reads as in a search engine: words, "a phrase", -not, or.';
