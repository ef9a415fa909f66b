-- A batch through a list of layers: the hot path of training and prediction. Built-in layers are one crossing into C
-- each; what they leave between them is closed at once, so that its memory is free for the next step (a graph keeps
-- what it needs).

local _, core = ...
local layer_call, release = core.layer_call, core.release

-- The output of the first `count` layers. logits: the last of them leaves out its activation. penalties (a list or nil)
-- gets those of activity regularizers, divided by the batch. The second result: may the caller close the output?
return function(layers, count, x, training, logits, penalties)
  local y, ours = x, false
  for i = 1, count do
    local layer = layers[i]
    local z
    if layer.direct and layer.built then
      local rests = training and layer.rests
      z = layer_call(layer.handle, y, training and not (rests and layer:rests()), logits and i == count)
      if ours then release(y) end
      ours = true
    else
      z, ours = layer(y, training), false
    end
    y = z
    if penalties and layer.activity_regularizer then
      penalties[#penalties + 1] = layer.activity_regularizer(y) / y:size(1)
      ours = false
    end
  end
  return y, ours
end
