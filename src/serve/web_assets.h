#pragma once

#include <optional>
#include <string_view>

namespace tapeline::serve {

// A file of the page, built from web/ and embedded into the program. Lives for ever.
struct WebAsset {
  std::string_view path;  // "/index.html"
  std::string_view content;
  std::string_view content_type;
  std::string_view etag;  // Of the content, quotes included.
  bool immutable;         // Its name changes with its content.
};

// Of "/" too, which is the page itself; nothing where there is no such file.
[[nodiscard]] std::optional<WebAsset> find_web_asset(std::string_view path);

}  // namespace tapeline::serve
