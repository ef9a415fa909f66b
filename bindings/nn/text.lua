-- nn.data.TextVectorizer: texts as counts of words, or as lists of their numbers. Keras's TextVectorization.

local nn, _, import = ...
local class = import "class"
local errors = import "errors"
local options = import "options"
local vocabulary = import "vocabulary"
local fail = errors.fail

local UNKNOWN = "[UNK]"

local OPTIONS = {
  {name = "max_tokens", kind = "integer", optional = true, min = 1, max = math.huge,
    help = "size of the vocabulary, special tokens included"},
  {name = "standardize", kind = "any", default = "lower_and_strip_punctuation",
    help = '"lower", "strip_punctuation", both, "none" or f(text)'},
  {name = "split", kind = "any", default = "whitespace", help = '"whitespace", "character", "none" or f(text)'},
  {name = "ngrams", kind = "shape", optional = true, min = 1, max = math.huge,
    help = "n: sequences of up to n tokens as well; a list: of just so many"},
  {name = "output", kind = "choice", default = "count", choices = {"count", "binary", "tf_idf", "int", "multi_hot"},
    help = "what a text becomes; multi_hot is binary"},
  {name = "output_sequence_length", kind = "integer", optional = true, min = 1, max = math.huge,
    help = "numbers of a text with int, cut or filled up with 0"},
  {name = "vocabulary", kind = "list", optional = true, help = "the tokens, in place of adapt"},
}

local function lower(text) return (text:gsub("[A-Z]", string.lower)) end

-- What is neither letter nor digit nor blank in ASCII.
local function strip_punctuation(text) return (text:gsub("[!-/:-@[-`{-~]", "")) end

local STANDARDIZE = {lower = lower, strip_punctuation = strip_punctuation,
  lower_and_strip_punctuation = function(text) return strip_punctuation(lower(text)) end}

