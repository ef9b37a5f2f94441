#include "evidence/bundle.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/check.h"
#include "config/read.h"
#include "evidence/format.h"
#include "surveillance/parameters.h"

namespace tapeline::evidence {

namespace {

class BytesWriter {
 public:
  template <class T>
  void put(const T& value) {
    put_bytes(std::as_bytes(std::span(&value, 1)));
  }
  void put_bytes(std::span<const std::byte> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  void pad() {
    bytes_.resize((bytes_.size() + format::alignment - 1) / format::alignment * format::alignment);
  }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

// Never reads beyond what is left; says so once, at the end.
class BytesReader {
 public:
  explicit BytesReader(std::span<const std::byte> bytes) : all_(bytes.size()), left_(bytes) {}

  template <class T>
  T get() {
    T value{};
    const std::span<const std::byte> bytes = get_bytes(sizeof value);
    if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof value);
    return value;
  }
  std::span<const std::byte> get_bytes(std::uint64_t count) {
    if (count > left_.size()) {
      ok_ = false;
      left_ = {};
      return {};
    }
    const std::span<const std::byte> bytes = left_.first(count);
    left_ = left_.subspan(count);
    return bytes;
  }
  // The bytes up to the alignment have to be zero.
  void skip_padding() {
    for (; ok_ && (all_ - left_.size()) % format::alignment != 0;)
      if (get<std::uint8_t>() != 0) ok_ = false;
  }
  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool complete() const { return ok_ && left_.empty(); }

 private:
  std::size_t all_;
  std::span<const std::byte> left_;
  bool ok_ = true;
};

std::string text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::unexpected<Error> corrupt(std::string_view what) {
  return fail(ErrorCode::corrupt, fmt::format("this is no evidence as it was sealed: {}", what));
}

bool is_known(const Item& item) {
  switch (item.kind) {
    case Item::Kind::message: return true;
    case Item::Kind::quality: return item.bytes.size() == 1;
  }
  return false;
}

}  // namespace

std::array<std::byte, digest_bytes> digest_of(std::span<const std::byte> bytes) {
  std::array<std::byte, digest_bytes> digest{};
  unsigned size = 0;
  CHECK(EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), &size,
                   EVP_sha256(), nullptr) == 1);
  CHECK(size == digest_bytes);
  return digest;
}

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return text;
}

Result<std::vector<std::byte>> seal(const Bundle& bundle) {
  BytesWriter out;
  format::Header header{};
  header.magic = format::magic;
  header.version = format::version;
  header.detectors_version = bundle.detectors_version;
  header.first_offset = bundle.first_offset;
  header.last_offset = bundle.last_offset;
  header.session = bundle.session;
  header.alert_bytes = sizeof bundle.alert;
  header.program_bytes = static_cast<std::uint32_t>(bundle.program.size());
  header.source_bytes = static_cast<std::uint32_t>(bundle.source.size());
  header.parameter_bytes = static_cast<std::uint32_t>(bundle.parameters.size());
  header.item_count = static_cast<std::uint32_t>(bundle.items.size());
  header.state_bytes = bundle.state.size();
  out.put(header);
  for (const std::string* text : {&bundle.program, &bundle.source, &bundle.parameters}) {
    out.put_bytes(std::as_bytes(std::span(*text)));
    out.pad();
  }
  out.put(bundle.alert);
  out.put_bytes(bundle.state);
  out.pad();
  for (const Item& item : bundle.items) {
    format::ItemHeader one{};
    one.kind = static_cast<std::uint8_t>(item.kind);
    one.byte_count = static_cast<std::uint16_t>(item.bytes.size());
    one.sequence = raw(item.sequence);
    one.captured = raw(item.captured);
    out.put(one);
    out.put_bytes(item.bytes);
    out.pad();
  }
  std::vector<std::byte> bytes = out.take();
  if (bytes.size() + digest_bytes > most_bundle_bytes)
    return fail(
        ErrorCode::unsupported,
        fmt::format("the evidence of alert {} takes {} bytes, more than the {} that a bundle may have",
                    surveillance::alert_id_text(bundle.alert.id), bytes.size(), most_bundle_bytes));
  const std::array<std::byte, digest_bytes> digest = digest_of(bytes);
  bytes.insert(bytes.end(), digest.begin(), digest.end());
  return bytes;
}

