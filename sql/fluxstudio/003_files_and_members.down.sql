DROP TABLE public.file_permissions;
DROP TABLE public.files;
DROP TABLE public.project_milestones;
DROP TABLE public.project_members;
