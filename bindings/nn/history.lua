-- What fit returns: history.history.loss (and history.loss) is the list of an epoch's losses, and so for every number
-- reported; history.epoch lists the epochs, from 1; history.params is how it was run.

local _, _, import = ...
local class = import "class"

local History = class.new "History"

function History:construct(model, params)
  rawset(self, "history", {})
  rawset(self, "names", {})     -- of the numbers, in the order in which they are shown
  rawset(self, "epoch", {})
  rawset(self, "params", params)
  rawset(self, "model", model)
end

-- Methods first, then the lists by name.
function History.__index(self, name)
  local method = History[name]
  if method ~= nil then return method end
  return rawget(self, "history")[name]
end

-- An epoch's numbers: those in names first, then what callbacks added to logs, by name.
function History:add(epoch, names, logs)
  self.epoch[#self.epoch + 1] = epoch
  for _, name in ipairs(names) do
    local list = self.history[name]
    if not list then
      list = {}
      self.history[name] = list
      table.insert(self.names, name)
    end
    list[#list + 1] = logs[name]
  end
end

-- History: 100 epochs, loss 0.0123, accuracy 1
function History:__tostring()
  local parts = {("%d epoch%s"):format(#self.epoch, #self.epoch == 1 and "" or "s")}
  for _, name in ipairs(self.names) do
    local list = self.history[name]
    local last = list[#list]
    parts[#parts + 1] = type(last) == "number" and ("%s %.4g"):format(name, last) or name
  end
  return "History: " .. table.concat(parts, ", ")
end

-- names and the other keys of logs behind them, sorted: the order in which numbers are shown.
function History.ordered(names, logs)
  local known, others = {}, {}
  for _, name in ipairs(names) do known[name] = true end
  for name in pairs(logs) do
    if not known[name] then others[#others + 1] = name end
  end
  table.sort(others)
  return table.move(others, 1, #others, #names + 1, table.move(names, 1, #names, 1, {}))
end

return History
