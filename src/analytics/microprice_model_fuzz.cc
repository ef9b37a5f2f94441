#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "analytics/microprice_model.h"
#include "base/check.h"

using namespace tapeline;

// The input as a model's file. What is accepted has an answer for each of its states, and is written as a
// text that means the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto model =
      analytics::parse_microprice_model(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!model) {
    CHECK(!model.error().message.empty());
    return 0;
  }
  CHECK(model->adjustments.size() == model->state_count() &&
        model->observations.size() == model->state_count());
  const std::string text = analytics::to_json(*model);
  const auto again = analytics::parse_microprice_model(text);
  CHECK(again && analytics::to_json(*again) == text);
  return 0;
}
