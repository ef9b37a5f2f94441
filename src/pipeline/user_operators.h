#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "book/order_books.h"
#include "operators/loaded_operator.h"
#include "operators/operator.h"
#include "pipeline/row_tables.h"
#include "stream/operator.h"

namespace tapeline::pipeline {

// Takes the rows of users' tables; one that has none needs not be it.
template <class Out>
concept UserRowCollector = requires(Out& out, std::uint16_t table, const operators::RowKey& key,
                                    std::span<const std::byte> row) { out.emit_user(table, key, row); };

// One instance of each operator that users have loaded; a part of MarketAnalytics, told after the operators
// of its own. After an exception none is called any more.
class UserOperators {
 public:
  using Loaded = std::vector<std::shared_ptr<const operators::LoadedOperator>>;

  UserOperators(const Loaded& loaded, const book::OrderBooks& books) : books_(books), loaded_(&loaded) {
    start_over();
  }
  UserOperators(const UserOperators&) = delete;
  UserOperators& operator=(const UserOperators&) = delete;

  [[nodiscard]] bool empty() const { return all_.empty(); }
  // What ended the run, for good.
  [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }

  // New instances, without state.
  void start_over();

  template <class Out>
  void on_order(const stream::Context& context, const book::OrderChange& change, Out& out) {
    call_each(out, [&](auto& op, auto& rows) { op.on_order(context, change, books_, rows); });
  }
  template <class Out>
  void on_bbo(const stream::Context& context, const book::Bbo& before, const book::Bbo& after, Out& out) {
    call_each(out, [&](auto& op, auto& rows) { op.on_bbo(context, before, after, books_, rows); });
  }
  template <class Out>
  void on_trade(const stream::Context& context, const book::TradeReport& trade, const book::Bbo& prevailing,
                Out& out) {
    call_each(out, [&](auto& op, auto& rows) { op.on_trade(context, trade, prevailing, books_, rows); });
  }
  template <class Out>
  void on_timer(EventTime watermark, Out& out) {
    call_each(out, [&](auto& op, auto& rows) {
      if (op.timer_ns() != 0) op.on_timer(watermark, books_, rows);
    });
  }
  template <class F>
  void for_each_timer(F&& f) const {
    for (const auto& op : all_)
      if (op->timer_ns() != 0) f(op->timer_ns());
  }

  void open(EventTime watermark) {
    guard([&](std::size_t i) { all_[i]->open(watermark); });
  }
  // With the size of each, so that one that reads too much does not read another's.
  void save_key(Locate key, stream::StateWriter& writer) const;
  void load_key(Locate key, stream::StateReader& reader);

 private:
  class RealBooks final : public operators::Books {
   public:
    explicit RealBooks(const book::OrderBooks& books) : books_(books) {}
    [[nodiscard]] Symbol symbol(Locate key) const override { return books_.symbol(key); }
    [[nodiscard]] book::Bbo bbo(Locate key) const override { return books_.bbo(key); }
    [[nodiscard]] Quality quality(Locate key) const override { return books_.quality(key); }
    std::size_t levels(Locate key, Side side, std::span<book::LevelView> out) const override {
      return books_.levels(key, side, out);
    }
    [[nodiscard]] std::optional<book::OrderView> find_order(Locate key, OrderRef ref) const override {
      return books_.find_order(key, ref);
    }
    [[nodiscard]] std::optional<book::QueuePosition> queue_position(Locate key, OrderRef ref) const override {
      return books_.queue_position(key, ref);
    }

   private:
    const book::OrderBooks& books_;
  };

  template <class Out>
  class RowsTo final : public operators::Rows {
   public:
    RowsTo(Out& out, std::uint16_t table, std::size_t row_size)
        : out_(out), table_(table), row_size_(row_size) {}

   private:
    void emit_bytes(std::span<const std::byte> row) override {
      if (row.size() != row_size_) throw_wrong_size(row.size(), row_size_);
      operators::RowKey key;
      std::memcpy(&key, row.data(), sizeof key);
      out_.emit_user(table_, key, row);
    }
    Out& out_;
    std::uint16_t table_;
    std::size_t row_size_;
  };
  [[noreturn]] static void throw_wrong_size(std::size_t is, std::size_t wanted);

  // Calls f(number) for each operator until one fails.
  template <class F>
  void guard(F&& f) const {
    for (std::size_t i = 0; i < all_.size() && !failure_; ++i) {
      try {
        f(i);
      } catch (...) {
        note_failure(i);
      }
    }
  }
  template <class Out, class F>
  void call_each(Out& out, F&& f) {
    static_assert(UserRowCollector<Out>);
    guard([&](std::size_t i) {
      RowsTo<Out> rows(out, user_table(i), (*loaded_)[i]->schema().row_size);
      f(*all_[i], rows);
    });
  }
  // To be called where an exception is being handled.
  void note_failure(std::size_t number) const;

  RealBooks books_;
  const Loaded* loaded_;
  std::vector<std::unique_ptr<operators::Operator>> all_;
  mutable std::optional<Error> failure_;
};

}  // namespace tapeline::pipeline
