-- Callbacks that set the learning rate by the epoch, keep the logs in a file, and end a training that has gone wrong.
local _, core, import = ...
local errors = import "errors"
local callback = import "callback"

local VERBOSE = {name = "verbose", kind = "integer", default = 0, help = "1: a line at each epoch"}

callback.class{class_name = "LearningRateScheduler", name = "learning_rate_scheduler", positional = 1,
  help = "sets the learning rate at each epoch to schedule(epoch, rate)",
  options = {{name = "schedule", kind = "function", required = true, help = "f(epoch, rate) -> rate, epochs from 1"},
    VERBOSE},

  on_epoch_begin = function(self, epoch)
    local rate = self.config.schedule(epoch, self.model.optimizer:current_learning_rate())
    if type(rate) ~= "number" then
      errors.fail("LearningRateScheduler: schedule must give a number; got %s", errors.show(rate))
    end
    callback.set_rate(self, rate)
    if self.config.verbose > 0 then
      callback.say("\nEpoch %d: LearningRateScheduler setting learning rate to %.14g.", epoch, rate)
    end
  end,

  on_epoch_end = function(self, _, logs)
    if logs then logs.learning_rate = self.model.optimizer:current_learning_rate() end
  end,

  get_config = function(self) return {verbose = self.config.verbose} end}

-- The shortest text that reads back as the same number, with a point in any locale.
local function text_of(value)
  if type(value) ~= "number" then return value == nil and "NA" or tostring(value) end
  for _, format in ipairs{"%.7g", "%.14g", "%.17g"} do
    local text = format:format(value)
    if tonumber(text) == value then return (text:gsub(",", ".")) end
  end
  return value ~= value and "nan" or value > 0 and "inf" or "-inf"
end

local function quoted(text, separator)
  if not text:find('["\r\n]') and not text:find(separator, 1, true) then return text end
  return '"' .. text:gsub('"', '""') .. '"'
end

-- Keys of the logs: loss, the metrics as compiled, the same with val_, then what callbacks added, by name.
local function columns_of(self, logs)
  local keys, seen = {}, {}
  local function add(key)
    if not seen[key] then keys[#keys + 1] = key end
    seen[key] = true
  end
  local names = {"loss"}
  for _, metric in ipairs(self.model and self.model.metrics or {}) do
    if metric.name ~= "loss" then names[#names + 1] = metric.name end
  end
  local with_validation = self.params and self.params.validation
  for key in pairs(logs) do with_validation = with_validation or key:find "^val_" end
  for _, prefix in ipairs(with_validation and {"", "val_"} or {""}) do
    for _, name in ipairs(names) do
      if prefix ~= "" or logs[name] ~= nil then add(prefix .. name) end
    end
  end
  local others = {}
  for key in pairs(logs) do
    if not seen[key] then others[#others + 1] = key end
  end
  table.sort(others)
  for _, key in ipairs(others) do add(key) end
  return keys
end

-- A file that has a header already keeps it.
local function is_empty(path)
  local file = io.open(path, "rb")
  local size = file and file:seek "end" or 0
  if file then file:close() end
  return size == 0
end

callback.class{class_name = "CSVLogger", name = "csv_logger", positional = 1,
  help = "a line of the logs in a file for each epoch",
  options = {{name = "filename", kind = "text", required = true, help = "the file"},
    {name = "separator", kind = "text", default = ",", help = "between the fields"},
    {name = "append", kind = "flag", default = false, help = "keep what is in the file"}},

  on_train_begin = function(self)
    local c = self.config
    if not io then errors.fail("CSVLogger: files cannot be written in this interpreter") end
    -- a run that goes on where it was killed goes on in its file
    local keeps = c.append or self.params and self.params.resumed
    self.with_header = not keeps or is_empty(c.filename)
    self:open(keeps and "a" or "w")
    self.keys = nil
  end,

  open = function(self, mode)
    local file, why = io.open(self.config.filename, mode)
    if not file then errors.fail("CSVLogger: cannot write %s", why) end
    self.file = file
  end,

  -- What is in the file belongs to the state of a run: lines of epochs that are run again are taken out.
  get_state = function(self)
    return {keys = self.keys, with_header = self.with_header, size = self.file:seek "end"}
  end,

  set_state = function(self, state)
    self.file:close()
    local path = self.config.filename
    local file = assert(io.open(path, "rb"))
    local text = file:read(state.size) or ""
    file:close()
    core.write_file("CSVLogger", path, text)
    self:open "a"
    self.with_header = state.with_header
    if text ~= "" then self.keys = state.keys end
  end,

  write = function(self, fields)
    for i, field in ipairs(fields) do fields[i] = quoted(field, self.config.separator) end
    local ok, why = self.file:write(table.concat(fields, self.config.separator), "\n")
    if ok then ok, why = self.file:flush() end
    if not ok then errors.fail("CSVLogger: cannot write %s: %s", self.config.filename, why) end
  end,

  on_epoch_end = function(self, epoch, logs)
    logs = logs or {}
    if not self.keys then
      self.keys = columns_of(self, logs)
      if self.with_header then self:write{"epoch", table.unpack(self.keys)} end
    end
    local fields = {tostring(epoch)}
    for i, key in ipairs(self.keys) do fields[i + 1] = text_of(logs[key]) end
    self:write(fields)
  end,

  on_train_end = function(self)
    if self.file then self.file:close() end
    self.file = nil
  end}

callback.class{class_name = "TerminateOnNaN", name = "terminate_on_nan",
  help = "ends training at a batch whose loss is NaN or infinite",
  options = {{name = "raise_error", kind = "flag", default = false, help = "by an error"}},

  on_train_batch_end = function(self, batch, logs)
    local loss = logs and logs.loss
    if not loss or (loss == loss and math.abs(loss) ~= math.huge) then return end
    if self.config.raise_error then
      errors.fail("TerminateOnNaN: the loss is %s after batch %d", tostring(loss), batch)
    end
    callback.say("Batch %d: Invalid loss, terminating training", batch)
    self.model.stop_training = true
  end}
