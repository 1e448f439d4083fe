--@include end_one
--@include batch_count
-- Everything that ends a run goes through here.

-- Ends a run (or makes it an orphan, which others see as an end) and records that once.
-- `...` are more fields of the run and their values. The caller has checked the move.
local function run_end(run, status, ...)
    end_one(run, status, ...)
    if run.batch then
        batch_counting().hears(run, status)
    end
end
