DROP TABLE public.portfolio_items;
DROP TABLE public.portfolios;
DROP TABLE public.time_entries;
DROP TABLE public.invoices;
DROP TABLE public.client_requests;
DROP TABLE public.service_packages;
