#include "app/json_writer.h"

#include <fmt/format.h>

#include "base/check.h"
#include "market/event_time_text.h"
#include "terminal/drawing.h"

namespace tapeline::app {

void JsonWriter::new_line() {
  text_ += '\n';
  text_.append(2 * levels_.size(), ' ');
}

void JsonWriter::separate() {
  if (levels_.empty()) return;
  Level& level = levels_.back();
  if (!level.empty) text_ += level.on_one_line ? ", " : ",";
  level.empty = false;
  if (!level.on_one_line) new_line();
}

void JsonWriter::before_value() {
  if (!after_key_) separate();
  after_key_ = false;
}

void JsonWriter::begin(char opening, char closing, bool on_one_line) {
  before_value();
  text_ += opening;
  levels_.push_back({closing, on_one_line || (!levels_.empty() && levels_.back().on_one_line)});
}

void JsonWriter::end() {
  CHECK(!levels_.empty() && !after_key_);
  const Level level = levels_.back();
  levels_.pop_back();
  if (!level.empty && !level.on_one_line) new_line();
  text_ += level.closing;
}

void JsonWriter::key(std::string_view name) {
  CHECK(!after_key_);
  text(name);
  text_ += ": ";
  after_key_ = true;
}

void JsonWriter::null() {
  before_value();
  text_ += "null";
}

void JsonWriter::text(std::string_view value) {
  before_value();
  text_ += '"';
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      text_.append(1, '\\').append(1, c);
    else if (byte < 0x20 || byte > 0x7e)
      text_ += fmt::format("\\u{:04x}", byte);
    else
      text_ += c;
  }
  text_ += '"';
}

void JsonWriter::number(std::uint64_t value) {
  before_value();
  text_ += fmt::format("{}", value);
}

void JsonWriter::number(double value, int decimals) {
  before_value();
  text_ += fmt::format("{:.{}f}", value, decimals);
}

void JsonWriter::boolean(bool value) {
  before_value();
  text_ += value ? "true" : "false";
}

void JsonWriter::price(Price value) {
  before_value();
  text_ += terminal::price_text(value);
}

void JsonWriter::time(EventTime value) {
  text(event_time_text(value));
}

void JsonWriter::member(std::string_view name, std::optional<double> value, int decimals) {
  key(name);
  if (value)
    number(*value, decimals);
  else
    null();
}

std::string JsonWriter::take() {
  CHECK(levels_.empty());
  text_ += '\n';
  return std::move(text_);
}

}  // namespace tapeline::app
