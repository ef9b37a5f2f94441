#include "base/precompiled_test.h"
