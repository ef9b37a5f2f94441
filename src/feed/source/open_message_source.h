#pragma once

#include <memory>
#include <string>

#include "capture/file/byte_source.h"
#include "feed/message_source.h"
#include "feed/source/moldudp64_message_source.h"

namespace tapeline::feed {

struct OpenOptions {
  capture::ReadAheadOptions read_ahead;
  MoldUdp64Options moldudp64;
  // Refuse a BinaryFILE whose first messages are not ITCH 5.0.
  bool require_itch = true;
};

// Opens a BinaryFILE or a pcap or pcapng capture of MoldUDP64, each as it is or in gzip or zstd: recognised
// by content, never by name. "-" is standard input.
Result<std::unique_ptr<MessageSource>> open_message_source(const std::string& path,
                                                           const OpenOptions& options = {});

}  // namespace tapeline::feed
