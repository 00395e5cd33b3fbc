DROP FUNCTION public.cleanup_old_data(interval, interval, interval, integer, interval);
