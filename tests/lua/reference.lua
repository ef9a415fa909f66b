-- bindings/README.md, the Lua reference: it says what is declared, leaves nothing out, has an example for each item,
-- and the examples print what it says.
local t = ...
local nn = require "nn"
local reference = dofile "bindings/reference.lua"
local declared, core = reference.declared, reference.core

local PATH = "bindings/README.md"
local file <close> = assert(io.open(PATH))
local text = file:read "a"

t.test("the reference is up to date", function()
  if reference.update(text) ~= text then error(PATH .. " differs from what is declared: make reference", 0) end
end)

-- What the text says of one heading, up to the next.
local function section(heading)
  local _, last = text:find("\n### " .. heading .. "\n", 1, true)
  return last and text:sub(last, (text:find("\n###? ", last) or #text + 1))
end

t.test("every class has an example that uses it", function()
  for _, family in ipairs(declared.families) do
    for _, class in ipairs(declared.classes(family)) do
      local name = declared.prefix(family) .. class.class_name
      local example = (section(name) or ""):match "```lua\n(.-)```"
      if not example then error(name .. " has no example under its heading in " .. PATH, 0) end
      if not example:find(name, 1, true) then error(("the example of %s does not use it"):format(name), 0) end
    end
  end
end)

t.test("every activation has an example", function()
  for _, row in ipairs(declared.activations()) do
    local example = ("print(f.%s("):format(row.name)
    if not text:find(example, 1, true) then error("there is no example for the activation " .. row.name, 0) end
  end
end)

t.test("every op is in one table", function()
  local seen = {}
  for _, name in ipairs(reference.ops_in(text)) do
    if seen[name] then error(name .. " is in two tables", 0) end
    seen[name] = true
  end
  for _, op in ipairs(core.ops()) do
    if not seen[op.name] then error(op.name .. " is in no table of " .. PATH, 0) end
    -- the names of the row are those of its tensors
    local _, commas = op.inputs:gsub(",", "")
    if op.arity > 0 then t.equal(commas + 1, op.arity) end
  end
end)

-- Something that is not part of a longer name.
local function named(name)
  return text:find("%f[%w_]" .. name .. "%f[^%w_]") ~= nil
end

local function all_named(list, what)
  for name, value in pairs(list) do
    -- classes are looked at by family; a class that another suite made is none of ours
    local class = type(value) == "table" and value.class_name
    if not class and not name:find "^__" and not named(name) then
      error(("%s %s is nowhere in %s"):format(what, name, PATH), 0)
    end
  end
end

t.test("every function, method and field is named", function()
  all_named(nn, "nn.")
  all_named(getmetatable(nn).__names(), "nn.")
  all_named(nn.data, "nn.data.")
  all_named(nn.datasets, "nn.datasets.")
  local of_tensors = debug.getmetatable(nn.ones(1)).__names()
  assert(of_tensors.fill_ and of_tensors.shape)
  all_named(of_tensors, "the method or field")
end)

t.test("every method of a model is named", function()
  local own = {construct = true, class_name = true, base = true, own = true, declared = true, positional = true,
    check_batch = true,
    help = true}
  for name, value in pairs(nn.Sequential) do
    if type(value) == "function" and not own[name] and not name:find "^__" then
      if not text:find("[:.]" .. name .. "%f[^%w_]") and not text:find("`model:" .. name, 1, true) then
        error(("model:%s is nowhere in %s"):format(name, PATH), 0)
      end
    end
  end
end)

t.test("every function with options says them", function()
  local listed = {}
  for _, row in ipairs(declared.functions) do
    listed[row[5] or row[1]] = true
    local f = declared.named(row[1])
    if not text:find(f.call, 1, true) then error(f.call .. " is not in " .. PATH, 0) end
    for _, option in ipairs(f.options) do
      if not option.help then error(("%s: %s has no help"):format(row[1], option.name), 0) end
    end
  end
  for name in pairs(core.import "options".functions) do
    if not listed[name] then error(name .. " is not in declared.functions", 0) end
  end
end)

t.test("everything declared has a line of help", function()
  for _, family in ipairs(declared.families) do
    for _, class in ipairs(declared.classes(family)) do
      assert(class.help, class.class_name .. " has no help")
      for _, option in ipairs(declared.options(class)) do
        assert(option.help and option.help ~= "", class.class_name .. ": " .. option.name)
      end
    end
  end
  for _, op in ipairs(core.ops()) do assert(op.help, op.name) end
end)

-- What the program that runs this says of the examples in a file, and whether all are right. In a folder of its own,
-- since examples write files.
local function run_examples(path)
  local first = 0
  while arg[first - 1] do first = first - 1 end
  local folder = os.tmpname()
  os.remove(folder)
  local function there(name) return name:find "^/" and name or '"$OLDPWD"/' .. name end
  local run = assert(io.popen(("mkdir %s && cd %s && %s %s %s 2>&1"):format(folder, folder, there(arg[first]),
    there "tests/examples.lua", there(path))))
  local said = run:read "a"
  local ok = run:close()
  os.execute("rm -r " .. folder)
  return said, ok == true
end

t.test("the examples print what they say", function()
  local said, ok = run_examples(PATH)
  if not ok then error(said, 0) end
  t.equal(tonumber(said:match "(%d+) passed, 0 failed") > 150, true)
end)

-- The checks themselves: what is not so is seen.
t.test("stale text is seen", function()
  local stale = text:gsub("number of outputs", "number of inputs")
  t.equal(stale ~= text and reference.update(stale) == text, true)
  local misnamed = text:gsub("### nn%.Dense\n", "### nn.Dens\n")
  t.fails(function() reference.update(misnamed) end, "nn.Dens, which is not declared")
end)

t.test("wrong examples are seen", function()
  local path = os.tmpname()
  local sample <close> = assert(io.open(path, "w"))
  for _, code in ipairs{"print(1)  --> 2", "local x = 1", "print(1, 2)  --> 1 2", "no()", "print(nn.rand(1))  --> 1"} do
    sample:write("```lua\n", code, "\n```\n")
  end
  sample:flush()
  local said, ok = run_examples(path)
  os.remove(path)
  t.equal(ok, false)
  for _, part in ipairs{"it prints", "states no result", "no'", "1 passed, 4 failed"} do
    if not said:find(part, 1, true) then error(("%q is not in %q"):format(part, said), 0) end
  end
end)
