-- Sorts perf's samples by what was being done and prints a table of percentages, a row for each thread of a workload.
-- Usage: nnlua tests/bench/profile.lua LIST FUNCTIONS    (profile.sh makes both)

-- A sample's place is "object file function" for our own code, "library function" for others'. The first row with a
-- pattern that fits says what it is.
local CLASSES = {
  {"products", "^core/matmul ", "^libopenblas"},
  {"gather", "^core/batch ", "^core/kernels/batch", "^core/pick ", "^core/embedding ", "^core/random ",
   "^core/kernels/draws", "^bindings/data ", "^libc.* __memmove", "^libc.* __memcpy"},
  {"element-wise", "^core/elementwise ", "^core/broadcast ", "^core/copy ", "^core/crossentropy ", "^core/softmax ",
   "^core/reduce ", "^core/normalize ", "^core/scan ", "^core/sort ", "^core/join ", "^core/masks ",
   "^core/kernels/[cmnrs]", "^libm"},
  {"optimizer", "^core/update ", "^core/kernels/update", "^autograd/optimizer"},
  {"graph", "^autograd/", "^core/context ", "^core/tensor ", "^core/shape ", "^core/view "},
  {"Lua", "^liblua", "^bindings/", "^libc.* __str"},
  {"allocator", "^core/memory ", "^libc.* _?_?[a-z_]*alloc", "^libc.* _int_", "^libc.* _*free", "^libc.* unlink_chunk",
   "^libc.* __memset", "fault", "clear_page", "^kernel .*folio", "^kernel .*anon"},
  {"waiting", "^core/pool ", "sched", "futex", "^libc.* _*pthread", "^kernel .*task_switch"},
  {"system", "^kernel ", "^%[vdso", "^ld%-"},
  {"other", ""},
}

local objects = {}   -- file without ending, by function; a name that several files have belongs to the first of them
for line in io.lines(arg[2]) do
  local object, kind, name = line:match("^([%w_/]+)[%w.]*%.o:%x+ (%a) (%S+)$")
  if object and kind:lower() == "t" and not objects[name] then objects[name] = object end
end

local function place(symbol, library)
  if symbol == "[unknown]" then symbol = "inside " .. library:match("[^/]*$") end   -- a library without names
  if library:find("/nnlua$") then return (objects[symbol] or "nnlua") .. " " .. symbol end
  if library:find("kernel", 1, true) or library:find("%.ko$") then return "kernel " .. symbol end
  return library:match("[^/]*$") .. " " .. symbol
end

local function class_of(where)
  for i, class in ipairs(CLASSES) do
    for j = 2, #class do
      if where:find(class[j]) then return i end
    end
  end
end

-- Samples of the main thread and of all others: how many there are in each class, and of each symbol.
local function read(path)
  local threads = {}
  for line in io.lines(path) do
    local process, thread, symbol, library = line:match("^%s*(%d+)/(%d+)%s+%x+%s+(.-)%s+%((.*)%)")
    if process then
      local which = process == thread and 1 or 2
      local counts = threads[which] or {total = 0, symbols = {}}
      threads[which] = counts
      local where = place(symbol, library)
      local class = class_of(where)
      counts[class] = (counts[class] or 0) + 1
      counts.total = counts.total + 1
      counts.symbols[where] = (counts.symbols[where] or 0) + 1
    end
  end
  return threads
end

local function hottest(counts)
  local names = {}
  for name in pairs(counts.symbols) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    if counts.symbols[a] == counts.symbols[b] then return a < b end
    return counts.symbols[a] > counts.symbols[b]
  end)
  local items = {}
  for i = 1, math.min(6, #names) do
    items[i] = ("%s %.0f %%"):format(names[i]:gsub("^%S+ ", "", 1), 100 * counts.symbols[names[i]] / counts.total)
  end
  return table.concat(items, ", ")
end

local heads, marks = {}, {}
for i, class in ipairs(CLASSES) do heads[i], marks[i] = class[1], "---" end
print(("| work | threads | thread | %s | samples |"):format(table.concat(heads, " | ")))
print(("|---|---|---|%s|---|"):format(table.concat(marks, "|")))
local below = {}
for line in io.lines(arg[1]) do
  local name, threads, path = line:match("^(.-)\t(%d+)\t(.*)$")
  for which, counts in pairs(read(path)) do
    local thread = which == 1 and "main" or "others"
    local cells = {}
    for i in ipairs(CLASSES) do cells[i] = ("%.1f"):format(100 * (counts[i] or 0) / counts.total) end
    print(("| %s | %s | %s | %s | %d |"):format(name, threads, thread, table.concat(cells, " | "), counts.total))
    below[#below + 1] = ("- %s, %sT, %s: %s"):format(name, threads, thread, hottest(counts))
  end
end
print("\nPercent of each thread's time. Most of it in:\n")
print(table.concat(below, "\n"))
