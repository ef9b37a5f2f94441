#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "market/types.h"

namespace tapeline::app {

// Builds one JSON text, two spaces deeper per level; a container opened `on_one_line` stays on its line.
// Every value inside an object is preceded by its key.
class JsonWriter {
 public:
  void begin_object(bool on_one_line = false) { begin('{', '}', on_one_line); }
  void begin_array(bool on_one_line = false) { begin('[', ']', on_one_line); }
  void end();
  void key(std::string_view name);

  void null();
  void text(std::string_view value);  // Bytes that are not ASCII are taken for Latin-1.
  void number(std::uint64_t value);
  void number(double value, int decimals);
  void boolean(bool value);
  void price(Price value);     // In dollars, as a number with 4 decimals.
  void time(EventTime value);  // "09:31:00.123456789"

  // key() and the value in one.
  void member(std::string_view name, std::string_view value) { key(name), text(value); }
  void member(std::string_view name, const char* value) { key(name), text(value); }
  void member(std::string_view name, std::uint64_t value) { key(name), number(value); }
  void member(std::string_view name, bool value) { key(name), boolean(value); }
  void member(std::string_view name, Price value) { key(name), price(value); }
  void member(std::string_view name, EventTime value) { key(name), time(value); }
  void member(std::string_view name, std::optional<double> value, int decimals);

  // The text, with a line feed; everything that was begun must have ended.
  [[nodiscard]] std::string take();

 private:
  struct Level {
    char closing;
    bool on_one_line;
    bool empty = true;
  };

  void begin(char opening, char closing, bool on_one_line);
  void before_value();
  void separate();
  void new_line();

  std::string text_;
  std::vector<Level> levels_;
  bool after_key_ = false;
};

}  // namespace tapeline::app
