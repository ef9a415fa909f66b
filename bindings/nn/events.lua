-- The callbacks of one fit, evaluate or predict, by event: only those that define a method for an event are in its
-- list, and an event that nobody asks for has none (nil), so that it costs nothing.

local _, _, import = ...
local errors = import "errors"

local M = {}

-- In a plain table of events a misspelt one would never be called.
local function check_events(call, object, events)
  if getmetatable(object) then return end
  local known = {}
  for _, event in ipairs(events) do
    known[event] = true
    local f = object[event]
    if f ~= nil and type(f) ~= "function" and type(f) ~= "table" then
      errors.fail("%s: callback %s must be a function; got %s", call, event, errors.show(f))
    end
  end
  for key in pairs(object) do
    if type(key) == "string" and key:find "^on_" and not known[key] then
      errors.fail('%s: callbacks have no event "%s"%s', call, key,
        errors.suggest(key, events, 'help "on_epoch_end" lists them'))
    end
  end
end

-- One callback alone may stand for a list of one.
local function list_of(call, given)
  if given == nil then return {} end
  if type(given) ~= "table" then
    errors.fail("%s: callbacks must be a list of callbacks; got %s", call, errors.show(given))
  end
  if getmetatable(given) or #given == 0 and next(given) then return {given} end
  return given
end

-- event -> list of callbacks, for all events that have one, and the list of all. Each callback gets model and params.
function M.new(call, given, model, params)
  local by_event, objects = {}, {}
  local list = list_of(call, given)
  if #list == 0 then return by_event, objects end
  local callbacks, events = import "callbacks", import "callback".events
  for _, spec in ipairs(list) do
    local object = callbacks.get(spec)
    if type(spec) == "table" then check_events(call, spec, events) end
    objects[#objects + 1] = object
    object.model, object.params = model, params
    if object.set_params then object:set_params(params) end
    if object.set_model then object:set_model(model) end
    for _, event in ipairs(events) do
      if object[event] then
        by_event[event] = by_event[event] or {}
        table.insert(by_event[event], object)
      end
    end
  end
  return by_event, objects
end

-- Calls event of all that have it, in the order in which they were given: (self, index, logs), or (self, logs).
function M.fire(by_event, event, ...)
  local list = by_event[event]
  if not list then return end
  for i = 1, #list do list[i][event](list[i], ...) end
end

return M
