#include "sinks/json_lines/json_lines_sink.h"

#include "sinks/text_sink.h"
#include "table/describe.h"

namespace tapeline::sinks::json_lines {
namespace {

struct JsonLines {
  static constexpr std::string_view null = "null";
  static constexpr char time_quote = '"';
  static constexpr bool has_infinity = false;
  static constexpr std::string_view row_end = "}\n";

  static std::string text(std::string_view text) { return table::json_string(text); }

  // CleanText holds printable ASCII alone, so that two characters need an escape and none of \u00XX does.
  static char* write_text(char* to, CleanText text) {
    *to++ = '"';
    for (std::uint32_t i = 0; i < text.size; ++i) {
      const auto c = static_cast<char>(text.word >> (8 * i));
      if (c == '"' || c == '\\') *to++ = '\\';
      *to++ = c;
    }
    *to++ = '"';
    return to;
  }

  static std::string header(const table::Schema&) { return {}; }

  static std::string before_cell(const table::Schema& schema, std::size_t column) {
    return (column == 0 ? "{" : ",") + table::json_string(schema.columns[column].name) + ":";
  }
};

}  // namespace

Result<std::unique_ptr<TableSink>> open_json_lines_sink(const std::string& path, const table::Schema& schema,
                                                        const TableOptions& options) {
  return TextSink<JsonLines>::open(path, schema, options);
}

}  // namespace tapeline::sinks::json_lines
