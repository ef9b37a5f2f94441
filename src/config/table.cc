#include "config/table.h"

#include <type_traits>
#include <utility>

#include <fmt/format.h>

namespace tapeline::config {

namespace {

using Wrong = std::optional<std::string>;  // What is wrong, in words that follow "must be …; it is".

template <class T>
consteval Kind kind_of() {
  if (std::is_same_v<T, Flag>) return Kind::flag;
  if (std::is_same_v<T, Count> || std::is_same_v<T, Whole>) return Kind::whole;
  if (std::is_same_v<T, Real>) return Kind::real;
  if (std::is_same_v<T, Text>) return Kind::text;
  if (std::is_same_v<T, Address>) return Kind::address;
  if (std::is_same_v<T, TextList>) return Kind::text_list;
  if (std::is_same_v<T, CountList>) return Kind::whole_list;
  if (std::is_same_v<T, AddressList>) return Kind::address_list;
  return Kind::choice;
}

template <class T>
Value to_value(const T& member) {
  if constexpr (std::is_same_v<T, Count>)
    return static_cast<std::int64_t>(member);
  else if constexpr (std::is_same_v<T, Address> || std::is_enum_v<T>)
    return std::string(to_string(member));
  else if constexpr (std::is_same_v<T, CountList>)
    return std::vector<std::int64_t>(member.begin(), member.end());
  else if constexpr (std::is_same_v<T, AddressList>) {
    std::vector<std::string> texts;
    for (const Address& address : member) texts.push_back(to_string(address));
    return texts;
  } else
    return member;
}

Wrong check_number(double value, const Limits& limits) {
  if (value >= limits.least && value <= limits.most) return std::nullopt;  // Not of a NaN.
  return fmt::format("{}", value);
}

Wrong check_text(const std::string& value, const Limits& limits) {
  if (value.empty() && !limits.may_be_empty) return "empty";
  for (const char c : value)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "a text with a control character in it";
  for (std::size_t i = 0; i < limits.word_count; ++i)
    if (limits.words[i] == value) return std::nullopt;
  if (limits.word_count == 0) return std::nullopt;
  if (!limits.never.empty() && value == limits.never) return fmt::format("\"{}\", {}", value, limits.why);
  return fmt::format("\"{}\"", value);
}

Wrong read_address(Address& member, const std::string& text, const Limits& limits) {
  if (text.empty() && limits.may_be_empty) {
    member = {};
    return std::nullopt;
  }
  const std::optional<Address> address = parse_address(text);
  if (!address || (limits.multicast && !is_multicast_group(*address))) return fmt::format("\"{}\"", text);
  member = *address;
  return std::nullopt;
}

template <class T>
Wrong read_choice(T& member, const std::string& text) {
  for (std::size_t i = 0; i < names_of<T>.size(); ++i) {
    if (names_of<T>[i] != text) continue;
    member = static_cast<T>(i);
    return std::nullopt;
  }
  return fmt::format("\"{}\"", text);
}

template <class T, class From, class Read>
Wrong read_list(std::vector<T>& member, const std::vector<From>& values, Read&& read) {
  std::vector<T> list;
  for (const From& value : values) {
    T element{};
    if (Wrong wrong = read(element, value)) return "a list with " + *wrong;
    for (const T& earlier : list)
      if (earlier == element) return "a list that names something twice";
    list.push_back(std::move(element));
  }
  member = std::move(list);
  return std::nullopt;
}

template <class T>
Wrong from_value(T& member, const Value& value, const Limits& limits) {
  if constexpr (std::is_same_v<T, Flag>) {
    member = std::get<bool>(value);
    return std::nullopt;
  } else if constexpr (kind_of<T>() == Kind::whole) {
    const std::int64_t number = std::get<std::int64_t>(value);
    if (Wrong wrong = check_number(static_cast<double>(number), limits)) return fmt::format("{}", number);
    member = static_cast<T>(number);
    return std::nullopt;
  } else if constexpr (std::is_same_v<T, Real>) {
    if (Wrong wrong = check_number(std::get<double>(value), limits)) return wrong;
    member = std::get<double>(value);
    return std::nullopt;
  } else if constexpr (std::is_same_v<T, Text>) {
    if (Wrong wrong = check_text(std::get<std::string>(value), limits)) return wrong;
    member = std::get<std::string>(value);
    return std::nullopt;
  } else if constexpr (std::is_enum_v<T>) {
    return read_choice(member, std::get<std::string>(value));
  } else if constexpr (std::is_same_v<T, Address>) {
    return read_address(member, std::get<std::string>(value), limits);
  } else if constexpr (std::is_same_v<T, CountList>) {
    return read_list(
        member, std::get<std::vector<std::int64_t>>(value),
        [&](Count& element, std::int64_t number) { return from_value(element, number, limits); });
  } else {
    return read_list(
        member, std::get<std::vector<std::string>>(value),
        [&](auto& element, const std::string& text) { return from_value(element, text, limits); });
  }
}

std::string words_text(const Limits& limits) {
  std::string text;
  for (std::size_t i = 0; i < limits.word_count; ++i)
    text.append(i == 0 ? "" : i + 1 == limits.word_count ? " and " : ", ").append(limits.words[i]);
  return text;
}

std::string range_text(const Limits& limits) {
  if (limits.most == Limits{}.most) return fmt::format("from {}", limits.least);
  return fmt::format("from {} to {}", limits.least, limits.most);
}

std::string address_text(const Limits& limits) {
  std::string text = limits.multicast ? "GROUP:PORT of IPv4 multicast" : "HOST:PORT";
  if (limits.may_be_empty) text += ", or empty";
  return text;
}

std::string number_text(const Setting& setting, std::string_view kind) {
  const std::string unit = setting.unit.empty() ? "" : fmt::format(" of {}", setting.unit);
  return fmt::format("{}{} {}", kind, unit, range_text(setting.limits));
}

template <auto section_member, auto member>
Setting row(std::string_view section, std::string_view name, std::string_view unit, Limits limits,
            std::string_view meaning) {
  using Type = std::remove_cvref_t<decltype(std::declval<Config>().*section_member.*member)>;
  if constexpr (std::is_enum_v<Type>) {
    limits.words = names_of<Type>.data();
    limits.word_count = names_of<Type>.size();
  }
  return {section,
          name,
          kind_of<Type>(),
          unit,
          limits,
          meaning,
          [](const Config& config) { return to_value(config.*section_member.*member); },
          [](Config& config, const Value& value, const Limits& within) {
            return from_value(config.*section_member.*member, value, within);
          }};
}

#define CONFIG_ROW(type, name, value, unit, limits, meaning) \
  table.push_back(row<section_member, &Struct::name>(section_path, #name, unit, limits, meaning));
#define CONFIG_ROWS(Type, member, path, settings, overridden, meaning) \
  {                                                                    \
    using Struct = Type;                                               \
    constexpr auto section_member = &Config::member;                   \
    constexpr std::string_view section_path = path;                    \
    settings(CONFIG_ROW)                                               \
  }
std::vector<Setting> all_settings() {
  std::vector<Setting> table;
  CONFIG_SECTIONS(CONFIG_ROWS)
  return table;
}
#undef CONFIG_ROWS
#undef CONFIG_ROW

}  // namespace

std::string Setting::path() const {
  return fmt::format("{}.{}", section, name);
}

std::span<const Setting> settings() {
  static const std::vector<Setting> table = all_settings();
  return table;
}

std::span<const Section> sections() {
#define CONFIG_SECTION(Type, member, path, settings, overridden, meaning) {path, meaning},
  static constexpr Section table[] = {CONFIG_SECTIONS(CONFIG_SECTION)};
#undef CONFIG_SECTION
  return table;
}

const Setting* find_setting(std::string_view path) {
  for (const Setting& setting : settings())
    if (setting.path() == path) return &setting;
  return nullptr;
}

std::string describe_values(const Setting& setting) {
  switch (setting.kind) {
    case Kind::flag: return "true or false";
    case Kind::whole: return number_text(setting, "a whole number");
    case Kind::real: return number_text(setting, "a number");
    case Kind::text: return setting.limits.may_be_empty ? "a text" : "a text that is not empty";
    case Kind::choice:
      return setting.limits.word_count == 1 ? words_text(setting.limits)
                                            : "one of " + words_text(setting.limits);
    case Kind::address: return address_text(setting.limits);
    case Kind::text_list:
      return "a list of " + (setting.limits.word_count == 0 ? "texts" : words_text(setting.limits));
    case Kind::whole_list: return "a list of whole numbers " + range_text(setting.limits);
    case Kind::address_list: return "a list of " + address_text(setting.limits);
  }
  return "";
}

}  // namespace tapeline::config
