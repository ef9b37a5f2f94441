#include <charconv>
#include <sstream>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>

#include "doctor/checks.h"
#include "metrics/quantity_text.h"

namespace tapeline::doctor {

namespace {

using metrics::bytes_text;

constexpr std::uint64_t least_backlog = 10'000;  // Packets: a burst of 100 ms at 100,000 packets a second.

std::optional<std::uint32_t> hexadecimal(std::string_view text) {
  if (text.starts_with("0x")) text.remove_prefix(2);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

void check_receive_buffer(Examination& e) {
  const std::uint64_t wanted = e.config.feed.receive_buffer_bytes;
  const std::optional<std::uint64_t> most = e.number("/proc/sys/net/core/rmem_max");
  if (!most)
    return e.add({Grade::warn, "network", "receive buffer", "the kernel does not tell net.core.rmem_max"});
  if (*most >= wanted)
    return e.add(
        {Grade::ok, "network", "receive buffer",
         fmt::format("the kernel grants up to {}, {} are wanted", bytes_text(*most), bytes_text(wanted))});
  e.add({Grade::bad, "network", "receive buffer",
         fmt::format("the kernel grants only {} of the {} of feed.receive_buffer_bytes: bursts will be lost",
                     bytes_text(*most), bytes_text(wanted)),
         fmt::format("sudo sysctl -w net.core.rmem_max={}", wanted)});
}

void check_backlog(Examination& e) {
  const std::optional<std::uint64_t> packets = e.number("/proc/sys/net/core/netdev_max_backlog");
  if (!packets) return;
  if (*packets >= least_backlog)
    return e.add(
        {Grade::ok, "network", "packet backlog", fmt::format("{} packets wait for the kernel", *packets)});
  e.add({Grade::warn, "network", "packet backlog",
         fmt::format("only {} packets may wait for the kernel: more in a burst are dropped before any socket",
                     *packets),
         fmt::format("sudo sysctl -w net.core.netdev_max_backlog={}", least_backlog)});
}

// Whether the interface can be used at all.
bool check_interface(Examination& e) {
  const std::string& name = e.config.feed.interface;
  const std::string folder = "/sys/class/net/" + name;
  const std::optional<std::string> flags_text = e.machine.read(folder + "/flags");
  const std::optional<std::uint32_t> flags = flags_text ? hexadecimal(*flags_text) : std::nullopt;
  if (name.find('/') != std::string::npos || !flags) {
    e.add({Grade::bad, "network", "interface",
           fmt::format("there is no interface {}; set feed.interface to one of:", name), "ip -brief link"});
    return false;
  }
  const std::string state = e.machine.read(folder + "/operstate").value_or("unknown");
  if ((*flags & IFF_UP) == 0 || state == "down" || state == "lowerlayerdown") {
    const bool cable = (*flags & IFF_UP) != 0;
    e.add({Grade::bad, "network", "interface",
           fmt::format("{} is down{}", name,
                       cable ? ": it is switched on but has no carrier, look at the cable" : ""),
           cable ? fmt::format("ip -statistics link show {}", name)
                 : fmt::format("sudo ip link set {} up", name)});
    return false;
  }
  // Loopback takes multicast that is addressed to it by name without having the flag.
  if ((*flags & (IFF_MULTICAST | IFF_LOOPBACK)) == 0) {
    e.add({Grade::bad, "network", "interface", fmt::format("{} is up but takes no multicast", name),
           fmt::format("sudo ip link set {} multicast on", name)});
    return false;
  }
  e.add({Grade::ok, "network", "interface",
         fmt::format("{} is up{}", name,
                     (*flags & IFF_LOOPBACK) != 0 ? "; only feeds of this machine arrive there"
                                                  : " and takes multicast")});
  return true;
}

// Whether a line of /proc/net/route leads to the group, and through which interface. Addresses there are in
// the byte order of the network, read as numbers of this machine.
std::optional<std::string> route_to(const std::string& table, std::uint32_t group) {
  std::istringstream lines(table);
  std::string line;
  std::getline(lines, line);  // Names of the columns.
  std::optional<std::string> best;
  std::uint32_t best_mask = 0;
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    std::string interface, destination, gateway, flags, count, use, metric, mask;
    words >> interface >> destination >> gateway >> flags >> count >> use >> metric >> mask;
    const auto to = hexadecimal(destination);
    const auto bits = hexadecimal(mask);
    if (!to || !bits || (group & *bits) != *to) continue;
    if (best && ntohl(*bits) < ntohl(best_mask)) continue;
    best = interface;
    best_mask = *bits;
  }
  return best;
}

void check_route(Examination& e) {
  const std::string& name = e.config.feed.interface;
  in_addr group{};
  const std::optional<std::string> table = e.machine.read("/proc/net/route");
  if (!table || ::inet_pton(AF_INET, e.config.feed.group_a.host.c_str(), &group) != 1) return;
  if (name == "lo") return e.add({Grade::ok, "network", "multicast route", "loopback needs none"});
  const std::optional<std::string> through = route_to(*table, group.s_addr);
  if (through == name)
    return e.add({Grade::ok, "network", "multicast route",
                  fmt::format("{} leads through {}", e.config.feed.group_a.host, name)});
  e.add({Grade::warn, "network", "multicast route",
         fmt::format(
             "{} {}: joining by the interface's name works, programs that do not name it look elsewhere",
             e.config.feed.group_a.host, through ? "leads through " + *through : "leads nowhere"),
         fmt::format("sudo ip route add 224.0.0.0/4 dev {}", name)});
}

void check_reverse_path(Examination& e) {
  const std::string& name = e.config.feed.interface;
  if (name == "lo") return;
  // The stricter of the two is in force.
  const auto all = e.number("/proc/sys/net/ipv4/conf/all/rp_filter").value_or(0);
  const auto own = e.number("/proc/sys/net/ipv4/conf/" + name + "/rp_filter").value_or(0);
  if (std::max(all, own) != 1)
    return e.add({Grade::ok, "network", "reverse path filter", "does not drop the exchange's packets"});
  e.add({Grade::warn, "network", "reverse path filter",
         fmt::format("is strict: packets are dropped unless the way back to the exchange leads through {}",
                     name),
         fmt::format("sudo sysctl -w net.ipv4.conf.{}.rp_filter=2", name)});
}

void check_timestamping(Examination& e) {
  const std::string& name = e.config.feed.interface;
  const std::optional<os::Timestamping> able = e.machine.timestamping(name);
  if (!able || (!able->hardware && !able->software))
    return e.add({Grade::warn, "network", "timestamps",
                  fmt::format("{} tells of none: capture times are taken when a packet is read", name)});
  if (able->hardware)
    return e.add({Grade::ok, "network", "timestamps", fmt::format("{} stamps packets as they arrive", name)});
  e.add({Grade::ok, "network", "timestamps",
         "the kernel stamps packets, microseconds after they arrived; the interface itself cannot"});
}

}  // namespace

void check_network(Examination& e) {
  check_receive_buffer(e);
  check_backlog(e);
  if (!check_interface(e)) return;
  check_route(e);
  check_reverse_path(e);
  check_timestamping(e);
}

}  // namespace tapeline::doctor
