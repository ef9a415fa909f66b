-- One pass over batches, as training, testing and predicting have it in common: events, the bar, closing what the
-- source made, stopping.

local nn, core, import = ...
local errors = import "errors"
local release = core.release
local fire = import "events".fire

local EVENTS = {}   -- what begins and ends a batch, by kind
for _, kind in ipairs{"train", "test", "predict"} do
  EVENTS[kind] = {begins = ("on_%s_batch_begin"):format(kind), ends = ("on_%s_batch_end"):format(kind)}
end

-- run: source (begun); step(x, y, weight, rows), which does the work; limit: batches at most (then the source starts
-- again when it is at its end); events, and kind: "train", "test" or "predict"; bar and numbers() -> names, logs;
-- closes_x, closes_y: whether nobody can have kept the batch; after(count) and stops() after a batch; done: batches
-- that are behind already. The number of batches.
return function(run)
  local source, step, limit, bar, events = run.source, run.step, run.limit, run.bar, run.events
  local begins, ends = EVENTS[run.kind].begins, EVENTS[run.kind].ends
  local hears_begins, hears_ends = events[begins], events[ends]
  local closes_x, closes_y = source.owned and run.closes_x, source.owned and run.closes_y
  local count = run.done or 0
  while count ~= limit do
    local x, y, weight, rows = source:next()
    if not x and limit then
      source:begin()
      x, y, weight, rows = source:next()
    end
    if not x then break end
    count = count + 1
    if hears_begins then fire(events, begins, count, {}) end
    step(x, y, weight, rows)
    if hears_ends then
      local _, logs = run.numbers()
      fire(events, ends, count, logs)
    end
    -- after an error the collector sees to them
    if closes_x then release(x) end
    if closes_y then release(y, weight) end
    if bar then bar:step(count, run.numbers) end
    if run.after then run.after(count) end
    if run.stops and run.stops() or run.deadline and nn.time() >= run.deadline then break end
  end
  if count == 0 then errors.fail("%s: the data gave no batch", source.call) end
  return count
end
