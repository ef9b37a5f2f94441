#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "os/clock.h"
#include "serve/channel.h"
#include "serve/network/network.h"
#include "trace/flight_recorder.h"

namespace tapeline::serve {

struct HubConfig {
  std::size_t max_text_bytes = std::size_t{1} << 20;       // Made ready for a client at a time.
  std::size_t most_channels = 512;                         // Of a client.
  std::size_t most_replies_bytes = std::size_t{64} << 10;  // That wait for a client to take its messages.
  std::uint64_t requests_per_second = 20;
  std::uint64_t request_burst = 100;
  std::uint64_t heartbeat_ns = 1'000'000'000;
  std::uint64_t tick_budget_ns = 4'000'000;           // Who is left out has the first turn at the next tick.
  std::string version{};                              // Of the program.
  std::shared_ptr<trace::FlightRecorder> recorder{};  // Of what clients are sent; may be null.
};

// What the hub tells of the market's state in each heartbeat.
struct ViewState {
  std::string_view state = "starting";  // "catching_up", "live", "failed"
  std::string_view error{};
  std::uint64_t lag_records = 0;  // Of the log that are not in the books yet, as far as it is known.
  bool session_ended = false;
  std::string_view feed_state = "none";  // That of the pipeline's status; "none" where no pipeline runs.
};

struct HubCounters {
  std::uint64_t messages = 0;  // Of channels.
  std::uint64_t bytes = 0;
  std::uint64_t skipped = 0;  // Updates that were due while a client had yet to take the last ones.
  std::uint64_t floods = 0;   // Clients closed for too many requests.
  std::uint64_t bad_requests = 0;
};

// The clients of the stream. A client is sent something only when it has taken everything that was sent
// before: one that is slow costs nobody anything, holds one text, and is told what it missed. One thread.
class Hub {
 public:
  // The network may be set later, but before the first call.
  Hub(HubConfig config, const os::Clock& clock) : config_(std::move(config)), clock_(clock) {}
  void set_network(Network& network) { network_ = &network; }

  void on_open(ClientId client, MarketView& view);
  void on_text(ClientId client, const std::string& text, MarketView& view);
  void on_drained(ClientId client);
  void on_close(ClientId client);

  // Sends what is due to those who are ready.
  void tick(StreamContext& context, const ViewState& state);

  [[nodiscard]] std::size_t client_count() const { return clients_.size(); }
  [[nodiscard]] std::size_t channel_count() const;
  [[nodiscard]] const HubCounters& counters() const { return counters_; }

 private:
  struct Client {
    std::vector<std::unique_ptr<Channel>> channels;
    std::size_t next_channel = 0;  // Where the last tick ended.
    bool ready = true;
    std::string replies;
    std::uint64_t sent_at_ns = 0;
    std::uint64_t blocked_ns = 0;  // How long it took to take the last text.
    std::uint64_t heartbeat_due_ns = 0;
    double tokens = 0;
    std::uint64_t tokens_at_ns = 0;
    std::uint64_t told_end = 0;  // Of the log, what the updates that it was sent last take in.
    std::optional<trace::StageRecord> on_its_way{};
  };

  void subscribe(Client& client, const StreamRequest& request, MarketView& view);
  void reply_error(Client& client, std::uint64_t id, std::string_view message);
  [[nodiscard]] bool is_flood(Client& client);
  void close(ClientId id, CloseCode code, const std::string& reason);
  void serve(ClientId id, Client& client, StreamContext& context, const ViewState& state, std::uint64_t now);
  void note_sending(ClientId id, Client& client, std::uint64_t end, std::uint64_t began_ns) const;
  void append_heartbeat(std::string& out, const StreamContext& context, const ViewState& state) const;

  HubConfig config_;
  const os::Clock& clock_;
  Network* network_ = nullptr;
  std::map<std::uint64_t, Client> clients_;
  std::uint64_t first_in_turn_ = 0;
  HubCounters counters_;
};

}  // namespace tapeline::serve
