-- slipway: no-transaction
DROP FUNCTION public.search_documents(text, integer);
DROP INDEX CONCURRENTLY public.documents_search_idx;
