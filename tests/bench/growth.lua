-- How time and memory of training grow with one size while the others stay.
-- Usage: nnlua --threads N tests/bench/growth.lua AXIS VALUE       measures one point: "axis,value,threads,seconds,..."
--        nnlua tests/bench/growth.lua axes                         each axis and its values, a line each
--        nnlua tests/bench/growth.lua report FILE                  what the points of a file come to
local nn = require "nn"

local ENOUGH, MEASURES = 0.1, 5   -- seconds that a measure takes at least; the median of so many counts

local function net(inputs, widths, outputs)
  local layers = {}
  for i, width in ipairs(widths) do
    layers[i] = nn.Dense(width, {activation = "relu", input_shape = i == 1 and {inputs} or nil})
  end
  layers[#layers + 1] = nn.Dense(outputs, {activation = "softmax", input_shape = #layers == 0 and {inputs} or nil})
  local model = nn.Sequential(layers)
  model:compile{optimizer = "adam", loss = "sparse_categorical_crossentropy"}
  return model
end

-- One step on a batch of so many rows.
local function step(rows, inputs, widths, outputs)
  local model = net(inputs, widths, outputs)
  local x, y = nn.rand(rows, inputs), nn.randint(0, outputs - 1, {rows})
  return function() model:train_on_batch(x, y) end
end

local function epoch(rows)
  local model = net(20, {64}, 10)
  local x, y = nn.rand(rows, 20), nn.randint(0, 9, {rows})
  return function() model:fit(x, y, {batch_size = 100, verbose = 0, check = false}) end
end

-- power: what time grows with where work is all that counts.
local AXES = {
  {name = "batch", power = 1, what = "rows in a step of 784-128-10", decades = {0, 4},
   work = function(n) return step(n, 784, {128}, 10) end},
  {name = "width", power = 2, what = "n in a step of n-n-n-10, 32 rows", decades = {1, 3.5},
   work = function(n) return step(32, n, {n, n}, 10) end},
  {name = "depth", power = 1, what = "layers of 64 in a step of 32 rows", decades = {0, 3},
   work = function(n)
     local widths = {}
     for i = 1, n do widths[i] = 64 end
     return step(32, 64, widths, 10)
   end},
  {name = "parameters", power = 1, what = "weights in a step of one layer, 8 rows", decades = {3, 8},
   work = function(n) return step(8, 100, {}, n // 100) end},
  {name = "data", power = 1, what = "rows in an epoch of 20-64-10, batches of 100", decades = {2, 6},
   work = epoch},
}
local by_name = {}
for _, axis in ipairs(AXES) do by_name[axis.name] = axis end

-- Two points a decade: 1, 3, 10, 30 ...
local function values(axis)
  local list = {}
  for half = 2 * axis.decades[1], 2 * axis.decades[2] do
    list[#list + 1] = ("%d"):format((half % 2 == 0 and 1 or 3) * 10 ^ (half // 2) // 1)
  end
  return list
end

local function seconds_of(work)
  work()
  local start, calls = nn.time(), 0
  repeat
    work()
    calls = calls + 1
  until nn.time() - start >= ENOUGH
  return (nn.time() - start) / calls
end

-- The most that this process held in memory so far, in bytes.
local function resident()
  for line in io.lines "/proc/self/status" do
    local kilobytes = line:match "^VmHWM:%s*(%d+)"
    if kilobytes then return tonumber(kilobytes) * 1024 end
  end
end

local function measure(axis, n)
  local work = axis.work(n)
  local seconds = {}
  for i = 1, MEASURES do seconds[i] = seconds_of(work) end
  table.sort(seconds)
  print(("%s,%d,%d,%.6g,%d,%d"):format(axis.name, n, nn.get_threads(), seconds[(MEASURES + 1) // 2], nn.memory().peak,
    resident()))
end

-- Between neighbours, y grows as x to some power: the powers of the column, as text, the largest with its place.
local function powers(points, column)
  local text, largest, place = {}, -math.huge, nil
  for i = 2, #points do
    local power = math.log(points[i][column] / points[i - 1][column]) / math.log(points[i].value / points[i - 1].value)
    text[#text + 1] = ("%.2f"):format(power)
    if power > largest then largest, place = power, points[i].value end
  end
  return table.concat(text, " "), ("%.2f at %d"):format(largest, place)
end

local function report(path)
  local series, order = {}, {}
  for line in io.lines(path) do
    local name, value, threads, seconds, peak, rss = line:match "^(%a+),(%d+),(%d+),([^,]+),(%d+),(%d+)$"
    if name and by_name[name] then
      local key = name .. " " .. threads
      if not series[key] then
        series[key] = {axis = by_name[name], threads = threads}
        order[#order + 1] = series[key]
      end
      table.insert(series[key], {value = tonumber(value), seconds = tonumber(seconds), peak = tonumber(peak),
        resident = tonumber(rss)})
    end
  end
  print("| against | threads | expected | time grows with the power | steepest | tensors grow with | steepest |")
  print("|---|---|---|---|---|---|---|")
  for _, points in ipairs(order) do
    local time, steepest = powers(points, "seconds")
    local memory, largest = powers(points, "peak")
    local axis = points.axis
    print(("| %s | %s | up to %d | %s | %s | %s | %s |"):format(axis.name, points.threads, axis.power, time, steepest,
      memory, largest))
  end
end

if arg[1] == "axes" then
  for _, axis in ipairs(AXES) do
    print(table.concat({axis.name, table.concat(values(axis), " "), axis.what}, "\t"))
  end
elseif arg[1] == "report" then
  report(arg[2])
else
  measure(assert(by_name[arg[1]], "growth: no such axis"), math.tointeger(tonumber(arg[2])))
end
