#include "feed/source/open_message_source.h"

#include "capture/file/byte_stream.h"
#include "capture/pcap/pcap_packet_source.h"
#include "feed/itch50/diagnosis.h"
#include "feed/source/file_message_source.h"

namespace tapeline::feed {

Result<std::unique_ptr<MessageSource>> open_message_source(const std::string& path,
                                                           const OpenOptions& options) {
  Result<std::unique_ptr<capture::PeekedStream>> stream = capture::open_byte_stream(path);
  if (!stream) return std::unexpected(stream.error());
  const std::string name = path == "-" ? "standard input" : path;
  constexpr std::size_t magic_size = 4;
  if (capture::RecordReader::recognises((*stream)->peek(magic_size))) {
    auto packets = std::make_unique<capture::PcapPacketSource>(std::move(*stream), name, options.read_ahead);
    return std::make_unique<MoldUdp64MessageSource>(std::move(packets), name, options.moldudp64);
  }
  FileSourceOptions file_options = {.read_ahead = options.read_ahead, .diagnosis = {}};
  if (options.require_itch) file_options.diagnosis = itch50::explain_not_itch;
  return std::make_unique<FileMessageSource>(std::move(*stream), name, std::move(file_options));
}

}  // namespace tapeline::feed
