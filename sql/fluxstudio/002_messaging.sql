-- Conversations and what is said in them. Attachments and presence have no table: no document says what they hold.

CREATE TABLE public.conversations (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id uuid REFERENCES public.organizations ON DELETE CASCADE,
  project_id      uuid REFERENCES public.projects ON DELETE CASCADE,
  created_by      uuid REFERENCES public.users ON DELETE SET NULL,
  kind            text NOT NULL DEFAULT 'group' CONSTRAINT conversations_kind_check CHECK (kind IN ('direct', 'group', 'channel')),
  name            text,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX conversations_organization_id_idx ON public.conversations (organization_id);
CREATE INDEX conversations_project_id_idx ON public.conversations (project_id);
CREATE INDEX conversations_created_by_idx ON public.conversations (created_by);
COMMENT ON TABLE public.conversations IS 'Chats between people, and channels of an organization or a project.';

CREATE TABLE public.conversation_participants (
  conversation_id uuid NOT NULL REFERENCES public.conversations ON DELETE CASCADE,
  user_id         uuid NOT NULL REFERENCES public.users ON DELETE CASCADE,
  role            text NOT NULL DEFAULT 'member'
                  CONSTRAINT conversation_participants_role_check CHECK (role IN ('owner', 'member')),
  joined_at       timestamptz NOT NULL DEFAULT now(),
  last_read_at    timestamptz,
  PRIMARY KEY (conversation_id, user_id)
);
CREATE INDEX conversation_participants_user_id_idx ON public.conversation_participants (user_id);
COMMENT ON TABLE public.conversation_participants IS 'Who takes part in a conversation, and how far they have read.';

CREATE TABLE public.messages (
  id              uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  conversation_id uuid NOT NULL REFERENCES public.conversations ON DELETE CASCADE,
  author_id       uuid REFERENCES public.users ON DELETE SET NULL,
  content         text NOT NULL,
  reply_to_id     uuid REFERENCES public.messages ON DELETE SET NULL,
  edited_at       timestamptz,
  created_at      timestamptz NOT NULL DEFAULT now(),
  updated_at      timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX messages_conversation_id_created_at_idx ON public.messages (conversation_id, created_at);
CREATE INDEX messages_author_id_idx ON public.messages (author_id);
COMMENT ON TABLE public.messages IS 'What was said. A thread is the messages that reach its first one through reply_to_id.';

CREATE TABLE public.message_reactions (
  message_id uuid NOT NULL REFERENCES public.messages ON DELETE CASCADE,
  user_id    uuid NOT NULL REFERENCES public.users ON DELETE CASCADE,
  emoji      text NOT NULL CONSTRAINT message_reactions_emoji_check CHECK (length(emoji) BETWEEN 1 AND 64),
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (message_id, user_id, emoji)
);
CREATE INDEX message_reactions_user_id_idx ON public.message_reactions (user_id);
COMMENT ON TABLE public.message_reactions IS 'An emoji that somebody gave a message; each once.';

CREATE TABLE public.notifications (
  id         uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  user_id    uuid NOT NULL REFERENCES public.users ON DELETE CASCADE,
  kind       text NOT NULL,
  title      text NOT NULL,
  body       text,
  data       jsonb NOT NULL DEFAULT '{}',
  read_at    timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX notifications_user_id_created_at_idx ON public.notifications (user_id, created_at);
-- What the badge counts: a handful of rows among all that were ever read.
CREATE INDEX notifications_unread_idx ON public.notifications (user_id) WHERE read_at IS NULL;
COMMENT ON TABLE public.notifications IS 'What somebody is told, and when they saw it.';
