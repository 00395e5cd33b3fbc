DROP TABLE public.activities;
DROP TABLE public.tasks;
DROP TABLE public.milestones;
