#include "simulation/small_pages.h"

#include <sys/prctl.h>

namespace tapeline::simulation {

void use_small_pages() {
  // Where it is not possible, runs take longer.
  (void)::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
}

}  // namespace tapeline::simulation
