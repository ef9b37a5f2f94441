#include "base/check.h"
#include "config/print.h"
#include "config/read.h"

using namespace tapeline;

// The input as a file, and its first line as an argument. What is accepted is printed as a file that means
// the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> argument{std::string(text.substr(0, text.find('\n')))};
  for (const auto& config : {config::read(text, "fuzz"), config::read("", "fuzz", argument)}) {
    if (!config) {
      CHECK(!config.error().message.empty());
      continue;
    }
    const auto again = config::read(config::print_toml(*config), "printed");
    CHECK(again && *again == *config);
  }
  return 0;
}
