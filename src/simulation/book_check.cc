#include "simulation/book_check.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "feed/itch50/event_decoder.h"

namespace tapeline::simulation {

namespace {

bool same_order(const book::OrderView& a, const book::OrderView& b) {
  return a.ref == b.ref && a.side == b.side && a.price == b.price && a.shares == b.shares &&
         a.attribution == b.attribution && a.entered == b.entered;
}

// The first difference of two books.
std::string find_difference(const book::OrderBooks& books, const book::PlainBook& truth, Locate locate) {
  for (const Side side : {Side::bid, Side::ask}) {
    const std::size_t count = truth.level_count(locate, side);
    if (books.level_count(locate, side) != count)
      return fmt::format("{} price levels on a side that has {}", books.level_count(locate, side), count);
    std::vector<book::LevelView> levels(count);
    std::vector<book::LevelView> wanted(count);
    books.levels(locate, side, levels);
    truth.levels(locate, side, wanted);
    if (levels != wanted) return "price levels that the exchange does not have";
    for (const book::LevelView& level : levels)
      if (!std::ranges::equal(books.queue(locate, side, level.price), truth.queue(locate, side, level.price),
                              same_order))
        return fmt::format("another queue at {} than the exchange", level.price.dollars());
  }
  if (books.bbo(locate) != truth.bbo(locate)) return "best prices that its orders do not have";
  return "";
}

std::string check_quality(Quality quality, const FeedState& state, Quality truth) {
  if (state.gapped && !has(quality, Quality::gapped)) return "is not flagged though messages are missing";
  if (state.recovering && !has(quality, Quality::recovering))
    return "is not flagged though a recovery is going on";
  if (state.gapped || state.recovering) return "";
  // A snapshot does not say what was suspect before it.
  const Quality ignored = state.replaced ? Quality::suspect : Quality::good;
  if (without(quality, ignored) != without(truth, ignored))
    return fmt::format("says {} where the exchange's own messages make it {}", to_string(quality),
                       to_string(truth));
  return "";
}

}  // namespace

const book::PlainBook& TrueBooks::at(std::size_t session, std::uint64_t next_sequence) {
  if (session != session_ || next_sequence < next_) {
    session_ = session;
    next_ = 1;
    books_ = {};
  }
  for (; next_ < next_sequence; ++next_) {
    const std::span<const std::byte> frame = published_.sessions()[session].frame(next_);
    message_.resize(frame.size() + decode_padding);
    std::ranges::copy(frame, message_.begin());
    const std::span<const std::byte> message = std::span(message_).first(frame.size());
    itch50::EventCursor cursor(message, Sequence{next_}, CaptureTime{0});
    Event event;
    if (cursor.decode(std::span(&event, 1)) == 1) books_.apply(event, recorder_);
    recorder_.clear();
  }
  return books_;
}

std::string check_books(const book::OrderBooks& books, const std::vector<Locate>& locates,
                        const FeedState& state, const Published& published, TrueBooks& truth) {
  if (!state.position.in_session) return "";
  const std::optional<std::size_t> session = published.find(state.position.session);
  if (!session) return "the books are of a session that was never published";
  const std::uint64_t next = state.position.next_sequence;
  if (next > published.sessions()[*session].next_sequence()) return "the books are ahead of the exchange";
  const book::PlainBook& plain = truth.at(*session, next);
  for (const Locate locate : locates) {
    std::string wrong = check_quality(books.quality(locate), state, plain.quality(locate));
    if (wrong.empty() && !state.gapped && !state.recovering)
      if (const std::string difference = find_difference(books, plain, locate); !difference.empty())
        wrong = "has " + difference;
    if (!wrong.empty())
      return fmt::format("the book of locate {} before message {} of session {} {}", raw(locate), next,
                         state.position.session.view(), wrong);
  }
  return "";
}

}  // namespace tapeline::simulation
