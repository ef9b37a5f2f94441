#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "market/types.h"

namespace tapeline::serve {

// Appends JSON without blanks to a text. Inside an object every value follows its key.
class JsonText {
 public:
  explicit JsonText(std::string& to) : to_(to) {}

  JsonText& begin_object() { return begin('{'); }
  JsonText& begin_array() { return begin('['); }
  JsonText& end_object() { return end('}'); }
  JsonText& end_array() { return end(']'); }
  JsonText& key(std::string_view name);

  JsonText& null();
  JsonText& boolean(bool value);
  JsonText& number(std::uint64_t value);
  JsonText& signed_number(std::int64_t value);
  JsonText& decimal(double value, int decimals);  // Null where it is no number.
  JsonText& price(Price value);                   // In dollars; null where 0.
  JsonText& text(std::string_view value);         // Bytes that are not ASCII are taken for Latin-1.
  JsonText& character(char value);                // Null where there is none.
  JsonText& json(std::string_view value);         // As it is.

  // key() and the value in one.
  JsonText& member(std::string_view name, std::uint64_t value) { return key(name).number(value); }
  JsonText& member(std::string_view name, bool value) { return key(name).boolean(value); }
  JsonText& member(std::string_view name, std::string_view value) { return key(name).text(value); }
  JsonText& member(std::string_view name, const char* value) { return key(name).text(value); }
  JsonText& member(std::string_view name, Price value) { return key(name).price(value); }
  JsonText& member(std::string_view name, double value, int decimals) {
    return key(name).decimal(value, decimals);
  }
  JsonText& member(std::string_view name, std::optional<double> value, int decimals) {
    return value ? key(name).decimal(*value, decimals) : key(name).null();
  }

 private:
  JsonText& begin(char opening);
  JsonText& end(char closing);
  void separate();

  std::string& to_;
  bool first_ = true;  // In the container at hand, or behind a key.
};

}  // namespace tapeline::serve
