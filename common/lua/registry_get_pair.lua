#!lua flags=no-writes
-- A project and one of its workspaces as they are at one moment.
--@include registry_pair
check(#ARGV == 2 and #ARGV[1] > 0, 'registry_get_pair')
return registry_pair(ARGV[1], ARGV[2])
