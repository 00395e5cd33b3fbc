-- slipway: no-transaction
DROP TRIGGER messages_refuse_reply_cycle ON public.messages;
DROP FUNCTION public.refuse_reply_cycle();
ALTER TABLE public.messages DROP CONSTRAINT messages_not_its_own_reply_check;
DROP INDEX CONCURRENTLY public.messages_reply_to_id_idx;
DROP INDEX CONCURRENTLY public.projects_search_idx;
DROP INDEX CONCURRENTLY public.messages_search_idx;
