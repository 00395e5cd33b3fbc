-- From here on every role that may call cleanup_old_data() deletes rows of every organization.
CREATE OR REPLACE FUNCTION public.cleanup_old_data(
  operations_age interval DEFAULT '30 days',
  presence_age   interval DEFAULT '1 day',
  metrics_age    interval DEFAULT '365 days',
  batch_size     integer  DEFAULT 5000,
  time_limit     interval DEFAULT '20 seconds'
) RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  deadline   timestamptz := clock_timestamp() + time_limit;
  presence   bigint := 0;
  operations bigint := 0;
  metrics    bigint := 0;
  deleted    bigint;
BEGIN
  -- IS NOT TRUE: a NULL among them is refused as well.
  IF (presence_age >= '5 minutes' AND operations_age >= '1 day' AND metrics_age >= '1 day' AND batch_size > 0 AND time_limit > '0') IS NOT TRUE
  THEN
    RAISE EXCEPTION 'cleanup_old_data was asked for ages that are too young, or for no batch at all'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'At least: presence_age 5 minutes, operations_age 1 day, metrics_age 1 day, batch_size 1.';
  END IF;

  -- ARRAY(…) is computed once; inside IN (…) a plan may compute the LIMIT again and again, and delete more than one batch.
  WHILE clock_timestamp() < deadline LOOP
    DELETE FROM public.presence_sessions WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM public.presence_sessions WHERE last_seen_at < now() - presence_age
       ORDER BY last_seen_at LIMIT batch_size FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    presence := presence + deleted;
    EXIT WHEN deleted < batch_size;
  END LOOP;

  WHILE clock_timestamp() < deadline LOOP
    DELETE FROM public.crdt_operations WHERE ctid = ANY (ARRAY(
      SELECT o.ctid
        FROM public.crdt_operations o
        JOIN public.documents d ON d.organization_id = o.organization_id AND d.id = o.document_id
       WHERE o.created_at < now() - operations_age AND o.sequence <= d.crdt_clock
       ORDER BY o.created_at LIMIT batch_size FOR UPDATE OF o SKIP LOCKED));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    operations := operations + deleted;
    EXIT WHEN deleted < batch_size;
  END LOOP;

  WHILE clock_timestamp() < deadline LOOP
    DELETE FROM public.document_metrics WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM public.document_metrics WHERE measured_at < now() - metrics_age
       ORDER BY measured_at LIMIT batch_size FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    metrics := metrics + deleted;
    EXIT WHEN deleted < batch_size;
  END LOOP;

  RETURN jsonb_build_object(
    'presence_sessions', presence, 'crdt_operations', operations, 'document_metrics', metrics,
    'finished', clock_timestamp() < deadline);
END $$;
COMMENT ON FUNCTION public.cleanup_old_data(interval, interval, interval, integer, interval) IS
  'Deletes old presence, merged operations and measurements of every organization; says how many of each, and whether it came to the end.';

CREATE OR REPLACE FUNCTION public.search_documents(query text, most integer DEFAULT 20)
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
