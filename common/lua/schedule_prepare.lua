#!lua flags=no-writes,allow-oom
-- Writes nothing. The server's time, and the pair that registry_get_pair answers.
--@include registry_pair
check(#ARGV == 2 and #ARGV[1] > 0, 'schedule_prepare')
return {NOW, registry_pair(ARGV[1], ARGV[2])}
