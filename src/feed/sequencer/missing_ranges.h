#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tapeline::feed {

// Messages [first, end) that exist but have not come.
struct MissingRange {
  std::uint64_t first;
  std::uint64_t end;
  std::uint64_t since_ns;  // When they were noticed.
  bool failed;             // Asking for them has been given up.
};

// What is missing, in order, disjoint and never touching one another.
class MissingRanges {
 public:
  [[nodiscard]] bool empty() const { return ranges_.empty(); }
  [[nodiscard]] std::size_t size() const { return ranges_.size(); }
  [[nodiscard]] MissingRange& front() { return ranges_.front(); }
  [[nodiscard]] auto begin() { return ranges_.begin(); }
  [[nodiscard]] auto end() { return ranges_.end(); }
  [[nodiscard]] auto begin() const { return ranges_.begin(); }
  [[nodiscard]] auto end() const { return ranges_.end(); }
  // Messages in all of them.
  [[nodiscard]] std::uint64_t messages() const { return messages_; }

  // The first range that ends behind `sequence`; end() where there is none.
  [[nodiscard]] std::vector<MissingRange>::iterator at_or_after(std::uint64_t sequence);

  // Behind all others.
  void append(std::uint64_t first, std::uint64_t end, std::uint64_t now_ns);
  // Takes out whatever lies in [first, end); may split a range.
  void fill(std::uint64_t first, std::uint64_t end);
  // Messages that were held and have been let go, from before everything that is still held: they join the
  // front range where they touch it. Failed, as nobody asks for them now.
  void reopen_front(std::uint64_t first, std::uint64_t end, std::uint64_t now_ns);
  // As if all had been noticed now.
  void renew(std::uint64_t now_ns);
  void clear();

 private:
  std::vector<MissingRange> ranges_;
  std::uint64_t messages_ = 0;
};

}  // namespace tapeline::feed
