#include "simulator/day_schedule.h"

#include <algorithm>

namespace tapeline::simulator {

namespace {

constexpr std::uint64_t opening_start = clock_time(3, 5);
constexpr std::uint64_t opening_spacing_ns = 2'500;
constexpr std::uint32_t opening_phases = 4;
constexpr std::uint64_t ipo_release = clock_time(10, 15);
constexpr std::uint64_t direct_listing_release = clock_time(11, 0);
constexpr std::uint64_t minute = clock_time(0, 1);

enum Reason : std::uint8_t { no_reason, ipo_halt, ipo_quoting, news, news_resumption, luld_pause };
constexpr std::array<Code4, 6> reasons = {Code4("    "), Code4("IPO1"), Code4("IPOQ"),
                                          Code4("T1  "), Code4("T3  "), Code4("LUDP")};

bool starts_halted(Role role) {
  return role == Role::ipo || role == Role::direct_listing;
}

}  // namespace

Opening::Opening(Market& market)
    : positions_(std::min<std::uint64_t>(market.size() * 3, market.config.messages / 100)),
      next_time_(opening_start) {
  market.reserve_messages(3 * market.size() + positions_);
  for (std::uint32_t i = 0; i < market.size(); ++i)
    if (starts_halted(market.universe.roles[i])) market[i].state = TradingState::halted;
}

void Opening::fire(Market& market) {
  const auto index = static_cast<std::uint32_t>(position_);
  switch (phase_) {
    case 0: send_directory(market, index); break;
    case 1: send_state(market, index); break;
    case 2:
      market.send(market[index],
                  itch50::RegSho{{}, {}, mix(market.config.seed ^ index) % 50 == 0 ? '2' : '0'});
      break;
    default: send_position(market, position_); break;
  }
  market.use_reserved_message();
  next_time_ += opening_spacing_ns;
  const std::uint64_t count = phase_ < 3 ? market.size() : positions_;
  if (++position_ < count) return;
  position_ = 0;
  if (++phase_ == opening_phases || (phase_ == 3 && positions_ == 0)) next_time_ = never;
}

void Opening::send_directory(Market& market, std::uint32_t index) {
  const Listing& listing = market.universe.listings[index];
  itch50::StockDirectory m{};
  m.market_category = listing.market_category;
  m.financial_status = market.rng.below(60) == 0 ? 'D' : 'N';
  m.round_lot_size = 100;
  m.round_lots_only = 'N';
  m.issue_classification = listing.etp_flag == 'Y' ? 'Q' : 'C';
  m.issue_sub_type = Code2(listing.etp_flag == 'Y' ? "E " : "Z ");
  m.authenticity = listing.is_test ? 'T' : 'P';
  m.short_sale_threshold = 'N';
  m.ipo_flag = market.universe.roles[index] == Role::ipo ? 'Y' : 'N';
  m.luld_reference_tier = listing.luld_tier;
  m.etp_flag = listing.etp_flag;
  m.etp_leverage = listing.etp_flag == 'Y' && market.rng.below(10) == 0 ? 2 : 0;
  m.inverse_indicator = m.etp_leverage != 0 && market.rng.below(2) == 0 ? 'Y' : 'N';
  market.send(market[index], m);
}

void Opening::send_state(Market& market, std::uint32_t index) {
  const SymbolState& symbol = market[index];
  const bool halted = symbol.state == TradingState::halted;
  market.send(symbol,
              itch50::TradingAction{
                  {}, {}, static_cast<char>(symbol.state), ' ', reasons[halted ? ipo_halt : no_reason]});
}

// The busiest symbols have market makers first.
void Opening::send_position(Market& market, std::uint64_t number) {
  const std::uint64_t maker = number / market.size() + number * 7;
  const SymbolState& symbol = market[market.universe.by_activity[number % market.size()]];
  const Mpid mpid = participants[1 + maker % (participants.size() - 1)];
  market.send(symbol,
              itch50::ParticipantPosition{{}, mpid, {}, number < market.size() ? 'Y' : 'N', 'N', 'A'});
}

Announcements::Announcements(Market& market) {
  Rng rng(mix(market.config.seed) ^ 0x616e6e6f756e6365);
  plan_day();
  for (std::uint32_t i = 0; i < market.size(); ++i) plan_role(market.universe.roles[i], i, rng);
  for (std::size_t i = 0; i < 2 + market.size() / 2000; ++i) {
    // Apart, because compilers evaluate arguments in different orders.
    const std::uint64_t time_ns = rng.between(market_open + minute, market_close - minute);
    plan(time_ns, Kind::short_sale, '1', rng.below(static_cast<std::uint32_t>(market.size())));
  }
  for (std::uint64_t i = 0; i < 1 + market.config.messages / 400'000; ++i)
    plan(rng.between(market_open + 5 * minute, market_close + 60 * minute), Kind::broken_trade);
  std::stable_sort(all_.begin(), all_.end(),
                   [](const Announcement& a, const Announcement& b) { return a.time_ns < b.time_ns; });
  market.reserve_messages(all_.size());
}

void Announcements::plan(std::uint64_t time_ns, Kind kind, char code, std::uint32_t symbol,
                         std::uint8_t reason) {
  all_.push_back({time_ns, kind, code, reason, symbol});
}

void Announcements::plan_day() {
  plan(clock_time(3), Kind::system_event, 'O');
  plan(clock_time(3, 15), Kind::circuit_breaker_levels);
  plan(session_start, Kind::system_event, 'S');
  plan(market_open, Kind::system_event, 'Q');
  // From 15:25 on the first level halts nothing, so the market may touch it without the day losing its close.
  plan(clock_time(15, 41, 7), Kind::circuit_breaker_hit, '1');
  plan(market_close, Kind::system_event, 'M');
  plan(session_end, Kind::system_event, 'E');
  plan(session_end + 5 * minute, Kind::system_event, 'C');
}

// Quotation only, indications, the cross, and trading again.
void Announcements::plan_release(std::uint64_t quoting_ns, std::uint64_t release_ns, std::uint32_t symbol,
                                 std::uint8_t reason) {
  plan(quoting_ns, Kind::state, 'Q', symbol, reason);
  for (std::uint64_t i = 1; i <= 3; ++i)
    plan(quoting_ns + (release_ns - quoting_ns) * i / 4, Kind::imbalance, ' ', symbol);
  plan(release_ns, Kind::cross, 'H', symbol);
  plan(release_ns + 250'000, Kind::state, 'T', symbol, reason);
}

void Announcements::plan_role(Role role, std::uint32_t symbol, Rng& rng) {
  const std::uint64_t start = rng.between(market_open + 15 * minute, market_close - 50 * minute);
  switch (role) {
    case Role::ordinary: break;
    case Role::ipo:
      plan(clock_time(7, 30), Kind::offering, 'A', symbol);
      plan_release(ipo_release - 10 * minute, ipo_release, symbol, ipo_quoting);
      break;
    case Role::direct_listing:
      plan_release(direct_listing_release - 10 * minute, direct_listing_release, symbol, ipo_quoting);
      for (std::uint64_t i = 1; i <= 3; ++i)
        plan(direct_listing_release - i * 2 * minute, Kind::direct_listing, i == 1 ? 'Y' : 'N', symbol);
      break;
    case Role::news_halt:
      plan(start, Kind::state, 'H', symbol, news);
      plan_release(start + 10 * minute, start + 15 * minute, symbol, news_resumption);
      break;
    case Role::luld_pause:
      plan(start, Kind::state, 'P', symbol, luld_pause);
      plan(start + 1'000'000, Kind::collar, ' ', symbol);
      plan_release(start + minute, start + 5 * minute, symbol, luld_pause);
      break;
    case Role::operational_halt:
      // Of another market, which does not stop trading here.
      plan(start, Kind::operational_halt, 'H', symbol);
      plan(start + 9 * minute, Kind::operational_halt, 'T', symbol);
      break;
  }
}

void Announcements::fire(Market& market) {
  const Announcement& announcement = all_[next_++];
  if (announcement.kind == Kind::cross) return cross(market, announcement.symbol, CrossType::halt);
  send(market, announcement);
  market.use_reserved_message();
}

void Announcements::send(Market& market, const Announcement& announcement) {
  constexpr Locate no_security{0};
  switch (announcement.kind) {
    case Kind::system_event: {
      itch50::SystemEvent m{{}, announcement.code};
      return market.feed.put(m, no_security, market.now_ns);
    }
    case Kind::circuit_breaker_levels: {
      // Seven, thirteen and twenty per cent below yesterday's close of the index.
      const std::uint64_t close = (3'000 + mix(market.config.seed) % 3'000) * Price8::per_dollar;
      itch50::MwcbLevels m{{}, {close / 100 * 93}, {close / 100 * 87}, {close / 100 * 80}};
      return market.feed.put(m, no_security, market.now_ns);
    }
    case Kind::circuit_breaker_hit: {
      itch50::MwcbStatus m{{}, announcement.code};
      return market.feed.put(m, no_security, market.now_ns);
    }
    case Kind::broken_trade: {
      const std::uint64_t last = raw(market.last_match());
      itch50::BrokenTrade m{{},
                            MatchNumber{last - market.rng.below(static_cast<std::uint32_t>(
                                                   std::min<std::uint64_t>(last, 500)))}};
      return market.feed.put(m, no_security, market.now_ns);
    }
    default: return send_about_symbol(market, announcement);
  }
}

void Announcements::send_about_symbol(Market& market, const Announcement& announcement) {
  SymbolState& symbol = market[announcement.symbol];
  const Price reference = Market::price(symbol, symbol.mid);
  const Price tenth{reference.ticks / 10 / symbol.tick * symbol.tick};
  const Price upper{reference.ticks + tenth.ticks};
  const Price lower{reference.ticks - tenth.ticks};
  switch (announcement.kind) {
    case Kind::state:
      symbol.state = static_cast<TradingState>(announcement.code);
      return market.send(symbol,
                         itch50::TradingAction{{}, {}, announcement.code, ' ', reasons[announcement.reason]});
    case Kind::offering:
      return market.send(symbol,
                         itch50::IpoQuoting{{},
                                            {},
                                            static_cast<std::uint32_t>(ipo_release / nanoseconds_per_second),
                                            announcement.code,
                                            reference});
    case Kind::collar: return market.send(symbol, itch50::LuldCollar{{}, {}, reference, upper, lower, 0});
    case Kind::operational_halt:
      return market.send(symbol, itch50::OperationalHalt{{}, {}, 'X', announcement.code});
    case Kind::imbalance: return send_imbalance(market, announcement.symbol, CrossType::halt, 0.5);
    case Kind::short_sale: return market.send(symbol, itch50::RegSho{{}, {}, announcement.code});
    case Kind::direct_listing:
      return market.send(
          symbol,
          itch50::DirectListing{
              {}, {}, announcement.code, lower, upper, reference, direct_listing_release, lower, upper});
    default: return;
  }
}

}  // namespace tapeline::simulator
