/* Inside autograd/: what the tables of activations, initializers, layers, losses and optimizers are written with. */
#ifndef AG_DECLARE_H
#define AG_DECLARE_H

#include <math.h>

#include "arithmetic.h"
#include "network.h"

#define MAYBE_UNUSED __attribute__((unused))

/* One declared option: OPTION(NUMBER, "alpha", "scale of the part below 0", .value = 1) */
#define OPTION(kind_, name_, help_, ...) {.name = name_, .kind = AG_OPTION_##kind_, .help = help_, __VA_ARGS__}
#define OPTIONS(...) .option = (const ag_option[]){__VA_ARGS__, {.name = NULL}}
#define AT_LEAST(lowest) .min = lowest, .max = INFINITY
#define WITHIN(lowest, highest) .min = lowest, .max = highest
#define BELOW_ONE WITHIN(0, 1 - 0x1p-53)
#define AXIS(help_) OPTION(INTEGER, "axis", help_, .value = -1)

static inline bool is_nil(double number) { return number != number; }

#endif
