#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "book/book_types.h"
#include "serve/hub.h"
#include "serve/network/network.h"
#include "serve/rewind.h"
#include "status/status.h"

namespace tapeline::serve {

// Writes Prometheus' text format, version 0.0.4: each family once, with its help and type.
class MetricsText {
 public:
  // Pairs of a name and any text.
  using Labels = std::initializer_list<std::pair<std::string_view, std::string_view>>;

  void counter(std::string_view name, std::string_view help) { family(name, "counter", help); }
  void gauge(std::string_view name, std::string_view help) { family(name, "gauge", help); }
  void histogram(std::string_view name, std::string_view help) { family(name, "histogram", help); }
  // Of the family begun last, a counter or gauge.
  void sample(double value) { line("", {}, "", value); }
  void sample(Labels labels, double value) { line("", labels, "", value); }
  // Of the family begun last, a histogram: how many values were at most each bound, in seconds, then how many
  // there were, and their sum.
  void distribution(Labels labels, std::span<const double> bounds, std::span<const std::uint64_t> counts,
                    std::uint64_t count, double sum);

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void family(std::string_view name, std::string_view type, std::string_view help);
  // `le` is the bound of a bucket; empty: it is none.
  void line(std::string_view suffix, Labels labels, std::string_view le, double value);
  void label(std::string_view name, std::string_view text);

  std::string text_;
  std::string name_;
};

// A book of the watch list.
struct WatchedBook {
  std::string symbol{};
  Quality quality = Quality::good;
  std::vector<book::LevelView> bids{};  // Best first.
  std::vector<book::LevelView> asks{};
  std::uint64_t messages = 0;  // Of this session, as the rest.
  std::uint64_t trades = 0;
  std::uint64_t volume = 0;
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
  std::vector<WatchedBook> watched{};
};

// `pipeline` is null where none runs. Series are bounded: no label is a thing that a feed can make up, but
// for the symbols of the watch list, which has a length.
[[nodiscard]] std::string metrics_text(const ServeMetrics& serve, const status::Status* pipeline);

}  // namespace tapeline::serve
