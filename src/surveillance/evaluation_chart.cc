#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "surveillance/evaluation.h"

namespace tapeline::surveillance {

namespace {

constexpr double panel_width = 250;
constexpr double panel_height = 170;
constexpr double left = 52;
constexpr double top = 44;
constexpr double gap_x = 66;
constexpr double gap_y = 64;
constexpr std::size_t columns = 3;

struct Panel {
  double x;
  double y;
  [[nodiscard]] double at_x(double part) const { return x + part * panel_width; }
  [[nodiscard]] double at_y(double part) const { return y + (1 - part) * panel_height; }
};

// Thresholds are even on a logarithmic scale, and so are their places.
double place(std::size_t step, std::size_t count) {
  return count < 2 ? 0 : static_cast<double>(step) / static_cast<double>(count - 1);
}

template <class Value>
std::string line(const Panel& panel, const Curve& curve, const char* colour, Value&& value) {
  std::string points;
  for (std::size_t i = 0; i < curve.size(); ++i)
    points += fmt::format("{:.1f},{:.1f} ", panel.at_x(place(i, curve.size())), panel.at_y(value(curve[i])));
  return fmt::format("<polyline fill=\"none\" stroke=\"{}\" stroke-width=\"2\" points=\"{}\"/>\n", colour,
                     points);
}

std::string text_at(double x, double y, const char* anchor, std::string_view colour, std::string_view text) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" fill=\"{}\">{}</text>\n", x, y,
                     anchor, colour, text);
}

std::string frame(const Panel& panel, std::string_view title) {
  std::string text = fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{}\" height=\"{}\" fill=\"none\" stroke=\"#999\"/>\n", panel.x,
      panel.y, panel_width, panel_height);
  text += text_at(panel.at_x(0.5), panel.y - 8, "middle", "#222", title);
  for (const double part : {0.0, 0.5, 1.0})
    text += text_at(panel.x - 6, panel.at_y(part) + 4, "end", "#555", fmt::format("{:.1f}", part));
  return text;
}

}  // namespace

std::string curves_svg(const std::array<Curve, detector_count>& curves,
                       const std::array<double, detector_count>& chosen) {
  constexpr auto precision = "#1b6ca8";
  constexpr auto recall = "#c2571a";
  constexpr auto clean = "#6a8f3c";
  constexpr std::size_t rows = (detector_count + columns - 1) / columns;
  const double width = left + columns * (panel_width + gap_x);
  const double height = top + rows * (panel_height + gap_y);
  std::string text = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{:.0f}\" height=\"{:.0f}\" "
      "font-family=\"sans-serif\" "
      "font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      width, height);
  text += text_at(left, 18, "start", precision, "precision");
  text += text_at(left + 70, 18, "start", recall, "recall");
  text += text_at(left + 120, 18, "start", clean, "false alerts per million clean messages, over ten");
  text += text_at(left + 400, 18, "start", "#222", "over the threshold; dashed: the one chosen");
  for (std::size_t i = 0; i < detector_count; ++i) {
    const Curve& curve = curves[i];
    if (curve.empty()) continue;
    const Panel panel{left + static_cast<double>(i % columns) * (panel_width + gap_x),
                      top + static_cast<double>(i / columns) * (panel_height + gap_y)};
    text += frame(panel, detector_names[i]);
    text += line(panel, curve, clean,
                 [](const CurvePoint& point) { return std::min(1.0, point.clean_per_million / 10); });
    text += line(panel, curve, recall, [](const CurvePoint& point) { return point.recall(); });
    text += line(panel, curve, precision, [](const CurvePoint& point) { return point.precision(); });
    for (const std::size_t step : {std::size_t{0}, curve.size() / 2, curve.size() - 1})
      text += text_at(panel.at_x(place(step, curve.size())), panel.at_y(0) + 16, "middle", "#555",
                      fmt::format("{:.3g}", curve[step].threshold));
    const double span = std::log(curve.back().threshold / curve.front().threshold);
    const double at = span > 0 ? std::log(chosen[i] / curve.front().threshold) / span : 0;
    if (at < 0 || at > 1) continue;
    text += fmt::format(
        "<line x1=\"{0:.1f}\" y1=\"{1:.1f}\" x2=\"{0:.1f}\" y2=\"{2:.1f}\" stroke=\"#222\" "
        "stroke-dasharray=\"4 3\"/>\n",
        panel.at_x(at), panel.at_y(0), panel.at_y(1));
  }
  return text + "</svg>\n";
}

}  // namespace tapeline::surveillance
