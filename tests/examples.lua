-- Runs the ```lua blocks of Markdown files: nnlua tests/examples.lua FILE ... A comment --> says what is printed, where
-- white space stands for any other. Each block runs by itself, with nn and help as in the REPL, and twice, from
-- different random numbers: what it says must not depend on luck. Files are written to the working directory. Prints
-- what is wrong with each block that fails; the last line tells how many passed.

local nn = require "nn"
local globals = {print = print, stdout = io.stdout, stderr = io.stderr}

-- Everything that f prints or writes, on whatever stream, and its error or nil.
local function output_of(f)
  local file = assert(io.tmpfile())
  local function write(...)
    local parts = table.pack(...)
    for i = 1, parts.n do parts[i] = tostring(parts[i]) end
    file:write(table.concat(parts, "\t"), "\n")
  end
  io.output(file)
  rawset(_G, "print", write)
  rawset(io, "stdout", file)
  rawset(io, "stderr", file)
  local ok, message = pcall(f)
  rawset(_G, "print", globals.print)
  rawset(io, "stdout", globals.stdout)
  rawset(io, "stderr", globals.stderr)
  io.output(globals.stdout)
  file:seek "set"
  local text = file:read "a"
  file:close()
  return text, not ok and tostring(message) or nil
end

local function folded(text)
  return (text:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""))
end

-- What the comments of a block say is printed.
local function stated(block)
  local parts = {}
  for line in block:gmatch "[^\n]+" do parts[#parts + 1] = line:match "%-%->(.*)$" end
  return table.concat(parts, "\n")
end

-- A message, or nil when the block does what it says.
local function problem(block, seed)
  local environment = setmetatable({nn = nn, help = nn.help}, {__index = _G})
  local f, message = load(block, "=example", "t", environment)
  if not f then return message end
  nn.seed(seed)
  local text, failed = output_of(f)
  if failed then return failed end
  if not block:find("-->", 1, true) then return "it states no result" end
  if folded(text) ~= folded(stated(block)) then
    return ("it prints\n    %s\n  and says\n    %s"):format(folded(text), folded(stated(block)))
  end
end

local passed, failed = 0, 0
for _, path in ipairs(arg) do
  local number, first, lines = 0, nil, nil
  for line in io.lines(path) do
    number = number + 1
    if line == "```lua" then
      first, lines = number, {}
    elseif line == "```" and lines then
      local block = table.concat(lines, "\n")
      local message = problem(block, 1) or problem(block, 2)
      if message then
        failed = failed + 1
        print(("FAILED %s:%d: %s"):format(path, first, message))
      else
        passed = passed + 1
      end
      lines = nil
    elseif lines then
      lines[#lines + 1] = line
    end
  end
end
print(("%d passed, %d failed"):format(passed, failed))
os.exit(failed == 0, true)
