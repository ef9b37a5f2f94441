#include "pipeline/user_operators.h"

#include <exception>
#include <stdexcept>

#include <fmt/format.h>

namespace tapeline::pipeline {

void UserOperators::start_over() {
  all_.clear();
  for (std::size_t i = 0; i < loaded_->size() && !failure_; ++i) {
    try {
      all_.push_back((*loaded_)[i]->make());
    } catch (...) {
      note_failure(i);
    }
  }
}

void UserOperators::save_key(Locate key, stream::StateWriter& writer) const {
  guard([&](std::size_t i) {
    const std::size_t at = writer.size();
    writer.put(std::uint32_t{0});
    all_[i]->save_key(key, writer);
    writer.put_at(at, static_cast<std::uint32_t>(writer.size() - at - sizeof(std::uint32_t)));
  });
}

void UserOperators::load_key(Locate key, stream::StateReader& reader) {
  guard([&](std::size_t i) {
    const auto size = reader.get<std::uint32_t>();
    stream::StateReader own(reader.get_bytes(size));
    all_[i]->load_key(key, own);
    if (!own.complete()) throw std::runtime_error("it does not read back the state that it saved");
  });
}

void UserOperators::throw_wrong_size(std::size_t is, std::size_t wanted) {
  throw std::logic_error(fmt::format("it emits a row of {} bytes where its schema says {}", is, wanted));
}

void UserOperators::note_failure(std::size_t number) const {
  std::string what = "of an unknown kind";
  try {
    throw;
  } catch (const std::exception& error) {
    what = error.what();
  } catch (...) {  // NOLINT: whatever it is, it is told.
  }
  failure_ =
      Error{ErrorCode::unsupported, fmt::format("the operator {} has failed: {}; mend it or leave it out",
                                                (*loaded_)[number]->text(), what)};
}

}  // namespace tapeline::pipeline
