DROP TABLE public.projects;
DROP TABLE public.team_members;
DROP TABLE public.teams;
DROP TABLE public.organization_members;
DROP TABLE public.organizations;
DROP TABLE public.users;
