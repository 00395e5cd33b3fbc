-- Search and clean-up act on the organization that the transaction has entered.

-- plpgsql keeps the plan for the session. A SQL function is planned in each call before Postgres 18, and planning under policies costs as much
-- as the search. The plan remains the one for any query (force_generic_plan), which uses the GIN index.
CREATE OR REPLACE FUNCTION public.search_documents(query text, most integer DEFAULT 20)
RETURNS TABLE (id uuid, title text, rank real)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  RETURN QUERY
  SELECT d.id, d.title, ts_rank(d.search, websearch_to_tsquery('english', query))
    FROM public.documents d
   WHERE d.organization_id = (SELECT public.current_organization())
     AND d.archived_at IS NULL
     AND d.search @@ websearch_to_tsquery('english', query)
   ORDER BY 3 DESC, d.id
   LIMIT greatest(0, least(most, 100));
END $$;

-- SELECT cleanup_old_data(); as the product's documents print it: for every organization if the owner calls it, as the schedule of the
-- product does, and otherwise for the organization of the transaction.
--
-- No longer SECURITY DEFINER: the policies limit what it deletes to what its caller may delete.
CREATE OR REPLACE FUNCTION public.cleanup_old_data(
  operations_age interval DEFAULT '30 days',
  presence_age   interval DEFAULT '1 day',
  metrics_age    interval DEFAULT '365 days',
  batch_size     integer  DEFAULT 5000,
  time_limit     interval DEFAULT '20 seconds'
) RETURNS jsonb LANGUAGE plpgsql SECURITY INVOKER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  organization uuid := public.current_organization();
  deadline   timestamptz := clock_timestamp() + time_limit;
  presence   bigint := 0;
  operations bigint := 0;
  metrics    bigint := 0;
  deleted    bigint;
BEGIN
  -- Not is_owner(): plpgsql keeps the value of an IMMUTABLE function for the whole session.
  IF organization IS NULL AND current_user <> (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'public.organizations'::regclass)
  THEN
    RAISE EXCEPTION 'only the owner of the tables cleans up every organization' USING ERRCODE = 'insufficient_privilege',
      HINT = 'Call enter_organization() first, in the same transaction, or call cleanup_old_data() as the owner.';
  END IF;
  -- IS NOT TRUE: a NULL among them is refused as well.
  IF (presence_age >= '5 minutes' AND operations_age >= '1 day' AND metrics_age >= '1 day' AND batch_size > 0 AND time_limit > '0') IS NOT TRUE
  THEN
    RAISE EXCEPTION 'cleanup_old_data: an age is too short, or batch_size or time_limit is not positive'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'At least: presence_age 5 minutes, operations_age 1 day, metrics_age 1 day, batch_size 1.';
  END IF;

  -- ARRAY(…) is computed once; inside IN (…) a plan may compute the LIMIT again and again, and delete more than one batch.
  WHILE clock_timestamp() < deadline LOOP
    DELETE FROM public.presence_sessions WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM public.presence_sessions WHERE (organization IS NULL OR organization_id = organization) AND last_seen_at < now() - presence_age
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
       WHERE (organization IS NULL OR o.organization_id = organization) AND o.created_at < now() - operations_age AND o.sequence <= d.crdt_clock
       ORDER BY o.created_at LIMIT batch_size FOR UPDATE OF o SKIP LOCKED));
    GET DIAGNOSTICS deleted = ROW_COUNT;
    operations := operations + deleted;
    EXIT WHEN deleted < batch_size;
  END LOOP;

  WHILE clock_timestamp() < deadline LOOP
    DELETE FROM public.document_metrics WHERE ctid = ANY (ARRAY(
      SELECT ctid FROM public.document_metrics WHERE (organization IS NULL OR organization_id = organization) AND measured_at < now() - metrics_age
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
  'Deletes old presence, merged operations and measurements of the organization of the transaction, or of every organization if the owner calls it without one. Returns how many of each, and whether it finished.';
