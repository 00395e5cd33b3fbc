-- slipway: no-transaction
--
-- Search over messages and projects, and threads that always end. Where a database was taken over these tables are full,
-- so each index is built beside the writes.

-- Exactly the expression of the product's query: Postgres compares expressions, and would not use a stored tsvector for it.
CREATE INDEX CONCURRENTLY messages_search_idx ON public.messages USING gin (to_tsvector('english', content));

CREATE INDEX CONCURRENTLY projects_search_idx ON public.projects
  USING gin (to_tsvector('english', name || ' ' || coalesce(description, '')));

CREATE INDEX CONCURRENTLY messages_reply_to_id_idx ON public.messages (reply_to_id);

-- The product's recursive query uses UNION ALL: on a cycle it would never end.
ALTER TABLE public.messages ADD CONSTRAINT messages_not_its_own_reply_check CHECK (reply_to_id <> id) NOT VALID;
ALTER TABLE public.messages VALIDATE CONSTRAINT messages_not_its_own_reply_check;

CREATE FUNCTION public.refuse_reply_cycle() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  ancestor uuid := NEW.reply_to_id;
BEGIN
  -- A new message closes a circle only where another already replies to it, in the same INSERT; nearly always one index look-up.
  IF TG_OP = 'INSERT' AND NOT EXISTS (SELECT FROM public.messages WHERE reply_to_id = NEW.id) THEN
    RETURN NEW;
  END IF;
  -- The lock makes two transactions that each write half of a circle wait for one another, so that one of them sees it or is ended.
  WHILE ancestor IS NOT NULL LOOP
    IF ancestor = NEW.id THEN
      RAISE EXCEPTION USING
        ERRCODE = 'check_violation',
        CONSTRAINT = 'messages_no_reply_cycle',
        MESSAGE = format('message %s cannot reply to %s, which is a reply to it', NEW.id, NEW.reply_to_id),
        HINT = 'A thread runs from its first message outwards.';
    END IF;
    SELECT reply_to_id INTO ancestor FROM public.messages WHERE id = ancestor FOR SHARE;
  END LOOP;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION public.refuse_reply_cycle() IS 'Keeps a message from replying, through others, to itself.';

CREATE TRIGGER messages_refuse_reply_cycle BEFORE INSERT OR UPDATE OF id, reply_to_id ON public.messages
  FOR EACH ROW WHEN (NEW.reply_to_id IS NOT NULL) EXECUTE FUNCTION public.refuse_reply_cycle();

-- From here on no circle can be written; one that a database brought along is named instead of left to hang a query.
DO $$
DECLARE
  circle uuid;
BEGIN
  WITH RECURSIVE upwards AS (
    SELECT id, reply_to_id FROM public.messages WHERE reply_to_id IS NOT NULL
    UNION ALL
    SELECT u.id, m.reply_to_id FROM upwards u JOIN public.messages m ON m.id = u.reply_to_id WHERE u.reply_to_id <> u.id
  ) CYCLE id, reply_to_id SET seen USING path
  SELECT id INTO circle FROM upwards WHERE reply_to_id = id OR seen LIMIT 1;
  IF circle IS NOT NULL THEN
    RAISE EXCEPTION 'message % is, through others, a reply to itself', circle
      USING ERRCODE = 'check_violation', HINT = 'Set reply_to_id of one message of this thread to NULL, and run the file again.';
  END IF;
END $$;
