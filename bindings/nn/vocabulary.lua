-- Vocabularies, as TextVectorizer and StringLookup have them: tokens in Keras's order, and where each is.

local _, _, import = ...
local errors = import "errors"

local M = {}

-- By bytes, whatever the locale.
local function comes_after(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then return x > y end
  end
  return #a > #b
end

-- The tokens that are counted most, at most `most` of them; of those counted equally the last in the alphabet first.
function M.ordered(counts, most)
  local tokens = {}
  for token in pairs(counts) do tokens[#tokens + 1] = token end
  table.sort(tokens, function(a, b)
    if counts[a] ~= counts[b] then return counts[a] > counts[b] end
    return comes_after(a, b)
  end)
  for i = #tokens, (most or #tokens) + 1, -1 do tokens[i] = nil end
  return tokens
end

-- A list of strings, checked; one string is a list of one.
function M.strings(call, name, given)
  if type(given) == "string" then return {given} end
  if type(given) ~= "table" or getmetatable(given) then
    errors.fail("%s: %s must be a list of strings; got %s", call, name, errors.show(given))
  end
  for i, text in ipairs(given) do
    if type(text) ~= "string" then
      errors.fail("%s: %s must be strings; [%d] is %s", call, name, i, errors.show(text))
    end
  end
  return given
end

-- A vocabulary that a user gives: each token once, without the special ones, which may stand at its beginning.
function M.given(call, tokens, specials)
  local list, seen = {}, {}
  M.strings(call, "vocabulary", tokens)
  local first = 1
  for _, special in ipairs(specials) do
    if tokens[first] == special then first = first + 1 end
  end
  for i = first, #tokens do
    if seen[tokens[i]] then errors.fail('%s: the vocabulary has "%s" twice', call, tokens[i]) end
    seen[tokens[i]] = true
    list[#list + 1] = tokens[i]
  end
  return list
end

-- Makes tokens the vocabulary of object, behind its .specials: .vocabulary[i] is what has the number i - 1, .ids tells
-- the number of each token (not of the specials).
function M.take(object, tokens)
  local specials = object.specials
  object.vocabulary, object.ids = table.move(specials, 1, #specials, 1, {}), {}
  for i, token in ipairs(tokens) do
    object.vocabulary[#specials + i] = token
    object.ids[token] = #specials + i - 1
  end
end

return M
