// Who presses: what aggressors bought and sold in each window, and how deep the largest trade of it would
// have gone into the book as it stands at the window's end.
//
//   tapeline replay day.itch --operator build/libaggressor_pressure.so:window_ms=100
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>

#include <tapeline/operators/plugin.h>
#include <tapeline/operators/windowed_operator.h>

namespace {

using namespace tapeline;

// The row, without padding: each byte behind `key` belongs to a column.
struct PressureRow {
  operators::RowKey key;
  std::uint64_t bought;
  std::uint64_t sold;
  std::uint64_t largest;
  double pressure;
  std::uint64_t levels_taken;
};

// What is summed up of a symbol in a window. All zeros at its start, and saved with every checkpoint.
struct Pressure {
  std::uint64_t bought;
  std::uint64_t sold;
  std::uint64_t largest;
  Side largest_takes;  // The side of the book that the largest trade took from.
};

class AggressorPressure final : public operators::WindowedOperator<Pressure> {
 public:
  explicit AggressorPressure(const operators::Options& options)
      : WindowedOperator(static_cast<std::uint64_t>(options.number("window_ms", 1'000, 1, 86'400'000)) *
                         1'000'000) {}

  const table::Schema& schema() const override {
    using enum table::ColumnType;
    static const std::array columns{
        table::Column{"bought", u64, offsetof(PressureRow, bought), "shares", "Bought by aggressors."},
        table::Column{"sold", u64, offsetof(PressureRow, sold), "shares", "Sold by aggressors."},
        table::Column{"largest", u64, offsetof(PressureRow, largest), "shares", "Size of the largest trade."},
        table::Column{"pressure", f64, offsetof(PressureRow, pressure), "",
                      "(bought - sold) / (bought + sold), from -1 to 1."},
        table::Column{"levels_taken", u64, offsetof(PressureRow, levels_taken), "",
                      "Levels of the side it took from that the largest trade would need now."},
    };
    static const table::Schema schema{"aggressor_pressure", "Who presses, window by window.",
                                      sizeof(PressureRow), columns};
    return schema;
  }

  void on_trade(const operators::Context& context, const book::TradeReport& trade, const book::Bbo&,
                const operators::Books&, operators::Rows&) override {
    // Only a displayed order tells who was the aggressor.
    if (trade.kind != book::TradeKind::displayed || !trade.printable) return;
    Pressure& pressure = state_of(context);
    (trade.resting_side == Side::ask ? pressure.bought : pressure.sold) += trade.shares;
    if (trade.shares > pressure.largest) {
      pressure.largest = trade.shares;
      pressure.largest_takes = trade.resting_side;
    }
  }

 private:
  void close(const operators::RowKey& key, const Pressure& pressure, const operators::Books& books,
             operators::Rows& rows) override {
    const double all = static_cast<double>(pressure.bought + pressure.sold);
    const double net = static_cast<double>(pressure.bought) - static_cast<double>(pressure.sold);
    rows.emit(PressureRow{key, pressure.bought, pressure.sold, pressure.largest, net / all,
                          levels_for(key.locate, pressure, books)});
  }

  static std::uint64_t levels_for(Locate key, const Pressure& pressure, const operators::Books& books) {
    std::array<book::LevelView, 20> levels;
    const std::size_t count = books.levels(key, pressure.largest_takes, levels);
    std::uint64_t left = pressure.largest;
    std::size_t taken = 0;
    while (taken < count && left > 0) left -= std::min(left, levels[taken++].shares);
    return taken;
  }
};

}  // namespace

TAPELINE_OPERATOR(AggressorPressure)
