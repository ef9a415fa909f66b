-- Accuracies: the part of the predictions that are right. y_true: labels 0..K-1 where "sparse" is in the name, one-hot
-- rows where "categorical" is without it, and values to be equal to in the others.
local nn, core, import = ...
local metric = import "metric"

-- right: the kind of what C counts in one crossing where nothing is weighted and the tensors are as they plainly are;
-- update does all of it.
local function accuracy(definition)
  definition.direction = "max"
  local kind, update_state = definition.right, metric.Mean.update_state
  if kind then
    function definition:update_state(y_true, y_pred, weight)
      if weight == nil and not self.signs and core.is_tensor(y_true) and core.is_tensor(y_pred) then
        local right, count = core.right(kind, y_true, y_pred, self.config.threshold)
        if right then
          self.total, self.count = self.total + right, self.count + count
          return
        end
      end
      return update_state(self, y_true, y_pred, weight)
    end
  end
  return metric.class(definition, metric.Mean)
end

accuracy{class_name = "Accuracy", name = "accuracy", help = "the part of the elements with y_pred = y_true",
  update = function(self, y_true, y_pred, weight)
    y_true, y_pred = metric.paired(self.class_name, y_true, y_pred)
    self:add(y_pred:eq(y_true), weight)
  end}

accuracy{class_name = "BinaryAccuracy", name = "binary_accuracy", right = "binary",
  help = "the part of the elements with (y_pred > threshold) = y_true",
  options = {{name = "threshold", kind = "number", default = 0.5, help = "above it the prediction is 1"}},
  update = function(self, y_true, y_pred, weight)
    y_true, y_pred = metric.paired(self.class_name, y_true, y_pred)
    -- behind a hinge loss the targets are -1 and 1
    if self.signs then y_true = y_true:gt(0) end
    self:add(y_pred:gt(self.config.threshold):eq(y_true), weight)
  end}

accuracy{class_name = "CategoricalAccuracy", name = "categorical_accuracy", right = "categorical",
  help = "the part of the rows whose greatest elements of y_pred and y_true are at one position",
  update = function(self, y_true, y_pred, weight)
    y_true, y_pred = metric.paired(self.class_name, y_true, y_pred)
    self:add(y_pred:argmax(-1):eq(y_true:argmax(-1)), weight)
  end}

-- Labels count from 0, positions from 1.
accuracy{class_name = "SparseCategoricalAccuracy", name = "sparse_categorical_accuracy", right = "sparse",
  help = "the part of the rows whose greatest element of y_pred is at the label",
  update = function(self, y_true, y_pred, weight)
    y_true = metric.labels(self, y_true, y_pred)
    self:add(y_pred:argmax(-1):sub_(1):eq(y_true), weight)
  end}

local K = {name = "k", kind = "integer", default = 5, min = 1, help = "how many of the greatest count"}

-- Right where fewer than k elements are greater than the one at the position (ties count as right).
local function among_greatest(y_pred, position, k)
  local chosen = y_pred:gather(-1, position)
  -- NaN is among no greatest
  return y_pred:gt(chosen):sum(-1):lt(k) * chosen:eq(chosen):squeeze(-1)
end

accuracy{class_name = "TopKCategoricalAccuracy", name = "top_k_categorical_accuracy",
  help = "the part of the rows where y_true's class is among the k greatest of y_pred", options = {K}, positional = 1,
  update = function(self, y_true, y_pred, weight)
    y_true, y_pred = metric.paired(self.class_name, y_true, y_pred)
    self:add(among_greatest(y_pred, y_true:argmax(-1, true), self.config.k), weight)
  end}

accuracy{class_name = "SparseTopKCategoricalAccuracy", name = "sparse_top_k_categorical_accuracy",
  help = "the part of the rows where the label is among the k greatest of y_pred", options = {K}, positional = 1,
  update = function(self, y_true, y_pred, weight)
    y_true = metric.labels(self, y_true, y_pred)
    -- one that is ignored has no position, and is wrong
    local known = y_true:ge(0) * y_true:lt(y_pred:size(-1))
    local at = nn.where(known, y_true, 0):to("int64"):unsqueeze(-1) + 1
    self:add(among_greatest(y_pred, at, self.config.k) * known, weight)
  end}
