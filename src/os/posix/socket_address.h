#pragma once

#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "os/endpoint.h"
#include "os/posix/failure.h"

namespace tapeline::os {

inline in_addr to_kernel(const IpAddress& address) {
  in_addr kernel{};
  std::memcpy(&kernel, address.bytes.data() + 12, sizeof kernel);
  return kernel;
}

inline sockaddr_in to_kernel(const Endpoint& endpoint) {
  sockaddr_in kernel{};
  kernel.sin_family = AF_INET;
  kernel.sin_port = htons(endpoint.port);
  kernel.sin_addr = to_kernel(endpoint.address);
  return kernel;
}

inline Endpoint from_kernel(const sockaddr_in& kernel) {
  Endpoint endpoint{any_address, ntohs(kernel.sin_port)};
  std::memcpy(endpoint.address.bytes.data() + 12, &kernel.sin_addr, sizeof kernel.sin_addr);
  return endpoint;
}

// The feeds that are spoken here are IPv4 ones.
inline Result<void> require_v4(const Endpoint& endpoint) {
  if (endpoint.address.is_v4()) return {};
  return fail(ErrorCode::unsupported,
              fmt::format("{} is an IPv6 address; name an IPv4 one", to_text(endpoint)));
}

inline Result<unsigned> interface_index(const std::string& name) {
  const unsigned index = ::if_nametoindex(name.c_str());
  if (index != 0) return index;
  return fail(ErrorCode::not_found,
              fmt::format("there is no network interface '{}'; `ip link` lists them", name));
}

inline Result<Endpoint> local_endpoint_of(int socket) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    return failure("cannot tell a socket's own address");
  return from_kernel(address);
}

template <class T>
Result<void> set_option(int socket, int level, int name, const T& value, std::string_view what) {
  if (::setsockopt(socket, level, name, &value, sizeof value) == 0) return {};
  return failure(fmt::format("cannot set {} of a socket", what));
}

}  // namespace tapeline::os
