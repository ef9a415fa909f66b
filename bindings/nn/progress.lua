-- How training is shown: Keras's bar on a terminal (verbose 1), one line an epoch elsewhere (verbose 2).
--   1875/1875 ━━━━━━━━━━━━━━━━━━━━ 2s 906us/step - accuracy: 0.8766 - loss: 0.4254

local nn, core, import = ...
local errors = import "errors"

local WIDTH = 20          -- of the bar, in cells
local INTERVAL = 0.05     -- seconds between two redraws
local CELL = "\u{2501}"   -- ━

local Progress = {}
Progress.__index = Progress

-- What verbose means here: 0, 1 or 2; 1 is 2 where no terminal is.
function Progress.level(verbose)
  if verbose == true or verbose == nil or verbose == "auto" then verbose = 1 end
  if verbose == "line" then verbose = 2 end
  if verbose ~= false and verbose ~= 0 and verbose ~= 1 and verbose ~= 2 then
    errors.fail('verbose must be 0, 1, 2, true, false, "auto" or "line"; got %s', errors.show(verbose))
  end
  if verbose == false or not io then return 0 end
  return verbose == 1 and not core.terminal(1) and 2 or verbose
end

-- At once, also where output is buffered.
function Progress.write(text)
  io.stdout:write(text)
  io.stdout:flush()
end

-- For one pass over `target` batches (nil: not known).
function Progress.new(level, target)
  return setmetatable({level = level, target = target, started = nn.time(), drawn = 0}, Progress)
end

-- Keras's digits; a metric with a value for each class is a list.
local function value_text(value)
  if type(value) == "number" then
    return (math.abs(value) > 1e-3 and "%.4f" or "%.4e"):format(value)
  end
  if core.is_tensor(value) and value.ndim == 1 then
    local parts = {}
    for i, v in ipairs(value:totable()) do parts[i] = value_text(v) end
    return "[" .. table.concat(parts, " ") .. "]"
  end
  return (tostring(value):gsub("\n%s*", " "))
end

-- " - loss: 0.4254" and so on, a part for each number.
local function number_parts(names, logs)
  local parts = {}
  for i, name in ipairs(names) do parts[i] = (" - %s: %s"):format(name, value_text(logs[name])) end
  return parts
end

-- 906us/step
local function step_text(seconds)
  if seconds >= 1 or seconds == 0 then return ("%.0fs/step"):format(seconds) end
  if seconds >= 1e-3 then return ("%.0fms/step"):format(seconds * 1e3) end
  return ("%.0fus/step"):format(seconds * 1e6)
end

-- 12s, 3:05, 1:02:03
local function remaining_text(seconds)
  local s = math.floor(math.min(seconds, 1e9))
  if s > 3600 then return ("%d:%02d:%02d"):format(s // 3600, s % 3600 // 60, s % 60) end
  if s > 60 then return ("%d:%02d"):format(s // 60, s % 60) end
  return ("%ds"):format(s)
end

-- Seconds a step; the first, in which everything is set up, is left out where there are more.
local function seconds_per_step(self, current, now)
  if current > 1 and self.first then return (now - self.first) / (current - 1) end
  return current > 0 and (now - self.started) / current or 0
end

-- The count as "  37/1875".
local function count_text(self, current)
  local target = self.target
  if not target then return ("%7d/Unknown"):format(current) end
  return ("%" .. #tostring(target) .. "d/%d"):format(current, target)
end

-- The width of text on the terminal, where colours take no room.
local function cells(text)
  text = text:gsub("\27%[%d*m", "")
  return utf8.len(text) or #text
end

-- The bar in colours, `width` cells wide, with a blank before it; nothing where there is no room or no target.
local function bar_text(self, current, width)
  if not self.target or width <= 0 then return "" end
  local full = math.min(width, width * current // self.target)
  local green = full > 0 and "\27[32m" .. CELL:rep(full) .. "\27[0m" or ""
  return " " .. green .. "\27[37m" .. CELL:rep(width - full) .. "\27[0m"
end

-- What stands behind the bar, part by part: the time, that of a step, the numbers.
local function parts_of(self, current, finished, numbers)
  local now = nn.time()
  local per_step = seconds_per_step(self, current, now)
  local time = not finished and self.target and remaining_text(per_step * (self.target - current)) or
    ("%.0fs"):format(now - self.started)
  return table.move(numbers, 1, #numbers, 3, {(" \27[1m%s\27[0m"):format(time), " " .. step_text(per_step)})
end

-- The parts that fit into `room` cells behind one another. The others are left out while it runs, since only one line
-- can be drawn over; at the end they come in lines of their own.
local function fit(parts, room, columns, finished)
  local text, used = {}, 0
  for _, part in ipairs(parts) do
    local width = cells(part)
    if used + width > room then
      if not finished then break end
      text[#text + 1], used, room = "\n   ", 3, columns
    end
    text[#text + 1], used = part, used + width
  end
  return table.concat(text)
end

-- Draws over what was drawn last, within the columns of the terminal: the bar gives way first, then the numbers.
local function draw(self, current, finished, numbers)
  local _, columns = core.terminal(1)
  columns = columns - 1      -- a full line would be followed by an empty one
  local count, parts = count_text(self, current), parts_of(self, current, finished, numbers)
  local room = columns - #count
  for _, part in ipairs(parts) do room = room - cells(part) end
  local bar = bar_text(self, current, math.min(WIDTH, room - 1))
  local text = fit(parts, columns - #count - cells(bar), columns, finished)
  Progress.write(("\r\27[K\27[1m%s\27[0m%s%s%s"):format(count, bar, text, finished and "\n" or ""))
end

-- After each batch. numbers() -> names, logs is asked for only when something is drawn.
function Progress:step(current, numbers)
  if self.level == 2 then
    if current == 1 then self.first = nn.time() end
    return
  end
  local now = nn.time()
  if current == 1 then self.first = now end
  if now - self.drawn < INTERVAL then return end
  draw(self, current, false, number_parts(numbers()))
  self.drawn = now
end

-- At the end of the pass, after `current` batches.
function Progress:finish(current, names, logs)
  self.target = self.target or current
  if self.level == 1 then return draw(self, current, true, number_parts(names, logs)) end
  local now = nn.time()
  Progress.write(("%s - %.0fs - %s%s\n"):format(count_text(self, current), now - self.started,
    step_text(seconds_per_step(self, current, now)), table.concat(number_parts(names, logs))))
end

return Progress