local function all_of(text, pattern)
  local list = {}
  for token in text:gmatch(pattern) do list[#list + 1] = token end
  return list
end

local SPLIT = {
  whitespace = function(text) return all_of(text, "[^ \t\r\n\v\f]+") end,
  character = function(text) return all_of(text, utf8.charpattern) end,
}

-- One of the functions by name, or the user's own; otherwise for "none".
local function function_of(name, given, known, otherwise)
  if given == nil then return otherwise end
  if type(given) == "function" then return given end
  if known[given] then return known[given] end
  local names = {}
  for known_name in pairs(known) do names[#names + 1] = ('"%s"'):format(known_name) end
  table.sort(names)
  fail('TextVectorizer: %s must be %s, "none" or a function; got %s', name, table.concat(names, ", "),
    errors.show(given))
end

local TextVectorizer = class.new "TextVectorizer"
TextVectorizer.help = "texts as counts of words, or as the words' numbers"
TextVectorizer.options, TextVectorizer.positional = OPTIONS, 0

function TextVectorizer:construct(...)
  local c = options.parse("TextVectorizer", OPTIONS, 0, ...)
  self.config = c
  self.standardize = function_of("standardize", c.standardize, STANDARDIZE, function(text) return text end)
  self.split = function_of("split", c.split, SPLIT, function(text) return {text} end)
  self.output = c.output == "multi_hot" and "binary" or c.output
  self.specials = self.output == "int" and {"", UNKNOWN} or {UNKNOWN}
  local most = c.max_tokens and c.max_tokens - #self.specials
  if most and most < 0 then fail("TextVectorizer: max_tokens must be at least %d here", #self.specials) end
  if not c.vocabulary then return end
  if self.output == "tf_idf" then
    fail('TextVectorizer: output = "tf_idf" needs the texts; call adapt in place of giving a vocabulary')
  end
  vocabulary.take(self, vocabulary.given("TextVectorizer", c.vocabulary, {"", UNKNOWN}))
end

-- tokens and, as ngrams says, what follows one another, joined by a blank: those of one token first.
local function add_ngrams(tokens, ngrams)
  if not ngrams then return tokens end
  local sizes = ngrams
  if #ngrams == 1 then
    sizes = {}
    for n = 1, ngrams[1] do sizes[n] = n end
  end
  local all = {}
  for _, n in ipairs(sizes) do
    for first = 1, #tokens - n + 1 do all[#all + 1] = table.concat(tokens, " ", first, first + n - 1) end
  end
  return all
end

-- The tokens of a text.
function TextVectorizer:tokens(text)
  local tokens = self.split(self.standardize(text))
  if type(tokens) ~= "table" then
    fail("TextVectorizer: split must give a list of strings; got %s", errors.show(tokens))
  end
  return add_ngrams(tokens, self.config.ngrams)
end

-- adapt(texts): the vocabulary is what is counted most in them. idf = ln(1 + texts / (1 + texts with the token)).
function TextVectorizer:adapt(texts)
  texts = vocabulary.strings("adapt", "texts", texts)
  local counts, documents, last = {}, {}, {}
  for i, text in ipairs(texts) do
    for _, token in ipairs(self:tokens(text)) do
      counts[token] = (counts[token] or 0) + 1
      if last[token] ~= i then last[token], documents[token] = i, (documents[token] or 0) + 1 end
    end
  end
  local most = self.config.max_tokens and self.config.max_tokens - #self.specials
  local tokens = vocabulary.ordered(counts, most)
  vocabulary.take(self, tokens)
  -- what is unknown weighs as much as a token on average
  local idf, sum = {}, 0
  for i, token in ipairs(tokens) do
    idf[i] = math.log(1 + #texts / (1 + documents[token]))
    sum = sum + idf[i]
  end
  idf[0] = #tokens > 0 and sum / #tokens or 0
  self.idf = idf
  return self
end

-- The numbers of a text's tokens.
local function ids_of(self, text)
  local ids, unknown = self:tokens(text), #self.specials - 1
  for i, token in ipairs(ids) do ids[i] = self.ids[token] or unknown end
  return ids
end

-- int64 {texts, length}, filled up with 0.
local function as_ids(self, texts)
  local rows, length = {}, self.config.output_sequence_length
  local longest = 0
  for r, text in ipairs(texts) do
    rows[r] = ids_of(self, text)
    longest = math.max(longest, #rows[r])
  end
  length = length or longest
  if length == 0 or #rows == 0 then return nn.zeros({#rows, length}, {dtype = "int64"}) end
  for _, row in ipairs(rows) do
    for i = #row + 1, length do row[i] = 0 end
    for i = length + 1, #row do row[i] = nil end
  end
  return nn.tensor(rows, {dtype = "int64"})
end

local VALUE = {
  count = function(count) return count end,
  binary = function() return 1 end,
  tf_idf = function(count, id, self) return count * self.idf[id] end,
}

-- A row as bytes: the few numbers that are not 0, and zeros between them.
local function row_bytes(self, text, width, value)
  local counts, ids = {}, {}
  for _, id in ipairs(ids_of(self, text)) do
    if not counts[id] then ids[#ids + 1] = id end
    counts[id] = (counts[id] or 0) + 1
  end
  table.sort(ids)
  local parts, at = {}, 0
  for _, id in ipairs(ids) do
    parts[#parts + 1] = ("\0"):rep(4 * (id - at))
    parts[#parts + 1] = string.pack("<f", value(counts[id], id, self))
    at = id + 1
  end
  parts[#parts + 1] = ("\0"):rep(4 * (width - at))
  return table.concat(parts)
end

-- float32 {texts, size of the vocabulary}
local function as_counts(self, texts)
  local rows, width = {}, #self.vocabulary
  for r, text in ipairs(texts) do rows[r] = row_bytes(self, text, width, VALUE[self.output]) end
  return nn.from_string(table.concat(rows), "float32", {#rows, width})
end

-- vectorizer(texts): a row for each text; one text alone gives its row.
function TextVectorizer:__call(texts)
  if not self.vocabulary then fail("TextVectorizer: it has no vocabulary yet; call adapt(texts) first") end
  local list = vocabulary.strings("TextVectorizer", "texts", texts)
  local y = (self.output == "int" and as_ids or as_counts)(self, list)
  return type(texts) == "string" and y:squeeze(1) or y
end

function TextVectorizer:get_vocabulary() return self.vocabulary end

function TextVectorizer:__tostring()
  return ("TextVectorizer{output = %q, %s}"):format(self.output,
    self.vocabulary and ("%d tokens"):format(#self.vocabulary) or "not adapted")
end

class.methods("vectorizer", TextVectorizer, {"adapt", "get_vocabulary", "tokens"})
return {TextVectorizer = TextVectorizer}
