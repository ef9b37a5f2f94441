#include "sinks/csv/csv_sink.h"

#include "sinks/text_sink.h"

namespace tapeline::sinks::csv {
namespace {

bool needs_quotes(std::string_view text) {
  return text.find_first_of(",\"\r\n") != std::string_view::npos;
}

struct Csv {
  static constexpr std::string_view null = "";
  static constexpr char time_quote = '\0';
  static constexpr bool has_infinity = true;
  static constexpr std::string_view row_end = "\n";

  static std::string text(std::string_view text) {
    if (!needs_quotes(text)) return std::string(text);
    std::string quoted = "\"";
    for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
    return quoted + '"';
  }

  static char* write_text(char* to, CleanText text) {
    std::array<char, 8> bytes;
    std::memcpy(bytes.data(), &text.word, bytes.size());
    if (needs_quotes({bytes.data(), text.size})) [[unlikely]] {
      const std::string quoted = Csv::text({bytes.data(), text.size});
      std::memcpy(to, quoted.data(), quoted.size());
      return to + quoted.size();
    }
    // All eight are written, as a copy of constant size; what is past the text is overwritten by the next
    // cell.
    std::memcpy(to, bytes.data(), bytes.size());
    return to + text.size;
  }

  static std::string header(const table::Schema& schema) {
    std::string line;
    for (const table::Column& column : schema.columns) {
      if (!line.empty()) line += ',';
      line += text(column.name);
    }
    return line + '\n';
  }

  static std::string before_cell(const table::Schema&, std::size_t column) { return column == 0 ? "" : ","; }
};

}  // namespace

Result<std::unique_ptr<TableSink>> open_csv_sink(const std::string& path, const table::Schema& schema,
                                                 const TableOptions& options) {
  return TextSink<Csv>::open(path, schema, options);
}

}  // namespace tapeline::sinks::csv
