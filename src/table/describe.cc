#include "table/describe.h"

#include <fmt/format.h>

#include "base/check.h"

namespace tapeline::table {
namespace {

// In a Markdown cell a bar would end the cell.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string joined_labels(const Column& column) {
  std::string text;
  for (const std::string_view label : column.labels) {
    // A set of flags, as quality is: its members alone say what it may hold.
    if (label.find('+') != std::string_view::npos) continue;
    if (!text.empty()) text += ", ";
    text += label;
  }
  return text;
}

}  // namespace

std::string_view type_name(ColumnType type) {
  switch (type) {
    case ColumnType::event_time: return "event_time";
    case ColumnType::capture_time: return "capture_time";
    case ColumnType::u8: return "u8";
    case ColumnType::u16: return "u16";
    case ColumnType::u32: return "u32";
    case ColumnType::u64: return "u64";
    case ColumnType::i32: return "i32";
    case ColumnType::i64: return "i64";
    case ColumnType::f64: return "f64";
    case ColumnType::price: return "price";
    case ColumnType::price_f64: return "price_f64";
    case ColumnType::character: return "character";
    case ColumnType::text4: return "text4";
    case ColumnType::text8: return "text8";
    case ColumnType::label: return "label";
  }
  CHECK(false);
}

std::size_t size_of(ColumnType type) {
  using enum ColumnType;
  switch (type) {
    case u8:
    case character:
    case label: return 1;
    case u16: return 2;
    case u32:
    case i32:
    case price:
    case text4: return 4;
    case event_time:
    case capture_time:
    case u64:
    case i64:
    case f64:
    case price_f64:
    case text8: return 8;
  }
  return 0;
}

std::string describe(const Schema& schema) {
  std::string text = "| column | type | unit | description |\n| --- | --- | --- | --- |\n";
  for (const Column& column : schema.columns) {
    std::string description = cell(column.description);
    if (!column.labels.empty()) {
      if (!description.empty()) description += ' ';
      description += fmt::format("One of: {}.", cell(joined_labels(column)));
    }
    text += fmt::format("| {} | {} | {} | {} |\n", cell(column.name), type_name(column.type),
                        cell(column.unit), description);
  }
  return text;
}

std::string describe_as_json(const Schema& schema) {
  std::string text = fmt::format(R"({{"table":{},"description":{},"columns":[)", json_string(schema.name),
                                 json_string(schema.description));
  for (const Column& column : schema.columns) {
    if (&column != schema.columns.data()) text += ',';
    text += fmt::format(R"({{"name":{},"type":"{}","unit":{},"description":{}}})", json_string(column.name),
                        type_name(column.type), json_string(column.unit), json_string(column.description));
  }
  return text + "]}";
}

std::string json_string(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace tapeline::table
