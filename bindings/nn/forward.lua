-- A batch through a list of layers: the hot path of training and prediction. Built-in layers are one crossing into C
-- each; what they leave between them is closed at once, so that its memory is free for the next step (a graph keeps
-- what it needs).
-- Masks go along, 1 for each step {batch, steps} that counts and 0 for the others: a layer with makes_mask (Embedding
-- with mask_zero) begins one, one with takes_mask gets it, one with supports_masking lets it go on to the next; behind
-- any other it is gone. As in Keras, but losses do not look at masks.

local _, core = ...
local layer_call, release = core.layer_call, core.release

-- The output of layers from mask on, as below; its mask, or nil.
local function run(layers, count, x, training, logits, penalties, mask)
  local y, ours = x, false
  for i = 1, count do
    local layer = layers[i]
    local made = layer.makes_mask and y:ne(0)
    local z
    if mask and layer.takes_mask then
      z = layer(y, training, mask)
      -- a class of the user's may give its input back, or keep it
      if ours and layer.direct then release(y) end
      ours = layer.direct
    elseif layer.direct and layer.built then
      local rests = training and layer.rests
      z = layer_call(layer.handle, y, training and not (rests and layer:rests()), logits and i == count)
      if ours then release(y) end
      ours = true
    elseif layer.is_chain and layer.built then
      -- a model as a layer: its mask comes out as well
      local whole = {run(layer.layers, #layer.layers, y, training, false, nil, mask)}
      z, ours, mask = whole[1], false, whole[3]
    else
      z, ours = layer(y, training), false
    end
    y = z
    if made then mask = made elseif mask and not layer.supports_masking then mask = nil end
    if penalties and layer.activity_regularizer then
      penalties[#penalties + 1] = layer.activity_regularizer(y) / y:size(1)
      ours = false
    end
  end
  return y, ours, mask
end

-- The output of the first `count` layers. logits: the last of them leaves out its activation. penalties (a list or nil)
-- gets those of activity regularizers, divided by the batch. The second result: may the caller close the output?
return function(layers, count, x, training, logits, penalties)
  local y, ours, mask = run(layers, count, x, training, logits, penalties)
  if mask then release(mask) end
  return y, ours
end
