#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>

#include "operators/operator.h"

namespace tapeline::operators {

// What stands behind an operator's file where it is named, as in libmine.so:window_ms=100,depth=5. Asking for
// an option declares it: one that is given and never asked for is refused.
class Options {
 public:
  Options() = default;
  explicit Options(std::map<std::string, std::string> given) : given_(std::move(given)) {}

  // Throws std::invalid_argument where what is given is no number within the limits.
  [[nodiscard]] double number(const std::string& name, double otherwise, double least, double most) const {
    const auto found = given_.find(name);
    asked_.insert(name);
    if (found == given_.end()) return otherwise;
    std::size_t read = 0;
    double value = 0;
    try {
      value = std::stod(found->second, &read);
    } catch (const std::exception&) {
      read = 0;
    }
    if (read == 0 || read != found->second.size() || !(value >= least && value <= most))
      throw std::invalid_argument(name + "=" + found->second + ": a number from " + std::to_string(least) +
                                  " to " + std::to_string(most) + " is wanted");
    return value;
  }
  [[nodiscard]] std::string text(const std::string& name, const std::string& otherwise) const {
    asked_.insert(name);
    const auto found = given_.find(name);
    return found == given_.end() ? otherwise : found->second;
  }

  [[nodiscard]] const std::map<std::string, std::string>& given() const { return given_; }
  [[nodiscard]] const std::set<std::string>& asked() const { return asked_; }

 private:
  std::map<std::string, std::string> given_;
  mutable std::set<std::string> asked_;
};

// What a library of an operator exports. Program and library are C++ and meet only where they were built
// alike: by the same compiler against the same headers.
struct Plugin {
  // Goes up with every change of what headers in this folder and those that they include lay down.
  static constexpr std::uint32_t current_version = 1;

  std::uint32_t version;
  const char* compiler;  // __VERSION__.
  std::unique_ptr<Operator> (*make)(const Options&);
};

inline constexpr const char* plugin_symbol = "tapeline_operator";

}  // namespace tapeline::operators

// Once in a library, outside any namespace: Class is an Operator made from `const Options&`, whose
// constructor may throw what is wrong with them.
#define TAPELINE_OPERATOR(Class)                                                                    \
  extern "C" __attribute__((visibility("default"))) const ::tapeline::operators::Plugin tapeline_operator{ \
      ::tapeline::operators::Plugin::current_version, __VERSION__,                                  \
      [](const ::tapeline::operators::Options& options)                                             \
          -> std::unique_ptr<::tapeline::operators::Operator> {                                     \
        return std::make_unique<Class>(options);                                                    \
      }};