Result<Bundle> open_bundle(std::span<const std::byte> file) {
  if (file.size() < sizeof(format::Header) + digest_bytes || file.size() > most_bundle_bytes)
    return corrupt("its size cannot be right");
  const std::span<const std::byte> sealed = file.first(file.size() - digest_bytes);
  BytesReader in(sealed);
  const auto header = in.get<format::Header>();
  if (header.magic != format::magic) return corrupt("it does not begin as a bundle does");
  if (!std::ranges::equal(digest_of(sealed), file.last(digest_bytes)))
    return corrupt("its SHA-256 is not the one it was sealed with");
  if (header.version != format::version)
    return fail(ErrorCode::unsupported,
                fmt::format("this evidence has format {}; this program reads format {}", header.version,
                            format::version));
  if (header.alert_bytes != sizeof(surveillance::AlertRow)) return corrupt("its alert has another size");
  Bundle bundle;
  bundle.detectors_version = header.detectors_version;
  bundle.first_offset = header.first_offset;
  bundle.last_offset = header.last_offset;
  bundle.session = header.session;
  for (const auto& [text, size] :
       {std::pair{&bundle.program, header.program_bytes}, std::pair{&bundle.source, header.source_bytes},
        std::pair{&bundle.parameters, header.parameter_bytes}}) {
    *text = text_of(in.get_bytes(size));
    in.skip_padding();
  }
  bundle.alert = in.get<surveillance::AlertRow>();
  const std::span<const std::byte> state = in.get_bytes(header.state_bytes);
  bundle.state.assign(state.begin(), state.end());
  in.skip_padding();
  for (std::uint32_t i = 0; i < header.item_count && in.ok(); ++i) {
    const auto one = in.get<format::ItemHeader>();
    const std::span<const std::byte> bytes = in.get_bytes(one.byte_count);
    in.skip_padding();
    Item item{static_cast<Item::Kind>(one.kind),
              Sequence{one.sequence},
              CaptureTime{one.captured},
              {bytes.begin(), bytes.end()}};
    if (!in.ok() || !is_known(item)) return corrupt("one of its items is none");
    bundle.items.push_back(std::move(item));
  }
  if (!in.complete()) return corrupt("its parts do not fill it");
  if (static_cast<std::size_t>(bundle.alert.detector) >= surveillance::detector_count)
    return corrupt("its alert is of a detector that there is not");
  return bundle;
}

std::string file_name(const surveillance::AlertRow& alert) {
  // A ticker may have any character in a damaged feed; a file name may not.
  std::string symbol(alert.symbol.view());
  for (char& c : symbol)
    if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-'))
      c = '_';
  if (symbol.empty() || symbol.front() == '.') symbol = "_" + symbol;
  return fmt::format("{}-{}-{}.evidence", surveillance::to_string(alert.detector), symbol,
                     surveillance::alert_id_text(alert.id));
}

std::string parameters_text(const surveillance::Parameters& parameters) {
  std::string text = "[surveillance]\n";
#define PARAMETER_LINE(type, name, value, unit, limits, meaning) \
  text += fmt::format("{} = {}\n", #name, parameters.name);
  CONFIG_SURVEILLANCE(PARAMETER_LINE)
#undef PARAMETER_LINE
  return text;
}

Result<surveillance::Parameters> parameters_of(std::string_view text) {
  const Result<config::Config> read = config::read(text, "the evidence's parameters");
  if (!read) return std::unexpected(Error{ErrorCode::corrupt, read.error().message});
  return read->surveillance;
}

}  // namespace tapeline::evidence
