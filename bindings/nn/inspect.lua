-- How the interactive loop shows a value: small plain tables as they would be written, everything else by tostring.

local _, core = ...

local DEEPEST, MOST = 3, 40     -- levels of tables, and values in each, that are shown

local show

local function key_text(key)
  if type(key) == "string" and key:find "^[%a_][%w_]*$" then return key end
  return "[" .. show(key, DEEPEST) .. "]"
end

local function sorted_names(value, n)
  local names = {}
  for key in pairs(value) do
    if not (math.type(key) == "integer" and key >= 1 and key <= n) then names[#names + 1] = key end
  end
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  return names
end

local function show_table(value, depth)
  local parts, n = {}, #value
  for i = 1, math.min(n, MOST) do parts[i] = show(value[i], depth + 1) end
  if n > MOST then parts[#parts + 1] = ("... %d more"):format(n - MOST) end
  for i, key in ipairs(sorted_names(value, n)) do
    if i > MOST then
      parts[#parts + 1] = "..."
      break
    end
    parts[#parts + 1] = key_text(key) .. " = " .. show(value[key], depth + 1)
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

function show(value, depth)
  local kind = type(value)
  if kind == "string" and depth > 0 then return ("%q"):format(value):gsub("\\\n", "\\n") .. "" end
  if core.is_tensor(value) and depth > 0 and tostring(value):find "\n" then return "tensor " .. show(value.shape, 0) end
  if kind ~= "table" or depth >= DEEPEST or getmetatable(value) then return tostring(value) end
  return show_table(value, depth)
end

return function(value) return show(value, 0) end
