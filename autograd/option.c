/* Lists of declared options: their length and their defaults. */
#include "option.h"

#include <math.h>

int ag_option_count(const ag_option *options) {
  int n = 0;
  while (options && options[n].kind != AG_OPTION_END) n++;
  return n;
}

static ag_value default_of(const ag_option *option) {
  ag_value value = {.ints = NN_ALL};
  switch (option->kind) {
    case AG_OPTION_NUMBER: value.number = option->optional ? NAN : option->value; break;
    case AG_OPTION_INTEGER: value.integer = option->optional ? AG_NIL : (int64_t)option->value; break;
    case AG_OPTION_FLAG: value.flag = option->value != 0; break;
    case AG_OPTION_TENSOR: value.tensor = NULL; break;
    case AG_OPTION_FUNCTION:
    case AG_OPTION_ACTIVATION: value.function = NULL; break;
    case AG_OPTION_SHAPE:
    case AG_OPTION_END: break;
    default: value.text = option->text;
  }
  return value;
}

void ag_option_defaults(const ag_option *options, ag_value *values) {
  const int n = ag_option_count(options);
  for (int i = 0; i < n; i++) values[i] = default_of(&options[i]);
}
