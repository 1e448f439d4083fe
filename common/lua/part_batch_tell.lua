--@include prelude
-- Whatever changes a batch's status, its cancel level or its runs is an event under its
-- id; counting a run is not. `...` are more fields of the batch and their values.
local function batch_tell(id, status, ...)
    redis.call('HSET', K('batch:' .. id), 'status', status, 'version', event(id, status),
               ...)
end
