-- Brings the reference in bindings/README.md up to date, as `make reference` does:
--   build/nnlua bindings/reference.lua bindings/README.md
-- What is declared is written between two markers, <!-- KIND: WHAT --> and <!-- end -->; all else, the examples too, is
-- written by hand and stays. Loaded without an argument this is a table, for the test.

local nn = require "nn"

local M = {}

-- The private table of C functions is an upvalue of functions of ours.
local function find_core()
  for i = 1, 255 do
    local name, value = debug.getupvalue(nn.gradcheck, i)
    if name == "core" then return value end
  end
end

local core = find_core()
local declared = core.import "declared"
M.core, M.declared = core, declared

local function code(text) return "`" .. text .. "`" end

-- A bar would end a cell.
local function cell(text) return (text:gsub("|", "\\|")) end

local function list_line(option)
  local text = declared.describe(option)
  return ("- `%s`%s%s"):format(option.name, option.kind == "any" and option.default == nil and ": " or " ", text)
end

-- Common options: what more than three quarters of a family's classes declare in the same words is said once.
local function identity(option) return option.name .. " " .. declared.describe(option) end

local function common_options(family)
  local classes, count, list = declared.classes(family), {}, {}
  for _, class in ipairs(classes) do
    for _, option in ipairs(declared.options(class)) do
      local key = identity(option)
      count[key] = (count[key] or 0) + 1
      if count[key] > #classes * 3 / 4 and not option.required and not list[key] then
        list[key] = true
        list[#list + 1] = option
      end
    end
  end
  return list
end

-- What a class is called by in compile and in layers' options: "mean_squared_error", "mse".
local HAS_NAMES = {losses = true, metrics = true, optimizers = true, initializers = true, regularizers = true,
  constraints = true}

local function names_of(family, class)
  local names = {code(declared.prefix(family) .. declared.call(class))}
  if not HAS_NAMES[family] then return names[1] end
  names[2] = code(('"%s"'):format(class.name))
  for alias in (rawget(class, "alias") or ""):gmatch "[%w_]+" do names[#names + 1] = code(('"%s"'):format(alias)) end
  return table.concat(names, ", ")
end

local function item(family, class, common, example)
  local lines = {"### " .. declared.prefix(family) .. class.class_name, "",
    ("%s: %s"):format(names_of(family, class), class.help), ""}
  for _, option in ipairs(declared.options(class)) do
    if not common[identity(option)] then lines[#lines + 1] = list_line(option) end
  end
  if lines[#lines] ~= "" then lines[#lines + 1] = "" end
  return table.concat(lines, "\n") .. (example and "\n" .. example or "")
end

-- Heading -> what stands there by hand: from the first example to the next heading.
local function examples_of(body)
  local examples = {}
  for name, rest in ("\n" .. body):gsub("\n### ", "\n\0"):gmatch "%z([^\n]+)([^%z]*)" do
    local first = rest:find("```lua", 1, true)
    examples[name] = first and rest:sub(first):gsub("%s+$", "") .. "\n" or nil
  end
  return examples
end

M.examples_of = examples_of

-- KIND -> what stands between its markers
local make = {}

-- All classes of a family, each with its options and its example.
function make.items(family, body)
  local examples, parts = examples_of(body), {}
  local common = {}
  for _, option in ipairs(common_options(family)) do common[identity(option)] = true end
  for i, class in ipairs(declared.classes(family)) do
    local name = declared.prefix(family) .. class.class_name
    parts[i] = item(family, class, common, examples[name])
    examples[name] = nil
  end
  local left = next(examples)
  if left then error(("README: there is an example for %s, which is not declared"):format(left), 0) end
  return "\n" .. table.concat(parts, "\n") .. "\n"
end

local function lines_of(options)
  local lines = {}
  for i, option in ipairs(options) do lines[i] = list_line(option) .. "\n" end
  return "\n" .. table.concat(lines) .. "\n"
end

function make.common(family) return lines_of(common_options(family)) end

-- Functions with options, by name.
function make.options(names)
  local parts = {}
  for name in names:gmatch "%S+" do
    local f = assert(declared.named(name), "README: no function has the name " .. name)
    local like = f.like and names:find(f.like .. " ", 1, true)
    local options = like and "" or lines_of(f.options):sub(1, -2)
    parts[#parts + 1] = ("\n%s: %s%s\n%s"):format(code(f.call), f.help,
      like and ("; options as of %s"):format(f.like) or "", options)
  end
  return table.concat(parts) .. "\n"
end

function make.activations()
  local lines = {"", "| activation | what it is | options |", "|---|---|---|"}
  for _, row in ipairs(declared.activations()) do
    local names, options = {code(declared.activation_call(row))}, {}
    for alias in (row.alias or ""):gmatch "[%w_]+" do names[#names + 1] = code(alias) end
    for i, option in ipairs(row.options) do options[i] = list_line(option):sub(3) end
    lines[#lines + 1] = ("| %s | %s | %s |"):format(table.concat(names, ", "), cell(row.help),
      cell(table.concat(options, "; ")))
  end
  return table.concat(lines, "\n") .. "\n\n"
end

function make.ops(names)
  local rows, lines = {}, {"", "| op | what it gives |", "|---|---|"}
  for _, op in ipairs(core.ops()) do rows[op.name] = op end
  for name in names:gmatch "%S+" do
    local op = assert(rows[name], "README: there is no op " .. name)
    lines[#lines + 1] = ("| `%s` | %s |"):format(declared.op_call(op), cell(op.help))
  end
  return table.concat(lines, "\n") .. "\n\n"
end

-- As GitHub makes anchors of headings.
local function anchor(heading)
  return "#" .. heading:lower():gsub("[^%w%s_-]", ""):gsub("%s", "-")
end

-- A line for each heading, with those below it behind. Filled in at the end, when all headings are there.
function make.contents(_, _, text)
  local lines, first = {}, nil
  for marks, heading in text:gmatch "\n(##+) ([^\n]+)" do
    local link = ("[%s](%s)"):format(heading:match "[^.]+$", anchor(heading))
    if marks == "##" then
      lines[#lines + 1], first = "- " .. link, true
    else
      local line = lines[#lines] .. (first and ": " or ", ") .. link
      if #line <= 118 then
        lines[#lines] = line
      else
        lines[#lines] = lines[#lines] .. (first and ":" or ",")
        lines[#lines + 1] = "  " .. link
      end
      first = false
    end
  end
  return "\n" .. table.concat(lines, "\n") .. "\n\n"
end

local MARKED = "(<!%-%- (%w+): ?([^\n]-) %-%->\n)(.-)(<!%-%- end %-%->)"

-- The text with everything that is declared brought up to date.
function M.update(text)
  local function fill(only)
    text = text:gsub(MARKED, function(open, kind, what, body, close)
      if (kind == "contents") ~= only then return nil end
      assert(make[kind], "README: nothing is made for " .. kind)
      return open .. make[kind](what, body, text) .. close
    end)
  end
  fill(false)
  fill(true)
  return text
end

-- The ops that the text has tables for, in order.
function M.ops_in(text)
  local names = {}
  for what in text:gmatch "<!%-%- ops: ([^\n]-) %-%->" do
    for name in what:gmatch "%S+" do names[#names + 1] = name end
  end
  return names
end

local path = ...
if path then
  local file = assert(io.open(path))
  local text = file:read "a"
  file:close()
  local updated = M.update(text)
  file = assert(io.open(path, "w"))
  assert(file:write(updated))
  assert(file:close())
end
return M
