-- nn.data.StringLookup: strings as numbers from 0 on, and back: labels by name. Keras's rules.

local nn, core, import = ...
local class = import "class"
local errors = import "errors"
local options = import "options"
local vocabulary = import "vocabulary"
local fail = errors.fail

local OPTIONS = {
  {name = "vocabulary", kind = "list", optional = true, help = "the strings, in place of adapt"},
  {name = "max_tokens", kind = "integer", optional = true, min = 1, max = math.huge,
    help = "size of the vocabulary, special tokens included"},
  {name = "num_oov_indices", kind = "integer", default = 1, min = 0, max = math.huge,
    help = "numbers for strings that are not in the vocabulary; 0: such a string is an error"},
  {name = "mask_token", kind = "text", optional = true, help = "a string that has the number 0"},
  {name = "oov_token", kind = "text", default = "[UNK]", help = "what stands for unknown strings with invert"},
  {name = "invert", kind = "flag", default = false, help = "from numbers to strings"},
}

local StringLookup = class.new "StringLookup"
StringLookup.help = "strings as numbers from 0 on, and back"
StringLookup.options, StringLookup.positional = OPTIONS, 0

-- Keras's mask has a number as well.
local function take(self, tokens)
  vocabulary.take(self, tokens)
  if self.config.mask_token then self.ids[self.config.mask_token] = 0 end
end

function StringLookup:construct(...)
  local c = options.parse("StringLookup", OPTIONS, 0, ...)
  self.config = c
  self.specials = {c.mask_token}
  for _ = 1, c.num_oov_indices do self.specials[#self.specials + 1] = c.oov_token end
  if c.max_tokens and c.max_tokens < #self.specials then
    fail("StringLookup: max_tokens must be at least %d here", #self.specials)
  end
  if c.vocabulary then take(self, vocabulary.given("StringLookup", c.vocabulary, self.specials)) end
end

-- adapt(strings): the vocabulary is what they are, the most frequent first.
function StringLookup:adapt(strings)
  local counts, mask = {}, self.config.mask_token
  for _, text in ipairs(vocabulary.strings("adapt", "strings", strings)) do
    if text ~= mask then counts[text] = (counts[text] or 0) + 1 end
  end
  take(self, vocabulary.ordered(counts, self.config.max_tokens and self.config.max_tokens - #self.specials))
  return self
end

-- FNV-1a of 32 bits: which of several numbers an unknown string has.
local function hash(text)
  local h = 0x811c9dc5
  for i = 1, #text do h = ((h ~ text:byte(i)) * 0x01000193) & 0xffffffff end
  return h
end

-- The number of an unknown string; with no number for such it is an error.
local function unknown(self, text)
  local c = self.config
  if c.num_oov_indices == 0 then
    fail('StringLookup: "%s" is not in the vocabulary%s', text, errors.suggest(text, self.vocabulary))
  end
  return (c.mask_token and 1 or 0) + (c.num_oov_indices > 1 and hash(text) % c.num_oov_indices or 0)
end

-- The string of a number.
local function string_of(self, id)
  local token = math.tointeger(id) and self.vocabulary[math.tointeger(id) + 1]
  if token then return token end
  fail("StringLookup: %s is outside 0..%d, the numbers of the vocabulary", errors.show(id), #self.vocabulary - 1)
end

-- f of each item of a nested list.
local function map(list, f)
  if type(list) ~= "table" then return f(list) end
  local result = {}
  for i, item in ipairs(list) do result[i] = map(item, f) end
  return result
end

-- lookup(strings) -> int64 numbers; with invert lookup(numbers) -> strings. Of one alone it gives the one.
function StringLookup:__call(given)
  if not self.vocabulary then fail("StringLookup: it has no vocabulary yet; call adapt(strings) first") end
  if self.config.invert then
    if core.is_tensor(given) then given = given.ndim == 0 and given:item() or given:totable() end
    return map(given, function(id) return string_of(self, id) end)
  end
  local function number(text)
    if type(text) ~= "string" then fail("StringLookup: strings are expected; got %s", errors.show(text)) end
    return self.ids[text] or unknown(self, text)
  end
  local numbers = map(given, number)
  return type(numbers) == "table" and nn.tensor(numbers, {dtype = "int64"}) or numbers
end

function StringLookup:get_vocabulary() return self.vocabulary end

function StringLookup:__tostring()
  return ("StringLookup{%s}"):format(self.vocabulary and ("%d tokens"):format(#self.vocabulary) or "not adapted")
end

class.methods("lookup", StringLookup, {"adapt", "get_vocabulary"})
return {StringLookup = StringLookup}
