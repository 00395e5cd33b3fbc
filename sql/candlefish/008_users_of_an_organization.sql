-- A transaction sees the users of its organization, and changes the profile of its acting user only.
--
-- Until now every client could read, change and delete every user, and a deleted user cleared columns and rows of other organizations.

ALTER TABLE public.users ENABLE ROW LEVEL SECURITY;
ALTER TABLE public.users FORCE ROW LEVEL SECURITY;
-- Also users who left: documents and comments still show their names.
CREATE POLICY tenant ON public.users FOR SELECT USING (EXISTS (
  SELECT FROM public.organization_members m WHERE m.organization_id = (SELECT public.current_organization()) AND m.user_id = users.id));
-- The application states the acting user in enter_organization(). The policy checks the membership as well, because a client can write the
-- settings itself.
CREATE POLICY profile ON public.users FOR UPDATE USING (id = (SELECT public.current_acting_user()) AND EXISTS (
  SELECT FROM public.organization_members m
   WHERE m.organization_id = (SELECT public.current_organization()) AND m.user_id = users.id AND m.left_at IS NULL));
CREATE POLICY owner ON public.users TO CURRENT_USER USING (public.is_owner()) WITH CHECK (public.is_owner());
CREATE POLICY complete_backup ON public.users FOR SELECT TO candlefish_backup USING (true);

-- A user can belong to several organizations, and every organization can add a user whose address it knows. If one of them could change
-- the address, it could take over the account.
CREATE FUNCTION public.keep_identity() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  -- Not is_owner(): plpgsql keeps the value of an IMMUTABLE function for the whole session.
  IF current_user <> (SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = TG_RELID)
     AND (NEW.id, NEW.email, NEW.is_active, NEW.created_at) IS DISTINCT FROM (OLD.id, OLD.email, OLD.is_active, OLD.created_at)
  THEN
    RAISE EXCEPTION 'only the owner of the tables changes id, email, is_active and created_at of a user'
      USING ERRCODE = 'insufficient_privilege', HINT = 'The application changes name and avatar_url.';
  END IF;
  RETURN NEW;
END $$;
COMMENT ON FUNCTION public.keep_identity() IS 'Keeps id, email, is_active and created_at of a user, except in an UPDATE of the owner.';
CREATE TRIGGER users_keep_identity BEFORE UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION public.keep_identity();

-- The functions below run as the owner, because they read or write rows that no transaction sees. Each of them concerns one user.

CREATE FUNCTION public.find_user(email text) RETURNS TABLE (id uuid, is_active boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT u.id, u.is_active FROM public.users u WHERE lower(u.email) = lower(find_user.email)
$$;
REVOKE EXECUTE ON FUNCTION public.find_user(text) FROM PUBLIC;
COMMENT ON FUNCTION public.find_user(text) IS
  'The user with exactly this address, in any case, for sign-in before an organization is known. No pattern, no list, no name.';

CREATE FUNCTION public.register_user(email text, name text) RETURNS uuid
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  INSERT INTO public.users (email, name) VALUES (register_user.email, register_user.name) RETURNING id
$$;
REVOKE EXECUTE ON FUNCTION public.register_user(text, text) FROM PUBLIC;
COMMENT ON FUNCTION public.register_user(text, text) IS 'Creates a user. If the address is taken, it fails with 23505, which reveals that it is taken.';

CREATE FUNCTION public.add_member(email text, name text) RETURNS uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  organization uuid := public.current_organization();
  member uuid;
BEGIN
  IF organization IS NULL THEN
    RAISE EXCEPTION 'add_member requires an organization' USING ERRCODE = 'insufficient_privilege',
      HINT = 'Call enter_organization() first, in the same transaction.';
  END IF;
  -- Found or created, without an error that differs.
  INSERT INTO public.users (email, name) VALUES (add_member.email, add_member.name) ON CONFLICT DO NOTHING;
  SELECT u.id INTO STRICT member FROM public.users u WHERE lower(u.email) = lower(add_member.email);
  INSERT INTO public.organization_members (organization_id, user_id) VALUES (organization, member)
    ON CONFLICT (organization_id, user_id) DO UPDATE SET left_at = NULL;
  RETURN member;
END $$;
REVOKE EXECUTE ON FUNCTION public.add_member(text, text) FROM PUBLIC;
COMMENT ON FUNCTION public.add_member(text, text) IS
  'Adds the user with this address to the organization of the transaction. Creates the user, with this name, if there is none.';

CREATE FUNCTION public.remove_member(member uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  organization uuid := public.current_organization();
BEGIN
  IF organization IS NULL THEN
    RAISE EXCEPTION 'remove_member requires an organization' USING ERRCODE = 'insufficient_privilege',
      HINT = 'Call enter_organization() first, in the same transaction.';
  END IF;
  UPDATE public.organization_members SET left_at = now() WHERE organization_id = organization AND user_id = member AND left_at IS NULL;
  IF NOT FOUND THEN
    RETURN false;
  END IF;
  DELETE FROM public.presence_sessions WHERE organization_id = organization AND user_id = member;
  RETURN true;
END $$;
REVOKE EXECUTE ON FUNCTION public.remove_member(uuid) FROM PUBLIC;
COMMENT ON FUNCTION public.remove_member(uuid) IS
  'Removes a user from the organization of the transaction. What the user wrote stays. False if the user is not a member.';
