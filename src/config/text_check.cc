#include "config/text_check.h"

#include <algorithm>

namespace tapeline::config {

namespace {

constexpr bool is_control(char c) {
  return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
}

constexpr bool is_key_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
         c == '"' || c == '\'';
}

// One line; `at` is how far it has been read, and where the fault is when there is one.
class LineCheck {
 public:
  explicit LineCheck(std::string_view line) : line_(line) {}

  // What is wrong with it; empty where nothing is.
  std::string_view find() {
    skip_blanks();
    if (peek() == '[') {
      at_ += line_.substr(at_).starts_with("[[") ? 2 : 1;
      skip_blanks();
      if (!is_key_start(peek())) return "a section needs a name here, as in [stream]";
    }
    for (; at_ < line_.size(); ++at_) {
      const char c = line_[at_];
      if (c == '#') return check_comment();
      if (is_control(c) || static_cast<unsigned char>(c) > 0x7e)
        return "only strings and comments may hold a character that is not plain ASCII";
      if (c != '"' && c != '\'') continue;
      if (const std::string_view what = skip_string(c); !what.empty()) return what;
    }
    return "";
  }

  [[nodiscard]] std::size_t at() const { return at_; }

 private:
  [[nodiscard]] char peek() const { return at_ < line_.size() ? line_[at_] : '\0'; }

  void skip_blanks() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }

  std::string_view check_comment() {
    for (; at_ < line_.size(); ++at_)
      if (is_control(line_[at_])) return "a control character in a comment";
    return "";
  }

  // From the opening quote to the closing one.
  std::string_view skip_string(char quote) {
    const std::size_t begin = at_;
    if (line_.substr(at_).starts_with(quote == '"' ? R"(""")" : "'''"))
      return "strings over several lines are not taken; write it on one";
    for (++at_; at_ < line_.size(); ++at_) {
      if (line_[at_] == quote) return "";
      if (is_control(line_[at_])) return "a control character in a string";
      if (line_[at_] == '\\' && quote == '"') ++at_;
    }
    at_ = begin;
    return "this string has no closing quote on its line";
  }

  std::string_view line_;
  std::size_t at_ = 0;
};

}  // namespace

std::optional<TextFault> find_fault(std::string_view text) {
  for (std::uint64_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    LineCheck check(line);
    const std::string_view what = check.find();
    if (!what.empty()) return TextFault{number, check.at() + 1, std::string(what)};
  }
  return std::nullopt;
}

}  // namespace tapeline::config
