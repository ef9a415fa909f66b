-- What gives batches and is no tensor: a function that gives a fresh iterator of x, y for each pass, or an iterator or
-- a coroutine itself, which can be gone through once.

local _, _, import = ...
local errors = import "errors"

local M = {}

local function is_callable(value)
  return type(value) == "function" or type(value) == "table" and (getmetatable(value) or {}).__call ~= nil
end

-- The values that a coroutine yields; what it returns at its end is none of them.
local function of_coroutine(co)
  return function()
    if coroutine.status(co) == "dead" then return nil end
    local yielded = table.pack(coroutine.resume(co))
    if not yielded[1] then error(yielded[2], 0) end
    if coroutine.status(co) == "dead" then return nil end
    return table.unpack(yielded, 2, yielded.n)
  end
end

-- An iterator that has given its first values to whoever looked what it is.
local function with_first(iterate, ...)
  local first = table.pack(...)
  return function()
    if not first then return iterate() end
    local values = first
    first = nil
    return table.unpack(values, 1, values.n)
  end
end

-- Begins a pass: the three values of a generic for, and whether there can be no other pass.
function M.begin(call, given)
  if type(given) == "thread" then return of_coroutine(given), nil, nil, true end
  local iterate, state, control = given()
  if is_callable(iterate) then return iterate, state, control, false end
  -- x, y: what was given is an iterator
  if state == nil or type(iterate) ~= "userdata" and type(iterate) ~= "table" then
    errors.fail("%s: the function must return an iterator of x, y; got %s", call, errors.show(iterate))
  end
  return with_first(given, iterate, state, control), nil, nil, true
end

return M
