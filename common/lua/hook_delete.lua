#!lua flags=allow-oom
-- A hook goes, with what waits to be sent to it.
--@include hook
check(#ARGV == 1 and #ARGV[1] > 0, 'hook_delete')
return hook_forget(ARGV[1]) and 'deleted' or 'unknown'
