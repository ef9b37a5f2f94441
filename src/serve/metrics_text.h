#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "serve/hub.h"
#include "serve/network/network.h"
#include "serve/rewind.h"
#include "status/status.h"

namespace tapeline::serve {

// Writes Prometheus' text format, version 0.0.4: each family once, with its help and type.
class MetricsText {
 public:
  void counter(std::string_view name, std::string_view help) { family(name, "counter", help); }
  void gauge(std::string_view name, std::string_view help) { family(name, "gauge", help); }
  // Samples of the family begun last. Labels are pairs of a name and any text.
  MetricsText& sample(double value);
  MetricsText& sample(std::string_view label, std::string_view text, double value);
  MetricsText& sample(std::string_view label, std::string_view text, std::string_view second,
                      std::string_view second_text, double value);

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void family(std::string_view name, std::string_view type, std::string_view help);
  void value(double value);
  void label(std::string_view name, std::string_view text);

  std::string text_;
  std::string name_;
};

// What this server knows of itself.
struct ServeMetrics {
  NetworkCounters network;
  HubCounters hub;
  RewindCounters rewinds;
  ViewState view;
  std::uint64_t clients = 0;
  std::uint64_t channels = 0;
  std::uint64_t symbols = 0;
  std::uint64_t live_orders = 0;
  std::uint64_t book_bytes = 0;
  std::uint64_t keyframes = 0;
  std::uint64_t keyframe_bytes = 0;
  std::uint64_t sequence = 0;
  std::uint64_t missed_records = 0;
};

// `pipeline` is null where none runs. No label is a symbol or anything else that a feed can make up.
[[nodiscard]] std::string metrics_text(const ServeMetrics& serve, const status::Status* pipeline);

}  // namespace tapeline::serve
