-- What fit looks at before the first batch, once, in O(n): mistakes that would otherwise show as a loss of NaN or as a
-- model that learns nothing. Each is one sentence that says what is wrong, where, and what to do about it.

local nn, core, import = ...
local errors = import "errors"
local Plan = import "step"
local fail, warn = errors.fail, errors.warn

local M = {}

local UNSCALED = 25      -- inputs beyond it are called unscaled
local MOST_CLASSES = 256 -- more are not looked for in the validation part

local function is_integer(t) return t.dtype == "int64" or t.dtype == "uint8" end

-- The row of an element by its position in the flattened tensor, and where in the row it is, in words.
local function place(t, position, first_row)
  local row_size = t:numel() // t:size(1)
  local row, rest = (position - 1) // row_size + 1, (position - 1) % row_size
  if t.ndim == 1 then return row + first_row - 1, "" end
  if t.ndim == 2 then return row + first_row - 1, ", column " .. rest + 1 end
  local indices = {}
  for d = t.ndim, 2, -1 do
    table.insert(indices, 1, rest % t:size(d) + 1)
    rest = rest // t:size(d)
  end
  return row + first_row - 1, ", position " .. errors.shape(indices)
end

-- Minimum and maximum tell whether all of it is finite (they are NaN if one is); they are given on.
-- One bad number makes every weight NaN in the first step.
local function check_finite(call, name, t, first_row)
  if t:numel() == 0 then return 0, 0 end
  local lo, hi = core.range(t)
  if is_integer(t) or lo > -math.huge and hi < math.huge then return lo, hi end
  local _, position = core.finite(t)
  local value = t:reshape(-1)[position]
  local what = value ~= value and "NaN" or value > 0 and "infinity" or "minus infinity"
  local row, where = place(t, position, first_row)
  fail("%s: %s has %s in row %d%s; one such value makes the whole model NaN: replace it, or leave the row out", call,
    name, what, row, where)
end

-- The first element for which mask is 1: its row and its value in t.
local function first_of(t, mask, first_row)
  local position = mask:reshape(-1):argmax():item()
  local value = t:reshape(-1)[position]
  return (place(t, position, first_row)), math.tointeger(value) or value
end

-- "; ..." what to do about labels lo..hi where 0..k-1 are wanted.
local function label_cure(lo, hi, k)
  if k == 1 then return "; for two classes end in one sigmoid unit with binary_crossentropy" end
  if lo >= 1 and hi == k then return "; labels count from 0: train with y - 1" end
  if lo < 0 then return "; labels count from 0" end
  return ("; give the last layer %d units, or correct the label"):format(hi + 1)
end

