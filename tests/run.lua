-- Runs the Lua suites: build/nnlua tests/run.lua [files], by default all of tests/lua. Each file is called with t:
--   local t = ...
--   t.test("adds", function() t.equal(nn.tensor{1} + 1, {2}) end)
-- The last line tells how many passed and failed; the exit status is 1 if one failed.

local t = {}
local passed, failed = 0, 0
local file_name

local function is_tensor(v) return type(v) == "userdata" and v.totable ~= nil end

-- Tensors as nested tables (a number for rank 0).
local function plain(v)
  if not is_tensor(v) then return v end
  return v.ndim == 0 and v:item() or v:totable()
end

local function show(v)
  v = plain(v)
  if type(v) == "string" then return ("%q"):format(v) end
  if type(v) == "number" and math.type(v) == "float" then return ("%.9g"):format(v) end
  if type(v) ~= "table" or getmetatable(v) then return tostring(v) end
  local parts, keys = {}, {}
  for key in pairs(v) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, item in ipairs(v) do parts[i] = show(item) end
  for _, key in ipairs(keys) do
    if math.type(key) ~= "integer" or key < 1 or key > #v then
      parts[#parts + 1] = ("%s = %s"):format(tostring(key), show(v[key]))
    end
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

-- Whether a and b are the same, with numbers that may differ by tolerance.
local function same(a, b, tolerance)
  a, b = plain(a), plain(b)
  if type(a) == "number" and type(b) == "number" then
    return a == b or a ~= a and b ~= b or math.abs(a - b) <= tolerance * math.max(1, math.abs(b))
  end
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not same(value, b[key], tolerance) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

-- Numbers, strings, nested tables and tensors (beside tables: by value).
function t.equal(got, wanted)
  if not same(got, wanted, 0) then error(("got %s, wanted %s"):format(show(got), show(wanted)), 2) end
end

-- The same for numbers that differ by tolerance at most (1e-5, relative above 1).
function t.close(got, wanted, tolerance)
  if not same(got, wanted, tolerance or 1e-5) then
    error(("got %s, wanted %s"):format(show(got), show(wanted)), 2)
  end
end

-- f raises an error of one line that contains text, as it is or as a pattern. Returns the message.
function t.fails(f, text)
  local ok, message = pcall(f)
  if ok then error(("no error; wanted: %s"):format(text), 2) end
  message = tostring(message)
  if text and not message:find(text, 1, true) and not message:find(text) then
    error(("got the error %q, wanted %q"):format(message, text), 2)
  end
  if message:find "\n" then error(("the error has several lines: %q"):format(message), 2) end
  return message
end

-- What f writes on io.stderr or io.stdout (by that name; print is not among it).
function t.output(stream, f)
  local path = os.tmpname()
  local real, file = io[stream], assert(io.open(path, "w"))
  rawset(io, stream, file)
  local ok, message = pcall(f)
  rawset(io, stream, real)
  file:close()
  file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  os.remove(path)
  if not ok then error(message, 0) end
  return text
end

function t.test(name, f)
  local ok, trace = xpcall(f, debug.traceback)
  if ok then
    passed = passed + 1
  else
    failed = failed + 1
    print(("FAILED %s: %s\n%s"):format(file_name, name, trace))
  end
end

local function default_files()
  local list = assert(io.popen "ls tests/lua/*.lua")
  local files = {}
  for file in list:lines() do files[#files + 1] = file end
  list:close()
  return files
end

local files = #arg > 0 and arg or default_files()
for _, file in ipairs(files) do
  file_name = file
  local chunk, message = loadfile(file)
  if chunk then
    t.test("loads", function() chunk(t) end)
  else
    failed = failed + 1
    print("FAILED " .. message)
  end
end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0, true)
