-- model:summary(): Keras's table of the layers, their output shapes and numbers of weights.

local _, core, import = ...
local options = import "options"

local DECLARED = {
  {name = "line_length", kind = "integer", optional = true, min = 40, max = math.huge, help = "cells across"},
  {name = "print_fn", kind = "function", optional = true, help = "gets the text instead of standard output"},
}
options.functions.summary = DECLARED

local M = {}

-- Of one number of each dtype.
local BYTES = {float32 = 4, float64 = 8, int64 = 8, uint8 = 1}
-- Cells across, on terminals that have them.
local WIDEST = 88

-- 1234567 -> 1,234,567
local function with_commas(n)
  local text = ("%d"):format(n)
  local head = #text % 3
  local rest = text:sub(head + 1):gsub("%d%d%d", ",%0")
  return head == 0 and rest:sub(2) or text:sub(1, head) .. rest
end

-- 1536 -> 1.50 KB
local function size_text(bytes)
  local units = {"B", "KB", "MB", "GB", "TB"}
  local i = 1
  while bytes >= 1024 and i < #units do
    bytes, i = bytes / 1024, i + 1
  end
  return ("%.2f %s"):format(bytes, units[i])
end

-- text in lines of at most width cells, broken at spaces, else anywhere.
local function wrap(text, width)
  local lines, line = {}, ""
  for word in text:gmatch "%S+" do
    if line ~= "" and #line + 1 + #word > width then
      lines[#lines + 1], line = line, ""
    end
    while #word > width do
      lines[#lines + 1], word = word:sub(1, width), word:sub(width + 1)
    end
    line = line == "" and word or line .. " " .. word
  end
  lines[#lines + 1] = line
  return lines
end

-- The inner widths of the three columns of a table that is `length` cells across: Keras's.
local function column_widths(length)
  local first, second = length * 45 // 100, length * 80 // 100
  return {first - 1, second - first - 2, length - second - 1}
end

-- One row of cells as lines of text; the last column stands at the right. edge: the character of the sides.
local function row_lines(cells, widths, edge)
  local wrapped, height = {}, 0
  for i, cell in ipairs(cells) do
    wrapped[i] = wrap(cell, widths[i] - 2)
    height = math.max(height, #wrapped[i])
  end
  local lines = {}
  for n = 1, height do
    local parts = {}
    for i, width in ipairs(widths) do
      local text = wrapped[i][n] or ""
      local space = (" "):rep(width - 2 - #text)
      parts[i] = " " .. (i == #widths and space .. text or text .. space) .. " "
    end
    lines[n] = edge .. table.concat(parts, edge) .. edge
  end
  return table.concat(lines, "\n")
end

-- A line between rows, from its corners, crossings and dashes.
local function rule(widths, left, middle, right, dash)
  local parts = {}
  for i, width in ipairs(widths) do parts[i] = dash:rep(width) end
  return left .. table.concat(parts, middle) .. right
end

-- (None, 28, 28), where None is the batch; ? before it is known.
local function shape_text(shape)
  if not shape then return "?" end
  return "(" .. table.concat({"None", table.unpack(shape)}, ", ") .. (#shape == 0 and ",)" or ")")
end

-- {name (Class), output shape, weights} of a layer.
local function cells_of(model, i)
  local layer = model.layers[i]
  local count = layer.built and with_commas(layer:count_params()) or "0 (unbuilt)"
  return {("%s (%s)"):format(layer.name, layer.class_name), shape_text(model.shapes[i]), count}
end

-- The box: head, a row for each layer, rules between.
local function table_text(model, length)
  local widths = column_widths(length)
  local lines = {rule(widths, "┏", "┳", "┓", "━"), row_lines({"Layer (type)", "Output Shape", "Param #"}, widths, "┃"),
    rule(widths, "┡", "╇", "┩", "━")}
  for i = 1, #model.layers do
    if i > 1 then lines[#lines + 1] = rule(widths, "├", "┼", "┤", "─") end
    lines[#lines + 1] = row_lines(cells_of(model, i), widths, "│")
  end
  lines[#lines + 1] = rule(widths, "└", "┴", "┘", "─")
  return table.concat(lines, "\n")
end

-- Numbers and bytes of the weights, those that are trained and the others.
local function totals(model)
  local sums = {trained = {0, 0}, fixed = {0, 0}}
  for _, weight in ipairs(model:all_weights()) do
    local sum, n = sums[weight.frozen and "fixed" or "trained"], weight.tensor:numel()
    sum[1], sum[2] = sum[1] + n, sum[2] + n * BYTES[weight.tensor.dtype]
  end
  return sums.trained, sums.fixed
end

-- What the optimizer holds, once it has made a step.
local function optimizer_total(model)
  local handle = model.optimizer and model.optimizer.handle
  if not handle then return nil end
  local iterations, _, held = core.optimizer_get(handle)
  return iterations > 0 and {held, held * 4} or nil
end

-- " Total params: 101,770 (397.54 KB)"
local function total_line(name, total)
  return (" %s params: %s (%s)"):format(name, with_commas(total[1]), size_text(total[2]))
end

-- The lines under the table; like Keras, the total includes what the optimizer holds.
local function total_lines(model)
  local trained, fixed = totals(model)
  local held = optimizer_total(model)
  local all = {trained[1] + fixed[1] + (held and held[1] or 0), trained[2] + fixed[2] + (held and held[2] or 0)}
  local lines = {total_line("Total", all), total_line("Trainable", trained), total_line("Non-trainable", fixed)}
  if held then lines[#lines + 1] = total_line("Optimizer", held) end
  return table.concat(lines, "\n")
end

-- summary{line_length =, print_fn =}
function M.summary(model, ...)
  local o = options.parse("summary", DECLARED, 0, ...)
  local _, columns = core.terminal(1)
  -- as wide as the terminal lets it be, with a margin
  local length = o.line_length or math.max(40, math.min(WIDEST, (columns or 80) - 4))
  local text = ('Model: "%s"\n%s\n%s'):format(model.name, table_text(model, length), total_lines(model))
  if o.print_fn then o.print_fn(text) else print(text) end
end

return M
