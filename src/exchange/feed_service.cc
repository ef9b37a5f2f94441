#include "exchange/feed_service.h"

#include <algorithm>

#include "base/bytes.h"

namespace tapeline::exchange {

namespace {

// What a client may send is short: its login has 49 bytes.
constexpr std::size_t max_client_packet = 256;
constexpr std::uint64_t login_ns = 15'000'000'000;  // For a client to log in.
constexpr std::size_t length_size = 2;              // In front of each message.

}  // namespace

class FeedService::Session final : public ByteSession {
 public:
  Session(FeedService& service, std::uint64_t now_ns)
      : service_(service),
        server_({.max_packet_size = max_client_packet}, service.counters_, now_ns),
        since_ns_(now_ns) {}

  void feed(std::span<const std::byte> bytes, std::uint64_t now_ns) override {
    server_.feed(bytes, now_ns);
    while (const std::optional<soupbintcp::ServerEvent> event = server_.next())
      if (event->kind == soupbintcp::ServerEvent::Kind::login) answer(event->login, now_ns);
  }

  void pump(std::uint64_t now_ns) override {
    while (server_.is_open() && (left_.empty() ? take_chunk(now_ns) : true)) {
      while (!left_.empty()) {
        const std::size_t size = load_be<std::uint16_t>(left_.data());
        // The client is not slow because there is much to say.
        if (server_.room() < size) return;
        if (!server_.send(left_.subspan(length_size, size), now_ns)) return;
        left_ = left_.subspan(length_size + size);
      }
    }
  }

  void on_timer(std::uint64_t now_ns) override {
    server_.on_timer(now_ns);
    if (!logged_in_ && now_ns - since_ns_ >= login_ns) given_up_ = true;
  }

  [[nodiscard]] std::span<const std::byte> output() const override { return server_.output(); }
  void consume_output(std::size_t size) override { server_.consume_output(size); }
  [[nodiscard]] bool is_over() const override { return given_up_ || server_.is_over(); }

 private:
  void answer(const soupbintcp::LoginRequest& login, std::uint64_t now_ns) {
    logged_in_ = true;
    feed::SessionName session;
    std::uint64_t first = 0;
    {
      const std::scoped_lock lock(service_.mutex_);
      number_ = service_.publisher_.counters().sessions;
      session = service_.publisher_.session();
      const std::uint64_t next = service_.publisher_.published_up_to();
      first = login.sequence == 0 ? next : std::min(login.sequence, next);
      first = std::max(first, std::min(service_.publisher_.messages().first_kept(), next));
    }
    const bool none_yet = number_ == 0;
    if (none_yet || (!login.session.view().empty() && login.session != session))
      return server_.reject(soupbintcp::RejectReason::no_such_session, now_ns);
    server_.accept(session, first, now_ns);
  }

  // Copies what comes next; ends the session where nothing will. False where there is nothing to send.
  bool take_chunk(std::uint64_t now_ns) {
    bool is_over = false;
    {
      const std::scoped_lock lock(service_.mutex_);
      const Publisher& publisher = service_.publisher_;
      const std::uint64_t next = server_.next_sequence();
      const bool is_current = publisher.counters().sessions == number_;
      if (is_current && next < publisher.published_up_to()) {
        const PublishedMessages::Run run =
            publisher.messages().find(next, publisher.published_up_to() - next, chunk_bytes);
        chunk_.assign(run.frames.begin(), run.frames.end());
        left_ = chunk_;
        // Forgotten while the client was reading older ones: it logs in again and is told of the gap.
        is_over = run.count == 0;
        forgotten_ = is_over;
      } else {
        is_over = !is_current || publisher.last_session_ended_ns().has_value();
      }
    }
    if (!is_over) return !left_.empty();
    if (forgotten_)
      given_up_ = true;
    else
      server_.end_session(now_ns);
    return false;
  }

  FeedService& service_;
  mutable soupbintcp::ServerSession server_;  // Its output() has no const form.
  std::vector<std::byte> chunk_;
  std::span<const std::byte> left_;  // Of the chunk: messages behind their lengths.
  std::uint64_t number_ = 0;         // Of the publisher's session, from 1.
  bool logged_in_ = false;
  bool forgotten_ = false;
  bool given_up_ = false;
  std::uint64_t since_ns_;  // The connection is there.
};

std::unique_ptr<ByteSession> FeedService::make_session(std::uint64_t now_ns) {
  return std::make_unique<Session>(*this, now_ns);
}

Result<std::unique_ptr<FeedServer>> FeedServer::start(const os::Endpoint& at, const Publisher& publisher,
                                                      std::mutex& publisher_mutex, const os::Clock& clock) {
  std::unique_ptr<FeedServer> server(new FeedServer(publisher, publisher_mutex));
  FeedService& service = server->service_;
  Result<std::unique_ptr<TcpService>> started = TcpService::start(
      "feed-tcp", at, [&service](std::uint64_t now_ns) { return service.make_session(now_ns); },
      [] { return false; }, clock);
  if (!started) return std::unexpected(started.error());
  server->tcp_ = std::move(*started);
  return server;
}

}  // namespace tapeline::exchange
