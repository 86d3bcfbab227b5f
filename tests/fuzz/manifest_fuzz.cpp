// Any bytes as manifest.json: an error, or a manifest that is written as a text which reads as the same one.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <slipway/package/bundle.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slipway::package;
  const auto manifest = parse_manifest({reinterpret_cast<const char*>(data), size});
  if (!manifest.ok()) return 0;
  const std::string text = manifest_json(*manifest);
  const auto again = parse_manifest(text);
  if (!again.ok() || manifest_json(*again) != text) std::abort();
  return 0;
}
