-- What every script stands on. A script's first lines are
--
--     #!lua flags=allow-oom      (without the flag: refused when memory is full)
--     -- its invariant
--     --@include prelude
--
-- KEYS[1] is the prefix, the rest travels in ARGV. Arguments are checked (check, whole)
-- before the first write, because an error rolls nothing back. Text that comes back as an
-- outcome is a fixed word. Numbers are times in ms and counts, all below 2^53; JSON is
-- opaque text.
local PREFIX = KEYS[1]

local function K(name)
    return PREFIX .. name
end

-- The server's clock, read once: every time in a script is this one.
local TIME = redis.call('TIME')
local NOW = TIME[1] * 1000 + math.floor(TIME[2] / 1000)

-- A whole number as text: Redis itself would print each argument as a fraction, slowly.
local function digits(number)
    return string.format('%d', number)
end

local function check(good, what)
    if not good then
        error({err = 'ERR bad argument: ' .. what})
    end
end

local function whole(text, what)
    local number = tonumber(text)
    check(number and number == math.floor(number) and math.abs(number) < 2 ^ 53, what)
    return number
end

-- "|from by to|…", from run_moves.def.
--@moves

-- May a run move so? A move that is not in the table is a defect, and nothing is written.
local function move(id, from, by, to)
    if not string.find(MOVES, '|' .. from .. ' ' .. by .. ' ' .. to .. '|', 1, true) then
        error({err = 'ERR run ' .. id .. ' may not move from ' .. from .. ' to ' .. to ..
                     ' by ' .. by})
    end
end

-- Tells the world; the caller stores the returned id as the run's `version`.
local function event(id, status)
    return redis.call('XADD', PREFIX .. 'events', 'MAXLEN', '~', '20000', '*', 'run', id,
                      'status', status)
end
