#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tapeline::simulation {

// What goes wrong on purpose, so that a test sees each check fail: bugs that the pipeline might have.
enum class Sabotage : std::uint8_t {
  none,
  drop_rows,      // A batch of rows is said to be appended and is not.
  double_rows,    // One is appended twice.
  swap_messages,  // Two messages of the feed change places.
  forget_synced,  // A loss of power takes what was synced.
  drop_replies,   // What was lost is not recovered, though the way is clean.
};

// Does one thing to what is appended to the log, once.
class Saboteur {
 public:
  enum class Harm : std::uint8_t { none, drop, twice };

  // The harm is done from the so-many-th batch on to the first that is fit for it.
  explicit Saboteur(Sabotage what = Sabotage::none, std::uint64_t after_batches = 20)
      : what_(what), batches_left_(after_batches) {}

  [[nodiscard]] Sabotage what() const { return what_; }
  [[nodiscard]] bool is_done() const { return done_; }

  // Looks at a batch, which it may change.
  Harm harm(std::vector<std::byte>& payload, bool is_feed);

 private:
  Sabotage what_;
  std::uint64_t batches_left_;
  bool done_ = false;
};

}  // namespace tapeline::simulation
