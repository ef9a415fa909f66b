-- Our side of the benchmark: what measures, for the workloads of a file in ours/. Prints "name<TAB>threads<TAB>seconds"
-- for each repeat of each workload whose name holds the pattern; a workload that is bound by memory adds
-- "<TAB>moved=BYTES<TAB>loop=NAME": what it moves at least and the loop of stream.c that moves it so.
-- Usage: nnlua --threads N tests/bench/bench.lua GROUP REPEATS [PATTERN]
local nn = require "nn"

local group, repeats, pattern = arg[1], tonumber(arg[2]) or 5, arg[3] or ""
local ENOUGH = 0.02   -- seconds that one measure takes at least

local bench = {repeats = repeats}
local waiting = {}    -- rows added since the last run

function bench.report(name, seconds, bound)
  local text = ("%s\t%d\t%.6g"):format(name, nn.get_threads(), seconds)
  if bound then text = ("%s\tmoved=%.0f\tloop=%s"):format(text, bound.moved, bound.loop) end
  print(text)
end

-- While on, a profiler that waits for it counts (profile.sh). BENCH_CONTROL: two FIFOs, of commands and of answers.
function bench.watch(on)
  local commands, answers = (os.getenv "BENCH_CONTROL" or ""):match("^(.*),(.*)$")
  if not commands then return end
  for _, path in ipairs{commands, answers} do
    local file <close> = assert(io.open(path, path == commands and "w" or "r"))
    if path == commands then file:write(on and "enable\n" or "disable\n") else file:read() end
  end
end

function bench.wants(name) return name:find(pattern, 1, true) ~= nil end

-- Seconds of so many calls of f(x). What it gives (one value or two) is let go of at once, as PyTorch does by counting,
-- so that the next call finds the memory again.
local function seconds_of(f, x, calls)
  local start = nn.time()
  for _ = 1, calls do
    local y, z = f(x)
    local _ <close> = y
    local _ <close> = z
  end
  return nn.time() - start
end

-- How many calls make a measure.
local function enough(f, x)
  local calls, seconds = 1, seconds_of(f, x, 1)
  repeat
    calls = seconds < ENOUGH / 10 and calls * 10 or calls
    seconds = seconds_of(f, x, calls)
  until seconds >= ENOUGH / 10
  return math.ceil(calls * ENOUGH / seconds)
end

-- A row: f(x) will be measured, where x is what make() gives; rows with the same make share it. options: records
-- (gradients are recorded; else not), per (how often f does what is measured), moved and loop (see above).
function bench.add(name, f, make, options)
  if bench.wants(name) then waiting[#waiting + 1] = {name = name, f = f, make = make, options = options or {}} end
end

-- Measures all rows that were added, one after the other and then all of them again, so that what disturbs the machine
-- for a moment disturbs one repeat of a row and not all of them.
function bench.run()
  if #waiting == 0 then return end
  local made = {}
  for _, row in ipairs(waiting) do
    if row.make and not made[row.make] then made[row.make] = row.make() end
    row.x = made[row.make]
    row.within = row.options.records and function(f, ...) return f(...) end or nn.no_grad
    row.calls = row.within(enough, row.f, row.x)
  end
  bench.watch(true)
  for _ = 1, repeats do
    for _, row in ipairs(waiting) do
      local seconds = row.within(seconds_of, row.f, row.x, row.calls) / row.calls / (row.options.per or 1)
      bench.report(row.name, seconds, row.options.loop and row.options)
    end
  end
  bench.watch(false)
  waiting = {}
  collectgarbage()
end

-- The sizes of the rows that are bound by memory once they do not fit into a cache, which is at the largest.
bench.matrices = {}
for i, shape in ipairs{{10, 100}, {100, 100}, {100, 1000}, {1000, 1000}, {1000, 10000}} do
  local n = shape[1] * shape[2]
  local beyond_cache = n == 10000000
  bench.matrices[i] = {rows = shape[1], columns = shape[2], name = ("1e%d"):format(i + 2),
    bound = function(bytes, loop) return beyond_cache and {moved = bytes * n, loop = loop} or nil end}
end

local folder = arg[0]:match("^(.*)/") or "."
assert(loadfile(("%s/ours/%s.lua"):format(folder, group)))(bench)
