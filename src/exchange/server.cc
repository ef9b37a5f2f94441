#include "exchange/server.h"

namespace tapeline::exchange {

namespace {

// How long the loop may sleep without looking whether it is to stop.
constexpr std::uint64_t longest_wait_ns = 100'000'000;

// How often a packet that the kernel does not take is offered again, and after how long.
constexpr int send_attempts = 50;
constexpr std::uint64_t retry_ns = 100'000;

// A request has the size of a header. A byte more tells a longer one from it.
constexpr std::size_t request_bytes = moldudp64::header_size + 1;

// A port that nobody here uses for this group or address, in place of 0.
Result<os::Endpoint> with_port(os::Endpoint feed, const std::string& interface) {
  if (feed.port != 0) return feed;
  const os::Endpoint at = feed.address.is_v4_multicast() ? feed : os::Endpoint{os::any_address, 0};
  Result<os::UdpSocket> probe = os::UdpSocket::bind(at);
  if (!probe) return std::unexpected(probe.error());
  if (feed.address.is_v4_multicast())
    if (auto joined = probe->join(feed.address, interface); !joined) return std::unexpected(joined.error());
  const Result<os::Endpoint> bound = probe->local_endpoint();
  if (!bound) return std::unexpected(bound.error());
  feed.port = bound->port;
  return feed;
}

}  // namespace

Server::Server(os::UdpSocket feeds, os::UdpSocket requests, os::Poller poller, Publisher& publisher,
               const os::Clock& clock)
    : feed_socket_(std::move(feeds)),
      request_socket_(std::move(requests)),
      poller_(std::move(poller)),
      publisher_(&publisher),
      clock_(&clock),
      requests_(requests_at_once, request_bytes, 0) {}

Result<Server> Server::open(const ServerConfig& config, Publisher& publisher, const os::Clock& clock) {
  const Result<os::Endpoint> feed_a = with_port(config.feed_a, config.output.interface);
  if (!feed_a) return std::unexpected(feed_a.error());
  const Result<os::Endpoint> feed_b = with_port(config.feed_b, config.output.interface);
  if (!feed_b) return std::unexpected(feed_b.error());
  Result<os::UdpSocket> feeds = os::UdpSocket::bind({os::any_address, 0});
  if (!feeds) return std::unexpected(feeds.error());
  if (auto set = feeds->set_multicast_output(config.output); !set) return std::unexpected(set.error());
  if (const auto set = feeds->set_send_buffer(config.send_buffer_bytes); !set)
    return std::unexpected(set.error());
  Result<os::UdpSocket> requests = os::UdpSocket::bind(config.requests);
  if (!requests) return std::unexpected(requests.error());
  const Result<os::Endpoint> request_endpoint = requests->local_endpoint();
  if (!request_endpoint) return std::unexpected(request_endpoint.error());
  Result<os::Poller> poller = os::Poller::open();
  if (!poller) return std::unexpected(poller.error());
  if (auto added = poller->add(requests->descriptor(), 0); !added) return std::unexpected(added.error());
  Server server(std::move(*feeds), std::move(*requests), std::move(*poller), publisher, clock);
  server.feeds_ = {*feed_a, *feed_b};
  server.request_endpoint_ = *request_endpoint;
  return server;
}

// The network card's queue may be full for a moment. A packet that it refuses for longer is as good as lost
// on the way; the exchange goes on.
Result<void> Server::send_all(std::span<const os::OutgoingDatagram> datagrams) {
  int attempts = 0;
  while (!datagrams.empty()) {
    const Result<std::size_t> sent = feed_socket_.send(datagrams);
    if (!sent) return std::unexpected(sent.error());
    datagrams = datagrams.subspan(*sent);
    if (*sent > 0) {
      attempts = 0;
    } else if (++attempts == send_attempts) {
      counters_.refused += datagrams.size();
      return {};
    } else if (auto waited = poller_.wait(retry_ns); !waited) {
      return std::unexpected(waited.error());
    }
  }
  return {};
}

Result<void> Server::send_batch() {
  outgoing_.clear();
  for (const DatagramBatch::Entry& entry : batch_.entries()) {
    const auto feed = static_cast<std::size_t>(entry.feed);
    outgoing_.push_back({entry.payload, feeds_[feed]});
    ++counters_.packets[feed];
    counters_.bytes[feed] += entry.payload.size();
  }
  return send_all(outgoing_);
}

Result<void> Server::answer_requests() {
  const Result<std::span<const os::ReceivedDatagram>> requests = request_socket_.receive(requests_);
  if (!requests) return std::unexpected(requests.error());
  const std::uint64_t now_ns = clock_->monotonic_ns();
  for (const os::ReceivedDatagram& request : *requests) {
    const auto reply = [&] {
      const std::scoped_lock lock(*mutex_);
      return publisher_->answer(request.payload, now_ns);
    }();
    if (!reply) continue;
    // Where the reply cannot go, the request was forged or its sender is gone; it may ask again.
    const os::OutgoingDatagram datagram{*reply, request.source};
    const Result<std::size_t> sent = request_socket_.send({&datagram, 1});
    counters_.replies_refused += !sent || *sent == 0;
  }
  return {};
}

Result<void> Server::advance() {
  batch_.clear();
  const std::scoped_lock lock(*mutex_);
  return publisher_->advance({clock_->monotonic_ns(), clock_->realtime_ns()}, batch_);
}

Result<void> Server::run(const std::function<bool()>& stop) {
  while (!publisher_->is_over()) {
    if (stop()) publisher_->finish();
    if (auto advanced = advance(); !advanced) return advanced;
    if (auto sent = send_batch(); !sent) return sent;
    const std::uint64_t after_ns = clock_->monotonic_ns();
    const std::uint64_t deadline_ns = publisher_->next_deadline_ns();
    const std::uint64_t wait_ns =
        deadline_ns > after_ns ? std::min(deadline_ns - after_ns, longest_wait_ns) : 0;
    const auto ready = poller_.wait(wait_ns);
    if (!ready) return std::unexpected(ready.error());
    if (!ready->empty())
      if (auto answered = answer_requests(); !answered) return answered;
  }
  return {};
}

}  // namespace tapeline::exchange
