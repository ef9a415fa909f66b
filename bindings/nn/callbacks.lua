-- nn.callbacks: the classes by name, LambdaCallback, and get, which checks what fit was given.
local _, _, import = ...
local errors = import "errors"
local callback = import "callback"

local public = callback.family.public

local lambda_options = {}
for i, event in ipairs(callback.events) do
  lambda_options[i] = {name = event, kind = "function", optional = true, help = "a function without self"}
end

callback.class{class_name = "LambdaCallback", name = "lambda_callback", options = lambda_options,
  help = "functions without self as callbacks: on_epoch_end = function(epoch, logs) ... end",
  init = function(self, config)
    for event, f in pairs(config) do
      self[event] = function(_, ...) return f(...) end
    end
  end,
  get_config = function() return {} end}

-- What fit takes: an object of this family or any table with one of the methods, else an error.
function public.get(spec)
  if type(spec) == "string" then return callback.family:get(spec) end
  if type(spec) == "table" then
    local meta = getmetatable(spec)
    if type(meta) == "table" and meta.family == callback.family then return spec end
    if rawget(spec, "family") == callback.family then return spec() end
    for _, event in ipairs(callback.events) do
      if spec[event] then return spec end
    end
  end
  errors.fail("callbacks: a table with methods such as on_epoch_end is expected; got %s", errors.show(spec))
end

return public