-- Labels of a sparse loss: whole numbers 0..k-1, one for each row (or time step).
local function check_labels(call, model, y, first_row, lo, hi)
  local shape = model.output_shape
  local k, ignored = shape[#shape], model.loss.config.ignore_class
  if y.ndim == #shape + 1 and y:size(-1) == k and k > 1 then
    fail("%s: %s takes labels, but the rows of y have %d numbers; for one-hot rows use categorical_crossentropy", call,
      model.loss.name, k)
  end
  if ignored then
    y = nn.where(y:eq(ignored), nn.zeros_like(y), y)
    lo, hi = core.range(y)
  end
  if not is_integer(y) then
    -- labels may come as floats, as long as they are whole
    local broken = y:floor():ne(y)
    if broken:any():item() ~= 0 then
      local row, value = first_of(y, broken, first_row)
      fail("%s: label %s in row %d is no whole number; labels are 0..%d", call, value, row, k - 1)
    end
  end
  if lo >= 0 and hi < k then return end
  local row, value = first_of(y, hi >= k and y:ge(k) or y:lt(0), first_row)
  fail("%s: label %s in row %d is outside 0..%d, the labels for a last layer of %d unit%s%s", call, value, row, k - 1,
    k, k == 1 and "" or "s", label_cure(lo, hi, k))
end

-- Targets of binary_crossentropy are 0 and 1, or between.
local function check_binary(call, model, y, first_row, lo, hi)
  if lo >= 0 and hi <= 1 then return end
  local row, value = first_of(y, hi > 1 and y:gt(1) or y:lt(0), first_row)
  fail("%s: label %s in row %d is outside 0..1, the labels for %s; for more classes end in a softmax over one unit " ..
    "each, with sparse_categorical_crossentropy", call, value, row, model.loss.name)
end

-- Labels where one-hot rows are wanted.
local function check_one_hot(call, model, y)
  local shape = model.output_shape
  local k = shape[#shape]
  if k == 1 or y.ndim > #shape and y:size(-1) ~= 1 then return end
  fail("%s: %s takes one-hot rows of %d numbers, but y holds labels; use sparse_categorical_crossentropy, or " ..
    "nn.data.to_categorical(y, %d)", call, model.loss.name, k, k)
end

-- Layers that scale what comes in, or want it as it is.
local SCALES = {Normalization = true, Rescaling = true, BatchNormalization = true, LayerNormalization = true,
  Embedding = true}

-- A step's size fits inputs near 1; pixels 0..255 need another one, or never learn.
local function check_scale(model, lo, hi)
  if SCALES[model.layers[1].class_name] or lo >= -UNSCALED and hi <= UNSCALED then return end
  warn("fit: x goes from %g to %g; networks learn from numbers near 0..1: divide x, or begin with a Rescaling or " ..
    "Normalization layer", lo, hi)
end

-- x, y and weight (or nil) for a model that is built and compiled; rows are counted from first_row. scale: look at the
-- range of x too.
function M.data(call, model, x, y, weight, first_row, scale)
  local lo, hi = check_finite(call, "x", x, first_row)
  if weight then check_finite(call, "sample_weight", weight, first_row) end
  if scale then check_scale(model, lo, hi) end
  local loss = model.loss
  lo, hi = check_finite(call, "y", y, first_row)
  if not loss.row_index or y:numel() == 0 then return end
  if loss.sparse then return check_labels(call, model, y, first_row, lo, hi) end
  if loss.behind == "sigmoid" then return check_binary(call, model, y, first_row, lo, hi) end
  if loss.behind == "softmax" then return check_one_hot(call, model, y) end
end

-- Weights of classes that the model does not tell apart, or that are no weights.
function M.class_weight(model, weights)
  local units = model.output_shape[#model.output_shape] or 1
  local k = units == 1 and 2 or units
  for label, weight in pairs(weights or {}) do
    if math.type(label) == "integer" and (label < 0 or label >= k) then
      fail("fit: class_weight names label %d, outside 0..%d", label, k - 1)
    end
    if type(weight) == "number" and not (weight > -math.huge and weight < math.huge) then
      fail("fit: class_weight of label %s is %s; a finite number is expected", errors.show(label), errors.show(weight))
    end
  end
end

-- What does not go together in the model; warnings, since it can be meant.
function M.model(model)
  local ending, loss = Plan.ending(model.layers), model.loss
  local units = model.output_shape[#model.output_shape]
  if ending == "softmax" and units == 1 then
    warn "fit: softmax over one unit is always 1; for two classes use sigmoid and binary_crossentropy"
  elseif ending == "sigmoid" and loss.behind == "softmax" then
    warn("fit: %s after sigmoid: use softmax, or binary_crossentropy where several classes may be true at once",
      loss.name)
  elseif ending == "softmax" and loss.behind == "sigmoid" then
    warn("fit: %s after softmax: use categorical_crossentropy, or sparse_categorical_crossentropy for labels",
      loss.name)
  elseif ending and loss.from_logits and loss.behind == ending then
    warn("fit: %s has from_logits = true, but the model ends in %s already: leave one of them out", loss.name, ending)
  end
end

-- present[label] for the labels 0..k-1 in y: labels, one-hot rows, or 0 and 1.
local function labels_in(y, k, one_hot)
  local present = {}
  if one_hot then
    for i, total in ipairs(y:sum(1):totable()) do present[i - 1] = total > 0 end
    return present
  end
  for label = 0, k - 1 do present[label] = y:eq(label):any():item() ~= 0 end
  return present
end

-- A validation part that lacks a class of the training part says nothing about that class.
function M.validation(model, train, validation)
  local loss, units = model.loss, model.output_shape[#model.output_shape]
  -- one unit tells two classes apart
  local k = units == 1 and 2 or units
  if not loss.row_index or not loss.behind or k > MOST_CLASSES then return end
  if loss.behind == "sigmoid" and units > 1 then return end
  local one_hot = not loss.sparse and units > 1
  local learned, tested = labels_in(train.y, k, one_hot), labels_in(validation.y, k, one_hot)
  local missing = {}
  for label = 0, k - 1 do
    if learned[label] and not tested[label] then missing[#missing + 1] = label end
  end
  if #missing == 0 then return end
  local part = validation.rows == 1 and "the last row" or ("the last %d rows"):format(validation.rows)
  warn("fit: the validation part, %s, has none of class %s; shuffle the rows first, or give validation_data", part,
    table.concat(missing, ", "))
end

return M
