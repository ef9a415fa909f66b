-- Reads the measurements of bench runs and prints one table: medians, spread and ratios.
-- Usage: nnlua tests/bench/table.lua OURS TORCH PRODUCTS
local function read(path)
  local rows, order = {}, {}
  for line in io.lines(path) do
    local name, threads, seconds = line:match("^(.-)\t(%d+)\t(%S+)$")
    local key = name .. " | " .. threads .. "T"
    if not rows[key] then
      rows[key] = {}
      order[#order + 1] = key
    end
    table.insert(rows[key], tonumber(seconds))
  end
  return rows, order
end

local function median(values)
  if not values then return nil end
  table.sort(values)
  return values[(#values + 1) // 2]
end

local function text(seconds)
  if not seconds then return "" end
  if seconds >= 1 then return ("%.2f s"):format(seconds) end
  if seconds >= 1e-3 then return ("%.2f ms"):format(seconds * 1e3) end
  if seconds >= 1e-6 then return ("%.2f us"):format(seconds * 1e6) end
  return ("%.0f ns"):format(seconds * 1e9)
end

local function ratio(a, b) return a and b and ("%.2f"):format(a / b) or "" end

local ours, order = read(arg[1])
local torch, products = read(arg[2]), read(arg[3])
print("| work | threads | nnlua | spread | PyTorch | PyTorch / nnlua | bare products | nnlua / products |")
print("|---|---|---|---|---|---|---|---|")
for _, key in ipairs(order) do
  local name, threads = key:match("^(.*) | (%d+)T$")
  local values = ours[key]
  local mine, other, bound = median(values), median(torch[key]), median(products[key])
  local spread = ("%.0f %%"):format(100 * (values[#values] - values[1]) / mine)
  print(("| %s | %s | %s | %s | %s | %s | %s | %s |"):format(name, threads, text(mine), spread, text(other),
    ratio(other, mine), text(bound), ratio(mine, bound)))
end
