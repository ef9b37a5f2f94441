#include "doctor/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include <fmt/format.h>

#include "terminal/drawing.h"

namespace tapeline::doctor {

namespace {

using terminal::Ink;

constexpr std::size_t least_width = 70;

std::size_t count(const std::vector<Finding>& findings, Grade grade) {
  return static_cast<std::size_t>(std::ranges::count(findings, grade, &Finding::grade));
}

Ink ink_of(Grade grade) {
  switch (grade) {
    case Grade::ok: return Ink::bid;
    case Grade::warn: return Ink::strong;
    case Grade::bad: return Ink::alarm;
  }
  return Ink::alarm;
}

class Page {
 public:
  Page(const std::vector<Finding>& findings, const ReportOptions& options)
      : findings_(findings), width_(std::max(options.width, least_width)), colour_(options.colour) {
    for (const Finding& finding : findings) subject_ = std::max(subject_, finding.subject.size());
  }

  std::string draw() {
    std::string area;
    for (const Finding& finding : findings_) {
      if (finding.area != area) text_ += paint(terminal::rule(finding.area, width_), Ink::dim);
      area = finding.area;
      draw_finding(finding);
    }
    text_ += paint(terminal::rule("", width_), Ink::dim);
    draw_verdict();
    return std::move(text_);
  }

 private:
  std::string paint(std::string_view text, Ink ink) const { return terminal::paint(text, ink, colour_); }

  void draw_finding(const Finding& finding) {
    const std::size_t indent = 2 + 4 + 2 + subject_ + 2;
    std::string head = fmt::format(
        "  {}  {:<{}}  ", paint(fmt::format("{:<4}", to_string(finding.grade)), ink_of(finding.grade)),
        finding.subject, subject_);
    for (const std::string& line : terminal::wrapped(terminal::printable(finding.found), width_ - indent)) {
      text_ += head + line + '\n';
      head = std::string(indent, ' ');
    }
    // A command is never broken: it is there to be copied.
    if (!finding.command.empty())
      text_ += head + paint("$ " + terminal::printable(finding.command), Ink::strong) + '\n';
  }

  void draw_verdict() {
    const std::size_t bad = count(findings_, Grade::bad);
    const std::size_t warn = count(findings_, Grade::warn);
    const std::string counts =
        fmt::format("{} ok, {} to look at, {} bad", count(findings_, Grade::ok), warn, bad);
    if (bad != 0)
      text_ +=
          fmt::format("{}: mend what is bad before you rely on this machine\n", paint(counts, Ink::alarm));
    else
      text_ += fmt::format("{}: this machine is fit{}\n", paint(counts, Ink::bid),
                           warn == 0 ? "" : ", at the price that is told above");
  }

  const std::vector<Finding>& findings_;
  std::size_t width_;
  bool colour_;
  std::size_t subject_ = 0;
  std::string text_;
};

}  // namespace

std::string draw_report(const std::vector<Finding>& findings, const ReportOptions& options) {
  return Page(findings, options).draw();
}

std::string report_json(const std::vector<Finding>& findings) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings) {
    nlohmann::ordered_json one{{"grade", to_string(finding.grade)},
                               {"area", finding.area},
                               {"subject", finding.subject},
                               {"found", finding.found},
                               {"command", nullptr}};
    if (!finding.command.empty()) one["command"] = finding.command;
    list.push_back(std::move(one));
  }
  const nlohmann::ordered_json document{{"ok", count(findings, Grade::ok)},
                                        {"warn", count(findings, Grade::warn)},
                                        {"bad", count(findings, Grade::bad)},
                                        {"findings", std::move(list)}};
  return document.dump(2, ' ', true, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace tapeline::doctor
