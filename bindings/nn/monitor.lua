-- What callbacks that watch a number of the logs have in common: its option, which way is better, its value now.
local _, _, import = ...
local errors = import "errors"

local M = {}

M.MONITOR = {name = "monitor", kind = "text", default = "val_loss", help = "the key in the logs"}
M.MODE = {name = "mode", kind = "choice", default = "auto", choices = {"auto", "min", "max"},
  help = "which way is better; auto: as the metric has it"}

-- "min" or "max" for the callback's key: the loss falls, a metric says itself.
function M.direction(self)
  local mode, key = self.config.mode, self.config.monitor:gsub("^val_", "")
  if mode ~= "auto" then return mode end
  if key == "loss" then return "min" end
  for _, metric in ipairs(self.model and self.model.metrics or {}) do
    if metric.name == key and metric.direction then return metric.direction end
  end
  errors.fail('%s: cannot tell whether "%s" is better when it rises or falls; say mode = "min" or mode = "max"',
    self.class_name, self.config.monitor)
end

-- The keys of the logs, for messages.
function M.keys(logs)
  local keys = {}
  for key in pairs(logs or {}) do keys[#keys + 1] = key end
  table.sort(keys)
  return table.concat(keys, ", ")
end

-- The monitored number, or nil with a warning, once a fit.
function M.current(self, logs)
  local value = logs and logs[self.config.monitor]
  if value == nil and not self.warned then
    errors.warn('%s: there is no "%s" in the logs; available: %s', self.class_name, self.config.monitor, M.keys(logs))
    self.warned = true
  end
  return value
end

-- What any number is better than.
function M.worst(self)
  return self.direction == "min" and math.huge or -math.huge
end

return M
