DROP TABLE public.notifications;
DROP TABLE public.message_reactions;
DROP TABLE public.messages;
DROP TABLE public.conversation_participants;
DROP TABLE public.conversations;
