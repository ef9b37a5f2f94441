#include "os/descriptor.h"

#include <unistd.h>

namespace tapeline::os {

void Descriptor::close() {
  // Linux frees the number even where close() is interrupted, so there is no second attempt.
  if (number_ >= 0) ::close(std::exchange(number_, -1));
}

}  // namespace tapeline::os
