-- Reads the measurements of bench runs and prints one table of medians, spread and ratios, and what it comes to.
-- A line of a file: "name<TAB>threads<TAB>value", then "<TAB>key=value" for moved and loop (bench.lua) and unit.
-- Usage: nnlua tests/bench/table.lua OURS TORCH BOUNDS [behind]
-- behind: only the rows that miss what they should reach
local BANDWIDTH_MARGIN = 1.25   -- a row that is bound by memory takes at most this much more than stream.c

-- The rows of a file by "name | threads", and their order.
local function read(path)
  local rows, order = {}, {}
  for line in io.lines(path) do
    local name, threads, value, rest = line:match("^(.-)\t(%d+)\t([^\t]+)(.*)$")
    local key = name .. " | " .. threads
    local row = rows[key]
    if not row then
      row = {name = name, threads = threads}
      rows[key], order[#order + 1] = row, row
    end
    for field, text in rest:gmatch("\t(%w+)=([^\t]+)") do row[field] = text end
    row[#row + 1] = tonumber(value)
  end
  for _, row in ipairs(order) do
    row.first, row.last = row[1], row[#row]
    table.sort(row)
    row.median = row[(#row + 1) // 2]
  end
  return rows, order
end

local UNITS = {
  seconds = {{1, "%.2f s"}, {1e-3, "%.2f ms"}, {1e-6, "%.2f us"}, {1e-9, "%.0f ns"}},
  bytes = {{1048576, "%.1f MiB"}, {1024, "%.0f KiB"}, {1, "%d B"}},
}
local function text(value, unit)
  if not value then return "" end
  for _, u in ipairs(UNITS[unit or "seconds"]) do
    if value >= u[1] then return u[2]:format(value / u[1]) end
  end
  return "0"
end

local function spread(row) return row and ("%.0f %%"):format(100 * (row[#row] - row[1]) / row.median) or "" end

local ours, order = read(arg[1])
local torch, bounds = read(arg[2]), read(arg[3])

-- The least that a row can take, and why: its matrix products, or the memory it moves.
local function bound_of(row)
  if row.loop then
    local stream = bounds[("stream: %s | %s"):format(row.loop, row.threads)]
    return stream and stream.median * tonumber(row.moved) / tonumber(stream.moved), "memory"
  end
  local products = bounds[row.name:gsub(" from C.*", "") .. " | " .. row.threads]
  return products and products.median, "products"
end

for key, row in pairs(ours) do
  local other = torch[key]
  row.torch = other
  row.ratio = other and other.median / row.median
  row.bound, row.why = bound_of(row)
  row.slower = row.ratio and row.ratio < 0.995   -- not 1.00
  row.over = row.why == "memory" and row.bound and row.median > BANDWIDTH_MARGIN * row.bound
end

local function number(x) return x and ("%.2f"):format(x) or "" end

print("| work | threads | nnlua | spread | PyTorch | spread | PyTorch / nnlua | bound | nnlua / bound |")
print("|---|---|---|---|---|---|---|---|---|")
for _, row in ipairs(order) do
  if arg[4] ~= "behind" or row.slower or row.over then
    print(("| %s | %s | %s | %s | %s | %s | %s | %s | %s |"):format(row.name, row.threads, text(row.median, row.unit),
      spread(row), text(row.torch and row.torch.median, row.unit), spread(row.torch), number(row.ratio),
      row.bound and text(row.bound) .. " " .. row.why or "", number(row.bound and row.median / row.bound)))
  end
end

-- Paragraphs below the table, each only where there is something to say.
local function list(title, rows, describe)
  local items = {}
  for _, row in ipairs(rows) do
    local item = describe(row)
    if item then items[#items + 1] = ("%s (%sT) %s"):format(row.name, row.threads, item) end
  end
  print(("\n%s: %s."):format(title, #items > 0 and table.concat(items, "; ") or "none"))
end

local _, bound_order = read(arg[3])
list("Bandwidth, GB/s", bound_order, function(row)
  return row.moved and ("%.1f"):format(tonumber(row.moved) / row.median * 1e-9)
end)
list("Last epoch / first", order, function(row)
  return row.name:find("^mnist") and #row > 1 and number(row.last / row.first)
end)
list("Slower than PyTorch (PyTorch / nnlua)", order, function(row) return row.slower and number(row.ratio) end)
list(("More than %.2f of what memory allows (nnlua / bound)"):format(BANDWIDTH_MARGIN), order, function(row)
  return row.over and number(row.median / row.bound)
end)
